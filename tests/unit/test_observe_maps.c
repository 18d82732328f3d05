/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "observe/maps.h"
#include "observe/numa_maps.h"
#include "observe_fixture.h"

#define MIB (G_GUINT64_CONSTANT(1) << 20)

static GPtrArray *
numa_maps(const char *text)
{
    g_autoptr(GError) error = NULL;
    GPtrArray *all = vb_numa_maps_parse(text, strlen(text), &error);
    g_assert_no_error(error);
    return all;
}

static void
a_memory_map_keeps_every_field(void)
{
    static const char text[] =
        "7f00-8f00 rw-s 00001000 fe:01 4096                       /tmp/a b (deleted)\n"
        "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n";
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) maps = vb_maps_parse(text, sizeof text - 1, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(maps->len, ==, 2);
    const VbMapping *mapping = g_ptr_array_index(maps, 0);
    g_assert_cmphex(mapping->start, ==, 0x7f00);
    g_assert_cmphex(mapping->end, ==, 0x8f00);
    g_assert_cmpstr(mapping->perms, ==, "rw-s");
    g_assert_cmphex(mapping->offset, ==, 0x1000);
    g_assert_cmphex(mapping->device, ==, G_GUINT64_CONSTANT(0xfe) << 32 | 1);
    g_assert_cmpuint(mapping->inode, ==, 4096);
    g_assert_cmpstr(mapping->path, ==, "/tmp/a b (deleted)");
}

static void
a_captured_process_parses_whole_and_pairs_up(void)
{
    static const char *const guests[] = {"anonymous", "two-cells", "equal-cells", "memfd",
                                         "files", "single-tcg", "shared", "hugepages"};
    for (guint i = 0; i < G_N_ELEMENTS(guests); i++) {
        g_autofree char *name = g_strdup_printf("qemu-%s", guests[i]);
        g_autofree char *map_text = test_host_process_file(name, guests[i], "maps");
        g_autofree char *numa_text = test_host_process_file(name, guests[i], "numa_maps");
        g_autoptr(GError) error = NULL;
        g_autoptr(GPtrArray) maps = vb_maps_parse(map_text, strlen(map_text), &error);
        g_assert_no_error(error);
        g_autoptr(GPtrArray) numa = numa_maps(numa_text);
        /* [vsyscall] is no mapping of the process: numa_maps does not have it */
        g_assert_cmpuint(maps->len, ==, numa->len + 1);
        for (guint j = 0; j < numa->len; j++) {
            const VbMapping *mapping = g_ptr_array_index(maps, j);
            const VbNumaMapping *entry = g_ptr_array_index(numa, j);
            g_assert_cmphex(mapping->start, ==, entry->start);
            g_assert_cmpuint(entry->bytes[0], <=, mapping->end - mapping->start);
        }
    }
}

static void
pages_count_with_their_kernel_page_size(void)
{
    g_autoptr(GPtrArray) all = numa_maps(
        "7f0000000000 bind:1 anon=3 dirty=3 N0=1 N1=2 kernelpagesize_kB=4\n"
        "7f0040000000 default file=/dev/hugepages/q\\040(deleted) huge anon=7 N0=3 N63=4 "
        "kernelpagesize_kB=2048\n"
        "7f0080000000 prefer (many):0-1\n"
        "7f00c0000000 default stack future=yes N2=1 kernelpagesize_kB=64 later\n");
    g_assert_cmpuint(all->len, ==, 4);
    const VbNumaMapping *small = g_ptr_array_index(all, 0), *huge = g_ptr_array_index(all, 1);
    const VbNumaMapping *empty = g_ptr_array_index(all, 2), *later = g_ptr_array_index(all, 3);
    g_assert_cmpuint(small->bytes[0], ==, 4096);
    g_assert_cmpuint(small->bytes[1], ==, 8192);
    g_assert_cmpstr(small->policy, ==, "bind:1");
    g_assert_false(small->huge);
    g_assert_true(huge->huge);
    g_assert_cmpuint(huge->bytes[0], ==, 6 * MIB);
    g_assert_cmpuint(huge->bytes[63], ==, 8 * MIB);
    g_assert_cmpuint(empty->page_size, ==, 0);
    g_assert_cmpuint(later->bytes[2], ==, 65536);
}

static void
a_file_cannot_lie_about_pages_by_its_name(void)
{
    g_autoptr(GPtrArray) all = numa_maps(
        "7f0000000000 default file=/tmp/N1=9\\040N1=9\\012N1=9\\134 mapped=1 N0=1 "
        "kernelpagesize_kB=4\n");
    const VbNumaMapping *entry = g_ptr_array_index(all, 0);
    g_assert_cmpuint(entry->bytes[0], ==, 4096);
    g_assert_cmpuint(entry->bytes[1], ==, 0);
}

static const char *const bad_numa_maps[] = {
    "7f0000000000 default N0=1 kernelpagesize_kB=4",                 /* cut off */
    "\n",
    " default\n",
    "7f0000000000\n",
    "7f0000000000 \n",
    "0x7f0000000000 default\n",
    "-1 default\n",
    "1ffffffffffffffff default\n",
    "7f0000000000 default N64=1 kernelpagesize_kB=4\n",              /* no such node can be */
    "7f0000000000 default N0=1\n",                                   /* pages of what size? */
    "7f0000000000 default N0=-1 kernelpagesize_kB=4\n",
    "7f0000000000 default N0= kernelpagesize_kB=4\n",
    "7f0000000000 default N0 kernelpagesize_kB=4\n",
    "7f0000000000 default N0=1x kernelpagesize_kB=4\n",
    "7f0000000000 default N0=1 N0=1 kernelpagesize_kB=4\n",
    "7f0000000000 default N0=1 kernelpagesize_kB=0\n",
    "7f0000000000 default N0=1 kernelpagesize_kB=4 kernelpagesize_kB=4\n",
    "7f0000000000 default N0=99999999999999999999 kernelpagesize_kB=4\n",
    "7f0000000000 default N0=18446744073709551615 kernelpagesize_kB=4\n",
    "7f0000000000 default N0=1 kernelpagesize_kB=18446744073709551615\n",
    "7f0000000000 default N18446744073709551616=1 kernelpagesize_kB=4\n",
    "7f0000000000 default anon=x N0=1 kernelpagesize_kB=4\n",
    "7f0000000000 default\n7f0000000000 default\n",                  /* not ascending */
    "7f0000001000 default\n7f0000000000 default\n",
};

static const char *const bad_maps[] = {
    "7f00-8f00 rw-p 00000000 00:00 0", /* cut off */
    "\n",
    "7f00 rw-p 00000000 00:00 0\n",
    "8f00-7f00 rw-p 00000000 00:00 0\n",
    "7f00-7f00 rw-p 00000000 00:00 0\n",
    "7f00-8f00 rwp 00000000 00:00 0\n",
    "7f00-8f00 rw-x 00000000 00:00 0\n",
    "7f00-8f00 rw-p 00000000 00:00 zero\n",
    "7f00-8f00 rw-p 00000000 00:00 0x\n",
    "7f00-8f00 rw-p 00000000 100000000:00 0\n",
    "7f00-1ffffffffffffffff rw-p 00000000 00:00 0\n",
    "7f00-8f00 rw-p 00000000 00:00 0\n8e00-9f00 rw-p 00000000 00:00 0\n", /* overlaps */
};

static void
a_malformed_line_is_refused_and_named(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(bad_numa_maps); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(vb_numa_maps_parse(bad_numa_maps[i], strlen(bad_numa_maps[i]), &error));
        g_assert_error(error, VB_ERROR, VB_ERROR_INVALID);
    }
    for (guint i = 0; i < G_N_ELEMENTS(bad_maps); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(vb_maps_parse(bad_maps[i], strlen(bad_maps[i]), &error));
        g_assert_error(error, VB_ERROR, VB_ERROR_INVALID);
    }
    static const char with_nul[] = "7f00 default\0 N0=1\n";
    g_assert_null(vb_numa_maps_parse(with_nul, sizeof with_nul - 1, NULL));
}

static void
a_process_without_memory_has_no_mappings(void)
{
    g_autoptr(GPtrArray) maps = vb_maps_parse("", 0, NULL);
    g_autoptr(GPtrArray) numa = vb_numa_maps_parse("", 0, NULL);
    g_assert_cmpuint(maps->len, ==, 0);
    g_assert_cmpuint(numa->len, ==, 0);
}

static void
a_sum_begins_at_a_mapping_and_ends_before_the_next(void)
{
    g_autoptr(GPtrArray) all = numa_maps("1000 default N0=1 kernelpagesize_kB=4\n"
                                         "2000 default N0=2 N1=1 kernelpagesize_kB=4\n"
                                         "5000 default N1=5 kernelpagesize_kB=4\n");
    guint64 by_node[VB_NODES_MAX] = {0};
    g_assert_false(vb_numa_maps_sum(all, 0x1800, 0x3000, by_node));
    g_assert_false(vb_numa_maps_sum(all, 0x6000, 0x7000, by_node));
    g_assert_cmpuint(by_node[0], ==, 0);
    g_assert_true(vb_numa_maps_sum(all, 0x1000, 0x5000, by_node));
    g_assert_cmpuint(by_node[0], ==, 3 * 4096);
    g_assert_cmpuint(by_node[1], ==, 4096);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/maps/fields", a_memory_map_keeps_every_field);
    g_test_add_func("/maps/captured", a_captured_process_parses_whole_and_pairs_up);
    g_test_add_func("/maps/empty", a_process_without_memory_has_no_mappings);
    g_test_add_func("/maps/malformed", a_malformed_line_is_refused_and_named);
    g_test_add_func("/numa-maps/page-sizes", pages_count_with_their_kernel_page_size);
    g_test_add_func("/numa-maps/file-name", a_file_cannot_lie_about_pages_by_its_name);
    g_test_add_func("/numa-maps/sum", a_sum_begins_at_a_mapping_and_ends_before_the_next);
    return g_test_run();
}

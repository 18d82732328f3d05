/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "observe/maps.h"
#include "observe/ram.h"
#include "observe_fixture.h"

static GPtrArray *
find(const char *text, const VbDomain *live)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) maps = vb_maps_parse(text, strlen(text), &error);
    g_assert_no_error(error);
    return vb_ram_find(maps, live);
}

static GPtrArray *
find_captured(const char *guest, const VbDomain *live)
{
    g_autofree char *host = g_strdup_printf("qemu-%s", guest);
    g_autofree char *text = test_host_process_file(host, guest, "maps");
    return find(text, live);
}

static void
assert_found(const GPtrArray *cells, guint cell, guint64 start, guint64 mib, guint64 page_size)
{
    const VbCellRam *ram = g_ptr_array_index(cells, cell);
    g_assert_cmpstr(ram->note, ==, NULL);
    g_assert_cmpuint(ram->ranges->len, ==, 1);
    const VbRange *range = &g_array_index(ram->ranges, VbRange, 0);
    g_assert_cmphex(range->start, ==, start);
    g_assert_cmpuint(range->end - range->start, ==, mib << 20);
    g_assert_cmpuint(range->page_size, ==, page_size);
}

static void
assert_unknown(const GPtrArray *cells, guint cell, gboolean alike, const char *word)
{
    const VbCellRam *ram = g_ptr_array_index(cells, cell);
    g_assert_cmpuint(ram->ranges->len, ==, 0);
    g_assert_true(ram->alike == alike);
    g_assert_nonnull(ram->note);
    g_assert_nonnull(strstr(ram->note, word));
}

static void
anonymous_memory_is_found_by_its_size(void)
{
    g_autoptr(VbDomain) live = test_domain_new("anonymous", "", 2);
    test_domain_add_cell(live, 512, VB_BACKING_ANONYMOUS);
    g_autoptr(GPtrArray) cells = find_captured("anonymous", live);
    assert_found(cells, 0, 0x7f7fb7e00000, 512, 4096);
}

/* In this capture a thread's stack touches the cell from below: they are not taken for one. */
static void
cells_of_different_sizes_are_told_apart(void)
{
    g_autoptr(VbDomain) live = test_domain_new("two-cells", "", 2);
    test_domain_add_cell(live, 64, VB_BACKING_ANONYMOUS);
    test_domain_add_cell(live, 32, VB_BACKING_ANONYMOUS);
    g_autoptr(GPtrArray) cells = find_captured("two-cells", live);
    assert_found(cells, 0, 0x7f024be00000, 64, 4096);
    assert_found(cells, 1, 0x7f0294800000, 32, 4096);
}

static void
cells_of_one_size_look_alike(void)
{
    g_autoptr(VbDomain) live = test_domain_new("equal-cells", "", 2);
    test_domain_add_cell(live, 512, VB_BACKING_ANONYMOUS);
    test_domain_add_cell(live, 512, VB_BACKING_ANONYMOUS);
    g_autoptr(GPtrArray) cells = find_captured("equal-cells", live);
    assert_unknown(cells, 0, TRUE, "cells 0 and 1 look alike");
    assert_unknown(cells, 1, TRUE, "--qmp-passthrough (taints the guest)");
}

static void
memfds_are_found_by_their_sizes(void)
{
    g_autoptr(VbDomain) live = test_domain_new("memfd", "", 2);
    test_domain_add_cell(live, 512, VB_BACKING_MEMFD);
    test_domain_add_cell(live, 256, VB_BACKING_MEMFD);
    g_autoptr(GPtrArray) cells = find_captured("memfd", live);
    assert_found(cells, 0, 0x7f2d1ffff000, 512, 4096);
    assert_found(cells, 1, 0x7f2d0fffe000, 256, 4096);
}

/* Both have one size; the second's file name comes first in the map. */
static void
files_are_told_apart_by_name(void)
{
    g_autoptr(VbDomain) live = test_domain_new("files", "", 2);
    test_domain_add_cell(live, 512, VB_BACKING_FILE);
    test_domain_add_cell(live, 512, VB_BACKING_FILE);
    g_autoptr(GPtrArray) cells = find_captured("files", live);
    assert_found(cells, 0, 0x7fe32bfff000, 512, 4096);
    assert_found(cells, 1, 0x7fe30bffe000, 512, 4096);
}

static void
hugepages_are_found_by_name_with_their_page_size(void)
{
    g_autoptr(VbDomain) live = test_domain_new("hugepages", "", 1);
    test_domain_add_cell(live, 64, VB_BACKING_HUGEPAGES)->page_size = 2 << 20;
    g_autoptr(GPtrArray) cells = find_captured("hugepages", live);
    assert_found(cells, 0, 0x7faed3e00000, 64, 2 << 20);
}

static void
shared_anonymous_memory_is_found_by_its_size(void)
{
    g_autoptr(VbDomain) live = test_domain_new("shared", "", 1);
    test_domain_add_cell(live, 512, VB_BACKING_ANONYMOUS)->shared = TRUE;
    g_autoptr(GPtrArray) cells = find_captured("shared", live);
    assert_found(cells, 0, 0x7f2c27e00000, 512, 4096);
}

/* mbind() of a part, a guard page, another size, and memory of another kind close by. */
static void
pieces_that_touch_and_add_up_are_one_cell(void)
{
    g_autoptr(VbDomain) live = test_domain_new("split", "", 1);
    test_domain_add_cell(live, 16, VB_BACKING_ANONYMOUS);
    g_autoptr(GPtrArray) cells =
        find("10000000-10800000 rw-p 00000000 00:00 0 \n"   /* 8 MiB: a stack */
             "10800000-10c00000 rw-p 00000000 00:00 0 \n"   /* 4 + 11 + 1 MiB: the cell */
             "10c00000-11700000 rw-p 00000000 00:00 0 \n"
             "11700000-11800000 rw-p 00000000 00:00 0 \n"
             "11800000-11801000 ---p 00000000 00:00 0 \n"
             "11801000-11802000 rw-p 00000000 00:00 0 \n",
             live);
    const VbCellRam *ram = g_ptr_array_index(cells, 0);
    g_assert_cmpstr(ram->note, ==, NULL);
    g_assert_cmpuint(ram->ranges->len, ==, 3);
    g_assert_cmphex(g_array_index(ram->ranges, VbRange, 0).start, ==, 0x10800000);
    g_assert_cmphex(g_array_index(ram->ranges, VbRange, 2).end, ==, 0x11800000);
}

/* One cell of 16 MiB each time: these maps hold no proof, so there is no answer. */
static const struct {
    const char *maps;
    gboolean alike;
    const char *word;
} no_proof[] = {
    {"", FALSE, "no mapping"},
    /* joined with a neighbour: where in it the cell lies nobody can tell */
    {"10000000-11001000 rw-p 00000000 00:00 0 \n", FALSE, "no mapping"},
    /* a hole, an executable or read-only piece in between */
    {"10000000-10800000 rw-p 00000000 00:00 0 \n10801000-11001000 rw-p 00000000 00:00 0 \n", FALSE,
     "no mapping"},
    {"10000000-10800000 rw-p 00000000 00:00 0 \n10800000-11000000 rwxp 00000000 00:00 0 \n", FALSE,
     "no mapping"},
    {"10000000-11000000 r--p 00000000 00:00 0 \n", FALSE, "no mapping"},
    /* the heap, a named area, a file, a shared file */
    {"10000000-11000000 rw-p 00000000 00:00 0 [heap]\n", FALSE, "no mapping"},
    {"10000000-11000000 rw-p 00000000 00:00 0 [anon:x]\n", FALSE, "no mapping"},
    {"10000000-11000000 rw-p 00000000 fe:00 7 /tmp/x\n", FALSE, "no mapping"},
    {"10000000-11000000 rw-s 00000000 00:01 7 /memfd:memory-backend-memfd (deleted)\n", FALSE,
     "no mapping"},
    /* the video memory is as large */
    {"10000000-11000000 rw-p 00000000 00:00 0 \n21000000-22000000 rw-p 00000000 00:00 0 \n", TRUE,
     "2 mappings"},
    /* two ways to put 16 MiB together */
    {"10000000-10800000 rw-p 00000000 00:00 0 \n10800000-11000000 rw-p 00000000 00:00 0 \n"
     "11000000-11800000 rw-p 00000000 00:00 0 \n",
     TRUE, "2 mappings"},
    /* the right name, the wrong size; then a name that only looks right */
    {"10000000-10800000 rw-s 00000000 fe:00 7 /r/qemu_back_mem.pc.ram.abcdef (deleted)\n", FALSE,
     "no mapping"},
    {"10000000-11000000 rw-s 00000000 fe:00 7 /r/qemu_back_mem.memdimm0.abcdef (deleted)\n", FALSE,
     "no mapping"},
    {"10000000-11000000 rw-s 00000000 fe:00 7 /r/qemu_back_mem.ram-node1.abcdef (deleted)\n", FALSE,
     "no mapping"},
    /* the same name twice */
    {"10000000-11000000 rw-s 00000000 fe:00 7 /r/qemu_back_mem.pc.ram.abcdef (deleted)\n"
     "20000000-21000000 rw-s 00000000 fe:00 7 /s/qemu_back_mem.pc.ram.ghijkl (deleted)\n",
     TRUE, "2 mappings"},
};

static void
without_proof_there_is_no_answer(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(no_proof); i++) {
        g_autoptr(VbDomain) live = test_domain_new("unproven", "", 1);
        test_domain_add_cell(live, 16, VB_BACKING_ANONYMOUS);
        g_autoptr(GPtrArray) cells = find(no_proof[i].maps, live);
        assert_unknown(cells, 0, no_proof[i].alike, no_proof[i].word);
    }
}

/* A single mapping of the size of two cells proves nothing either: where is the other one? */
static void
one_mapping_is_not_given_to_one_of_two_cells(void)
{
    g_autoptr(VbDomain) live = test_domain_new("half", "", 2);
    test_domain_add_cell(live, 16, VB_BACKING_ANONYMOUS);
    test_domain_add_cell(live, 16, VB_BACKING_ANONYMOUS);
    g_autoptr(GPtrArray) cells = find("10000000-11000000 rw-p 00000000 00:00 0 \n", live);
    assert_unknown(cells, 0, TRUE, "look alike");
    assert_unknown(cells, 1, TRUE, "look alike");
}

static void
hugepages_that_are_not_aligned_are_not_believed(void)
{
    g_autoptr(VbDomain) live = test_domain_new("odd", "", 1);
    test_domain_add_cell(live, 16, VB_BACKING_HUGEPAGES)->page_size = 2 << 20;
    g_autoptr(GPtrArray) cells = find(
        "10001000-11001000 rw-s 00000000 fe:00 7 /r/qemu_back_mem.pc.ram.abcdef (deleted)\n", live);
    assert_found(cells, 0, 0x10001000, 16, 4096);
}

static void
an_absurd_size_is_not_found(void)
{
    g_autoptr(VbDomain) live = test_domain_new("absurd", "", 1);
    test_domain_add_cell(live, 16, VB_BACKING_ANONYMOUS)->size_bytes = G_MAXUINT64;
    g_autoptr(GPtrArray) cells = find("10000000-11000000 rw-p 00000000 00:00 0 \n", live);
    assert_unknown(cells, 0, FALSE, "no mapping");
}

#define MAP(start, end) #start "-" #end " rw-p 00000000 00:00 0 \n"

/* Which of two is which makes no difference: both are the one cell's. */
static void
memory_devices_are_their_cells_ram(void)
{
    g_autoptr(VbDomain) live = test_domain_new("plugged", "", 1);
    VbDomainCell *cell = test_domain_add_cell(live, 16, VB_BACKING_ANONYMOUS);
    test_domain_add_dimm(live, 0, 8);
    test_domain_add_dimm(live, 0, 8)->given_bytes = 2 << 20;
    g_autoptr(GPtrArray) cells = find(
        MAP(10000000, 10800000) MAP(20000000, 21000000) MAP(30000000, 30800000), live);
    g_assert_cmpuint(cells->len, ==, 3);
    vb_ram_join(live, cells);
    g_assert_cmpuint(cells->len, ==, 1);
    const VbCellRam *ram = g_ptr_array_index(cells, 0);
    g_assert_cmpstr(ram->note, ==, NULL);
    g_assert_cmpuint(ram->ranges->len, ==, 3);
    g_assert_cmphex(g_array_index(ram->ranges, VbRange, 0).start, ==, 0x10000000);
    g_assert_cmphex(g_array_index(ram->ranges, VbRange, 1).start, ==, 0x20000000);
    g_assert_cmphex(g_array_index(ram->ranges, VbRange, 2).start, ==, 0x30000000);
    g_assert_cmpuint(vb_domain_cell_bytes(live, cell), ==, 26 << 20);
}

/* What is known of a part is not said of the whole. */
static void
a_cell_is_unknown_with_its_memory_device(void)
{
    g_autoptr(VbDomain) live = test_domain_new("plugged", "", 2);
    test_domain_add_cell(live, 16, VB_BACKING_ANONYMOUS);
    test_domain_add_cell(live, 32, VB_BACKING_ANONYMOUS);
    test_domain_add_dimm(live, 1, 8);
    g_autoptr(GPtrArray) cells = find(MAP(10000000, 11000000) MAP(20000000, 22000000), live);
    vb_ram_join(live, cells);
    assert_found(cells, 0, 0x10000000, 16, 4096);
    assert_unknown(cells, 1, FALSE, "kind of memory device memdimm0 of cell 1's memory");
}

static void
memory_devices_of_two_cells_look_alike(void)
{
    g_autoptr(VbDomain) live = test_domain_new("plugged", "", 2);
    test_domain_add_cell(live, 16, VB_BACKING_ANONYMOUS);
    test_domain_add_cell(live, 32, VB_BACKING_ANONYMOUS);
    test_domain_add_dimm(live, 0, 8);
    test_domain_add_dimm(live, 1, 8);
    g_autoptr(GPtrArray) cells = find(MAP(10000000, 11000000) MAP(20000000, 22000000)
                                          MAP(30000000, 30800000) MAP(40000000, 40800000),
                                      live);
    vb_ram_join(live, cells);
    for (guint i = 0; i < 2; i++)
        assert_unknown(cells, i, TRUE,
                       "memory device memdimm0 of cell 0 and memory device memdimm1 of cell 1 look alike");
}

static void
a_memory_device_of_other_pages_is_told(void)
{
    g_autoptr(VbDomain) live = test_domain_new("plugged", "", 1);
    test_domain_add_cell(live, 16, VB_BACKING_ANONYMOUS);
    VbDomainCell *device = test_domain_add_dimm(live, 0, 8);
    device->backing = VB_BACKING_HUGEPAGES;
    device->page_size = 2 << 20;
    g_autoptr(GPtrArray) cells =
        find(MAP(10000000, 11000000) "20000000-20800000 rw-s 00000000 fe:00 7 "
                                     "/r/qemu_back_mem._objects_memdimm0.abcdef (deleted)\n",
             live);
    vb_ram_join(live, cells);
    assert_unknown(cells, 0, FALSE, "memory device memdimm0 has pages of 2048 KiB where cell 0 has 4 KiB");
}

static const struct {
    const char *path, *name;
} names[] = {
    {"/dev/hugepages/libvirt/qemu/1-web/qemu_back_mem._objects_ram-node0.XbZ0aq (deleted)",
     "ram-node0"},
    {"/dev/hugepages/qemu_back_mem.pc.ram.XXXXXX (deleted)", "pc.ram"},
    {"/var/lib/libvirt/qemu/ram/1-web/ram-node3", "ram-node3"},
    {"/r/qemu_back_mem.a.b (deleted)", NULL},
    {"/r/qemu_back_mem._objects_.abcdef", NULL},
    {"/r/", NULL},
    {"/memfd:memory-backend-memfd (deleted)", NULL},
    {"[heap]", NULL},
    {"", NULL},
};

static void
a_path_names_its_backend(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *name = vb_ram_backend_name(names[i].path);
        g_assert_cmpstr(name, ==, names[i].name);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ram/anonymous", anonymous_memory_is_found_by_its_size);
    g_test_add_func("/ram/two-sizes", cells_of_different_sizes_are_told_apart);
    g_test_add_func("/ram/one-size", cells_of_one_size_look_alike);
    g_test_add_func("/ram/half", one_mapping_is_not_given_to_one_of_two_cells);
    g_test_add_func("/ram/memfd", memfds_are_found_by_their_sizes);
    g_test_add_func("/ram/files", files_are_told_apart_by_name);
    g_test_add_func("/ram/hugepages", hugepages_are_found_by_name_with_their_page_size);
    g_test_add_func("/ram/hugepages-odd", hugepages_that_are_not_aligned_are_not_believed);
    g_test_add_func("/ram/shared", shared_anonymous_memory_is_found_by_its_size);
    g_test_add_func("/ram/pieces", pieces_that_touch_and_add_up_are_one_cell);
    g_test_add_func("/ram/memory-devices/joined", memory_devices_are_their_cells_ram);
    g_test_add_func("/ram/memory-devices/unknown", a_cell_is_unknown_with_its_memory_device);
    g_test_add_func("/ram/memory-devices/alike", memory_devices_of_two_cells_look_alike);
    g_test_add_func("/ram/memory-devices/other-pages", a_memory_device_of_other_pages_is_told);
    g_test_add_func("/ram/no-proof", without_proof_there_is_no_answer);
    g_test_add_func("/ram/absurd", an_absurd_size_is_not_found);
    g_test_add_func("/ram/names", a_path_names_its_backend);
    return g_test_run();
}

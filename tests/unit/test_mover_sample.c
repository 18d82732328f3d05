/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake_kernel.h"
#include "mover/sample.h"
#include "mover/strata.h"
#include <errno.h>
#include <math.h>
#include <vmbalancer/error.h>

#define PID 4242
#define PAGE G_GUINT64_CONSTANT(4096)
#define HUGE_PAGE (512 * PAGE)

static FakeKernel *
host(FakeProcess **ret_guest)
{
    FakeKernel *fake = fake_kernel_new();
    *ret_guest = fake_kernel_start(fake, PID, 99, "/usr/bin/qemu-system-x86_64", "qemu");
    return fake;
}

static VbSample
sample(FakeKernel *fake, const VbRange *ranges, guint n_ranges, guint most, guint64 seed)
{
    VbSample found;
    g_autoptr(GError) error = NULL;
    gboolean ok = vb_sample_run(&fake->kernel, PID, ranges, n_ranges, most, seed, NULL, NULL,
                                &found, &error);
    g_assert_no_error(error);
    g_assert_true(ok);
    return found;
}

static void
few_pages_are_counted_one_by_one(void)
{
    FakeProcess *guest = NULL;
    g_autoptr(FakeKernel) fake = host(&guest);
    const VbRange ranges[] = {{PAGE, 3001 * PAGE, PAGE},
                              {100 * HUGE_PAGE, 110 * HUGE_PAGE, HUGE_PAGE}};
    fake_process_map(guest, PAGE, PAGE, 3000, 0);
    fake_process_map(guest, 100 * HUGE_PAGE, HUGE_PAGE, 10, 2);
    for (guint i = 0; i < 1000; i++)
        fake_process_place(guest, PAGE + i * PAGE, 3);
    fake_process_place(guest, 2000 * PAGE, -ENOENT);
    fake_process_place(guest, 2001 * PAGE, -EFAULT);
    fake_process_place(guest, 2002 * PAGE, -EBUSY);
    VbSample found = sample(fake, ranges, 2, 3010, 1);
    g_assert_true(found.census);
    g_assert_cmpuint(found.pages_total, ==, 3010);
    g_assert_cmpuint(found.pages_asked, ==, 3010);
    g_assert_cmpuint(found.by_node[0], ==, 1997);
    g_assert_cmpuint(found.by_node[2], ==, 10);
    g_assert_cmpuint(found.by_node[3], ==, 1000);
    g_assert_cmpuint(found.absent, ==, 2);
    g_assert_cmpuint(found.unknown, ==, 1);
    g_assert_cmpuint(fake->largest_query, <=, 1024);
    g_assert_cmpuint(fake->pages_asked, ==, 3010);
}

/* Eight pages are all there is to ask for, and the answer is exact. */
static void
pages_of_a_gib_are_counted_one_by_one(void)
{
    const guint64 gib = G_GUINT64_CONSTANT(1) << 30;
    FakeProcess *guest = NULL;
    g_autoptr(FakeKernel) fake = host(&guest);
    const VbRange range = {gib, 9 * gib, gib};
    fake_process_map(guest, gib, gib, 8, 0);
    fake_process_place(guest, 2 * gib, 1);
    fake_process_place(guest, 4 * gib, -ENOENT);
    VbSample found = sample(fake, &range, 1, 9604, 1);
    g_assert_true(found.census);
    g_assert_cmpuint(found.pages_total, ==, 8);
    g_assert_cmpuint(found.pages_asked, ==, 8);
    g_assert_cmpuint(found.by_node[0], ==, 6);
    g_assert_cmpuint(found.by_node[1], ==, 1);
    g_assert_cmpuint(found.absent, ==, 1);
    g_assert_cmpuint(fake->pages_asked, ==, 8);
}

static void
each_stratum_is_hit_once(void)
{
    const VbRange ranges[] = {{0, 777 * PAGE, PAGE},
                              {1000 * HUGE_PAGE, 1100 * HUGE_PAGE, HUGE_PAGE},
                              {2000 * HUGE_PAGE, 2000 * HUGE_PAGE + 5000 * PAGE, PAGE}};
    static const guint counts[] = {1, 2, 100, 999, 5876, 5877, 9000};
    for (guint i = 0; i < G_N_ELEMENTS(counts); i++) {
        VbStrata strata;
        VbStratum drawn;
        vb_strata_begin(&strata, ranges, G_N_ELEMENTS(ranges), counts[i], i);
        guint64 hits = 0, pages = 0, last = 0;
        for (; vb_strata_next(&strata, &drawn); hits++) {
            guint64 number = drawn.address / PAGE;
            if (drawn.address >= ranges[2].start)
                number = 877 + (drawn.address - ranges[2].start) / PAGE;
            else if (drawn.address >= ranges[1].start)
                number = 777 + (drawn.address - ranges[1].start) / HUGE_PAGE;
            g_assert_cmpuint(number, >=, pages);
            g_assert_cmpuint(number, <, pages + drawn.pages);
            g_assert_true(hits == 0 || drawn.address > last);
            pages += drawn.pages;
            last = drawn.address;
        }
        g_assert_cmpuint(hits, ==, MIN(counts[i], 5877));
        g_assert_cmpuint(pages, ==, 5877);
    }
}

static void
a_seed_repeats_the_choice(void)
{
    const VbRange range = {0, 100000 * PAGE, PAGE};
    VbStrata one, same, other;
    VbStratum a, b, c;
    guint differ = 0;
    vb_strata_begin(&one, &range, 1, 500, 7);
    vb_strata_begin(&same, &range, 1, 500, 7);
    vb_strata_begin(&other, &range, 1, 500, 8);
    while (vb_strata_next(&one, &a) && vb_strata_next(&same, &b) && vb_strata_next(&other, &c)) {
        g_assert_cmpuint(a.address, ==, b.address);
        differ += a.address != c.address;
    }
    g_assert_cmpuint(differ, >, 400);
}

/* Lays pages out as guests do: blocks of all sizes, some nodes, some absent. */
static void
lay_out(FakeProcess *guest, guint pages, GRand *random)
{
    int node = 0;
    guint length = 1u << g_rand_int_range(random, 0, 14);
    for (guint i = 0; i < pages; i++) {
        if (g_rand_int_range(random, 0, (gint32)length) == 0)
            node = g_rand_int_range(random, -1, 4);
        fake_process_place(guest, PAGE + i * PAGE, node < 0 ? -ENOENT : node);
    }
}

static void
the_error_stays_in_its_bound_over_200_layouts(void)
{
    enum { PAGES = 20000, ASKED = 1000, LAYOUTS = 200 };
    FakeProcess *guest = NULL;
    g_autoptr(FakeKernel) fake = host(&guest);
    fake_process_map(guest, PAGE, PAGE, PAGES, 0);
    const VbRange range = {PAGE, PAGE + PAGES * PAGE, PAGE};
    GRand *random = g_rand_new_with_seed(20240607);
    guint outside = 0, judged = 0;
    for (guint i = 0; i < LAYOUTS; i++) {
        lay_out(guest, PAGES, random);
        VbSample found = sample(fake, &range, 1, ASKED, i);
        g_assert_false(found.census);
        g_assert_cmpuint(found.pages_asked, ==, ASKED);
        for (int node = 0; node < 4; node++, judged++) {
            gdouble truth = (gdouble)(fake_process_bytes_on(guest, node) / PAGE) / PAGES;
            gdouble guess = (gdouble)found.by_node[node] / ASKED;
            /* Half-width at 95 % of a simple random sample: that of a stratified one is no wider. */
            outside += fabs(guess - truth) > 1.96 * sqrt(truth * (1 - truth) / ASKED);
        }
    }
    g_rand_free(random);
    g_assert_cmpuint(judged, ==, 800);
    g_assert_cmpuint(outside, <=, judged * 5 / 100);
}

static gboolean
stop_at_once(gpointer user_data)
{
    return TRUE;
}

static void
what_the_kernel_refuses_is_named(void)
{
    static const struct {
        int query_error;
        int code;
    } bad[] = {
        {-ESRCH, VB_ERROR_NO_GUEST},  {-EPERM, VB_ERROR_DENIED},      {-EACCES, VB_ERROR_DENIED},
        {-EINVAL, VB_ERROR_NO_GUEST}, {-EIO, VB_ERROR_FAILED},
        {-ENOSYS, VB_ERROR_UNSUPPORTED}, {0, VB_ERROR_CANCELLED},
    };
    const VbRange range = {PAGE, 10 * PAGE, PAGE};
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        FakeProcess *guest = NULL;
        g_autoptr(FakeKernel) fake = host(&guest);
        g_autoptr(GError) error = NULL;
        VbSample found;
        fake->query_error = bad[i].query_error;
        g_assert_false(vb_sample_run(&fake->kernel, PID, &range, 1, 10, 0,
                                     bad[i].query_error == 0 ? stop_at_once : NULL, NULL, &found,
                                     &error));
        g_assert_error(error, VB_ERROR, bad[i].code);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mover/sample/few pages are counted one by one",
                    few_pages_are_counted_one_by_one);
    g_test_add_func("/mover/sample/pages of a GiB are counted one by one",
                    pages_of_a_gib_are_counted_one_by_one);
    g_test_add_func("/mover/sample/each stratum is hit once", each_stratum_is_hit_once);
    g_test_add_func("/mover/sample/a seed repeats the choice", a_seed_repeats_the_choice);
    g_test_add_func("/mover/sample/the error stays in its bound over 200 layouts",
                    the_error_stays_in_its_bound_over_200_layouts);
    g_test_add_func("/mover/sample/what the kernel refuses is named",
                    what_the_kernel_refuses_is_named);
    return g_test_run();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/top_view.h"
#include <string.h>

/* A guest of one vCPU that runs on node 0, with @local MiB there and @remote on node 1. */
static void
add_guest(VbSnapshot *snapshot, const char *name, guint busy_bp, guint64 local, guint64 remote)
{
    VbGuest *guest = vb_guest_new();
    VbVcpu *vcpu = vb_vcpu_new();
    VbCell *cell = vb_cell_new();
    guest->name = g_strdup(name);
    guest->uuid = g_strdup_printf("uuid-%s", name);
    guest->state = VB_GUEST_RUNNING;
    vcpu->busy_known = vcpu->share_known = TRUE;
    vcpu->busy_bp = busy_bp;
    vcpu->share_bp[0] = VB_BP;
    cell->residency_known = local + remote > 0;
    cell->by_node[0] = local << 20;
    cell->by_node[1] = remote << 20;
    cell->present_bytes = cell->size_bytes = (local + remote) << 20;
    g_ptr_array_add(guest->vcpus, vcpu);
    g_ptr_array_add(guest->cells, cell);
    g_ptr_array_add(snapshot->guests, guest);
}

static VbTopView *
view_of_three(void)
{
    VbTopSight sight = {.snapshot = vb_snapshot_new(), .plan = vb_plan_new("balance")};
    sight.snapshot->topology.nodes = 3;
    add_guest(sight.snapshot, "a", 100, 100, 0);
    add_guest(sight.snapshot, "b", 900, 0, 0);
    add_guest(sight.snapshot, "c", 500, 100, 300);
    const VbGuest *c = g_ptr_array_index(sight.snapshot->guests, 2);
    VbCpuSet cpus = {{1}};
    vb_plan_add_pin(sight.plan, c, "vcpu0", &cpus, 1, 0, "");
    vb_plan_add_move(sight.plan, c, 0, 1, 0, 300 << 20, "");
    vb_plan_decline(sight.plan, g_ptr_array_index(sight.snapshot->guests, 1), "residency",
                    "not known");
    VbTopView *view = vb_top_view_new(1000);
    vb_top_view_update(view, &sight);
    g_assert_null(sight.snapshot);
    return view;
}

static char *
order_of(const VbTopView *view)
{
    GString *order = g_string_new(NULL);
    for (guint i = 0; i < view->rows->len; i++)
        g_string_append(order, ((VbTopRow *)g_ptr_array_index(view->rows, i))->guest->name);
    return g_string_free(order, FALSE);
}

static void
test_sorts(void)
{
    static const char *const expected[] = {
        [VB_TOP_BY_LOCALITY] = "cab", /* unknown last */
        [VB_TOP_BY_NAME] = "abc",
        [VB_TOP_BY_SIZE] = "cab",
        [VB_TOP_BY_BUSY] = "bca",
    };
    g_autoptr(VbTopView) view = view_of_three();
    for (guint sort = 0; sort < VB_TOP_SORTS; sort++) {
        vb_top_view_sort(view, (VbTopSort)sort);
        g_autofree char *order = order_of(view);
        g_assert_cmpstr(order, ==, expected[sort]);
    }
}

static void
test_says_what_is_planned(void)
{
    g_autoptr(VbTopView) view = view_of_three();
    vb_top_view_sort(view, VB_TOP_BY_NAME);
    const VbTopRow *a = g_ptr_array_index(view->rows, 0), *b = g_ptr_array_index(view->rows, 1);
    const VbTopRow *c = g_ptr_array_index(view->rows, 2);
    g_assert_cmpstr(a->plan, ==, "");
    g_assert_cmpstr(b->plan, ==, "residency: not known");
    g_assert_cmpstr(c->plan, ==, "300 MiB to node 0");
}

static void
test_scrolls_within_the_list(void)
{
    g_autoptr(VbTopView) view = view_of_three();
    vb_top_view_scroll(view, G_MAXINT / 2, 2);
    g_assert_cmpuint(view->scroll, ==, 1);
    vb_top_view_scroll(view, -5, 2);
    g_assert_cmpuint(view->scroll, ==, 0);
    vb_top_view_scroll(view, 5, 10);
    g_assert_cmpuint(view->scroll, ==, 0);
    vb_top_view_scroll(view, 5, 0);
    g_assert_cmpuint(view->scroll, ==, 3);
}

static void
test_takes_a_delay(void)
{
    static const struct {
        const char *typed;
        guint interval_ms;
        gboolean taken;
    } cases[] = {{"0.5", 500, TRUE}, {"10", 10000, TRUE},   {"", 1000, FALSE},
                 {"0", 1000, FALSE}, {"1.2.", 1000, FALSE}, {"99999", 1000, FALSE}};
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(VbTopView) view = vb_top_view_new(1000);
        view->entry = g_string_new(cases[i].typed);
        g_assert_true(vb_top_view_set_delay(view) == cases[i].taken);
        g_assert_null(view->entry);
        g_assert_cmpuint(view->interval_ms, ==, cases[i].interval_ms);
    }
}

static void
test_lines(void)
{
    g_autoptr(VbTopView) view = view_of_three();
    g_autoptr(GString) text = g_string_new(NULL);
    vb_top_lines(view->sight.snapshot, "12:00:00", TRUE, TRUE, text);
    g_assert_cmpstr(
        text->str, ==,
        "TIME      GUEST                 STATE    HOME  LOCALITY     BUSY  RAM BY NODE\n"
        "12:00:00  a                     running  -      100.0 %      1 %  0: 100 MiB\n"
        "12:00:00  b                     running  -            ?      9 %  ?\n"
        "12:00:00  c                     running  -       25.0 %      5 %  0: 100 MiB, 1: 300 "
        "MiB\n");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/top/sorts", test_sorts);
    g_test_add_func("/top/says-what-is-planned", test_says_what_is_planned);
    g_test_add_func("/top/scrolls-within-the-list", test_scrolls_within_the_list);
    g_test_add_func("/top/takes-a-delay", test_takes_a_delay);
    g_test_add_func("/top/lines", test_lines);
    return g_test_run();
}

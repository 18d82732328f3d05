/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Looks are folded: run time by node, homes, and what outlives a look. */
#include "core/model.h"
#include "world.h"
#include <string.h>

/* A host of two nodes with two CPUs each (0-1, 2-3), looked at second by second. */
typedef struct {
    VbTopology *host;
    VbModel *model;
} Stage;

static void
set_up(Stage *stage)
{
    stage->host = world_topology(2, 2, GIB);
    stage->model = vb_model_new();
}

static void
tear_down(Stage *stage)
{
    g_free(stage->host);
    vb_model_free(stage->model);
}

/* A look at @second in which guest 1's vCPU 0 had run for @run_ms and was last on @cpu. */
static VbObservation *
look(Stage *stage, VbLookDepth depth, gint64 second, guint64 run_ms, int cpu)
{
    VbObservation *seen = world_look(depth, second * SECOND, stage->host);
    world_thread(world_sight(seen, 1), 0, run_ms * 1000000, cpu);
    return seen;
}

static void
fold(Stage *stage, VbLookDepth depth, gint64 second, guint64 run_ms, int cpu)
{
    g_autoptr(VbObservation) seen = look(stage, depth, second, run_ms, cpu);
    vb_model_fold(stage->model, seen);
}

static VbGuest *
only_guest(const VbSnapshot *snapshot)
{
    g_assert_cmpuint(snapshot->guests->len, ==, 1);
    return g_ptr_array_index(snapshot->guests, 0);
}

static void
assert_vcpu(Stage *stage, guint node1_bp, int busy_bp)
{
    g_autoptr(VbSnapshot) snapshot = vb_model_snapshot(stage->model);
    const VbVcpu *vcpu = world_vcpu_of(only_guest(snapshot), 0);
    g_assert_true(vcpu->share_known);
    g_assert_cmpuint(vcpu->share_bp[1], ==, node1_bp);
    g_assert_cmpuint(vcpu->share_bp[0], ==, VB_BP - node1_bp);
    g_assert_cmpint(vcpu->busy_known ? (int)vcpu->busy_bp : -1, ==, busy_bp);
}

static void
test_run_time_counts_for_the_later_cpu(void)
{
    Stage stage;
    set_up(&stage);
    fold(&stage, VB_LOOK_FULL, 1, 5000, 0);
    fold(&stage, VB_LOOK_THREADS, 2, 5600, 1);
    fold(&stage, VB_LOOK_THREADS, 3, 5800, 2);
    fold(&stage, VB_LOOK_FULL, 4, 5800, 3);
    assert_vcpu(&stage, 2500, 2666);
    tear_down(&stage);
}

/* After one look it is known where it was, but not how busy it is. */
static void
test_one_look_knows_no_demand(void)
{
    Stage stage;
    set_up(&stage);
    fold(&stage, VB_LOOK_FULL, 1, 5000, 2);
    assert_vcpu(&stage, VB_BP, -1);
    tear_down(&stage);
}

static void
test_a_new_window_forgets_run_time(void)
{
    Stage stage;
    set_up(&stage);
    fold(&stage, VB_LOOK_FULL, 1, 0, 0);
    fold(&stage, VB_LOOK_FULL, 2, 1000, 0);
    vb_model_begin_window(stage.model);
    assert_vcpu(&stage, 0, -1);
    fold(&stage, VB_LOOK_FULL, 3, 1500, 2);
    assert_vcpu(&stage, VB_BP, 5000);
    tear_down(&stage);
}

/* Time on a CPU that no node has (offline since, or not read) still counts as demand. */
static void
test_time_on_an_unknown_cpu_is_demand(void)
{
    static const int cpus[] = {-1, 99, VB_CPUS_MAX, G_MAXINT};
    for (guint i = 0; i < G_N_ELEMENTS(cpus); i++) {
        Stage stage;
        set_up(&stage);
        fold(&stage, VB_LOOK_FULL, 1, 0, 0);
        fold(&stage, VB_LOOK_FULL, 2, 500, 2);
        fold(&stage, VB_LOOK_FULL, 3, 1500, cpus[i]);
        assert_vcpu(&stage, VB_BP, 7500);
        tear_down(&stage);
    }
}

static void
test_never_on_a_known_cpu(void)
{
    Stage stage;
    set_up(&stage);
    fold(&stage, VB_LOOK_FULL, 1, 0, -1);
    fold(&stage, VB_LOOK_FULL, 2, 500, -1);
    g_autoptr(VbSnapshot) snapshot = vb_model_snapshot(stage.model);
    const VbVcpu *vcpu = world_vcpu_of(only_guest(snapshot), 0);
    g_assert_false(vcpu->share_known);
    g_assert_true(vcpu->busy_known);
    g_assert_cmpuint(vcpu->busy_bp, ==, 5000);
    tear_down(&stage);
}

/* Counters that run backwards and clocks that do are not folded, and break nothing after. */
static void
test_backwards_counters_and_clocks(void)
{
    Stage stage;
    set_up(&stage);
    fold(&stage, VB_LOOK_FULL, 10, 5000, 0);
    fold(&stage, VB_LOOK_FULL, 11, 4000, 2);
    assert_vcpu(&stage, VB_BP, -1);
    fold(&stage, VB_LOOK_FULL, 12, 4500, 2);
    assert_vcpu(&stage, VB_BP, 5000);
    fold(&stage, VB_LOOK_FULL, 5, 4600, 2);
    fold(&stage, VB_LOOK_FULL, 6, 5100, 2);
    assert_vcpu(&stage, VB_BP, 5000);
    tear_down(&stage);
}

static void
test_more_than_all_of_a_cpu(void)
{
    Stage stage;
    set_up(&stage);
    fold(&stage, VB_LOOK_FULL, 1, 0, 0);
    fold(&stage, VB_LOOK_FULL, 2, 1100, 0);
    assert_vcpu(&stage, 0, VB_BP);
    tear_down(&stage);
}

/* Thirds: shares still add up to the whole. */
static void
test_shares_add_up(void)
{
    g_autofree VbTopology *host = world_topology(3, 1, GIB);
    g_autoptr(VbModel) model = vb_model_new();
    for (guint i = 0; i < 4; i++) {
        g_autoptr(VbObservation) seen = world_look(VB_LOOK_FULL, (i + 1) * SECOND, host);
        world_thread(world_sight(seen, 1), 0, i * 1000, (int)(i % 3));
        vb_model_fold(model, seen);
    }
    g_autoptr(VbSnapshot) snapshot = vb_model_snapshot(model);
    const VbVcpu *vcpu = world_vcpu_of(only_guest(snapshot), 0);
    g_assert_cmpuint(vcpu->share_bp[0] + vcpu->share_bp[1] + vcpu->share_bp[2], ==, VB_BP);
    g_assert_cmpuint(vcpu->share_bp[1], ==, 3333);
}

/* The same PID with another start time is another process. */
static void
test_a_new_process_starts_afresh(void)
{
    Stage stage;
    set_up(&stage);
    fold(&stage, VB_LOOK_FULL, 1, 5000, 0);
    fold(&stage, VB_LOOK_FULL, 2, 6000, 0);
    for (guint i = 0; i < 2; i++) {
        g_autoptr(VbObservation) seen =
            look(&stage, i == 0 ? VB_LOOK_THREADS : VB_LOOK_FULL, 3 + i, 9000, 2);
        ((VbGuestSight *)g_ptr_array_index(seen->guests, 0))->facts->start_time++;
        vb_model_fold(stage.model, seen);
        if (i == 0)
            assert_vcpu(&stage, 0, VB_BP);
    }
    assert_vcpu(&stage, VB_BP, -1);
    tear_down(&stage);
}

/* A vCPU that was unplugged and came back as another thread has no history. */
static void
test_a_new_thread_has_no_history(void)
{
    Stage stage;
    set_up(&stage);
    fold(&stage, VB_LOOK_FULL, 1, 5000, 0);
    g_autoptr(VbObservation) seen = world_look(VB_LOOK_FULL, 2 * SECOND, stage.host);
    world_thread(world_sight(seen, 1), 0, 9000000000, 2)->tid = 4711;
    vb_model_fold(stage.model, seen);
    assert_vcpu(&stage, VB_BP, -1);
    tear_down(&stage);
}

static void
test_a_full_look_defines_who_exists(void)
{
    Stage stage;
    set_up(&stage);
    fold(&stage, VB_LOOK_FULL, 1, 0, 0);
    g_autoptr(VbObservation) threads = world_look(VB_LOOK_THREADS, 2 * SECOND, stage.host);
    world_sight(threads, 2);
    vb_model_fold(stage.model, threads);
    g_autoptr(VbSnapshot) before = vb_model_snapshot(stage.model);
    g_assert_cmpstr(only_guest(before)->name, ==, "guest1");
    g_autoptr(VbObservation) full = world_look(VB_LOOK_FULL, 3 * SECOND, stage.host);
    world_sight(full, 3);
    world_sight(full, 2);
    vb_model_fold(stage.model, full);
    g_autoptr(VbSnapshot) after = vb_model_snapshot(stage.model);
    g_assert_cmpuint(after->guests->len, ==, 2);
    g_assert_cmpstr(((VbGuest *)g_ptr_array_index(after->guests, 0))->name, ==, "guest2");
    tear_down(&stage);
}

/* A look at threads brings counters only: cells, affinity and vCPUs that it missed stay. */
static void
test_a_look_at_threads_only_adds_run_time(void)
{
    Stage stage;
    set_up(&stage);
    g_autoptr(VbObservation) full = world_look(VB_LOOK_FULL, SECOND, stage.host);
    VbGuestSight *sight = world_sight(full, 1);
    world_cell(sight->facts);
    for (guint id = 0; id < 2; id++) {
        VbVcpuSight *thread = world_thread(sight, id, 0, 0);
        thread->cell = (int)id;
        thread->affinity_known = TRUE;
        thread->affinity = stage.host->node[0].cpus;
    }
    vb_model_fold(stage.model, full);
    g_autoptr(VbObservation) threads = world_look(VB_LOOK_THREADS, 2 * SECOND, stage.host);
    VbGuestSight *some = world_sight(threads, 1);
    world_thread(some, 1, 700000000, 1)->cell = -1;
    world_thread(some, 5, 700000000, 1);
    vb_model_fold(stage.model, threads);
    g_autoptr(VbSnapshot) snapshot = vb_model_snapshot(stage.model);
    const VbGuest *guest = only_guest(snapshot);
    g_assert_cmpuint(guest->vcpus->len, ==, 2);
    g_assert_false(world_vcpu_of(guest, 0)->busy_known);
    g_assert_cmpuint(world_vcpu_of(guest, 1)->busy_bp, ==, 7000);
    g_assert_cmpint(world_vcpu_of(guest, 1)->cell, ==, 1);
    g_assert_true(world_vcpu_of(guest, 1)->affinity_known);
    tear_down(&stage);
}

/* Given a counter that one look could not read, then the time until the next pair does not count. */
static void
test_an_unread_counter_is_not_idleness(void)
{
    Stage stage;
    set_up(&stage);
    fold(&stage, VB_LOOK_FULL, 1, 0, 0);
    fold(&stage, VB_LOOK_FULL, 2, 800, 0);
    g_autoptr(VbObservation) blind = look(&stage, VB_LOOK_FULL, 3, 0, 0);
    VbGuestSight *sight = g_ptr_array_index(blind->guests, 0);
    ((VbVcpuSight *)g_ptr_array_index(sight->vcpus, 0))->run_known = FALSE;
    vb_model_fold(stage.model, blind);
    fold(&stage, VB_LOOK_FULL, 4, 2400, 0);
    assert_vcpu(&stage, 0, 8000);
    fold(&stage, VB_LOOK_FULL, 5, 3200, 0);
    assert_vcpu(&stage, 0, 8000);
    tear_down(&stage);
}

static void
test_the_order_of_guests_and_cells_does_not_matter(void)
{
    g_autofree VbTopology *host = world_topology(2, 2, GIB);
    g_autoptr(VbObservation) seen = world_look(VB_LOOK_FULL, SECOND, host);
    g_autoptr(VbModel) model = vb_model_new();
    world_sight(seen, 2);
    VbGuestSight *sight = world_sight(seen, 1);
    world_thread(sight, 1, 0, 0)->cell = 0;
    world_thread(sight, 0, 0, 2)->cell = 1;
    world_cell(sight->facts)->id = 0;
    world_cell_of(sight->facts, 0)->id = 7;
    vb_model_fold(model, seen);
    g_autoptr(VbSnapshot) snapshot = vb_model_snapshot(model);
    const VbGuest *guest = g_ptr_array_index(snapshot->guests, 0);
    g_assert_cmpstr(guest->name, ==, "guest1");
    g_assert_cmpuint(world_cell_of(guest, 0)->id, ==, 0);
    g_assert_cmpuint(world_vcpu_of(guest, 0)->id, ==, 0);
    g_assert_cmpint(world_vcpu_of(guest, 0)->cell, ==, 0);
    g_assert_cmpint(world_vcpu_of(guest, 1)->cell, ==, 1);
}

static void
test_nobody_is_selected(void)
{
    Stage stage;
    set_up(&stage);
    g_autoptr(VbObservation) seen = look(&stage, VB_LOOK_FULL, 1, 0, 0);
    VbGuestSight *sight = g_ptr_array_index(seen->guests, 0);
    sight->facts->selected = sight->facts->forced = TRUE;
    vb_model_fold(stage.model, seen);
    g_autoptr(VbSnapshot) snapshot = vb_model_snapshot(stage.model);
    g_assert_false(only_guest(snapshot)->selected);
    g_assert_false(only_guest(snapshot)->forced);
    tear_down(&stage);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/model/run-time-counts-for-the-later-cpu",
                    test_run_time_counts_for_the_later_cpu);
    g_test_add_func("/model/one-look-knows-no-demand", test_one_look_knows_no_demand);
    g_test_add_func("/model/a-new-window", test_a_new_window_forgets_run_time);
    g_test_add_func("/model/an-unknown-cpu-is-demand", test_time_on_an_unknown_cpu_is_demand);
    g_test_add_func("/model/never-on-a-known-cpu", test_never_on_a_known_cpu);
    g_test_add_func("/model/backwards", test_backwards_counters_and_clocks);
    g_test_add_func("/model/more-than-all-of-a-cpu", test_more_than_all_of_a_cpu);
    g_test_add_func("/model/shares-add-up", test_shares_add_up);
    g_test_add_func("/model/a-new-process", test_a_new_process_starts_afresh);
    g_test_add_func("/model/a-new-thread", test_a_new_thread_has_no_history);
    g_test_add_func("/model/who-exists", test_a_full_look_defines_who_exists);
    g_test_add_func("/model/a-look-at-threads", test_a_look_at_threads_only_adds_run_time);
    g_test_add_func("/model/an-unread-counter", test_an_unread_counter_is_not_idleness);
    g_test_add_func("/model/order", test_the_order_of_guests_and_cells_does_not_matter);
    g_test_add_func("/model/nobody-is-selected", test_nobody_is_selected);
    return g_test_run();
}

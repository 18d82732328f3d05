/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* RAM that was to move and stayed: taken for unmovable when it stays again, and not for ever. */
#include "core/model.h"
#include "world.h"
#include <vmbalancer/policy.h>

/* A guest at home on node 0, with 1 GiB there and 256 MiB on node 1 that will not come. */
typedef struct {
    VbTopology *host;
    VbModel *model;
    gint64 second;
    guint64 start_time;
} Stage;

#define AWAY (256 * MIB)
/* What a look may be off by: 1 % of the cell's RAM. */
#define NOISE ((GIB + AWAY) / 100)

static void
look(Stage *stage, guint64 away)
{
    g_autoptr(VbObservation) seen = world_look(VB_LOOK_FULL, stage->second * SECOND, stage->host);
    VbGuestSight *sight = world_sight(seen, 1);
    VbVcpuSight *thread = world_thread(sight, 0, (guint64)stage->second * SECOND / 2, 0);
    thread->affinity_known = TRUE;
    thread->affinity = stage->host->node[0].cpus;
    sight->facts->start_time = stage->start_time;
    sight->facts->owner = VB_OWNER_OURS;
    world_put(sight->facts, 0, 0, GIB);
    world_put(sight->facts, 0, 1, away);
    vb_model_fold(stage->model, seen);
    stage->second++;
}

static void
set_up(Stage *stage, gconstpointer unused)
{
    stage->host = world_topology(2, 2, 8 * GIB);
    stage->model = vb_model_new();
    stage->second = 1000;
    stage->start_time = 5;
    look(stage, AWAY);
    look(stage, AWAY);
}

static void
tear_down(Stage *stage, gconstpointer unused)
{
    g_free(stage->host);
    vb_model_free(stage->model);
}

/* A trip for @asked bytes of node 1 ends. */
static void
land(Stage *stage, guint64 asked, VbResult result, guint64 moved, guint64 stuck)
{
    g_autoptr(VbSnapshot) snapshot = vb_model_snapshot(stage->model);
    g_autoptr(VbPlan) plan = vb_plan_new("test");
    g_autoptr(GPtrArray) outcomes =
        g_ptr_array_new_with_free_func((GDestroyNotify)vb_outcome_free);
    VbOutcome *outcome = vb_outcome_new(0, result, moved, SECOND, "test");
    outcome->bytes_stuck = stuck;
    g_ptr_array_add(outcomes, outcome);
    vb_plan_add_move(plan, g_ptr_array_index(snapshot->guests, 0), 0, 1, 0, asked, "test");
    vb_model_note(stage->model, plan, outcomes, stage->second * SECOND);
}

static void
assert_unmovable(const Stage *stage, guint64 bytes)
{
    g_autoptr(VbSnapshot) snapshot = vb_model_snapshot(stage->model);
    const VbCell *cell = world_cell_of(g_ptr_array_index(snapshot->guests, 0), 0);
    g_assert_cmpuint(cell->unmovable_bytes, ==, bytes);
    g_assert_cmpuint(cell->stuck_bytes[1], ==, bytes);
}

/* What home-node would move now, a day after the last trip's cooldown is over. */
static guint64
asked_for(const Stage *stage)
{
    g_autoptr(VbSnapshot) snapshot = vb_model_snapshot(stage->model);
    VbGuest *guest = g_ptr_array_index(snapshot->guests, 0);
    guest->selected = TRUE;
    guest->last_move_ns = 0;
    world_vcpu_of(guest, 0)->busy_known = TRUE;
    world_cell_of(guest, 0)->remote_seen = 100;
    g_autoptr(VbPlan) plan = vb_policy_decide(&vb_policy_home_node, snapshot);
    return vb_plan_bytes(plan);
}

static void
stay_twice(Stage *stage)
{
    land(stage, AWAY, VB_RESULT_FAILED, 0, AWAY);
    look(stage, AWAY);
    land(stage, AWAY, VB_RESULT_FAILED, 0, AWAY);
    look(stage, AWAY);
}

static void
test_what_stays_twice_is_not_tried_again(Stage *stage, gconstpointer unused)
{
    g_assert_cmpuint(asked_for(stage), ==, AWAY);
    land(stage, AWAY, VB_RESULT_FAILED, 0, AWAY);
    look(stage, AWAY);
    assert_unmovable(stage, 0);
    g_assert_cmpuint(asked_for(stage), ==, AWAY);
    land(stage, AWAY, VB_RESULT_FAILED, 0, AWAY);
    assert_unmovable(stage, AWAY + NOISE);
    look(stage, AWAY);
    assert_unmovable(stage, AWAY + NOISE);
    g_assert_cmpuint(asked_for(stage), ==, 0);
}

/* What comes to lie there beside it is moved. */
static void
test_more_of_it_is_tried(Stage *stage, gconstpointer unused)
{
    stay_twice(stage);
    look(stage, AWAY + 512 * MIB);
    g_assert_cmpuint(asked_for(stage), ==, 512 * MIB - NOISE);
}

/* Part of it stays: that is what is taken for stuck, with what a look may find more. */
static void
test_a_part_stays(Stage *stage, gconstpointer unused)
{
    land(stage, AWAY, VB_RESULT_PARTIAL, AWAY / 2, AWAY / 2);
    look(stage, AWAY / 2);
    look(stage, AWAY / 2);
    land(stage, AWAY / 2, VB_RESULT_FAILED, 0, AWAY / 2 - MIB);
    look(stage, AWAY / 2);
    assert_unmovable(stage, AWAY / 2 - MIB + (GIB + AWAY / 2) / 100);
    g_assert_cmpuint(asked_for(stage), ==, 0);
}

/* Another amount each time: busy, but not stuck. A trip that moved all it was to ends the count. */
static void
test_what_differs_is_not_stuck(Stage *stage, gconstpointer unused)
{
    land(stage, AWAY, VB_RESULT_PARTIAL, AWAY / 2, AWAY / 2);
    land(stage, AWAY, VB_RESULT_PARTIAL, AWAY / 4 * 3, AWAY / 4);
    assert_unmovable(stage, 0);
    land(stage, AWAY / 4, VB_RESULT_DONE, AWAY / 4, 0);
    land(stage, AWAY, VB_RESULT_PARTIAL, AWAY / 4 * 3, AWAY / 4);
    assert_unmovable(stage, 0);
}

/* No room, no right, called off: the pages were not even tried. */
static void
test_other_failures_prove_nothing(Stage *stage, gconstpointer unused)
{
    static const VbResult results[] = {VB_RESULT_FAILED, VB_RESULT_PARTIAL, VB_RESULT_CANCELLED};
    for (guint i = 0; i < 2 * G_N_ELEMENTS(results); i++)
        land(stage, AWAY, results[i / 2], 0, 0);
    assert_unmovable(stage, 0);
    /* Nor do they make forget: the next that is tried is the second. */
    land(stage, AWAY, VB_RESULT_FAILED, 0, AWAY);
    land(stage, AWAY, VB_RESULT_CANCELLED, 0, 0);
    land(stage, AWAY, VB_RESULT_FAILED, 0, AWAY);
    assert_unmovable(stage, AWAY + NOISE);
}

/* A mover that tried more than the plan counted on tells of pages that are known already. */
static void
test_only_what_was_counted_on_counts(Stage *stage, gconstpointer unused)
{
    land(stage, AWAY, VB_RESULT_PARTIAL, AWAY, GIB);
    land(stage, AWAY, VB_RESULT_PARTIAL, AWAY, GIB);
    assert_unmovable(stage, 0);
}

static void
test_what_left_is_free_again(Stage *stage, gconstpointer unused)
{
    stay_twice(stage);
    look(stage, AWAY - NOISE / 2);
    assert_unmovable(stage, AWAY + NOISE);
    look(stage, AWAY / 2);
    assert_unmovable(stage, 0);
}

static void
test_six_hours_later_it_is_tried(Stage *stage, gconstpointer unused)
{
    stay_twice(stage);
    stage->second += 6 * 3600 - 10;
    look(stage, AWAY);
    assert_unmovable(stage, AWAY + NOISE);
    stage->second += 10;
    look(stage, AWAY);
    assert_unmovable(stage, 0);
    g_assert_cmpuint(asked_for(stage), ==, AWAY);
}

static void
test_another_process_starts_afresh(Stage *stage, gconstpointer unused)
{
    stay_twice(stage);
    stage->start_time++;
    look(stage, AWAY);
    assert_unmovable(stage, 0);
}

#define ADD(path, test) g_test_add("/stuck/" path, Stage, NULL, set_up, test, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("twice", test_what_stays_twice_is_not_tried_again);
    ADD("more", test_more_of_it_is_tried);
    ADD("part", test_a_part_stays);
    ADD("differs", test_what_differs_is_not_stuck);
    ADD("other-failures", test_other_failures_prove_nothing);
    ADD("counted-on", test_only_what_was_counted_on_counts);
    ADD("left", test_what_left_is_free_again);
    ADD("later", test_six_hours_later_it_is_tried);
    ADD("restart", test_another_process_starts_afresh);
    return g_test_run();
}

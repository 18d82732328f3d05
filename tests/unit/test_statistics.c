/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is counted of a guest over its life: locality by time, placements by cause, bytes moved. */
#include "core/codec.h"
#include "core/model.h"
#include "world.h"

/* Guest 1 with one cell and one vCPU, on a host of two nodes of one CPU each. */
typedef struct {
    VbTopology *host;
    VbModel *model;
    VbPlan *plan;
    GPtrArray *outcomes;
    guint64 ran_ns;
} Stage;

static void
set_up(Stage *stage, gconstpointer unused)
{
    stage->host = world_topology(2, 1, GIB);
    stage->model = vb_model_new();
    stage->plan = vb_plan_new("test");
    stage->outcomes = g_ptr_array_new_with_free_func((GDestroyNotify)vb_outcome_free);
}

static void
tear_down(Stage *stage, gconstpointer unused)
{
    g_free(stage->host);
    vb_model_free(stage->model);
    vb_plan_free(stage->plan);
    g_ptr_array_unref(stage->outcomes);
}

/* A full look at @second: its vCPU ran on node 0, where @local of its 100 MiB lie. */
static VbObservation *
look(Stage *stage, gint64 second, guint local)
{
    VbObservation *seen = world_look(VB_LOOK_FULL, second * SECOND, stage->host);
    VbGuestSight *sight = world_sight(seen, 1);
    world_put(sight->facts, 0, 0, local * MIB);
    world_put(sight->facts, 0, 1, (100 - local) * MIB);
    stage->ran_ns += SECOND / 2;
    world_thread(sight, 0, stage->ran_ns, 0)->cell = 0;
    return seen;
}

static void
fold(Stage *stage, gint64 second, guint local)
{
    g_autoptr(VbObservation) seen = look(stage, second, local);
    vb_model_begin_window(stage->model);
    vb_model_fold(stage->model, seen);
}

static VbGuest *
guest_now(Stage *stage)
{
    g_autoptr(VbSnapshot) snapshot = vb_model_snapshot(stage->model);
    g_assert_cmpuint(snapshot->guests->len, ==, 1);
    return vb_guest_copy(g_ptr_array_index(snapshot->guests, 0));
}

static void
assert_cumulative(Stage *stage, guint bp)
{
    g_autoptr(VbGuest) guest = guest_now(stage);
    guint cumulative = 0;
    g_assert_true(vb_guest_cumulative_locality(guest, &cumulative));
    g_assert_cmpuint(cumulative, ==, bp);
}

/* Adds an action on that guest, and what became of it. */
static void
act(Stage *stage, guint n, VbCause cause, VbActionKind kind, VbResult result, guint64 bytes)
{
    g_autoptr(VbGuest) guest = world_guest_new(stage->host, n, "guest", "0");
    VbAction *action =
        kind == VB_ACTION_PIN
            ? vb_plan_add_pin(stage->plan, guest, "vcpu0", &stage->host->node[0].cpus, 1, 0, "test")
            : vb_plan_add_move(stage->plan, guest, 0, 1, 0, GIB, "test");
    action->cause = cause;
    g_ptr_array_add(stage->outcomes, vb_outcome_new(stage->plan->actions->len - 1, result, bytes,
                                                    2 * SECOND, NULL));
}

static void
note(Stage *stage)
{
    vb_model_note(stage->model, stage->plan, stage->outcomes, 0);
    g_ptr_array_set_size(stage->plan->actions, 0);
    g_ptr_array_set_size(stage->outcomes, 0);
}

static void
test_one_look_is_all_there_is(Stage *stage, gconstpointer unused)
{
    fold(stage, 10, 30);
    assert_cumulative(stage, 3000);
}

/* 10 s at 20 %, then 30 s at 100 %: not the mean of the looks, but of the time. */
static void
test_locality_counts_by_time(Stage *stage, gconstpointer unused)
{
    fold(stage, 10, 0);
    fold(stage, 20, 20);
    fold(stage, 50, 100);
    assert_cumulative(stage, 8000);
}

/* Time in which its RAM could not be read is not time at 0 %. */
static void
test_unknown_is_not_zero(Stage *stage, gconstpointer unused)
{
    fold(stage, 10, 0);
    fold(stage, 20, 60);
    g_autoptr(VbObservation) blind = look(stage, 1000, 60);
    world_cell_of(((VbGuestSight *)g_ptr_array_index(blind->guests, 0))->facts, 0)->residency_known =
        FALSE;
    vb_model_fold(stage->model, blind);
    assert_cumulative(stage, 6000);
}

static void
test_a_clock_that_stands_or_runs_back_counts_nothing(Stage *stage, gconstpointer unused)
{
    fold(stage, 10, 0);
    fold(stage, 20, 50);
    fold(stage, 20, 100);
    fold(stage, 5, 100);
    assert_cumulative(stage, 5000);
}

/* Any looks at any times: exactly the mean over time, and so never beyond what was seen. */
static void
test_any_life(Stage *stage, gconstpointer unused)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(20260112);
    for (guint life = 0; life < 200; life++) {
        guint64 sum = 0;
        gint64 now = 0;
        g_autoptr(VbModel) old = g_steal_pointer(&stage->model);
        stage->model = vb_model_new();
        fold(stage, now, 0);
        for (int looks = g_rand_int_range(rand, 1, 20); looks > 0; looks--) {
            gint64 elapsed = g_rand_int_range(rand, 1, 100000);
            guint local = (guint)g_rand_int_range(rand, 0, 101);
            now += elapsed;
            sum += (guint64)elapsed * local * 100;
            fold(stage, now, local);
        }
        assert_cumulative(stage, (guint)((sum + (guint64)now / 2) / (guint64)now));
    }
}

static void
test_bytes_at_home_and_elsewhere(Stage *stage, gconstpointer unused)
{
    guint64 local = 7, remote = 7;
    fold(stage, 10, 30);
    g_autoptr(VbGuest) homeless = guest_now(stage);
    g_assert_false(vb_guest_home_bytes(homeless, &local, &remote));
    g_assert_cmpuint(local, ==, 7);
    act(stage, 1, VB_CAUSE_LOAD, VB_ACTION_PIN, VB_RESULT_DONE, 0);
    note(stage);
    g_autoptr(VbGuest) guest = guest_now(stage);
    g_assert_true(vb_guest_home_bytes(guest, &local, &remote));
    g_assert_cmpuint(local, ==, 30 * MIB);
    g_assert_cmpuint(remote, ==, 70 * MIB);
    world_cell_of(guest, 0)->residency_known = FALSE;
    g_assert_false(vb_guest_home_bytes(guest, &local, &remote));
}

static void
assert_placed(Stage *stage, VbCause cause, guint placed)
{
    g_autoptr(VbGuest) guest = guest_now(stage);
    g_assert_cmpuint(guest->statistics.placed[cause], ==, placed);
}

/* However many threads and cells: one placement, by the cause of what was done first. */
static void
test_a_plan_is_one_placement(Stage *stage, gconstpointer unused)
{
    fold(stage, 10, 0);
    act(stage, 1, VB_CAUSE_LOAD, VB_ACTION_PIN, VB_RESULT_FAILED, 0);
    act(stage, 1, VB_CAUSE_BALANCE, VB_ACTION_PIN, VB_RESULT_DONE, 0);
    act(stage, 1, VB_CAUSE_LOCALITY, VB_ACTION_MOVE, VB_RESULT_DONE, 60 * MIB);
    act(stage, 1, VB_CAUSE_LOCALITY, VB_ACTION_MOVE, VB_RESULT_CANCELLED, 20 * MIB);
    act(stage, 2, VB_CAUSE_MANUAL, VB_ACTION_MOVE, VB_RESULT_DONE, GIB);
    note(stage);
    fold(stage, 20, 80);
    assert_placed(stage, VB_CAUSE_BALANCE, 1);
    assert_placed(stage, VB_CAUSE_LOAD, 0);
    assert_placed(stage, VB_CAUSE_LOCALITY, 0);
    assert_placed(stage, VB_CAUSE_MANUAL, 0);
    g_autoptr(VbGuest) guest = guest_now(stage);
    g_assert_cmpuint(guest->statistics.moved_bytes, ==, 80 * MIB);
    g_assert_cmpuint(vb_statistics_move_rate(&guest->statistics), ==, 20 * MIB);
    act(stage, 1, VB_CAUSE_BALANCE, VB_ACTION_PIN, VB_RESULT_DONE, 0);
    note(stage);
    assert_placed(stage, VB_CAUSE_BALANCE, 2);
}

static void
test_what_failed_is_no_placement(Stage *stage, gconstpointer unused)
{
    fold(stage, 10, 0);
    act(stage, 1, VB_CAUSE_MANUAL, VB_ACTION_PIN, VB_RESULT_FAILED, 0);
    act(stage, 1, VB_CAUSE_MANUAL, VB_ACTION_MOVE, VB_RESULT_CANCELLED, 0);
    note(stage);
    assert_placed(stage, VB_CAUSE_MANUAL, 0);
    g_autoptr(VbGuest) guest = guest_now(stage);
    g_assert_cmpuint(vb_statistics_move_rate(&guest->statistics), ==, 0);
}

/* Placed as it started, before any look at all guests showed it. */
static void
test_a_newcomer_is_counted(Stage *stage, gconstpointer unused)
{
    act(stage, 1, VB_CAUSE_INITIAL, VB_ACTION_PIN, VB_RESULT_DONE, 0);
    note(stage);
    g_autoptr(VbObservation) before = world_look(VB_LOOK_FULL, 9 * SECOND, stage->host);
    vb_model_fold(stage->model, before);
    fold(stage, 10, 0);
    fold(stage, 12, 0);
    assert_placed(stage, VB_CAUSE_INITIAL, 1);
}

static void
test_a_newcomer_that_never_came_is_forgotten(Stage *stage, gconstpointer unused)
{
    act(stage, 1, VB_CAUSE_INITIAL, VB_ACTION_PIN, VB_RESULT_DONE, 0);
    note(stage);
    for (gint64 second = 1; second <= 2; second++) {
        g_autoptr(VbObservation) none = world_look(VB_LOOK_FULL, second * SECOND, stage->host);
        vb_model_fold(stage->model, none);
    }
    fold(stage, 10, 0);
    assert_placed(stage, VB_CAUSE_INITIAL, 0);
}

static void
test_a_restarted_guest_starts_afresh(Stage *stage, gconstpointer unused)
{
    fold(stage, 10, 0);
    fold(stage, 20, 0);
    act(stage, 1, VB_CAUSE_MANUAL, VB_ACTION_MOVE, VB_RESULT_DONE, 60 * MIB);
    note(stage);
    for (gint64 second = 30; second <= 40; second += 10) {
        g_autoptr(VbObservation) seen = look(stage, second, 100);
        ((VbGuestSight *)g_ptr_array_index(seen->guests, 0))->facts->start_time = 4711;
        vb_model_fold(stage->model, seen);
    }
    assert_cumulative(stage, VB_BP);
    assert_placed(stage, VB_CAUSE_MANUAL, 0);
    g_autoptr(VbGuest) guest = guest_now(stage);
    g_assert_cmpuint(guest->statistics.moved_bytes, ==, 0);
    g_assert_cmpint(guest->statistics.since_ns, ==, 30 * SECOND);
}

static void
test_status_tells_them(Stage *stage, gconstpointer unused)
{
    fold(stage, 10, 0);
    act(stage, 1, VB_CAUSE_INITIAL, VB_ACTION_MOVE, VB_RESULT_DONE, 50 * MIB);
    act(stage, 1, VB_CAUSE_INITIAL, VB_ACTION_PIN, VB_RESULT_DONE, 0);
    note(stage);
    fold(stage, 20, 50);
    g_autoptr(VbSnapshot) snapshot = vb_model_snapshot(stage->model);
    g_autoptr(JsonNode) status = vb_codec_status(snapshot);
    g_autofree char *text = vb_codec_text(status, FALSE);
    g_assert_nonnull(g_strstr_len(text, -1,
                                  "\"statistics\":{\"seconds\":10,\"local_bytes\":52428800,"
                                  "\"remote_bytes\":52428800,\"cumulative_locality\":0.5,"
                                  "\"moves\":{\"balance\":0,\"load\":0,\"locality\":0,\"manual\":0,"
                                  "\"initial\":1},\"bytes_moved\":52428800,"
                                  "\"move_rate\":26214400}"));
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*test)(Stage *, gconstpointer);
    } tests[] = {
        {"one-look", test_one_look_is_all_there_is},
        {"locality-counts-by-time", test_locality_counts_by_time},
        {"unknown-is-not-zero", test_unknown_is_not_zero},
        {"clocks", test_a_clock_that_stands_or_runs_back_counts_nothing},
        {"any-life", test_any_life},
        {"home-bytes", test_bytes_at_home_and_elsewhere},
        {"a-plan-is-one-placement", test_a_plan_is_one_placement},
        {"what-failed", test_what_failed_is_no_placement},
        {"a-newcomer", test_a_newcomer_is_counted},
        {"a-newcomer-that-never-came", test_a_newcomer_that_never_came_is_forgotten},
        {"a-restarted-guest", test_a_restarted_guest_starts_afresh},
        {"status", test_status_tells_them},
    };
    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_autofree char *path = g_strdup_printf("/statistics/%s", tests[i].name);
        g_test_add(path, Stage, NULL, set_up, tests[i].test, tear_down);
    }
    return g_test_run();
}

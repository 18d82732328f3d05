/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A recorded host as a scenario, and what the recorded daemon came to. */
#include "core/codec.h"
#include "core/recording.h"
#include "league_fixture.h"
#include "sim/recorded.h"
#include "world.h"
#include <vmbalancer/error.h>

/* A host of two nodes of two CPUs; what is written goes through the lines of a recording. */
typedef struct {
    VbTopology *host;
    VbReplay *replay;
    VbRecorded *recorded;
    guint64 ran_ns;
} Stage;

static void
feed(Stage *stage, JsonNode *node)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = vb_codec_text(node, FALSE);
    vb_replay_line(stage->replay, text, strlen(text) - 1, &error);
    g_assert_no_error(error);
    json_node_unref(node);
}

static void
set_up(Stage *stage, gconstpointer unused)
{
    g_autoptr(VbConfig) config = vb_config_new();
    g_autoptr(VbTick) tick = vb_tick_new(config);
    stage->host = world_topology(2, 2, 4 * GIB);
    stage->replay = vb_replay_new();
    stage->recorded = vb_recorded_new(stage->replay);
    feed(stage, vb_recording_head(&(VbRecordingHead){.host = (char *)"h"}));
    feed(stage, vb_recording_state(tick));
}

static void
tear_down(Stage *stage, gconstpointer unused)
{
    g_free(stage->host);
    vb_recorded_free(stage->recorded);
    vb_replay_free(stage->replay);
}

/* Adds guest @n with one vCPU to a look, which ran for @ran_ns and has @near MiB on node 0, @far on the last. */
static VbGuestSight *
see(VbObservation *look, guint n, guint64 ran_ns, guint near, guint far)
{
    VbGuestSight *sight = world_sight(look, n);
    int last = look->topology.nodes & VB_NODE_BIT(5) ? 5 : 1;
    VbCell *cell = world_cell_of(sight->facts, 0);
    world_put(sight->facts, 0, 0, near * MIB);
    world_put(sight->facts, 0, last, far * MIB);
    cell->size_bytes = 512 * MIB;
    cell->residency_known = TRUE;
    world_thread(sight, 0, ran_ns, 0)->cell = 0;
    return sight;
}

static void
fold(Stage *stage, const VbObservation *seen)
{
    feed(stage, vb_recording_event(&(VbTickEvent){.call = VB_TICK_LOOK}));
    feed(stage, vb_recording_event(&(VbTickEvent){.call = VB_TICK_FOLD, .seen = seen}));
}

/* Guest 1 takes half a CPU for a minute, then nothing; guest 2 is there from second 20 to 50. */
static void
live(Stage *stage)
{
    for (gint64 second = 0; second <= 120; second += 10) {
        g_autoptr(VbObservation) seen =
            world_look(VB_LOOK_FULL, (500 + second) * SECOND, stage->host);
        guint64 ran_ns = (guint64)(MIN(second, 60) * SECOND / 2);
        see(seen, 1, 77 * (guint64)SECOND + ran_ns, 300, 100);
        if (second >= 20 && second <= 50)
            see(seen, 2, (guint64)((second - 20) * SECOND), 0, (guint)second * 2);
        fold(stage, seen);
    }
}

static VbScenario *
scenario_of(const Stage *stage)
{
    g_autoptr(GError) error = NULL;
    VbScenario *scenario = vb_recorded_scenario(stage->recorded, "monday", &error);
    g_assert_no_error(error);
    return scenario;
}

static const VbScenarioGuest *
plot_of(const VbScenario *scenario, guint guest)
{
    return g_ptr_array_index(scenario->guests, guest);
}

/* What the guest does at that time of its stay. */
static const VbPhase *
phase_of(const VbScenarioGuest *plot, gint64 second)
{
    gint64 end_ns = 0;
    for (guint i = 0; i < plot->phases->len; i++) {
        const VbPhase *phase = &g_array_index(plot->phases, VbPhase, i);
        end_ns += phase->duration_ns;
        if (second * SECOND < end_ns)
            return phase;
    }
    g_assert_not_reached();
}

static void
test_what_was_there_is_there(Stage *stage, gconstpointer unused)
{
    live(stage);
    g_autoptr(VbScenario) scenario = scenario_of(stage);
    g_assert_cmpstr(scenario->name, ==, "monday");
    g_assert_cmpint(scenario->duration_ns, ==, 120 * SECOND);
    g_assert_cmpuint(scenario->n_nodes, ==, 2);
    g_assert_cmpuint(scenario->node[1].cpus, ==, 2);
    g_assert_cmpuint(scenario->node[1].memory_bytes, ==, 4 * GIB);
    g_assert_cmpuint(scenario->distance[0][1], ==, 21);
    g_assert_cmpuint(scenario->guests->len, ==, 2);
    const VbScenarioGuest *plot = plot_of(scenario, 0);
    g_assert_cmpuint(plot->vcpus, ==, 1);
    g_assert_cmpuint(plot->memory_bytes, ==, 512 * MIB);
    g_assert_cmpuint(plot->touched_bp, ==, VB_BP * 400 / 512);
    g_assert_cmpuint(plot->ran_on, ==, VB_NODE_BIT(0));
    g_assert_cmpuint(plot->memory_on, ==, VB_NODE_BIT(0));
    g_assert_cmpint(plot->arrival, ==, VB_ARRIVAL_THERE);
    g_assert_cmpint(plot->leave_ns, ==, -1);
    g_assert_null(plot->policy);
}

static void
test_the_load_over_time(Stage *stage, gconstpointer unused)
{
    live(stage);
    g_autoptr(VbScenario) scenario = scenario_of(stage);
    const VbScenarioGuest *plot = plot_of(scenario, 0);
    g_assert_cmpuint(phase_of(plot, 5)->busy_bp, ==, 5000);
    g_assert_cmpuint(phase_of(plot, 55)->busy_bp, ==, 5000);
    g_assert_cmpuint(phase_of(plot, 65)->busy_bp, ==, 0);
    g_assert_cmpuint(phase_of(plot, 119)->busy_bp, ==, 0);
}

static void
test_who_comes_and_goes(Stage *stage, gconstpointer unused)
{
    live(stage);
    g_autoptr(VbScenario) scenario = scenario_of(stage);
    const VbScenarioGuest *plot = plot_of(scenario, 1);
    g_assert_cmpint(plot->arrival, ==, VB_ARRIVAL_START);
    g_assert_cmpint(plot->arrive_ns, ==, 20 * SECOND);
    g_assert_cmpint(plot->leave_ns, ==, 51 * SECOND);
    g_assert_cmpuint(phase_of(plot, 5)->busy_bp, ==, VB_BP);
    g_assert_cmpuint(phase_of(plot, 5)->touch_bytes_per_s, ==, 2 * MIB);
}

static void
test_node_ids_with_gaps(Stage *stage, gconstpointer unused)
{
    world_rename_node(stage->host, 1, 5);
    for (gint64 second = 10; second <= 20; second += 5) {
        g_autoptr(VbObservation) seen = world_look(VB_LOOK_FULL, second * SECOND, stage->host);
        see(seen, 1, 0, 100, 120);
        fold(stage, seen);
    }
    g_autoptr(VbScenario) scenario = scenario_of(stage);
    g_assert_cmpuint(scenario->n_nodes, ==, 2);
    g_assert_cmpuint(plot_of(scenario, 0)->memory_on, ==, VB_NODE_BIT(0) | VB_NODE_BIT(1));
    g_autoptr(VbTrace) trace = vb_recorded_trace(stage->recorded, "monday");
    const VbTraceGuest *guest = g_ptr_array_index(trace->guests, 0);
    g_assert_cmpuint(guest->begin[0], ==, 100 * MIB);
    g_assert_cmpuint(guest->end[1], ==, 120 * MIB);
}

static void
test_who_others_place_stays(Stage *stage, gconstpointer unused)
{
    for (gint64 second = 10; second <= 20; second += 5) {
        g_autoptr(VbObservation) seen = world_look(VB_LOOK_FULL, second * SECOND, stage->host);
        see(seen, 1, 0, 100, 0)->facts->owner = VB_OWNER_HANDS_OFF;
        see(seen, 2, 0, 100, 0)->facts->boundary = VB_NODE_BIT(1);
        VbGuest *wishes = see(seen, 3, 0, 100, 0)->facts;
        g_free(wishes->policy);
        wishes->policy = g_strdup("none");
        see(seen, 4, 0, 100, 0);
        fold(stage, seen);
    }
    g_autoptr(VbScenario) scenario = scenario_of(stage);
    for (guint i = 0; i < 3; i++)
        g_assert_cmpstr(plot_of(scenario, i)->policy, ==, "none");
    g_assert_null(plot_of(scenario, 3)->policy);
}

static void
assert_refused(const Stage *stage, const char *words)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(vb_recorded_scenario(stage->recorded, "monday", &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_INVALID);
    g_assert_nonnull(strstr(error->message, words));
}

static void
test_too_little(Stage *stage, gconstpointer unused)
{
    assert_refused(stage, "0 full looks in 0 s, at 0 guests");
    g_autoptr(VbObservation) seen = world_look(VB_LOOK_FULL, SECOND, stage->host);
    see(seen, 1, 0, 1, 1);
    fold(stage, seen);
    assert_refused(stage, "1 full looks");
}

static void
test_too_long(Stage *stage, gconstpointer unused)
{
    for (gint64 day = 1; day <= 9; day += 8) {
        g_autoptr(VbObservation) seen = world_look(VB_LOOK_FULL, day * 86400 * SECOND, stage->host);
        see(seen, 1, 0, 1, 1);
        fold(stage, seen);
    }
    assert_refused(stage, "record for a shorter time");
}

static void
test_nonsense_is_refused_or_run(Stage *stage, gconstpointer unused)
{
    for (gint64 second = 10; second <= 20; second += 5) {
        g_autoptr(VbObservation) seen = world_look(VB_LOOK_FULL, second * SECOND, stage->host);
        VbGuestSight *sight = see(seen, 1, G_MAXINT64, 1, 1);
        world_cell_of(sight->facts, 0)->size_bytes = G_MAXINT64;
        world_thread(sight, 1, G_MAXINT64, 3)->cell = 0;
        fold(stage, seen);
    }
    assert_refused(stage, "the recorded host cannot be modelled");
}

static void
test_what_the_daemon_came_to(Stage *stage, gconstpointer unused)
{
    live(stage);
    g_autoptr(VbTrace) trace = vb_recorded_trace(stage->recorded, "monday");
    g_assert_cmpstr(trace->policy, ==, VB_RECORDED_POLICY);
    VbScore score;
    vb_score_read(trace, &score);
    /* Guest 1 with three quarters of its RAM here, half as busy as guest 2 with none of it here. */
    g_assert_cmpuint(score.worst_bp, >, 0);
    g_assert_cmpuint(score.local_bp, >, 3750);
    g_assert_cmpuint(score.local_bp, <, 7500);
    g_assert_cmpuint(score.moved_bytes, ==, 0);
    /* A quarter or all of two fifths of the time is 2.1 times as long. */
    g_assert_cmpuint(score.slowdown_bp, >, 11100);
    g_assert_cmpuint(score.slowdown_bp, <, 14400);
}

static VbPlan *
move(Stage *stage, const char *uuid, int from, int to)
{
    VbPlan *plan = vb_plan_new("home-node");
    g_autoptr(VbGuest) guest = world_guest_new(stage->host, 1, "g", "0");
    g_free(guest->uuid);
    guest->uuid = g_strdup(uuid);
    vb_plan_add_move(plan, guest, 0, from, to, 100 * MIB, "because");
    return plan;
}

static void
test_what_was_moved_to_and_fro(Stage *stage, gconstpointer unused)
{
    live(stage);
    g_autofree char *uuid = world_uuid(1);
    for (guint i = 0; i < 3; i++) {
        g_autoptr(VbPlan) plan = move(stage, uuid, i % 2 == 0, i % 2 != 0);
        g_autoptr(GPtrArray) outcomes =
            g_ptr_array_new_with_free_func((GDestroyNotify)vb_outcome_free);
        g_ptr_array_add(outcomes, vb_outcome_new(0, VB_RESULT_DONE, 100 * MIB, SECOND, NULL));
        feed(stage, vb_recording_event(
                        &(VbTickEvent){.call = VB_TICK_DEPART, .uuid = uuid, .plan = plan}));
        feed(stage, vb_recording_event(&(VbTickEvent){.call = VB_TICK_LAND, .uuid = uuid,
                                                      .outcomes = outcomes, .now_ns = 999 * SECOND}));
    }
    g_autoptr(VbTrace) trace = vb_recorded_trace(stage->recorded, "monday");
    g_assert_cmpuint(vb_trace_last(trace)->moved_bytes, ==, 300 * MIB);
    g_assert_cmpuint(vb_trace_last(trace)->moves, ==, 3);
    g_assert_cmpuint(vb_trace_last(trace)->ping_pongs, ==, 2);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*test)(Stage *, gconstpointer);
    } tests[] = {
        {"there", test_what_was_there_is_there},
        {"load", test_the_load_over_time},
        {"comings-and-goings", test_who_comes_and_goes},
        {"sparse-nodes", test_node_ids_with_gaps},
        {"others", test_who_others_place_stays},
        {"too-little", test_too_little},
        {"too-long", test_too_long},
        {"nonsense", test_nonsense_is_refused_or_run},
        {"the-daemon-itself", test_what_the_daemon_came_to},
        {"to-and-fro", test_what_was_moved_to_and_fro},
    };
    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_autofree char *path = g_strdup_printf("/recorded/%s", tests[i].name);
        g_test_add(path, Stage, NULL, set_up, tests[i].test, tear_down);
    }
    return g_test_run();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whatever happens to a tick: who gives another one the same calls, from the beginning or from the
 * state in their midst, gets the same verdicts, and the same state in the end.
 */
#include "core/codec.h"
#include "core/replay.h"
#include "generate.h"
#include "report.h"
#include "sim/recorded.h"
#include "sim/run.h"
#include <string.h>
#include <vmbalancer/error.h>

#define CASES 150
#define STEPS 120

typedef struct {
    GRand *rand;
    VbSnapshot *truth;
    VbTick *tick;
    gint64 now_ns;
    GPtrArray *recordings; /* (element-type GPtrArray of utf8) */
    guint decided, departed;
    gboolean counts; /* the kernel: NUMA faults */
} Life;

static void
add_line(GPtrArray *lines, JsonNode *node)
{
    g_ptr_array_add(lines, vb_codec_text(node, FALSE));
    json_node_unref(node);
}

static void
on_event(const VbTickEvent *event, gpointer data)
{
    Life *life = data;
    for (guint i = 0; i < life->recordings->len; i++)
        add_line(g_ptr_array_index(life->recordings, i), vb_recording_event(event));
    life->decided += event->verdict != NULL;
    life->departed += event->verdict != NULL ? event->verdict->departing->len : 0;
}

static void
begin_recording(Life *life)
{
    GPtrArray *lines = g_ptr_array_new_with_free_func(g_free);
    add_line(lines, vb_recording_head(&(VbRecordingHead){.host = (char *)"h\"ost\n\u2028"}));
    add_line(lines, vb_recording_state(life->tick));
    g_ptr_array_add(life->recordings, lines);
}

static gboolean
chance(Life *life, guint percent)
{
    return (guint)g_rand_int_range(life->rand, 0, 100) < percent;
}

static VbGuest *
any_guest(Life *life)
{
    guint index = (guint)g_rand_int_range(life->rand, 0, (gint32)life->truth->guests->len);
    return g_ptr_array_index(life->truth->guests, index);
}

static VbConfig *
any_config(Life *life)
{
    static const char *const policies[] = {NULL, "home-node", "moron", "none", "no-such"};
    VbConfig *config = vb_config_new();
    config->default_policy =
        g_strdup(policies[g_rand_int_range(life->rand, 0, G_N_ELEMENTS(policies))]);
    if (chance(life, 20))
        config->reserved_nodes = VB_NODE_BIT(vb_nodeset_first(life->truth->topology.nodes));
    gint64 cooldown_ns = g_rand_int_range(life->rand, 0, 60) * SECOND;
    g_hash_table_replace(config->settings, g_strdup("home-node.cooldown"),
                         g_memdup2(&cooldown_ns, sizeof cooldown_ns));
    return config;
}

/* In some lives the kernel counts; by another's dice, so that all else is as in the others. */
static void
add_faults(const Life *life, VbVcpuSight *thread)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed((guint32)life->now_ns ^ thread->id);
    int node;
    thread->faults_known = life->counts && g_rand_boolean(rand);
    VB_NODESET_FOREACH(node, thread->faults_known ? life->truth->topology.nodes : 0)
    {
        thread->private_faults[node] = g_rand_int_range(rand, 0, 5000);
        thread->shared_faults[node] = g_rand_int_range(rand, 0, 5000);
    }
}

static VbGuestSight *
see(Life *life, const VbGuest *guest)
{
    VbGuestSight *sight = vb_guest_sight_new();
    vb_guest_free(sight->facts);
    sight->facts = vb_guest_copy(guest);
    g_ptr_array_set_size(sight->facts->vcpus, 0);
    for (guint i = 0; i < guest->vcpus->len; i++) {
        const VbVcpu *vcpu = g_ptr_array_index(guest->vcpus, i);
        VbVcpuSight *thread = vb_vcpu_sight_new();
        thread->id = vcpu->id;
        thread->tid = vcpu->tid;
        thread->cell = vcpu->cell;
        thread->affinity_known = vcpu->affinity_known;
        thread->affinity = vcpu->affinity;
        thread->run_known = chance(life, 95);
        thread->run_ns = thread->run_known ? (guint64)life->now_ns / (1 + (vcpu->id % 7)) : 0;
        thread->wait_known = thread->run_known;
        thread->wait_ns = thread->run_ns / 9;
        add_faults(life, thread);
        thread->last_cpu = chance(life, 90) ? g_rand_int_range(life->rand, 0, 16) : -1;
        g_ptr_array_add(sight->vcpus, thread);
    }
    return sight;
}

/* Some of a cell's RAM is elsewhere by now. */
static void
stray(Life *life)
{
    VbGuest *guest = any_guest(life);
    VbCell *cell = g_ptr_array_index(guest->cells, 0);
    int node, last = vb_nodeset_first(life->truth->topology.nodes);
    VB_NODESET_FOREACH(node, life->truth->topology.nodes)
    {
        guint64 bytes = cell->by_node[node] / 2;
        cell->by_node[node] -= bytes;
        cell->by_node[last] += bytes;
        last = node;
    }
    if (chance(life, 10))
        guest->start_time++;
}

static VbObservation *
look(Life *life, VbLookDepth depth)
{
    VbObservation *seen = vb_observation_new(depth);
    life->now_ns += g_rand_int_range(life->rand, 1, 8000) * (SECOND / 1000);
    seen->time_ns = life->now_ns;
    seen->topology = life->truth->topology;
    for (guint i = 0; i < VB_NODES_MAX; i++)
        seen->reserve_bytes[i] = life->truth->reserve_bytes[i];
    seen->rival = chance(life, 3) ? g_strdup("numad") : NULL;
    return seen;
}

static void
look_at_all(Life *life, VbLookDepth depth)
{
    if (depth == VB_LOOK_FULL && chance(life, 90))
        vb_tick_look(life->tick);
    g_autoptr(VbObservation) seen = look(life, depth);
    for (guint i = 0; i < life->truth->guests->len; i++)
        if (chance(life, 95))
            g_ptr_array_add(seen->guests, see(life, g_ptr_array_index(life->truth->guests, i)));
    vb_tick_fold(life->tick, seen);
}

static void
look_at_one(Life *life)
{
    const VbGuest *guest = any_guest(life);
    if (vb_tick_trip(life->tick, guest->uuid) != NULL)
        return;
    g_autoptr(VbObservation) alone = look(life, VB_LOOK_FULL);
    g_ptr_array_add(alone->guests, see(life, guest));
    vb_verdict_free(vb_tick_place(life->tick, alone, NULL));
}

static void
land(Life *life)
{
    const VbGuest *guest = any_guest(life);
    const VbTrip *trip = vb_tick_trip(life->tick, guest->uuid);
    if (trip == NULL)
        return;
    g_autoptr(GPtrArray) outcomes =
        g_ptr_array_new_with_free_func((GDestroyNotify)vb_outcome_free);
    for (guint i = 0; i < trip->plan->actions->len; i++) {
        VbOutcome *outcome = vb_outcome_new(i, g_rand_int_range(life->rand, 0, 4),
                                            g_rand_int(life->rand), 5, "for\tno reason");
        /* Who was cut off rests shorter: a recording that did not tell would replay otherwise. */
        if (chance(life, 30))
            outcome->code = VB_ERROR_UNREACHABLE;
        g_ptr_array_add(outcomes, outcome);
        /* The same each time, so that some of it is taken for stuck. */
        if (!life->counts)
            continue;
        outcome->bytes_moved = 0;
        outcome->bytes_stuck = GIB;
    }
    vb_tick_land(life->tick, guest->uuid, outcomes, chance(life, 60), life->now_ns);
}

static void
depart(Life *life)
{
    const VbGuest *guest = any_guest(life);
    if (vb_tick_trip(life->tick, guest->uuid) != NULL || guest->vcpus->len == 0)
        return;
    g_autoptr(VbPlan) plan = vb_plan_new("moron");
    int node = vb_nodeset_first(life->truth->topology.nodes);
    g_autofree char *thread =
        g_strdup_printf("vcpu%u", ((const VbVcpu *)g_ptr_array_index(guest->vcpus, 0))->id);
    vb_plan_add_pin(plan, guest, thread, &life->truth->topology.node[node].cpus, VB_NO_NODE, node,
                    "asked \"for\"");
    vb_plan_add_move(plan, guest, 0, 1, node, MIB, "asked for");
    vb_tick_depart(life->tick, plan, guest->uuid);
}

static void
live(Life *life)
{
    g_autoptr(VbConfig) config = NULL;
    guint what = (guint)g_rand_int_range(life->rand, 0, 100);
    if (what < 25) {
        look_at_all(life, VB_LOOK_FULL);
    } else if (what < 40) {
        look_at_all(life, VB_LOOK_THREADS);
    } else if (what < 65) {
        vb_verdict_free(vb_tick_decide(life->tick, life->now_ns, NULL));
    } else if (what < 80) {
        land(life);
    } else if (what < 85) {
        look_at_one(life);
    } else if (what < 90) {
        stray(life);
    } else if (what < 95) {
        vb_tick_hold(life->tick, any_guest(life)->uuid, 1U << g_rand_int_range(life->rand, 0, 3),
                     chance(life, 40));
    } else if (what < 97) {
        depart(life);
    } else if (what < 98) {
        vb_tick_watch(life->tick, chance(life, 30));
    } else {
        config = any_config(life);
        vb_tick_configure(life->tick, config);
    }
}

static void
live_and_record(Life *life, guint32 seed)
{
    *life = (Life){.rand = g_rand_new_with_seed(seed), .now_ns = 1000 * SECOND, .counts = seed % 2 == 1};
    do {
        vb_snapshot_free(life->truth);
        life->truth = generate_snapshot(g_rand_int(life->rand), GENERATE_ANY);
    } while (life->truth->guests->len == 0);
    g_autoptr(VbConfig) config = any_config(life);
    life->tick = vb_tick_new(config);
    life->recordings = g_ptr_array_new_with_free_func((GDestroyNotify)g_ptr_array_unref);
    vb_tick_tap(life->tick, on_event, life);
    for (guint step = 0; step < STEPS; step++) {
        if (step % (STEPS / 4) == 0)
            begin_recording(life);
        live(life);
    }
}

static void
life_end(Life *life)
{
    g_ptr_array_unref(life->recordings);
    vb_tick_free(life->tick);
    vb_snapshot_free(life->truth);
    g_rand_free(life->rand);
}

static char *
state_of(const VbTick *tick)
{
    g_autoptr(JsonNode) state = vb_recording_state(tick);
    return vb_codec_text(state, TRUE);
}

static void
check_recording(const Life *life, const GPtrArray *lines, guint32 seed)
{
    g_autoptr(VbReplay) replay = vb_replay_new();
    g_autoptr(GError) error = NULL;
    for (guint i = 0; i < lines->len; i++) {
        const char *line = g_ptr_array_index(lines, i);
        if (!vb_replay_line(replay, line, strlen(line), &error))
            g_error("seed %u: %s", seed, error->message);
    }
    g_autofree char *lived = state_of(life->tick);
    g_autofree char *replayed = state_of(vb_replay_tick(replay));
    gsize at = 0;
    while (lived[at] == replayed[at] && lived[at] != '\0')
        at++;
    if (lived[at] != replayed[at])
        g_error("seed %u: the state is %.100s, replayed %.100s", seed, lived + at, replayed + at);
}

static void
every_life_replays(void)
{
    guint decided = 0, departed = 0;
    guint cases = report_cases(CASES);
    for (guint32 i = 0; i < cases; i++) {
        guint32 seed = report_first_seed() + i;
        Life life;
        live_and_record(&life, seed);
        for (guint r = 0; r < life.recordings->len; r++)
            check_recording(&life, g_ptr_array_index(life.recordings, r), seed);
        decided += life.decided;
        departed += life.departed;
        life_end(&life);
    }
    g_test_message("%u verdicts, %u trips", decided, departed);
    g_assert_cmpuint(decided, >=, cases);
    g_assert_cmpuint(departed, >=, cases / 4);
}

/* However odd the host, what was recorded of it is a world that runs, or it is said why not. */
static gboolean
model(const GPtrArray *lines, guint32 seed)
{
    g_autoptr(VbReplay) replay = vb_replay_new();
    g_autoptr(VbRecorded) recorded = vb_recorded_new(replay);
    g_autoptr(GError) error = NULL;
    for (guint i = 0; i < lines->len; i++) {
        const char *line = g_ptr_array_index(lines, i);
        vb_replay_line(replay, line, strlen(line), NULL);
    }
    g_autoptr(VbTrace) was = vb_recorded_trace(recorded, "life");
    for (guint i = 0; i < was->moments->len; i++) {
        const VbMoment *moment = &g_array_index(was->moments, VbMoment, i);
        if (moment->local > moment->accesses || moment->work_ns > moment->wanted_ns)
            g_error("seed %u: moment %u has more than all", seed, i);
    }
    g_autoptr(VbScenario) scenario = vb_recorded_scenario(recorded, "life", &error);
    if (scenario == NULL) {
        g_assert_error(error, VB_ERROR, VB_ERROR_INVALID);
        g_test_message("seed %u: %s", seed, error->message);
        return FALSE;
    }
    scenario->duration_ns = MIN(scenario->duration_ns, 20 * SECOND);
    g_autoptr(VbTrace) would = vb_sim_run(scenario, "home-node", 1, VB_TRACE_MOMENTS, &error);
    g_assert_no_error(error);
    return vb_trace_last(would) != NULL;
}

static void
every_life_can_be_modelled(void)
{
    guint modelled = 0, cases = report_cases(CASES);
    for (guint32 i = 0; i < cases; i++) {
        Life life;
        live_and_record(&life, report_first_seed() + i);
        modelled += model(g_ptr_array_index(life.recordings, 0), report_first_seed() + i);
        life_end(&life);
    }
    g_test_message("%u of %u lives modelled", modelled, cases);
    g_assert_cmpuint(modelled, >=, cases / 2);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/replay/every-life-replays", every_life_replays);
    g_test_add_func("/replay/every-life-can-be-modelled", every_life_can_be_modelled);
    return g_test_run();
}

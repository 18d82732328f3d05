/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The laws of plans over time: moves stop, and nobody is thrown to and fro. */
#include "core/guard.h"
#include "report.h"
#include "simulate.h"

#define HOSTS 10
#define TICKS 1000
/* By then a steady host has come to rest. */
#define REST 600

/* What befell a guest. */
typedef struct {
    gint64 moved_ns;   /* when it last moved, 0 = never */
    VbNodeSet left;    /* what it left then */
    guint moves;
} Fate;

typedef struct {
    Simulate *host;
    const VbPolicy *policy;
    guint32 seed;
    GHashTable *fates; /* uuid -> Fate */
    guint last_tick;   /* of an action */
    guint moves;       /* of guests, all ticks together */
} Story;

static Fate *
fate_of(Story *story, const char *uuid)
{
    Fate *fate = g_hash_table_lookup(story->fates, uuid);
    if (fate == NULL) {
        fate = g_new0(Fate, 1);
        g_hash_table_insert(story->fates, g_strdup(uuid), fate);
    }
    return fate;
}

static const char *
record(Story *story, const VbPlan *plan)
{
    gint64 now = story->host->now_ns;
    for (guint i = 0; i < plan->actions->len; i++) {
        const VbAction *action = g_ptr_array_index(plan->actions, i);
        Fate *fate = fate_of(story, action->uuid);
        const VbGuest *guest = vb_snapshot_find(story->host->truth, action->uuid);
        if (action->kind == VB_ACTION_PIN && !vb_cpuset_within(&action->cpus, &guest->cpu_boundary))
            return "no boundary is broken";
        if (fate->moved_ns != 0 && fate->moved_ns != now &&
            now - fate->moved_ns < SIMULATE_COOLDOWN_NS)
            return "no guest moves more than once a cooldown";
        if (fate->moved_ns == now && action->kind == VB_ACTION_MOVE &&
            (fate->left & VB_NODE_BIT(action->to)) != 0 && story->policy != &vb_policy_moron)
            return "no guest moves from A to B and back to A";
        if (fate->moved_ns != now) {
            fate->left = 0;
            fate->moves++;
            story->moves++;
        }
        fate->moved_ns = now;
        if (action->kind == VB_ACTION_MOVE)
            fate->left |= VB_NODE_BIT(action->from);
        story->last_tick = story->host->tick;
    }
    return NULL;
}

/* No promise of the plan is paid for by the host. */
static const char *
check_truth(const VbSnapshot *truth, const guint64 *free_before)
{
    int id;
    VB_NODESET_FOREACH(id, truth->topology.nodes)
    if (truth->topology.node[id].memory_free_bytes <
        MIN(truth->reserve_bytes[id], free_before[id]))
        return "no node is overcommitted beyond its reserve";
    return NULL;
}

static gboolean
live_a_tick(Story *story)
{
    VbGuardLimits limits = {.cooldown_ns = SIMULATE_COOLDOWN_NS};
    g_autoptr(VbSnapshot) snapshot = simulate_look(story->host);
    g_autoptr(VbPlan) plan = vb_policy_decide(story->policy, snapshot);
    guint64 free_before[VB_NODES_MAX];
    vb_guard_apply(plan, snapshot, &limits);
    for (guint i = 0; i < VB_NODES_MAX; i++)
        free_before[i] = story->host->truth->topology.node[i].memory_free_bytes;
    const char *broken = record(story, plan);
    simulate_act(story->host, plan);
    if (broken == NULL)
        broken = check_truth(story->host->truth, free_before);
    if (broken != NULL)
        report_broken(broken, story->policy, story->seed, snapshot, plan);
    return broken == NULL;
}

/* moron never pins: on a host whose scheduler lets vCPUs wander, its moves cannot stop. */
static gboolean
may_wander(const VbPolicy *policy)
{
    return policy != &vb_policy_moron;
}

static guint
live(guint32 seed, const VbPolicy *policy, SimulateLoad load)
{
    g_autoptr(Simulate) host = simulate_new(seed, load, may_wander(policy));
    g_autoptr(GHashTable) fates = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    Story story = {.host = host, .policy = policy, .seed = seed, .fates = fates};
    for (guint tick = 0; tick < TICKS; tick++)
        if (!live_a_tick(&story))
            return 0;
    if (load == SIMULATE_STEADY && story.last_tick > REST) {
        g_autoptr(VbSnapshot) snapshot = vb_model_snapshot(host->model);
        g_autoptr(VbPlan) plan = vb_plan_new(policy->name);
        g_printerr("last action in tick %u, %u moves\n", story.last_tick, story.moves);
        report_broken("under a steady load moves stop", policy, seed, snapshot, plan);
    }
    return story.moves;
}

static void
test_load(gconstpointer data)
{
    SimulateLoad load = (SimulateLoad)GPOINTER_TO_INT(data);
    guint hosts = report_cases(HOSTS), moves = 0;
    guint32 first = report_first_seed();
    for (guint32 seed = first; seed - first < hosts; seed++)
        for (const VbPolicy *const *policy = vb_policy_all(); *policy != NULL; policy++)
            moves += live(seed, *policy, load);
    g_test_message("%u hosts, %u moves of guests", hosts, moves);
    if (hosts > 1)
        g_assert_cmpuint(moves, >, hosts);
}

/* A cell here lies about its RAM by the noise of sampling, and some of that RAM never moves. */
static void
test_what_stays_is_let_be(void)
{
    g_assert_cmpuint(live(103, &vb_policy_home_node, SIMULATE_STEADY), >, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/time/under-a-steady-load-moves-stop", GINT_TO_POINTER(SIMULATE_STEADY),
                         test_load);
    g_test_add_func("/time/what-stays-is-let-be", test_what_stays_is_let_be);
    g_test_add_data_func("/time/under-a-square-wave-nobody-bounces",
                         GINT_TO_POINTER(SIMULATE_SQUARE), test_load);
    return g_test_run();
}

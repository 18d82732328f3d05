/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "simulate.h"
#include "generate.h"
#include <string.h>

/* Looks at threads in a tick. */
#define STEPS 4

static int
below(Simulate *host, int limit)
{
    return g_rand_int_range(host->rand, 0, limit);
}

/* A vCPU's thread. */
typedef struct {
    guint64 run_ns;
    int base;          /* node where the scheduler keeps it */
    int node;          /* where it is just now */
    guint64 wanted_bp;
} Runner;

static Runner *
runner_of(Simulate *host, const VbVcpu *vcpu)
{
    return g_hash_table_lookup(host->runners, vcpu);
}

static VbGuest *
guest_at(const Simulate *host, guint index)
{
    return g_ptr_array_index(host->truth->guests, index);
}

/* What is known not to move lies somewhere: a part of it on each node. */
static void
prepare_cell(Simulate *host, VbCell *cell)
{
    guint64 *stuck = g_new0(guint64, VB_NODES_MAX);
    cell->home = 0;
    cell->remote_seen = 0;
    cell->error_bp = 50;
    cell->unmovable_bytes = MIN(cell->unmovable_bytes, cell->present_bytes);
    for (guint node = 0; cell->present_bytes > 0 && node < VB_NODES_MAX; node++)
        stuck[node] = (guint64)((unsigned __int128)cell->unmovable_bytes * cell->by_node[node] /
                                cell->present_bytes);
    g_hash_table_insert(host->stuck, cell, stuck);
}

static void
prepare_guest(Simulate *host, VbGuest *guest)
{
    int period = host->load == SIMULATE_SQUARE && below(host, 4) > 0 ? 2 + below(host, 40) : 0;
    g_hash_table_insert(host->period, guest, GINT_TO_POINTER(period));
    guest->owner = VB_OWNER_FREE;
    for (guint i = 0; i < guest->cells->len; i++)
        prepare_cell(host, world_cell_of(guest, i));
    for (guint i = 0; i < guest->vcpus->len; i++) {
        VbVcpu *vcpu = world_vcpu_of(guest, i);
        Runner *runner = g_new0(Runner, 1);
        while (vcpu->share_bp[runner->base] == 0)
            runner->base++;
        g_hash_table_insert(host->runners, vcpu, runner);
    }
}

Simulate *
simulate_new(guint32 seed, SimulateLoad load, gboolean wander)
{
    Simulate *host = g_new0(Simulate, 1);
    host->rand = g_rand_new_with_seed(seed ^ 0x5eed);
    host->truth = generate_snapshot(seed, GENERATE_CALM);
    host->model = vb_model_new();
    host->load = load;
    host->wander = wander;
    host->now_ns = 1000 * SECOND;
    host->runners = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    host->stuck = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    host->period = g_hash_table_new(NULL, NULL);
    for (guint i = 0; i < host->truth->guests->len; i++)
        prepare_guest(host, guest_at(host, i));
    return host;
}

void
simulate_free(Simulate *host)
{
    g_rand_free(host->rand);
    vb_snapshot_free(host->truth);
    vb_model_free(host->model);
    g_hash_table_unref(host->runners);
    g_hash_table_unref(host->stuck);
    g_hash_table_unref(host->period);
    g_free(host);
}

/* What the vCPU wants of a CPU in this tick, give or take 3 %. */
static guint64
demand_of(Simulate *host, const VbGuest *guest, const VbVcpu *vcpu)
{
    guint period = GPOINTER_TO_UINT(g_hash_table_lookup(host->period, guest));
    gboolean high = period > 0 && host->tick / period % 2 == 0;
    gint64 base = period == 0 ? (gint64)vcpu->busy_bp : high ? 9500 : 50;
    return (guint64)CLAMP(base + base * (below(host, 61) - 30) / 1000, 0, VB_BP);
}

static int
pick(Simulate *host, VbNodeSet nodes)
{
    int nth = below(host, (int)vb_nodeset_count(nodes)), id;
    VB_NODESET_FOREACH(id, nodes)
    if (nth-- == 0)
        return id;
    g_assert_not_reached();
}

/* The scheduler: a vCPU stays on its node as long as it may; an unpinned one is lent out at times. */
static void
schedule(Simulate *host, const VbVcpu *vcpu)
{
    VbNodeSet nodes = vb_topology_nodes_of_cpus(&host->truth->topology, &vcpu->affinity);
    Runner *runner = runner_of(host, vcpu);
    if ((nodes & VB_NODE_BIT(runner->base)) == 0)
        runner->base = pick(host, nodes);
    runner->node = host->wander && below(host, 20) == 0 ? pick(host, nodes) : runner->base;
}

/* Lets all run for a while; a node's CPUs are shared out evenly where they do not suffice. */
static void
run(Simulate *host, gint64 duration_ns)
{
    guint64 wanted[VB_NODES_MAX] = {0};
    GHashTableIter iter;
    gpointer value;
    for (guint i = 0; i < host->truth->guests->len; i++)
        for (guint v = 0; v < guest_at(host, i)->vcpus->len; v++) {
            const VbVcpu *vcpu = world_vcpu_of(guest_at(host, i), v);
            Runner *runner = runner_of(host, vcpu);
            schedule(host, vcpu);
            runner->wanted_bp = demand_of(host, guest_at(host, i), vcpu);
            wanted[runner->node] += runner->wanted_bp;
        }
    g_hash_table_iter_init(&iter, host->runners);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        Runner *runner = value;
        guint64 all = wanted[runner->node];
        guint64 capacity = (guint64)host->truth->topology.node[runner->node].n_cpus * VB_BP;
        runner->run_ns += (guint64)duration_ns / VB_BP * runner->wanted_bp * MIN(capacity, all) /
                          MAX(all, 1);
    }
    host->now_ns += duration_ns;
}

/* What sampling makes of a cell that lies on several nodes: up to half a percent off. */
static void
add_noise(Simulate *host, VbCell *cell)
{
    guint64 off = cell->present_bytes / 1000 * (guint64)below(host, 6);
    int from = 0, to = VB_NODES_MAX - 1;
    while (from < VB_NODES_MAX - 1 && cell->by_node[from] == 0)
        from++;
    while (to > 0 && cell->by_node[to] == 0)
        to--;
    if (from >= to)
        return;
    if (below(host, 2) == 0) {
        int other = from;
        from = to;
        to = other;
    }
    off = MIN(off, cell->by_node[from]);
    cell->by_node[from] -= off;
    cell->by_node[to] += off;
}

static void
see_thread(Simulate *host, VbGuestSight *sight, const VbVcpu *vcpu)
{
    const Runner *runner = runner_of(host, vcpu);
    const VbCpuSet *cpus = &host->truth->topology.node[runner->node].cpus;
    int cpu = 0;
    while (!vb_cpuset_has(cpus, (guint)cpu))
        cpu++;
    VbVcpuSight *thread = world_thread(sight, vcpu->id, runner->run_ns, cpu);
    thread->cell = vcpu->cell;
    thread->affinity_known = TRUE;
    thread->affinity = vcpu->affinity;
}

static void
look(Simulate *host, VbLookDepth depth)
{
    g_autoptr(VbObservation) seen = world_look(depth, host->now_ns, &host->truth->topology);
    memcpy(seen->reserve_bytes, host->truth->reserve_bytes, sizeof seen->reserve_bytes);
    for (guint i = 0; i < host->truth->guests->len; i++) {
        const VbGuest *guest = guest_at(host, i);
        VbGuestSight *sight = vb_guest_sight_new();
        vb_guest_free(sight->facts);
        sight->facts = vb_guest_copy(guest);
        g_ptr_array_set_size(sight->facts->vcpus, 0);
        for (guint cell = 0; cell < guest->cells->len; cell++)
            add_noise(host, world_cell_of(sight->facts, cell));
        g_ptr_array_add(seen->guests, sight);
        for (guint v = 0; v < guest->vcpus->len; v++)
            see_thread(host, sight, world_vcpu_of(guest, v));
    }
    vb_model_fold(host->model, seen);
}

VbSnapshot *
simulate_look(Simulate *host)
{
    vb_model_begin_window(host->model);
    for (guint step = 0; step < STEPS; step++) {
        run(host, SIMULATE_TICK_NS / STEPS);
        look(host, step == STEPS - 1 ? VB_LOOK_FULL : VB_LOOK_THREADS);
    }
    host->tick++;
    VbSnapshot *snapshot = vb_model_snapshot(host->model);
    for (guint i = 0; i < snapshot->guests->len; i++)
        ((VbGuest *)g_ptr_array_index(snapshot->guests, i))->selected = guest_at(host, i)->selected;
    return snapshot;
}

static void
do_pin(VbGuest *guest, const VbAction *action)
{
    for (guint i = 0; i < guest->vcpus->len; i++) {
        VbVcpu *vcpu = world_vcpu_of(guest, i);
        g_autofree char *name = g_strdup_printf("vcpu%u", vcpu->id);
        if (g_str_equal(name, action->thread))
            vcpu->affinity = action->cpus;
    }
    for (guint i = 0; i < guest->helpers->len; i++) {
        VbHelperThread *helper = g_ptr_array_index(guest->helpers, i);
        if (g_str_equal(helper->name, action->thread))
            helper->affinity = action->cpus;
    }
    guest->owner = VB_OWNER_OURS;
}

/*
 * Moves what is really there; one move in eight stops half-way. As the actuator does, it looks for
 * room right before: what a move that stopped was to leave is not there.
 */
static guint64
do_move(Simulate *host, VbGuest *guest, const VbAction *action, guint64 *ret_stuck)
{
    VbCell *cell = world_cell_of(guest, action->cell);
    VbNode *from = &host->truth->topology.node[action->from];
    VbNode *to = &host->truth->topology.node[action->to];
    const guint64 *stuck = g_hash_table_lookup(host->stuck, cell);
    guint64 bytes = MIN(action->bytes, cell->by_node[action->from] - stuck[action->from]);
    /* Who moves all comes upon all that stays. */
    *ret_stuck = action->all ? stuck[action->from]
                             : MIN(action->bytes, cell->by_node[action->from]) - bytes;
    bytes = below(host, 8) == 0 ? bytes / 2 : bytes;
    bytes -= bytes % cell->page_size;
    if (cell->page_size > 4096) {
        VbHugePool *source = (VbHugePool *)vb_node_pool(from, cell->page_size);
        VbHugePool *target = (VbHugePool *)vb_node_pool(to, cell->page_size);
        bytes = MIN(bytes, target->free * cell->page_size);
        source->free += bytes / cell->page_size;
        target->free -= bytes / cell->page_size;
    } else {
        if (to->memory_free_bytes < bytes + host->truth->reserve_bytes[action->to])
            return 0;
        from->memory_free_bytes += bytes;
        to->memory_free_bytes -= bytes;
    }
    cell->by_node[action->from] -= bytes;
    cell->by_node[action->to] += bytes;
    return bytes;
}

void
simulate_act(Simulate *host, const VbPlan *plan)
{
    g_autoptr(GPtrArray) outcomes =
        g_ptr_array_new_with_free_func((GDestroyNotify)vb_outcome_free);
    for (guint i = 0; i < plan->actions->len; i++) {
        const VbAction *action = g_ptr_array_index(plan->actions, i);
        VbGuest *guest = vb_snapshot_find(host->truth, action->uuid);
        guint64 bytes = 0, stuck = 0;
        if (action->kind == VB_ACTION_PIN)
            do_pin(guest, action);
        else
            bytes = do_move(host, guest, action, &stuck);
        VbResult result = bytes == action->bytes ? VB_RESULT_DONE : VB_RESULT_PARTIAL;
        VbOutcome *outcome = vb_outcome_new(i, result, bytes, SECOND, NULL);
        outcome->bytes_stuck = stuck;
        g_ptr_array_add(outcomes, outcome);
    }
    vb_model_note(host->model, plan, outcomes, host->now_ns);
    vb_model_lean(host->model, plan);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sim/world_parts.h"

#define SECOND G_GINT64_CONSTANT(1000000000)
#define STEPS_PER_SECOND (SECOND / VB_WORLD_STEP_NS)
/* What a vCPU wants is off its phase's word by up to 3 %, another each second. */
#define JITTER_PERMILLE 30
/* The kernel does not bother with threads that hardly run. */
#define IDLE_DIVISOR 20

/* CPU time that is wanted of each node, and that it has, in a step. */
typedef struct {
    guint64 wanted[VB_NODES_MAX];
    guint64 capacity[VB_NODES_MAX];
} Load;

/* The best that was found of what one node could give away. */
typedef struct {
    VbWorldVcpu *vcpu;
    int to;
    guint64 rank;
} Push;

const VbPhase *
vb_world_phase(const VbWorld *world, const VbWorldGuest *guest)
{
    const GArray *phases = guest->plot->phases;
    gint64 cycle_ns = 0;
    if (!guest->here)
        return NULL;
    for (guint i = 0; i < phases->len; i++)
        cycle_ns += g_array_index(phases, VbPhase, i).duration_ns;
    gint64 at_ns = (world->now_ns - VB_WORLD_BEGIN_NS - guest->plot->arrive_ns +
                    guest->plot->shift_ns) %
                   cycle_ns;
    guint i = 0;
    while (at_ns >= g_array_index(phases, VbPhase, i).duration_ns)
        at_ns -= g_array_index(phases, VbPhase, i++).duration_ns;
    return &g_array_index(phases, VbPhase, i);
}

static Load
load_of(const VbWorld *world)
{
    Load load = {{0}, {0}};
    for (guint id = 0; id < world->scenario->n_nodes; id++)
        load.capacity[id] = world->topology.node[id].n_cpus * (guint64)VB_WORLD_STEP_NS;
    for (guint g = 0; g < world->guests->len; g++) {
        const VbWorldGuest *guest = vb_world_guest(world, g);
        for (guint i = 0; guest->here && i < guest->vcpus->len; i++)
            load.wanted[vb_world_vcpu(guest, i)->node] += vb_world_vcpu(guest, i)->wanted_ns;
    }
    return load;
}

static gint64
spare(const Load *load, int node)
{
    return (gint64)load->capacity[node] - (gint64)load->wanted[node];
}

/* The node with the most CPU time to spare, of equals the one that chance takes. */
static int
idlest(const VbWorld *world, const Load *load, VbNodeSet allowed, guint64 who)
{
    int id, best = VB_NO_NODE;
    guint64 best_rank = 0;
    VB_NODESET_FOREACH(id, allowed)
    {
        guint64 rank = vb_dice_throw(world->seed, VB_DICE_SPREAD, who << 8 | (guint)id, world->step);
        if (load->capacity[id] == 0)
            continue;
        if (best == VB_NO_NODE || spare(load, id) > spare(load, best) ||
            (spare(load, id) == spare(load, best) && rank < best_rank)) {
            best = id;
            best_rank = rank;
        }
    }
    return best;
}

int
vb_world_spread(VbWorld *world, VbNodeSet allowed, guint64 who)
{
    Load load = load_of(world);
    return idlest(world, &load, allowed, who);
}

void
vb_world_bind(VbWorld *world, VbWorldGuest *guest, guint i, const VbCpuSet *cpus)
{
    VbWorldVcpu *vcpu = vb_world_vcpu(guest, i);
    VbNodeSet before = vcpu->allowed;
    vcpu->affinity = *cpus;
    vcpu->allowed = vb_topology_nodes_of_cpus(&world->topology, cpus);
    if (before == 0 || (vcpu->allowed & VB_NODE_BIT(vcpu->node)) == 0) {
        vcpu->wanted_ns = 0;
        vcpu->node = vb_world_spread(world, vcpu->allowed, VB_WORLD_WHO(guest, i));
    }
}

static void
want(VbWorld *world, VbWorldGuest *guest)
{
    const VbPhase *phase = vb_world_phase(world, guest);
    for (guint i = 0; i < guest->vcpus->len; i++) {
        VbWorldVcpu *vcpu = vb_world_vcpu(guest, i);
        guint64 permille = 1000 - JITTER_PERMILLE +
                           vb_dice_below(world->seed, VB_DICE_LOAD, VB_WORLD_WHO(guest, i),
                                         world->step / STEPS_PER_SECOND, 2 * JITTER_PERMILLE + 1);
        guint64 wanted = (guint64)VB_WORLD_STEP_NS / VB_BP * phase->busy_bp / 1000 * permille;
        vcpu->wanted_ns = MIN(wanted, (guint64)VB_WORLD_STEP_NS);
        vcpu->memory_bp = phase->memory_bp;
    }
}

static void
migrate(VbWorldVcpu *vcpu, int to, Load *load)
{
    load->wanted[vcpu->node] -= vcpu->wanted_ns;
    load->wanted[to] += vcpu->wanted_ns;
    vcpu->node = to;
}

/* TRUE if the kernel would take the vCPU to @to, were it to take one from its node. */
static gboolean
evens_out(const VbWorld *world, const Load *load, const VbWorldVcpu *vcpu, int to)
{
    int from = vcpu->node;
    guint64 wanted = vcpu->wanted_ns;
    gint64 calm = MAX(world->topology.node[from].n_cpus / 4, 2) * VB_WORLD_STEP_NS;
    if (to == from || wanted < (guint64)VB_WORLD_STEP_NS / IDLE_DIVISOR)
        return FALSE;
    gboolean fits = (unsigned __int128)(load->wanted[to] + wanted) * load->capacity[from] <
                    (unsigned __int128)load->wanted[from] * load->capacity[to];
    if (load->wanted[from] > load->capacity[from])
        return fits;
    return spare(load, to) - spare(load, from) > MAX(calm, 2 * (gint64)wanted);
}

/* Each node gives away one at most: which of them is up to chance. */
static void
balance(VbWorld *world, Load *load)
{
    Push push[VB_NODES_MAX] = {{0}};
    for (guint g = 0; g < world->guests->len; g++) {
        const VbWorldGuest *guest = vb_world_guest(world, g);
        for (guint i = 0; guest->here && i < guest->vcpus->len; i++) {
            VbWorldVcpu *vcpu = vb_world_vcpu(guest, i);
            guint64 who = VB_WORLD_WHO(guest, i);
            guint64 rank = vb_dice_throw(world->seed, VB_DICE_SPREAD, who, world->step);
            Push *best = &push[vcpu->node];
            if (vb_nodeset_count(vcpu->allowed) < 2 || (best->vcpu != NULL && best->rank <= rank))
                continue;
            int to = idlest(world, load, vcpu->allowed, who);
            if (evens_out(world, load, vcpu, to))
                *best = (Push){vcpu, to, rank};
        }
    }
    for (guint id = 0; id < world->scenario->n_nodes; id++)
        if (push[id].vcpu != NULL && evens_out(world, load, push[id].vcpu, push[id].to))
            migrate(push[id].vcpu, push[id].to, load);
}

static void
drift(VbWorld *world, Load *load)
{
    guint64 second = world->step / STEPS_PER_SECOND;
    for (guint g = 0; g < world->guests->len; g++) {
        const VbWorldGuest *guest = vb_world_guest(world, g);
        for (guint i = 0; guest->here && i < guest->vcpus->len; i++) {
            VbWorldVcpu *vcpu = vb_world_vcpu(guest, i);
            guint64 who = VB_WORLD_WHO(guest, i);
            if (vb_nodeset_count(vcpu->allowed) < 2 ||
                vb_dice_below(world->seed, VB_DICE_DRIFT, who, second, 3600) >=
                    world->scenario->drift_per_hour)
                continue;
            int to = (int)vb_dice_below(world->seed, VB_DICE_DRIFT, who, ~second,
                                        world->scenario->n_nodes);
            if ((vcpu->allowed & VB_NODE_BIT(to)) != 0 && to != vcpu->node &&
                spare(load, to) >= (gint64)vcpu->wanted_ns)
                migrate(vcpu, to, load);
        }
    }
}

/* Who wants more than a node has gets its part. */
static void
share_out(VbWorld *world, const Load *load)
{
    for (guint g = 0; g < world->guests->len; g++) {
        const VbWorldGuest *guest = vb_world_guest(world, g);
        for (guint i = 0; guest->here && i < guest->vcpus->len; i++) {
            VbWorldVcpu *vcpu = vb_world_vcpu(guest, i);
            guint64 all = load->wanted[vcpu->node], has = load->capacity[vcpu->node];
            vcpu->given_ns = vcpu->wanted_ns;
            if (all > has)
                vcpu->given_ns = (guint64)((unsigned __int128)vcpu->wanted_ns * has / all);
            vcpu->run_ns += vcpu->given_ns;
            vcpu->wait_ns += vcpu->wanted_ns - vcpu->given_ns;
            world->sums.wanted_ns += vcpu->wanted_ns;
            world->sums.given_ns += vcpu->given_ns;
        }
    }
}

void
vb_world_schedule(VbWorld *world)
{
    for (guint g = 0; g < world->guests->len; g++)
        if (vb_world_guest(world, g)->here)
            want(world, vb_world_guest(world, g));
    Load load = load_of(world);
    if (world->step % STEPS_PER_SECOND == 0) {
        drift(world, &load);
        balance(world, &load);
    }
    share_out(world, &load);
}

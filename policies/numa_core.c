/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "seating.h"

/*
 * numa-core, after numa/core (Ingo Molnar, Peter Zijlstra, LKML 2012-11-12 to 12-07): a vCPU is
 * shared or private. Shared ones are compressed onto the node that holds most of their siblings
 * already and is not full; private ones are spread to the node with the most idle CPUs, if that
 * beats their own by more than one. The same target must be chosen twice in a row. RAM follows
 * lazily.
 *
 * The original told shared from private by hinting faults: a vCPU is shared if its shared faults are at
 * least half its private ones. Where the kernel does not tell of them, one is shared if it is not
 * alone in its cell. Its buddies, who touched the same page last, are its siblings here: the vCPUs of
 * its cell that are not private. Its doubling of the interval when targets disagree is not needed:
 * who disagrees is asked again by the next look.
 */

static const VbParameter parameters[] = {
    {"confirm", 1, 100, 2, "",
     "decisions in a row that must choose the same target, and looks that "
     "must find RAM remote before it follows"},
    {"imbalance", 0, 100000, 10000, "bp",
     "CPUs' worth of idle time by which another node must beat a private vCPU's own"},
    {"tolerance", 0, VB_BP, 100, "bp",
     "share of a cell's RAM that may lie where no vCPU of it runs"},
    {"cooldown", G_GINT64_CONSTANT(1000000000), G_MAXINT64, G_GINT64_CONSTANT(60000000000), "ns",
     "time for which a guest that moved is left alone"},
    {NULL},
};

typedef enum { PRIVATE, SHARED, UNTOLD } Kind;

static Kind
kind_of(const VbVcpu *vcpu)
{
    if (!vcpu->faults_known)
        return UNTOLD;
    return 2 * (VB_BP - vcpu->private_bp) >= vcpu->private_bp ? SHARED : PRIVATE;
}

/* Its siblings, by the node where they run. Returns: how many there are. */
static guint
count_siblings(const VbSeating *seating, const VbSeated *self, guint *by_node)
{
    guint count = 0;
    for (guint i = 0; i < seating->seated->len; i++) {
        const VbSeated *other = vb_seating_at(seating, i);
        if (other == self || other->guest != self->guest || other->cell != self->cell ||
            kind_of(other->vcpu) == PRIVATE)
            continue;
        count++;
        if (vb_seated_node(other) != VB_NO_NODE)
            by_node[vb_seated_node(other)]++;
    }
    return count;
}

/* Of nodes with as many siblings the one with more of the cell's RAM, then the lowest id. */
static int
compress_to(const VbSeating *seating, const VbSeated *self, const guint *siblings)
{
    int here = vb_seated_node(self), best = here, node;
    VB_NODESET_FOREACH(node, self->allowed)
    {
        if (node == here || !vb_seating_has_room(seating, self, node, NULL))
            continue;
        guint most = best != VB_NO_NODE ? siblings[best] : 0;
        gboolean more_ram = best != VB_NO_NODE && best != here && siblings[node] == most &&
                            self->cell->by_node[node] > self->cell->by_node[best];
        if (best == VB_NO_NODE || siblings[node] > most || more_ram)
            best = node;
    }
    return best;
}

static gint64
idle_bp(const VbSeating *seating, int node)
{
    return (gint64)seating->snapshot->topology.node[node].n_cpus * VB_BP - seating->load_bp[node];
}

static int
spread_to(const VbSeating *seating, const VbSeated *self)
{
    int here = vb_seated_node(self), best = here, node;
    gint64 beat =
        here == VB_NO_NODE
            ? G_MININT64
            : idle_bp(seating, here) +
                  MAX(self->demand_bp, vb_policy_parameter(seating->policy, seating->snapshot,
                                                           self->guest, "imbalance"));
    VB_NODESET_FOREACH(node, self->allowed)
    {
        if (node == here || !vb_seating_has_room(seating, self, node, NULL) ||
            idle_bp(seating, node) <= beat)
            continue;
        beat = idle_bp(seating, node);
        best = node;
    }
    return best;
}

static gboolean
place(VbSeating *seating, VbSeated *self)
{
    guint siblings[VB_NODES_MAX] = {0};
    guint count = count_siblings(seating, self, siblings);
    Kind kind = kind_of(self->vcpu);
    gboolean shared = kind == SHARED || (kind == UNTOLD && count > 0);
    int target = shared ? compress_to(seating, self, siblings) : spread_to(seating, self);
    if (target == vb_seated_node(self))
        return FALSE;
    vb_seating_send(seating, self, target);
    return TRUE;
}

/*
 * Compressing only ever brings siblings together, which no private one is; spreading only ever evens
 * loads out: it ends.
 */
static void
decide(const VbPolicy *policy, const VbSnapshot *snapshot, VbPlan *plan)
{
    static const VbFollow follow = {
        "confirm", "tolerance", "siblings belong together, and who has none where CPUs are idle"};
    g_autoptr(VbSeating) seating = vb_seating_new(policy, snapshot, "cooldown", plan);
    vb_seating_settle(seating, place);
    vb_seating_emit(seating, &follow);
}

const VbPolicy vb_policy_numa_core = {
    .name = "numa-core",
    .question = "does this vCPU share memory with others, or has it its own?",
    .needs = VB_NEEDS_RESIDENCY | VB_NEEDS_SHARE | VB_NEEDS_DEMAND,
    .parameters = parameters,
    .decide = decide,
};

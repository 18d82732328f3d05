/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "seating.h"

/*
 * adaptive-affinity, after Peter Zijlstra's adaptive NUMA affinity ("sched/numa", LKML 2012-11-22):
 * there is no home. vCPUs that touch the same memory form a group; each goes where its accesses go
 * and where its group is, by affinity alone, and those that have nothing to do with each other are
 * spread by load.
 *
 * What a vCPU has of a node, in basis points: the share of its accesses that goes there; `group`
 * times the share of its group that runs there; less `load` times what others ask of the node's
 * CPUs, the less the less it asks itself. Each goes where it has most until nobody finds better by
 * the margin. What one has of another it has of it in turn, so every step adds to the sum of all,
 * and it ends.
 */

static const VbParameter parameters[] = {
    {"group", 0, 100, 1, "", "weight of being where one's group is, accesses being 1"},
    {"load", 0, 100, 1, "", "weight of a node's load, the same for all guests"},
    {"margin", 10, VB_BP, 1000, "bp", "by which another node must be better"},
    {"confirm", 1, 100, 2, "",
     "decisions in a row that must agree, and looks that must find RAM "
     "remote before it follows"},
    {"tolerance", 0, VB_BP, 100, "bp",
     "share of a cell's RAM that may lie where no vCPU of it runs"},
    {"cooldown", G_GINT64_CONSTANT(1000000000), G_MAXINT64, G_GINT64_CONSTANT(60000000000), "ns",
     "time for which a guest that moved is left alone"},
    {NULL},
};

static gint64
parameter(const VbSeating *seating, const VbSeated *self, const char *name)
{
    return vb_policy_parameter(seating->policy, seating->snapshot, self->guest, name);
}

/* Share of its accesses that goes to @node; where that is unknown, of the RAM that it uses. */
static gint64
accesses_to(const VbSeated *self, int node)
{
    if (self->vcpu->access_known)
        return self->vcpu->access_bp[node];
    return self->cell->present_bytes > 0 ? (gint64)((unsigned __int128)self->cell->by_node[node] *
                                                    VB_BP / self->cell->present_bytes)
                                         : 0;
}

/* How much two vCPUs touch the same memory: those of one cell all of it, others nothing. */
static gboolean
is_grouped(const VbSeated *self, const VbSeated *other)
{
    return other != self && other->guest == self->guest && other->cell == self->cell;
}

static gint64
group_on(const VbSeating *seating, const VbSeated *self, int node)
{
    guint all = 0, there = 0;
    for (guint i = 0; i < seating->seated->len; i++) {
        const VbSeated *other = vb_seating_at(seating, i);
        if (!is_grouped(self, other))
            continue;
        all++;
        there += vb_seated_node(other) == node;
    }
    return all > 0 ? (gint64)there * VB_BP / all : 0;
}

/* What the load that others make on @node is to it. */
static gint64
load_of(const VbSeating *seating, const VbSeated *self, int node)
{
    gint64 others = seating->load_bp[node] - (vb_seated_node(self) == node ? self->demand_bp : 0);
    gint64 cpus = MAX(seating->snapshot->topology.node[node].n_cpus, 1);
    gint64 weight = vb_policy_parameter(seating->policy, seating->snapshot, NULL, "load");
    return weight * (MAX(others, 0) * self->demand_bp / (cpus * VB_BP));
}

static gint64
worth_of(const VbSeating *seating, const VbSeated *self, int node)
{
    return accesses_to(self, node) +
           parameter(seating, self, "group") * group_on(seating, self, node) -
           load_of(seating, self, node);
}

static gboolean
improve(VbSeating *seating, VbSeated *self)
{
    int here = vb_seated_node(self), best = VB_NO_NODE, node;
    gint64 least = here != VB_NO_NODE
                       ? worth_of(seating, self, here) + parameter(seating, self, "margin")
                       : G_MININT64;
    VB_NODESET_FOREACH(node, self->allowed)
    {
        gint64 worth = node != here && vb_seating_has_room(seating, self, node, NULL)
                           ? worth_of(seating, self, node)
                           : G_MININT64;
        if (worth > G_MININT64 && worth >= least && (best == VB_NO_NODE || worth > least)) {
            least = worth;
            best = node;
        }
    }
    if (best != VB_NO_NODE)
        vb_seating_send(seating, self, best);
    return best != VB_NO_NODE;
}

static void
decide(const VbPolicy *policy, const VbSnapshot *snapshot, VbPlan *plan)
{
    static const VbFollow follow = {
        "confirm", "tolerance", "there are most of its accesses and of its group, for the load"};
    g_autoptr(VbSeating) seating = vb_seating_new(policy, snapshot, "cooldown", plan);
    vb_seating_settle(seating, improve);
    vb_seating_emit(seating, &follow);
}

const VbPolicy vb_policy_adaptive_affinity = {
    .name = "adaptive-affinity",
    .question = "whom and what does this vCPU have to do with?",
    .needs = VB_NEEDS_RESIDENCY | VB_NEEDS_SHARE | VB_NEEDS_DEMAND,
    .parameters = parameters,
    .decide = decide,
};

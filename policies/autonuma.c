/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "place.h"
#include "seating.h"

/*
 * autonuma, after AutoNUMA (Andrea Arcangeli, LKML 2012-08-22, "AutoNUMA24"): decaying statistics
 * say where a thread's accesses go (task weight) and where its process's memory is (memory weight);
 * a vCPU looks at those that run on other nodes and changes places with the one for which the
 * exchange scores best:
 *
 *   score = max(0, w_self(there) - w_self(here)) + max(0, w_self(there) - w_other(there))
 *
 * vCPUs of one guest compare task weights, those of different guests memory weights; a free CPU is
 * taken for what is gained alone. An exchange must also gain in sum, both weights of both counted:
 * the original's did not have to, and could go round in circles. Pages then converge to where the
 * vCPUs that use them are, once they were seen away twice.
 */

static const VbParameter parameters[] = {
    {"margin", 1, VB_BP, 500, "bp", "weight that an exchange must gain in sum"},
    {"confirm", 1, 100, 2, "", "looks in a row that must find RAM remote before it moves"},
    {"tolerance", 0, VB_BP, 100, "bp",
     "share of a cell's RAM that may lie where no vCPU of it runs"},
    {"cooldown", G_GINT64_CONSTANT(1000000000), G_MAXINT64, G_GINT64_CONSTANT(60000000000), "ns",
     "time for which a guest that moved is left alone"},
    {NULL},
};

/* An exchange: self goes there, and other (nullable: a free CPU) to where self is. */
typedef struct {
    VbSeated *other;
    int there;
    gint64 score;
} Exchange;

/* Share of its accesses that go to @node, as far as is known: else of the cell that it uses. */
static gint64
task_weight(const VbSeated *seated, int node)
{
    if (seated->vcpu->access_known)
        return seated->vcpu->access_bp[node];
    return seated->cell->present_bytes > 0
               ? (gint64)((unsigned __int128)seated->cell->by_node[node] * VB_BP /
                          seated->cell->present_bytes)
               : 0;
}

/* Share of its guest's RAM that is on @node. */
static gint64
memory_weight(const VbSeated *seated, int node)
{
    guint64 there = 0, present = vb_guest_present_bytes(seated->guest);
    for (guint i = 0; i < seated->guest->cells->len; i++)
        there += ((const VbCell *)g_ptr_array_index(seated->guest->cells, i))->by_node[node];
    return present > 0 ? (gint64)((unsigned __int128)there * VB_BP / present) : 0;
}

/* What going to @there gains it, by both weights. One that must leave where it is gains what is
 * there. */
static gint64
gain_of(const VbSeated *seated, int there)
{
    int here = vb_seated_node(seated);
    gint64 now =
        here != VB_NO_NODE ? task_weight(seated, here) + memory_weight(seated, here) : -VB_BP;
    return task_weight(seated, there) + memory_weight(seated, there) - now;
}

static gint64
score_of(const VbSeated *self, const VbSeated *other, int there)
{
    int here = vb_seated_node(self);
    gboolean same = other == NULL || other->guest == self->guest;
    gint64 (*weight)(const VbSeated *, int) = same ? task_weight : memory_weight;
    gint64 now = here != VB_NO_NODE ? weight(self, here) : 0;
    gint64 score = MAX(0, weight(self, there) - now);
    return other != NULL ? score + MAX(0, weight(self, there) - weight(other, there)) : score;
}

static gboolean
may_swap(const VbSeating *seating, const VbSeated *self, const VbSeated *other, int here, int there)
{
    return (other->allowed & VB_NODE_BIT(here)) != 0 &&
           vb_seating_has_room(seating, self, there, other) &&
           vb_seating_has_room(seating, other, here, self);
}

static void
consider(Exchange *best, VbSeated *other, int there, gint64 score)
{
    if (score > best->score)
        *best = (Exchange){other, there, score};
}

static Exchange
find_exchange(const VbSeating *seating, const VbSeated *self, gint64 margin)
{
    Exchange best = {NULL, VB_NO_NODE, 0};
    int here = vb_seated_node(self), there;
    VB_NODESET_FOREACH(there, self->allowed)
    {
        gint64 gain = there != here ? gain_of(self, there) : 0;
        if (there != here && gain >= margin && vb_seating_has_room(seating, self, there, NULL))
            consider(&best, NULL, there, score_of(self, NULL, there));
        for (guint i = 0; there != here && i < seating->seated->len; i++) {
            VbSeated *other = vb_seating_at(seating, i);
            /* Without a place of its own it has none to offer. */
            if (here == VB_NO_NODE || other == self || vb_seated_node(other) != there ||
                gain + gain_of(other, here) < margin)
                continue;
            if (may_swap(seating, self, other, here, there))
                consider(&best, other, there, score_of(self, other, there));
        }
    }
    return best;
}

/* Each exchange gains in sum, so that it ends. */
static gboolean
exchange(VbSeating *seating, VbSeated *self)
{
    gint64 margin = vb_policy_parameter(seating->policy, seating->snapshot, self->guest, "margin");
    int here = vb_seated_node(self);
    Exchange found = find_exchange(seating, self, margin);
    if (found.there == VB_NO_NODE)
        return FALSE;
    vb_seating_send(seating, self, found.there);
    if (found.other != NULL)
        vb_seating_send(seating, found.other, here);
    return TRUE;
}

static void
decide(const VbPolicy *policy, const VbSnapshot *snapshot, VbPlan *plan)
{
    static const VbFollow follow = {"confirm", "tolerance",
                                    "of all exchanges this one brings most accesses and RAM near"};
    g_autoptr(VbSeating) seating = vb_seating_new(policy, snapshot, "cooldown", plan);
    vb_seating_settle(seating, exchange);
    vb_seating_emit(seating, &follow);
}

const VbPolicy vb_policy_autonuma = {
    .name = "autonuma",
    .question = "with whom should each vCPU change places?",
    .needs = VB_NEEDS_RESIDENCY | VB_NEEDS_SHARE | VB_NEEDS_DEMAND,
    .parameters = parameters,
    .decide = decide,
};

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

static int
here_of(const VbSeated *seated)
{
    return seated->node != VB_NO_NODE ? seated->node : seated->from;
}

/* What going to @there gains it, by both weights. One that must leave where it is gains what is
 * there. */
static gint64
gain_of(const VbSeated *seated, int there)
{
    int here = here_of(seated);
    gint64 now =
        here != VB_NO_NODE ? task_weight(seated, here) + memory_weight(seated, here) : -VB_BP;
    return task_weight(seated, there) + memory_weight(seated, there) - now;
}

static gint64
score_of(const VbSeated *self, const VbSeated *other, int there)
{
    int here = here_of(self);
    gboolean same = other == NULL || other->guest == self->guest;
    gint64 (*weight)(const VbSeated *, int) = same ? task_weight : memory_weight;
    gint64 now = here != VB_NO_NODE ? weight(self, here) : 0;
    gint64 score = MAX(0, weight(self, there) - now);
    return other != NULL ? score + MAX(0, weight(self, there) - weight(other, there)) : score;
}

static gboolean
may_swap(const VbSeating *seating, const VbSeated *self, const VbSeated *other, int here, int there)
{
    return here != VB_NO_NODE && (other->allowed & VB_NODE_BIT(here)) != 0 &&
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
    int here = here_of(self), there;
    VB_NODESET_FOREACH(there, self->allowed)
    {
        gint64 gain = there != here ? gain_of(self, there) : 0;
        if (there != here && gain >= margin && vb_seating_has_room(seating, self, there, NULL))
            consider(&best, NULL, there, score_of(self, NULL, there));
        for (guint i = 0; there != here && i < seating->seated->len; i++) {
            VbSeated *other = vb_seating_at(seating, i);
            if (other == self || here_of(other) != there ||
                !may_swap(seating, self, other, here, there))
                continue;
            if (gain + gain_of(other, here) >= margin)
                consider(&best, other, there, score_of(self, other, there));
        }
    }
    return best;
}

/* Each looks round in turn, until nobody finds an exchange: each gains in sum, so that it ends. */
static void
exchange_all(VbSeating *seating)
{
    for (gboolean changed = TRUE; changed;) {
        changed = FALSE;
        for (guint i = 0; i < seating->seated->len; i++) {
            VbSeated *self = vb_seating_at(seating, i);
            gint64 margin =
                vb_policy_parameter(seating->policy, seating->snapshot, self->guest, "margin");
            int here = here_of(self);
            Exchange exchange = find_exchange(seating, self, margin);
            if (exchange.there == VB_NO_NODE)
                continue;
            vb_seating_send(seating, self, exchange.there);
            if (exchange.other != NULL)
                vb_seating_send(seating, exchange.other, here);
            changed = TRUE;
        }
    }
}

static void
decide(const VbPolicy *policy, const VbSnapshot *snapshot, VbPlan *plan)
{
    static const VbFollow follow = {"confirm", "tolerance",
                                    "of all exchanges this one brings most accesses and RAM near"};
    g_autoptr(VbSeating) seating = vb_seating_new(policy, snapshot, "cooldown", plan);
    exchange_all(seating);
    vb_seating_emit(seating, &follow);
}

const VbPolicy vb_policy_autonuma = {
    .name = "autonuma",
    .question = "with whom should each vCPU change places?",
    .needs = VB_NEEDS_RESIDENCY | VB_NEEDS_SHARE | VB_NEEDS_DEMAND,
    .parameters = parameters,
    .decide = decide,
};

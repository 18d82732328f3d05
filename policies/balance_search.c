/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "balance.h"

/*
 * Greedy insertion by regret (the difference between the best and the second best way: who has most to
 * lose chooses first; after Potvin and Rousseau, "A parallel route building algorithm", 1993), then
 * local search: relocation of one, and ejection of another who is in the way, which may change places
 * with it or go to a third node. Each step lowers the sum of all costs, so it ends.
 */

/* As many without a seat are asked anew after each insertion. */
#define REGRET_ANEW 64
/* Turns in which a seating that does not settle is still asked. */
#define TURNS_MAX 64

typedef struct {
    VbParty *party;
    gint64 regret;
} Waiter;

/* The way that costs least of those that @party, which is up, may take; VB_BALANCE_UP if none. */
static int
best_way(VbBalance *balance, const VbParty *party, int before, gint64 *ret_price, gint64 *ret_second)
{
    int best = VB_BALANCE_UP;
    *ret_price = *ret_second = G_MAXINT64;
    for (int way = 0; way < 2 * (int)balance->nodes; way++) {
        if (!party->ways[way].open)
            continue;
        gint64 price = vb_balance_price(balance, party, way);
        if (price >= *ret_second || !vb_balance_fits(balance, party, way))
            continue;
        if (price < *ret_price || (price == *ret_price && way == before)) {
            /* Two ways of one node are no choice. */
            if (best == VB_BALANCE_UP || vb_way_node(best) != vb_way_node(way))
                *ret_second = *ret_price;
            *ret_price = price;
            best = way;
        } else if (vb_way_node(best) != vb_way_node(way)) {
            *ret_second = price;
        }
    }
    return best;
}

/* Who has a place sits there: that is where it starts from. */
static void
seat_settled(VbBalance *balance)
{
    for (guint i = 0; i < balance->parties->len; i++) {
        VbParty *party = vb_balance_party(balance, i);
        if (party->way == VB_BALANCE_UP && !party->out && party->origin >= 0 &&
            vb_balance_fits(balance, party, 2 * party->origin))
            vb_balance_sit(balance, party, 2 * party->origin);
    }
}

/* The greatest regret first; of equals the greatest demand, then in their order. */
static int
compare_waiters(gconstpointer a, gconstpointer b)
{
    const Waiter *left = a, *right = b;
    if (left->regret != right->regret)
        return left->regret > right->regret ? -1 : 1;
    if (left->party->demand_bp != right->party->demand_bp)
        return left->party->demand_bp > right->party->demand_bp ? -1 : 1;
    return (left->party > right->party) - (left->party < right->party);
}

static void
measure(VbBalance *balance, GArray *waiters)
{
    for (guint i = 0; i < waiters->len; i++) {
        Waiter *waiter = &g_array_index(waiters, Waiter, i);
        gint64 price, second;
        best_way(balance, waiter->party, VB_BALANCE_UP, &price, &second);
        waiter->regret = second == G_MAXINT64 ? G_MAXINT64 : second - price;
    }
    g_array_sort(waiters, compare_waiters);
}

static void
seat_rest(VbBalance *balance)
{
    g_autoptr(GArray) waiters = g_array_new(FALSE, FALSE, sizeof(Waiter));
    for (guint i = 0; i < balance->parties->len; i++) {
        Waiter waiter = {vb_balance_party(balance, i), 0};
        if (waiter.party->way == VB_BALANCE_UP && !waiter.party->out)
            g_array_append_val(waiters, waiter);
    }
    gboolean anew = waiters->len <= REGRET_ANEW;
    if (!anew)
        measure(balance, waiters);
    while (waiters->len > 0) {
        gint64 price, second;
        if (anew)
            measure(balance, waiters);
        VbParty *party = g_array_index(waiters, Waiter, 0).party;
        int way = best_way(balance, party, VB_BALANCE_UP, &price, &second);
        if (way != VB_BALANCE_UP)
            vb_balance_sit(balance, party, way);
        g_array_remove_index(waiters, 0);
    }
}

/* A guest of which a cell found no place stays as it is, all of it. */
static void
send_out(VbBalance *balance)
{
    for (guint i = 0; i < balance->parties->len; i++) {
        const VbParty *party = vb_balance_party(balance, i);
        if (party->way != VB_BALANCE_UP || party->out)
            continue;
        for (guint k = party->first; k < party->end; k++) {
            VbParty *kin = vb_balance_party(balance, k);
            if (kin->way != VB_BALANCE_UP)
                vb_balance_rise(balance, kin);
            kin->out = TRUE;
        }
        vb_balance_add_guest(balance, party->guest, 1);
    }
}

static gboolean
relocate(VbBalance *balance, VbParty *party)
{
    gint64 price, second;
    if (party->way == VB_BALANCE_UP)
        return FALSE;
    int before = vb_balance_rise(balance, party);
    gint64 old = vb_balance_price(balance, party, before);
    int way = best_way(balance, party, before, &price, &second);
    gboolean better = way != VB_BALANCE_UP && price < old;
    vb_balance_sit(balance, party, better ? way : before);
    return better;
}

/* Cheapest that @party could sit, if nobody else were there. */
static gint64
least_own(const VbBalance *balance, const VbParty *party)
{
    gint64 least = G_MAXINT64;
    for (guint way = 0; way < 2 * balance->nodes; way++)
        if (party->ways[way].open && !party->ways[way].shut)
            least = MIN(least, party->ways[way].own);
    return least;
}

/*
 * @self, which is up, takes @wanted, and @other, up too, the way that then costs least. The room that
 * one leaves may be what the other needs: so both are seated before that is looked at.
 * Returns: TRUE if they cost less than @limit together: they then sit so.
 */
static gboolean
try_pair(VbBalance *balance, VbParty *self, int wanted, VbParty *other, gint64 limit)
{
    gint64 price = vb_balance_price(balance, self, wanted), rest, second;
    if (price >= limit)
        return FALSE;
    vb_balance_sit(balance, self, wanted);
    int way = best_way(balance, other, VB_BALANCE_UP, &rest, &second);
    if (way != VB_BALANCE_UP && price + rest < limit) {
        vb_balance_sit(balance, other, way);
        if (vb_balance_sound(balance, self, wanted))
            return TRUE;
        vb_balance_rise(balance, other);
    }
    vb_balance_rise(balance, self);
    return FALSE;
}

/* Sends @other away from the node that @self, which is up, wants. Returns: TRUE if both sit better. */
static gboolean
eject(VbBalance *balance, VbParty *self, int wanted, gint64 old, VbParty *other)
{
    if (other == self || other->way == VB_BALANCE_UP ||
        vb_way_node(other->way) != vb_way_node(wanted) || balance->patience == 0)
        return FALSE;
    int place = vb_balance_rise(balance, other);
    gint64 limit = old + vb_balance_price(balance, other, place);
    balance->patience--;
    if (self->ways[wanted].own + least_own(balance, other) < limit &&
        try_pair(balance, self, wanted, other, limit))
        return TRUE;
    vb_balance_sit(balance, other, place);
    return FALSE;
}

static gboolean
eject_any(VbBalance *balance, VbParty *self)
{
    if (self->way == VB_BALANCE_UP)
        return FALSE;
    int before = vb_balance_rise(balance, self);
    gint64 old = vb_balance_price(balance, self, before);
    for (int way = 0; way < 2 * (int)balance->nodes; way++) {
        const VbWay *wanted = &self->ways[way];
        if (!wanted->open || wanted->shut || vb_way_node(way) == vb_way_node(before) ||
            wanted->own >= old)
            continue;
        for (guint i = 0; i < balance->parties->len; i++)
            if (eject(balance, self, way, old, vb_balance_party(balance, i)))
                return TRUE;
    }
    vb_balance_sit(balance, self, before);
    return FALSE;
}

static gboolean
improve(VbBalance *balance, gboolean (*step)(VbBalance *, VbParty *))
{
    gboolean any = FALSE, changed = TRUE;
    for (guint turn = 0; changed && turn < TURNS_MAX; turn++) {
        changed = FALSE;
        for (guint i = 0; i < balance->parties->len; i++)
            changed |= step(balance, vb_balance_party(balance, i));
        any |= changed;
    }
    return any;
}

void
vb_balance_search(VbBalance *balance)
{
    seat_settled(balance);
    seat_rest(balance);
    send_out(balance);
    improve(balance, relocate);
    for (guint turn = 0; turn < TURNS_MAX && improve(balance, eject_any); turn++)
        improve(balance, relocate);
}

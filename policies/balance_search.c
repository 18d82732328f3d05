/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "balance_search.h"
#include "balance_wide.h"

/*
 * Greedy insertion by regret (the difference between the best and the second best way: who has most to
 * lose chooses first; after Potvin and Rousseau, "A parallel route building algorithm", 1993), then
 * local search: relocation of one, and ejection of another who is in the way, which may change places
 * with it or go to a third node. Each step lowers the sum of all costs, so it ends. Small hosts get
 * more: each party is tried in every way with the others settling around it, then branch and bound.
 */

/* As many without a seat are asked anew after each insertion. */
#define REGRET_ANEW 64
/* Guests times nodes of a host on which more is tried, and how much: a moment's work. */
#define SMALL 64
#define BRANCHES 50000
/* Others who may have to leave so that one can sit. */
#define STEPS_MAX 8
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

gboolean
vb_balance_relocate(VbBalance *balance, VbParty *party)
{
    gint64 price, second;
    if (party->way == VB_BALANCE_UP || party->held)
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

/* TRUE if @other takes CPU time, or RAM, that @self needs to sit so. */
static gboolean
is_in_the_way(const VbParty *self, int wanted, const VbParty *other)
{
    if (other == self || other->way == VB_BALANCE_UP || other->held)
        return FALSE;
    guint64 nodes = vb_way_nodes(self, wanted);
    return (vb_way_nodes(other, other->way) & nodes) != 0 ||
           (self->ways[wanted].froms > 0 && (other->lies & nodes) != 0);
}

/* Sends @other away from the node that @self, which is up, wants. Returns: TRUE if both sit better. */
static gboolean
eject(VbBalance *balance, VbParty *self, int wanted, gint64 old, VbParty *other)
{
    if (!is_in_the_way(self, wanted, other) || balance->patience == 0)
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
    if (self->way == VB_BALANCE_UP || self->held)
        return FALSE;
    int before = vb_balance_rise(balance, self);
    gint64 old = vb_balance_price(balance, self, before);
    for (int way = 0; way < 2 * (int)balance->nodes; way++) {
        const VbWay *wanted = &self->ways[way];
        if (!wanted->open || wanted->shut || way == before || wanted->own >= old)
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
vb_balance_settle(VbBalance *balance)
{
    improve(balance, vb_balance_relocate);
    for (guint turn = 0; turn < TURNS_MAX && improve(balance, eject_any); turn++)
        improve(balance, vb_balance_relocate);
}

void
vb_balance_restore(VbBalance *balance, const int *seats)
{
    for (guint i = 0; i < balance->parties->len; i++) {
        VbParty *party = vb_balance_party(balance, i);
        if (party->way != seats[i] && party->way != VB_BALANCE_UP)
            vb_balance_rise(balance, party);
    }
    for (guint i = 0; i < balance->parties->len; i++) {
        VbParty *party = vb_balance_party(balance, i);
        if (party->way != seats[i])
            vb_balance_sit(balance, party, seats[i]);
    }
}

/* A step that another takes so that there is room: who, where to, and what it costs. */
typedef struct {
    VbParty *party;
    int way;
    gint64 cost;
} Step;

static void
consider_steps(VbBalance *balance, VbParty *other, gint64 shortage, Step *best)
{
    int place = vb_balance_rise(balance, other);
    gint64 old = vb_balance_price(balance, other, place);
    for (int way = 0; way < 2 * (int)balance->nodes; way++) {
        if (!other->ways[way].open || other->ways[way].shut || way == place ||
            !vb_balance_has_cpus(balance, other, way))
            continue;
        gint64 cost = vb_balance_price(balance, other, way) - old;
        vb_balance_book(balance, other, way, 1);
        if (cost < best->cost && vb_balance_shortage(balance) < shortage)
            *best = (Step){other, way, cost};
        vb_balance_book(balance, other, way, -1);
    }
    vb_balance_sit(balance, other, place);
}

/* Has others leave, the cheapest first, until all have room. Returns: FALSE if that does not do. */
static gboolean
make_room(VbBalance *balance, const VbParty *party)
{
    gint64 shortage = vb_balance_shortage(balance);
    for (guint turn = 0; shortage > 0 && turn < STEPS_MAX; turn++) {
        Step best = {.cost = G_MAXINT64};
        for (guint i = 0; i < balance->parties->len; i++) {
            VbParty *other = vb_balance_party(balance, i);
            if (other != party && other->way != VB_BALANCE_UP)
                consider_steps(balance, other, shortage, &best);
        }
        if (best.party == NULL)
            return FALSE;
        vb_balance_rise(balance, best.party);
        vb_balance_sit(balance, best.party, best.way);
        shortage = vb_balance_shortage(balance);
    }
    return shortage == 0;
}

/* Has @party sit so, and the others find their best around it. Returns: TRUE if all gain in the end. */
static gboolean
insist(VbBalance *balance, guint index, int way, gint64 least, int *seats)
{
    VbParty *party = vb_balance_party(balance, index);
    for (guint i = 0; i < balance->parties->len; i++)
        seats[i] = vb_balance_party(balance, i)->way;
    vb_balance_rise(balance, party);
    if (!vb_balance_has_cpus(balance, party, way)) {
        vb_balance_sit(balance, party, seats[index]);
        return FALSE;
    }
    vb_balance_sit(balance, party, way);
    if (!make_room(balance, party)) {
        vb_balance_restore(balance, seats);
        return FALSE;
    }
    party->held = TRUE;
    vb_balance_settle(balance);
    party->held = FALSE;
    vb_balance_settle(balance);
    if (vb_balance_cost(balance) < least)
        return TRUE;
    vb_balance_restore(balance, seats);
    return FALSE;
}

/* On a small host each is tried everywhere, whatever that costs at first. */
static gboolean
shake(VbBalance *balance)
{
    g_autofree int *seats = g_new0(int, balance->parties->len + 1);
    gint64 least = vb_balance_cost(balance);
    gboolean any = FALSE;
    for (guint i = 0; i < balance->parties->len; i++) {
        VbParty *party = vb_balance_party(balance, i);
        for (int way = 0; way < 2 * (int)balance->nodes; way++) {
            if (party->way == VB_BALANCE_UP || party->way == way || !party->ways[way].open ||
                party->ways[way].shut || !insist(balance, i, way, least, seats))
                continue;
            least = vb_balance_cost(balance);
            any = TRUE;
        }
    }
    return any;
}

void
vb_balance_search(VbBalance *balance)
{
    seat_settled(balance);
    seat_rest(balance);
    send_out(balance);
    vb_balance_improve(balance);
}

static void
try_all(VbBalance *balance)
{
    for (guint turn = 0; turn < TURNS_MAX && shake(balance); turn++)
        ;
    vb_balance_bound(balance, BRANCHES);
}

void
vb_balance_improve(VbBalance *balance)
{
    gboolean again = TRUE;
    vb_balance_settle(balance);
    if (balance->snapshot->guests->len * balance->nodes > SMALL)
        return;
    /* Whoever stops for want of patience would go on when asked again. */
    for (guint turn = 0; turn < TURNS_MAX && again; turn++) {
        gint64 cost = vb_balance_cost(balance);
        balance->patience = VB_BALANCE_PATIENCE;
        try_all(balance);
        again = balance->patience == 0 && vb_balance_cost(balance) < cost;
    }
}

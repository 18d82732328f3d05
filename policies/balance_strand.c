/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "balance_search.h"

/* Guests that were asked for and told where to be, but whose RAM finds no room there. */

int
vb_balance_want(const VbBalance *balance, const VbParty *party)
{
    int want = VB_BALANCE_UP;
    gboolean told = FALSE;
    for (int way = 0; way < 2 * (int)balance->nodes; way++) {
        told |= party->ways[way].barred;
        if (party->ways[way].open && !party->ways[way].barred &&
            (want == VB_BALANCE_UP || party->ways[way].own < party->ways[want].own))
            want = way;
    }
    return told ? want : VB_BALANCE_UP;
}

/* Brings a guest out, whoever of it still sits up first; or in again. */
static void
turn(VbBalance *balance, const VbParty *first, gboolean out)
{
    for (guint i = first->first; i < first->end; i++) {
        VbParty *party = vb_balance_party(balance, i);
        if (party->way != VB_BALANCE_UP)
            vb_balance_rise(balance, party);
        party->out = out;
    }
    vb_balance_add_guest(balance, first->guest, out ? 1 : -1);
}

void
vb_balance_leave_stranded(VbBalance *balance)
{
    for (guint i = 0; i < balance->parties->len; i++) {
        const VbParty *party = vb_balance_party(balance, i);
        if (!party->out && party->way != VB_BALANCE_UP && party->ways[party->way].barred)
            turn(balance, party, TRUE);
    }
}

static gboolean
has_way(const VbBalance *balance, const VbParty *party)
{
    for (guint way = 0; way < 2 * balance->nodes; way++)
        if (party->ways[way].open)
            return TRUE;
    return FALSE;
}

gboolean
vb_balance_is_stranded(const VbBalance *balance, const VbParty *first)
{
    gboolean wants = FALSE, whole = TRUE;
    for (guint i = first->first; i < first->end; i++) {
        const VbParty *party = vb_balance_party(balance, i);
        wants |= vb_balance_want(balance, party) != VB_BALANCE_UP;
        whole &= has_way(balance, party);
    }
    return first->out && wants && whole;
}

/* The cheapest seat that there is, a barred one if need be. Returns: FALSE if there is none. */
static gboolean
seat(VbBalance *balance, VbParty *party)
{
    int best = VB_BALANCE_UP;
    gint64 least = G_MAXINT64;
    for (int way = 0; way < 2 * (int)balance->nodes; way++) {
        party->ways[way].shut = FALSE;
        if (!party->ways[way].open ||
            (!party->ways[way].barred && !vb_balance_fits(balance, party, way)))
            continue;
        gint64 price = vb_balance_price(balance, party, way);
        if (price < least) {
            least = price;
            best = way;
        }
    }
    if (best != VB_BALANCE_UP)
        vb_balance_sit(balance, party, best);
    return best != VB_BALANCE_UP;
}

/* Returns: TRUE if it sits, somehow; else it is out again. */
static gboolean
seat_guest(VbBalance *balance, const VbParty *first)
{
    gboolean seated = TRUE;
    turn(balance, first, FALSE);
    for (guint i = first->first; seated && i < first->end; i++)
        seated = seat(balance, vb_balance_party(balance, i));
    if (!seated)
        turn(balance, first, TRUE);
    return seated;
}

/* Returns: TRUE if there are any. */
static gboolean
seat_stranded(VbBalance *balance)
{
    gboolean any = FALSE;
    for (guint i = 0; i < balance->parties->len; i = vb_balance_party(balance, i)->end) {
        const VbParty *first = vb_balance_party(balance, i);
        any |= vb_balance_is_stranded(balance, first) && seat_guest(balance, first);
    }
    return any;
}

/* Who sits where, and who is out. */
typedef struct {
    int *seats;
    gboolean *out;
} Scene;

static void
recall(VbBalance *balance, const Scene *scene)
{
    for (guint i = 0; i < balance->parties->len; i = vb_balance_party(balance, i)->end) {
        const VbParty *first = vb_balance_party(balance, i);
        if (first->out != scene->out[i])
            turn(balance, first, scene->out[i]);
    }
    vb_balance_restore(balance, scene->seats);
}

static gboolean
is_complete(const VbBalance *balance, const GArray *line)
{
    guint in = 0;
    for (guint i = 0; i < balance->parties->len; i++)
        in += vb_balance_party(balance, i)->way != VB_BALANCE_UP;
    return in == line->len;
}

/* The guest finds its best seats, and all others stay. */
static void
settle_alone(VbBalance *balance, const VbParty *first)
{
    for (guint i = 0; i < balance->parties->len; i++)
        vb_balance_party(balance, i)->held = i < first->first || i >= first->end;
    vb_balance_settle(balance);
    for (guint i = 0; i < balance->parties->len; i++)
        vb_balance_party(balance, i)->held = FALSE;
}

/* Lets in those for whom there is room by now, one by one. */
static gboolean
readmit(VbBalance *balance, GArray **line)
{
    gboolean any = FALSE;
    for (guint i = 0; i < balance->parties->len; i = vb_balance_party(balance, i)->end) {
        const VbParty *first = vb_balance_party(balance, i);
        if (!vb_balance_is_stranded(balance, first) || !seat_guest(balance, first))
            continue;
        settle_alone(balance, first);
        vb_balance_leave_stranded(balance);
        g_autoptr(GArray) other = first->out ? NULL : vb_balance_line_up(balance, NULL);
        if (other != NULL && is_complete(balance, other)) {
            g_array_unref(*line);
            *line = g_steal_pointer(&other);
            any = TRUE;
        } else if (!first->out) {
            turn(balance, first, TRUE);
        }
    }
    return any;
}

gboolean
vb_balance_search_on(VbBalance *balance, gboolean anew, GArray **line)
{
    g_autofree int *seats = g_new0(int, balance->parties->len + 1);
    g_autofree gboolean *out = g_new0(gboolean, balance->parties->len + 1);
    const Scene scene = {seats, out};
    gboolean any = readmit(balance, line);
    gint64 cost = vb_balance_cost(balance);
    for (guint i = 0; i < balance->parties->len; i++) {
        seats[i] = vb_balance_party(balance, i)->way;
        out[i] = vb_balance_party(balance, i)->out;
    }
    if (!seat_stranded(balance) && !anew)
        return any;
    vb_balance_improve(balance);
    vb_balance_leave_stranded(balance);
    g_autoptr(GArray) other = vb_balance_line_up(balance, NULL);
    gboolean better = other->len > (*line)->len ||
                      (other->len == (*line)->len && vb_balance_cost(balance) < cost);
    if (!better || !is_complete(balance, other)) {
        recall(balance, &scene);
        return any;
    }
    g_array_unref(*line);
    *line = g_steal_pointer(&other);
    return TRUE;
}

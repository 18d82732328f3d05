/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "balance_search.h"

/* As often seats are made better once all are found. */
#define TURNS_MAX 16

/* In which order guests go to their seats: one may have to wait for what another leaves. */

/* Books what comes to a party's nodes. Returns: FALSE if there is no room now: nothing is booked. */
static gboolean
go(VbBalance *balance, const VbParty *party)
{
    const VbWay *way = &party->ways[party->way];
    gboolean room = TRUE;
    vb_balance_book(balance, party, party->way, 1);
    for (guint i = 0; i < way->tos; i++) {
        const VbPortion *to = &g_array_index(balance->portions, VbPortion, way->to + i);
        const VbBench *bench = &balance->bench[to->node];
        room = room && (party->cell->page_size > 4096 || bench->free >= bench->reserve);
        for (guint pool = 0; pool < VB_POOLS_MAX; pool++)
            room = room && bench->pool[pool] >= 0;
    }
    if (!room)
        vb_balance_book(balance, party, party->way, -1);
    return room;
}

/* Lets the parties of one guest go, in any order. Returns: FALSE if not all can. */
static gboolean
go_all(VbBalance *balance, const VbParty *first, GArray *line)
{
    guint before = line->len, count = first->end - first->first;
    g_autofree gboolean *done = g_new0(gboolean, count);
    for (gboolean progress = TRUE; progress;) {
        progress = FALSE;
        for (guint i = 0; i < count; i++) {
            guint index = first->first + i;
            if (done[i] || !go(balance, vb_balance_party(balance, index)))
                continue;
            g_array_append_val(line, index);
            done[i] = progress = TRUE;
        }
    }
    if (line->len - before == count)
        return TRUE;
    for (guint i = before; i < line->len; i++) {
        const VbParty *party = vb_balance_party(balance, g_array_index(line, guint, i));
        vb_balance_book(balance, party, party->way, -1);
    }
    g_array_set_size(line, before);
    return FALSE;
}

static gboolean
is_in(const VbParty *party, GHashTable *held)
{
    return !party->out && party->way != VB_BALANCE_UP &&
           (held == NULL || !g_hash_table_contains(held, party->guest));
}

GArray *
vb_balance_line_up(VbBalance *balance, GHashTable *held)
{
    GArray *line = g_array_new(FALSE, FALSE, sizeof(guint));
    g_autofree VbBench *then = g_memdup2(balance->bench, sizeof balance->bench);
    g_autofree gboolean *gone = g_new0(gboolean, balance->parties->len + 1);
    vb_balance_clear_room(balance);
    for (gboolean progress = TRUE; progress;) {
        progress = FALSE;
        for (guint i = 0; i < balance->parties->len; i = vb_balance_party(balance, i)->end) {
            const VbParty *party = vb_balance_party(balance, i);
            if (gone[i] || !is_in(party, held) || !go_all(balance, party, line))
                continue;
            gone[i] = progress = TRUE;
        }
    }
    for (guint i = 0; i < balance->nodes; i++)
        balance->bench[i] = then[i];
    return line;
}

/* Who is missing in @line gets up, and does not go there again. Returns: TRUE if somebody is. */
static gboolean
turn_away(VbBalance *balance, const GArray *line)
{
    g_autofree gboolean *gone = g_new0(gboolean, balance->parties->len + 1);
    gboolean any = FALSE;
    for (guint i = 0; i < line->len; i++)
        gone[g_array_index(line, guint, i)] = TRUE;
    for (guint i = 0; i < balance->parties->len; i++) {
        VbParty *party = vb_balance_party(balance, i);
        if (gone[i] || !is_in(party, NULL))
            continue;
        int way = vb_balance_rise(balance, party);
        party->ways[way].shut = party->ways[way].froms > 0;
        any = TRUE;
    }
    return any;
}

/* Lets @party sit better if all can still go then. Returns: TRUE if it does: @line is then new. */
static gboolean
reconsider(VbBalance *balance, VbParty *party, GArray **line)
{
    int before = party->way;
    while (is_in(party, NULL) && vb_balance_relocate(balance, party)) {
        g_autoptr(GArray) other = vb_balance_line_up(balance, NULL);
        if (other->len == (*line)->len) {
            g_array_unref(*line);
            *line = g_steal_pointer(&other);
            return TRUE;
        }
        party->ways[vb_balance_rise(balance, party)].shut = TRUE;
        vb_balance_sit(balance, party, before);
    }
    return FALSE;
}

/* Those who were turned away may ask once more, now that others have left. */
static void
reconsider_all(VbBalance *balance, GArray **line)
{
    for (guint i = 0; i < balance->parties->len; i++)
        for (guint way = 0; way < 2 * balance->nodes; way++)
            vb_balance_party(balance, i)->ways[way].shut = FALSE;
    for (gboolean changed = TRUE; changed;) {
        changed = FALSE;
        for (guint i = 0; i < balance->parties->len; i++)
            changed |= reconsider(balance, vb_balance_party(balance, i), line);
    }
}

static GArray *
seat(VbBalance *balance)
{
    vb_balance_search(balance);
    vb_balance_leave_stranded(balance);
    return vb_balance_line_up(balance, NULL);
}

GArray *
vb_balance_find_way(VbBalance *balance)
{
    GArray *line = seat(balance);
    gboolean turned = FALSE;
    while (turn_away(balance, line)) {
        g_array_unref(line);
        line = seat(balance);
        turned = TRUE;
    }
    if (turned)
        reconsider_all(balance, &line);
    for (guint turn = 0; turn < TURNS_MAX && vb_balance_search_on(balance, turned, &line); turn++)
        ;
    return line;
}

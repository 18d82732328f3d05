/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "balance_wide.h"
#include "place.h"

/* The mover stops within so much of what it is to move. */
#define MISS_BYTES (G_GUINT64_CONSTANT(2) << 20)
#define BIT(node) (G_GUINT64_CONSTANT(1) << (node))

guint64
vb_spread_sum(const guint64 *amounts, guint64 set)
{
    guint64 sum = 0;
    for (guint i = 0; i < VB_NODES_MAX; i++)
        sum += (set & BIT(i)) != 0 ? amounts[i] : 0;
    return sum;
}

/* --- which vCPU where ----------------------------------------------------------------------- */

typedef struct {
    guint id, index;
} Place;

static int
compare_places(gconstpointer a, gconstpointer b)
{
    const Place *left = a, *right = b;
    return (left->id > right->id) - (left->id < right->id);
}

/* The vCPUs of @party by id. */
static GArray *
line_of(const VbParty *party)
{
    GArray *line = g_array_new(FALSE, FALSE, sizeof(Place));
    for (guint i = 0; i < party->guest->vcpus->len; i++) {
        const VbVcpu *vcpu = g_ptr_array_index(party->guest->vcpus, i);
        Place place = {vcpu->id, i};
        if ((guint)vcpu->cell == party->index)
            g_array_append_val(line, place);
    }
    g_array_sort(line, compare_places);
    return line;
}

/* How much of a vCPU runs on @node, in thousandths of a bp: the mean of those from @begin to @end. */
static gint64
time_on(const VbBalance *balance, const VbParty *party, const GArray *line, guint begin,
        guint end, int node)
{
    gint64 sum = 0;
    for (guint i = begin; i < end; i++) {
        const VbVcpu *vcpu = g_ptr_array_index(party->guest->vcpus, g_array_index(line, Place, i).index);
        int holder = vb_balance_holder(&balance->snapshot->topology, vcpu);
        if (holder != VB_NO_NODE)
            sum += holder == node ? VB_BP : 0;
        else if (vcpu->share_known)
            sum += vcpu->share_bp[node];
    }
    return end > begin ? sum * 1000 / (end - begin) : 0;
}

/* By how much more of the next vCPUs, as many as come to @node, runs there than of those after them. */
static gint64
liking(const VbBalance *balance, const VbParty *party, const GArray *line, guint begin, guint end,
       guint node)
{
    int id = balance->bench[node].id;
    return time_on(balance, party, line, begin, end, id) -
           time_on(balance, party, line, end, line->len, id);
}

/* Gives each node the range that likes it most, and notes who is in it and what they ask for. */
static void
seat_ranges(const VbBalance *balance, const VbParty *party, const GArray *line, VbSpread *spread)
{
    guint64 left = spread->set;
    for (guint begin = 0; begin < line->len;) {
        guint best = 0;
        gint64 most = G_MININT64;
        for (guint i = 0; i < balance->nodes; i++) {
            guint end = begin + (guint)spread->vcpus[i];
            if ((left & BIT(i)) == 0 || end == begin)
                continue;
            gint64 more = liking(balance, party, line, begin, end, i);
            best = more > most ? i : best;
            most = MAX(more, most);
        }
        spread->first[best] = begin;
        spread->seats |= BIT(best);
        for (guint64 i = 0; i < spread->vcpus[best]; i++, begin++)
            spread->demand_bp[best] += vb_balance_demand(
                party->guest,
                g_ptr_array_index(party->guest->vcpus, g_array_index(line, Place, begin).index));
        left &= ~BIT(best);
    }
}

VbSpread *
vb_spread_all(const VbBalance *balance, const VbParty *party)
{
    VbSpread *spreads = vb_spread_part(balance, party);
    if (spreads == NULL)
        return NULL;
    g_autoptr(GArray) line = line_of(party);
    for (guint i = 0; i < balance->nodes; i++)
        if (spreads[i].set != 0)
            seat_ranges(balance, party, line, &spreads[i]);
    return spreads;
}

/* --- ways ----------------------------------------------------------------------------------- */

gint64
vb_way_demand(const VbParty *party, int way, guint node)
{
    if (party->spreads == NULL)
        return vb_way_node(way) == node ? party->demand_bp : 0;
    return party->spreads[vb_way_node(way)].demand_bp[node];
}

guint64
vb_way_nodes(const VbParty *party, int way)
{
    return party->spreads == NULL ? BIT(vb_way_node(way)) : party->spreads[vb_way_node(way)].seats;
}

static guint64
bytes_in(const VbBalance *balance, const VbParty *party, guint64 set)
{
    guint64 bytes = 0;
    for (guint i = 0; i < balance->nodes; i++)
        bytes += (set & BIT(i)) != 0 ? party->cell->by_node[balance->bench[i].id] : 0;
    return bytes;
}

int
vb_spread_origin(const VbBalance *balance, const VbParty *party)
{
    VbNodeSet held = 0;
    for (guint i = 0; i < party->guest->vcpus->len; i++) {
        const VbVcpu *vcpu = g_ptr_array_index(party->guest->vcpus, i);
        int holder = vb_balance_holder(&balance->snapshot->topology, vcpu);
        if ((guint)vcpu->cell != party->index)
            continue;
        if (holder == VB_NO_NODE) {
            held = party->cell->home;
            break;
        }
        held |= VB_NODE_BIT(holder);
    }
    guint64 nodes = 0;
    for (guint i = 0; i < balance->nodes; i++)
        nodes |= (held & VB_NODE_BIT(balance->bench[i].id)) != 0 ? BIT(i) : 0;
    int origin = -1;
    guint64 most = 0;
    for (guint i = 0; nodes != 0 && i < balance->nodes; i++) {
        const VbSpread *spread = &party->spreads[i];
        guint64 bytes = bytes_in(balance, party, spread->set);
        if (spread->set == 0 || vb_way_nodes(party, (int)(2 * i)) != nodes || (origin >= 0 && bytes <= most))
            continue;
        origin = (int)i;
        most = bytes;
    }
    return origin;
}

/* Takes @total of @amounts, of each in proportion. */
static void
reduce(gint64 *amounts, guint nodes, guint64 total)
{
    guint64 sum = 0, seen = 0, given = 0;
    for (guint i = 0; i < nodes; i++)
        sum += (guint64)amounts[i];
    for (guint i = 0; i < nodes; i++) {
        seen += (guint64)amounts[i];
        amounts[i] = (gint64)((guint64)((unsigned __int128)total * seen / sum) - given);
        given += (guint64)amounts[i];
    }
}

static gboolean
is_enough(const VbCell *cell, guint64 bytes, guint tolerance_bp)
{
    unsigned __int128 noise = (unsigned __int128)cell->present_bytes * (tolerance_bp + cell->error_bp);
    return bytes > MISS_BYTES && (unsigned __int128)bytes * VB_BP > noise;
}

guint64
vb_spread_shift(const VbBalance *balance, const VbParty *party, guint centre, guint tolerance_bp,
                gint64 *from, gint64 *to)
{
    const VbCell *cell = party->cell;
    const VbSpread *spread = &party->spreads[centre];
    guint64 size = MAX(cell->page_size, 1), surplus = 0, lack = 0;
    gint64 leaves[VB_NODES_MAX] = {0}, comes[VB_NODES_MAX] = {0};
    if (!cell->movable || vb_spread_sum(spread->pages, spread->set) == 0)
        return 0;
    for (guint i = 0; i < balance->nodes; i++) {
        int id = balance->bench[i].id;
        guint64 there = cell->by_node[id] / size, loose = vb_place_loose(cell, id) / size;
        leaves[i] = (gint64)MIN(there - MIN(there, spread->pages[i]), loose);
        comes[i] = (gint64)(spread->pages[i] - MIN(there, spread->pages[i]));
        surplus += (guint64)leaves[i];
        lack += (guint64)comes[i];
    }
    /* Which pages cannot move is known by sum only: those out of place are taken for it first. */
    guint64 fixed = (vb_place_fixed(cell) + size - 1) / size;
    guint64 pages = MIN(surplus - MIN(surplus, fixed), lack);
    if (pages == 0 || !is_enough(cell, pages * size, tolerance_bp))
        return 0;
    reduce(leaves, balance->nodes, pages);
    reduce(comes, balance->nodes, pages);
    for (guint i = 0; i < balance->nodes; i++) {
        from[i] = leaves[i] * (gint64)size;
        to[i] = comes[i] * (gint64)size;
    }
    return pages * size;
}

/* --- who is near whom ----------------------------------------------------------------------- */

/* The nearest two nodes of which one has some left and the other wants some. */
static gboolean
find_pair(const VbBalance *balance, const gint64 *have, const gint64 *want, guint *ret_from, guint *ret_to)
{
    gint64 least = G_MAXINT64;
    for (guint i = 0; i < balance->nodes; i++)
        for (guint k = 0; have[i] > 0 && k < balance->nodes; k++) {
            if (want[k] <= 0 || vb_balance_beyond(balance, i, k) >= least)
                continue;
            least = vb_balance_beyond(balance, i, k);
            *ret_from = i;
            *ret_to = k;
        }
    return least < G_MAXINT64;
}

/* Uses both up. Returns: distance beyond local times what went that far. */
static gint64
match(const VbBalance *balance, gint64 *have, gint64 *want, VbSpreadFlow found, gpointer data)
{
    gint64 sum = 0;
    guint from = 0, to = 0;
    while (find_pair(balance, have, want, &from, &to)) {
        gint64 amount = MIN(have[from], want[to]);
        have[from] -= amount;
        want[to] -= amount;
        sum += amount * vb_balance_beyond(balance, from, to);
        if (found != NULL)
            found(from, to, amount, data);
    }
    return sum;
}

gint64
vb_spread_access(const VbBalance *balance, const VbParty *party, guint centre, const VbCell *then,
                 gint64 weight_bp)
{
    const VbSpread *spread = &party->spreads[centre];
    guint64 pages = vb_spread_sum(spread->pages, spread->set);
    const guint64 *part = pages > 0 ? spread->pages : spread->vcpus;
    guint64 parts = pages > 0 ? pages : party->vcpus;
    gint64 asked[VB_NODES_MAX] = {0}, serves[VB_NODES_MAX] = {0}, even = 0;
    if (!then->residency_known || weight_bp == 0)
        return 0;
    for (guint i = 0; i < balance->nodes; i++) {
        guint64 bytes = then->by_node[balance->bench[i].id];
        asked[i] = (gint64)((unsigned __int128)part[i] * (guint64)weight_bp / parts);
        serves[i] = then->present_bytes > 0
                        ? (gint64)((unsigned __int128)bytes * (guint64)weight_bp / then->present_bytes)
                        : asked[i];
    }
    for (guint i = 0; i < balance->nodes; i++)
        for (guint k = 0; asked[i] > 0 && k < balance->nodes; k++)
            even += asked[i] * serves[k] / weight_bp * vb_balance_beyond(balance, i, k);
    return (match(balance, asked, serves, NULL, NULL) + even) * VB_BALANCE_UNIT / 2;
}

void
vb_spread_flows(const VbBalance *balance, const VbParty *party, int way, VbSpreadFlow found, gpointer data)
{
    const VbWay *chosen = &party->ways[way];
    gint64 have[VB_NODES_MAX] = {0}, want[VB_NODES_MAX] = {0};
    for (guint i = 0; i < chosen->froms + chosen->tos; i++) {
        gboolean leaves = i < chosen->froms;
        const VbPortion *portion =
            &g_array_index(balance->portions, VbPortion,
                           leaves ? chosen->from + i : chosen->to + i - chosen->froms);
        (leaves ? have : want)[portion->node] = portion->amount;
    }
    match(balance, have, want, found, data);
}

/* --- seats ---------------------------------------------------------------------------------- */

int *
vb_balance_seats(const VbBalance *balance, const VbParty *party)
{
    const GPtrArray *vcpus = party->guest->vcpus;
    int *seats = g_new(int, vcpus->len + 1);
    for (guint i = 0; i < vcpus->len; i++) {
        const VbVcpu *vcpu = g_ptr_array_index(vcpus, i);
        seats[i] = (guint)vcpu->cell == party->index ? balance->bench[vb_way_node(party->way)].id
                                                     : VB_NO_NODE;
    }
    if (party->spreads == NULL)
        return seats;
    const VbSpread *spread = &party->spreads[vb_way_node(party->way)];
    g_autoptr(GArray) line = line_of(party);
    for (guint i = 0; i < balance->nodes; i++)
        for (guint64 v = 0; v < spread->vcpus[i]; v++)
            seats[g_array_index(line, Place, spread->first[i] + v).index] = balance->bench[i].id;
    return seats;
}

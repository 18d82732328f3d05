/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "balance_wide.h"
#include "place.h"
#include <string.h>

/* The mover stops within so much of what it is to move. */
#define MISS_BYTES (G_GUINT64_CONSTANT(2) << 20)
#define BIT(node) (G_GUINT64_CONSTANT(1) << (node))

/* --- which nodes, and how much of it on each ------------------------------------------------ */

/* What a guest needs, and what nodes have of it. */
typedef struct {
    guint vcpus;
    guint nodes;                 /* at least */
    guint64 pages;               /* 0: it is left where it is */
    guint64 allowed;             /* bit i: it may use node i */
    guint64 cpus[VB_NODES_MAX];
    guint64 room[VB_NODES_MAX];  /* pages, if nobody else were there; of a guest that starts, beside who is */
    guint64 lies[VB_NODES_MAX];  /* bytes that are there */
    guint held[VB_NODES_MAX];    /* vCPUs that are held there */
    gboolean even;               /* RAM by node, and not by vCPU */
    gboolean crowded;            /* no node has the CPUs */
} Need;

static guint64
sum_of(const guint64 *amounts, guint64 set)
{
    guint64 sum = 0;
    for (guint i = 0; i < VB_NODES_MAX; i++)
        sum += (set & BIT(i)) != 0 ? amounts[i] : 0;
    return sum;
}

static gboolean
holds(const Need *need, guint64 set)
{
    return sum_of(need->cpus, set) >= need->vcpus && sum_of(need->room, set) >= need->pages &&
           (guint)__builtin_popcountll(set) >= need->nodes;
}

/* Pages of RAM, of the size that @cell has, that a guest may fill; as it starts, others are there already. */
static guint64
room_of(const VbBalance *balance, const VbCell *cell, guint node)
{
    gboolean starts = cell->present_bytes == 0;
    const VbBench *bench = &balance->bench[node];
    const VbNode *host = &balance->snapshot->topology.node[bench->id];
    const VbHugePool *pool = cell->page_size > 4096 ? vb_node_pool(host, cell->page_size) : NULL;
    if (cell->page_size > 4096)
        return pool == NULL ? 0 : starts ? pool->free : pool->total;
    guint64 bytes = starts ? host->memory_free_bytes : host->memory_total_bytes;
    return (bytes - MIN((guint64)bench->reserve, bytes)) / MAX(cell->page_size, 1);
}

/* TRUE if a node of its own would do. */
static gboolean
is_narrow(const VbBalance *balance, const VbParty *party, Need *need)
{
    gboolean narrow = FALSE;
    need->crowded = TRUE;
    for (guint i = 0; i < balance->nodes; i++) {
        const VbNode *host = &balance->snapshot->topology.node[balance->bench[i].id];
        guint64 whole = party->cell->page_size > 4096 || party->cell->present_bytes == 0
                            ? need->room[i]
                            : host->memory_total_bytes / 4096;
        if ((need->allowed & BIT(i)) == 0 || need->cpus[i] < need->vcpus)
            continue;
        need->crowded = FALSE;
        narrow |= need->pages <= whole;
    }
    /* One vCPU runs where most of its RAM lies. */
    return (narrow && need->nodes < 2) || (!need->crowded && need->vcpus < 2 && !need->even);
}

static Need
need_of(const VbBalance *balance, const VbParty *party)
{
    const VbTopology *topology = &balance->snapshot->topology;
    VbNodeSet homes = party->guest->boundary & vb_topology_home_nodes(topology);
    const VbCell *cell = party->cell;
    gint64 asked = party->end - party->first == 1
                       ? vb_policy_parameter(balance->policy, balance->snapshot, party->guest, "interleave")
                       : 0;
    Need need = {.vcpus = party->vcpus, .even = asked > 1};
    /* As it starts, all that it may yet touch. */
    guint64 bytes = cell->present_bytes > 0 ? cell->present_bytes : cell->size_bytes;
    need.pages = cell->movable ? bytes / MAX(cell->page_size, 1) : 0;
    for (guint i = 0; i < balance->nodes; i++) {
        int id = balance->bench[i].id;
        if ((homes & VB_NODE_BIT(id)) == 0 || party->cpus[i] == 0)
            continue;
        need.allowed |= BIT(i);
        need.cpus[i] = party->cpus[i];
        need.room[i] = room_of(balance, cell, i);
        need.lies[i] = cell->by_node[id];
    }
    for (guint i = 0; i < party->guest->vcpus->len; i++) {
        const VbVcpu *vcpu = g_ptr_array_index(party->guest->vcpus, i);
        int holder = vb_balance_holder(topology, vcpu);
        if ((guint)vcpu->cell == party->index && holder != VB_NO_NODE)
            need.held[balance->number[holder]]++;
    }
    need.nodes = MIN((guint)asked, (guint)__builtin_popcountll(need.allowed));
    return need;
}

static gint64
distance_between(const VbBalance *balance, guint from, guint to)
{
    const VbNode *host = &balance->snapshot->topology.node[balance->bench[from].id];
    return MAX((gint64)host->distance[balance->bench[to].id] - VB_DISTANCE_LOCAL, 0);
}

/*
 * The nearest to @centre of the nodes that are not in @set yet; of equals the next by number, so that from
 * each centre another set comes, and guests need not share a node; -1: there is none.
 */
static int
nearest(const VbBalance *balance, const Need *need, guint64 set, guint centre)
{
    int best = -1;
    gint64 least = G_MAXINT64;
    for (guint step = 1; step < balance->nodes; step++) {
        guint i = (centre + step) % balance->nodes;
        gint64 way = distance_between(balance, centre, i) + distance_between(balance, i, centre);
        if ((need->allowed & ~set & BIT(i)) == 0 || way >= least)
            continue;
        least = way;
        best = (int)i;
    }
    return best;
}

/* Takes the nearest until they hold it, then leaves out those that turn out not to be needed, the
 * farthest first. */
static guint64
gather(const VbBalance *balance, const Need *need, guint centre)
{
    guint64 set = BIT(centre);
    guint taken[VB_NODES_MAX], count = 0;
    while (!holds(need, set)) {
        int next = nearest(balance, need, set, centre);
        if (next < 0)
            return 0;
        set |= BIT((guint)next);
        taken[count++] = (guint)next;
    }
    while (count-- > 0)
        if (holds(need, set & ~BIT(taken[count])))
            set &= ~BIT(taken[count]);
    return set;
}

/* Nodes of @open whose part by weight would be more than they have get what they have. Returns: they. */
static guint64
fill_full(guint64 *total, guint64 open, const guint64 *weight, const guint64 *limit, guint64 *part)
{
    guint64 sum = sum_of(weight, open), all = *total, full = 0;
    for (guint i = 0; i < VB_NODES_MAX; i++) {
        if ((open & BIT(i)) == 0 ||
            (unsigned __int128)all * weight[i] <= (unsigned __int128)limit[i] * sum)
            continue;
        full |= BIT(i);
        part[i] = limit[i];
        *total -= MIN(*total, limit[i]);
    }
    return full;
}

/* By weight, exactly: what rounding leaves goes along to the next. */
static void
divide_pages(guint64 total, guint64 set, const guint64 *weight, guint64 *part)
{
    guint64 sum = sum_of(weight, set), seen = 0, given = 0;
    for (guint i = 0; sum > 0 && i < VB_NODES_MAX; i++) {
        if ((set & BIT(i)) == 0)
            continue;
        seen += weight[i];
        part[i] = (guint64)((unsigned __int128)total * seen / sum) - given;
        given += part[i];
    }
}

/* Of equal remainders: where more of its vCPUs are already, then where more of its RAM lies. */
static gboolean
is_rather(const Need *need, const guint64 *rest, guint node, guint than)
{
    if (rest[node] != rest[than])
        return rest[node] > rest[than];
    if (need->held[node] != need->held[than])
        return need->held[node] > need->held[than];
    return need->lies[node] > need->lies[than];
}

/* The same of vCPUs, which are few: one more for the largest remainders. */
static void
divide_vcpus(const Need *need, guint64 total, guint64 set, const guint64 *weight, guint64 *part)
{
    guint64 sum = sum_of(weight, set), rest[VB_NODES_MAX] = {0}, left = total;
    for (guint i = 0; sum > 0 && i < VB_NODES_MAX; i++) {
        if ((set & BIT(i)) == 0)
            continue;
        part[i] = (guint64)((unsigned __int128)total * weight[i] / sum);
        rest[i] = (guint64)((unsigned __int128)total * weight[i] % sum);
        left -= part[i];
    }
    for (; sum > 0 && left > 0; left--) {
        guint best = (guint)__builtin_ctzll(set);
        for (guint i = best + 1; i < VB_NODES_MAX; i++)
            if ((set & BIT(i)) != 0 && is_rather(need, rest, i, best))
                best = i;
        part[best]++;
        rest[best] = 0;
    }
}

/* Divides @total among @set by weight, to nobody more than its limit; what is left then goes by that. @need: of vCPUs. */
static void
apportion(const Need *need, guint64 total, guint64 set, const guint64 *weight, const guint64 *limit,
          guint64 *part)
{
    for (guint64 full; (full = fill_full(&total, set, weight, limit, part)) != 0;)
        set &= ~full;
    if (sum_of(weight, set) == 0 && weight != limit && total > 0)
        apportion(need, total, set, limit, limit, part);
    else if (need != NULL)
        divide_vcpus(need, total, set, weight, part);
    else
        divide_pages(total, set, weight, part);
}

static void
divide(const Need *need, VbSpread *spread)
{
    guint64 one[VB_NODES_MAX];
    gboolean by_ram = !need->crowded && !need->even;
    for (guint i = 0; i < VB_NODES_MAX; i++)
        one[i] = 1;
    apportion(need, need->vcpus, spread->set, by_ram ? need->room : need->cpus, need->cpus, spread->vcpus);
    apportion(NULL, need->pages, spread->set, need->even ? one : spread->vcpus, need->room, spread->pages);
}

/* The sets of fewest nodes, each once. Returns: how many nodes; 0 if there is none. */
static guint
gather_all(const VbBalance *balance, const Need *need, VbSpread *spreads)
{
    int fewest = G_MAXINT;
    for (guint i = 0; i < balance->nodes; i++) {
        guint64 set = (need->allowed & BIT(i)) != 0 ? gather(balance, need, i) : 0;
        for (guint other = 0; other < i; other++)
            set = spreads[other].set == set ? 0 : set;
        spreads[i].set = set;
        fewest = set != 0 ? MIN(fewest, __builtin_popcountll(set)) : fewest;
    }
    for (guint i = 0; i < balance->nodes; i++)
        if (__builtin_popcountll(spreads[i].set) > fewest)
            spreads[i].set = 0;
    return fewest < G_MAXINT ? (guint)fewest : 0;
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

/*
 * Who is spread stays so while all that it may touch asks for that: a guest that was spread as it started
 * would else be gathered on one node, and spread anew once it has filled that.
 */
static void
keep_apart(const VbBalance *balance, const VbParty *party, Need *need)
{
    const VbCell *cell = party->cell;
    Need full = *need;
    guint has = vb_nodeset_count(cell->home);
    full.pages = MAX(need->pages, cell->size_bytes / MAX(cell->page_size, 1));
    if (has < 2 || !cell->movable || is_narrow(balance, party, &full))
        return;
    g_autofree VbSpread *spreads = g_new0(VbSpread, balance->nodes);
    guint fewest = gather_all(balance, &full, spreads);
    need->nodes = MAX(need->nodes, MIN(has, fewest));
}

VbSpread *
vb_spread_all(const VbBalance *balance, const VbParty *party)
{
    Need need = need_of(balance, party);
    keep_apart(balance, party, &need);
    if (!party->cell->residency_known || is_narrow(balance, party, &need))
        return NULL;
    g_autofree VbSpread *spreads = g_new0(VbSpread, balance->nodes);
    gboolean found = gather_all(balance, &need, spreads) > 0;
    if (!found && need.crowded) {
        /* Its vCPUs still need a place. */
        need.pages = 0;
        found = gather_all(balance, &need, spreads) > 0;
    }
    if (party->cell->present_bytes == 0)
        need.pages = 0;
    for (guint i = 0; i < balance->nodes; i++)
        if (spreads[i].set != 0)
            divide(&need, &spreads[i]);
    g_autoptr(GArray) line = line_of(party);
    for (guint i = 0; i < balance->nodes; i++)
        if (spreads[i].set != 0)
            seat_ranges(balance, party, line, &spreads[i]);
    return found ? g_steal_pointer(&spreads) : NULL;
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
    if (!cell->movable || sum_of(spread->pages, spread->set) == 0)
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
            if (want[k] <= 0 || distance_between(balance, i, k) >= least)
                continue;
            least = distance_between(balance, i, k);
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
        sum += amount * distance_between(balance, from, to);
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
    guint64 pages = sum_of(spread->pages, spread->set);
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
            even += asked[i] * serves[k] / weight_bp * distance_between(balance, i, k);
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

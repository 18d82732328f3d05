/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "balance_wide.h"
#include "place.h"

/* Which nodes a guest that no node holds is spread over, and how much of it comes to each. */

#define BIT(node) (G_GUINT64_CONSTANT(1) << (node))

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

static gboolean
holds(const Need *need, guint64 set)
{
    return vb_spread_sum(need->cpus, set) >= need->vcpus && vb_spread_sum(need->room, set) >= need->pages &&
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
        gint64 way = vb_balance_beyond(balance, centre, i) + vb_balance_beyond(balance, i, centre);
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
    guint64 sum = vb_spread_sum(weight, open), all = *total, full = 0;
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
    guint64 sum = vb_spread_sum(weight, set), seen = 0, given = 0;
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
    guint64 sum = vb_spread_sum(weight, set), rest[VB_NODES_MAX] = {0}, left = total;
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
    if (vb_spread_sum(weight, set) == 0 && weight != limit && total > 0)
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
vb_spread_part(const VbBalance *balance, const VbParty *party)
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
    return found ? g_steal_pointer(&spreads) : NULL;
}

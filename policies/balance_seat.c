/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "balance_search.h"
#include "balance_wide.h"

VbParty *
vb_balance_party(const VbBalance *balance, guint index)
{
    return &g_array_index(balance->parties, VbParty, index);
}

gint64
vb_balance_beyond(const VbBalance *balance, guint from, guint to)
{
    const VbNode *host = &balance->snapshot->topology.node[balance->bench[from].id];
    return MAX((gint64)host->distance[balance->bench[to].id] - VB_DISTANCE_LOCAL, 0);
}

guint
vb_way_node(int way)
{
    return (guint)way / 2;
}

/*
 * What @asked of a node that has @capacity costs: beyond all that it has, @steep a unit of it; below,
 * half a distance at most, so that of equal nodes the emptier one wins and the rest stays in peace.
 */
static gint64
crowd(gint64 asked, gint64 capacity, gint64 steep)
{
    gint64 cost = MAX(asked - capacity, 0) * steep * VB_BALANCE_UNIT;
    cost += MAX(asked - capacity / 4, 0);
    cost += MAX(asked - capacity / 2, 0) * 2;
    return cost + MAX(asked - capacity / 4 * 3, 0) * 5;
}

static gint64
load_cost(const VbBalance *balance, const VbBench *bench, gint64 more)
{
    return crowd(bench->load + more, bench->cpu_bp, balance->overload);
}

static gint64
flow_cost(const VbBalance *balance, const VbBench *bench, gint64 more)
{
    gint64 beyond = MAX(bench->flow + more - bench->flow_bp, 0);
    return beyond * balance->bandwidth * VB_BALANCE_UNIT;
}

/* vCPUs of @party that would be on @node. */
static gint64
vcpus_on(const VbParty *party, int way, guint node)
{
    if (party->spreads == NULL)
        return vb_way_node(way) == node ? party->vcpus : 0;
    return (gint64)party->spreads[vb_way_node(way)].vcpus[node];
}

/* Beyond local, from each vCPU of one to each of the other: the sum. */
static gint64
sum_of_distances(const VbBalance *balance, const VbParty *party, int way, const VbParty *other)
{
    gint64 sum = 0;
    for (guint64 from = vb_way_nodes(party, way); from != 0; from &= from - 1)
        for (guint64 to = vb_way_nodes(other, other->way); to != 0; to &= to - 1) {
            guint here = (guint)__builtin_ctzll(from), there = (guint)__builtin_ctzll(to);
            sum += vcpus_on(party, way, here) * vcpus_on(other, other->way, there) *
                   vb_balance_beyond(balance, here, there);
        }
    return sum;
}

/* Cells of one guest share some accesses: a part of what the lesser of two asks for. */
static gint64
kin_cost(const VbBalance *balance, const VbParty *party, int way)
{
    gint64 cost = 0;
    for (guint i = party->first; i < party->end; i++) {
        const VbParty *other = vb_balance_party(balance, i);
        if (other != party && other->way != VB_BALANCE_UP)
            cost += MIN(party->demand_bp, other->demand_bp) * balance->closeness * VB_BALANCE_UNIT *
                    sum_of_distances(balance, party, way, other) / VB_BP /
                    ((gint64)party->vcpus * other->vcpus);
    }
    return cost;
}

static const VbPortion *
portion_at(const VbBalance *balance, guint index)
{
    return &g_array_index(balance->portions, VbPortion, index);
}

/* What the CPUs of all nodes cost more if @party sits so. */
static gint64
crowding(const VbBalance *balance, const VbParty *party, int way)
{
    const VbBench *bench = &balance->bench[vb_way_node(way)];
    gint64 cost = 0;
    if (party->spreads == NULL)
        return load_cost(balance, bench, party->demand_bp) - load_cost(balance, bench, 0);
    for (guint i = 0; i < balance->nodes; i++) {
        bench = &balance->bench[i];
        cost += load_cost(balance, bench, vb_way_demand(party, way, i)) - load_cost(balance, bench, 0);
    }
    return cost;
}

gint64
vb_balance_price(const VbBalance *balance, const VbParty *party, int way)
{
    const VbWay *chosen = &party->ways[way];
    gint64 price = chosen->own + crowding(balance, party, way);
    for (guint i = 0; i < chosen->flows; i++) {
        const VbPortion *flow = portion_at(balance, chosen->flow + i);
        price += flow_cost(balance, &balance->bench[flow->node], flow->amount) -
                 flow_cost(balance, &balance->bench[flow->node], 0);
    }
    return party->end - party->first > 1 ? price + kin_cost(balance, party, way)
                                         : price;
}

static guint
pool_index(const VbBalance *balance, guint node, guint64 page_size)
{
    const VbNode *host = &balance->snapshot->topology.node[balance->bench[node].id];
    const VbHugePool *pool = vb_node_pool(host, page_size);
    return pool != NULL ? (guint)(pool - host->pools) : VB_POOLS_MAX;
}

/* @amount of bytes more are free there. */
static void
give(VbBalance *balance, guint node, guint64 page_size, gint64 amount)
{
    guint pool = page_size > 4096 ? pool_index(balance, node, page_size) : VB_POOLS_MAX;
    if (page_size <= 4096)
        balance->bench[node].free += amount;
    else if (pool < VB_POOLS_MAX)
        balance->bench[node].pool[pool] += amount / (gint64)page_size;
}

void
vb_balance_book(VbBalance *balance, const VbParty *party, int way, gint64 sign)
{
    const VbWay *chosen = &party->ways[way];
    guint64 page_size = party->cell->page_size;
    for (guint i = 0; i < chosen->froms; i++) {
        const VbPortion *from = portion_at(balance, chosen->from + i);
        give(balance, from->node, page_size, sign * from->amount);
    }
    for (guint i = 0; i < chosen->tos; i++) {
        const VbPortion *to = portion_at(balance, chosen->to + i);
        give(balance, to->node, page_size, -sign * to->amount);
        if (page_size <= 4096)
            balance->bench[to->node].arrived += sign * to->amount;
    }
}

void
vb_balance_clear_room(VbBalance *balance)
{
    for (guint i = 0; i < balance->nodes; i++) {
        VbBench *bench = &balance->bench[i];
        const VbNode *node = &balance->snapshot->topology.node[bench->id];
        bench->free = (gint64)node->memory_free_bytes;
        bench->arrived = 0;
        for (guint pool = 0; pool < node->n_pools; pool++)
            bench->pool[pool] = (gint64)node->pools[pool].free;
    }
}

static gboolean
keeps(const VbBench *bench)
{
    gboolean sound = bench->free >= bench->least && (bench->arrived == 0 || bench->free >= bench->reserve);
    for (guint i = 0; i < VB_POOLS_MAX; i++)
        sound = sound && bench->pool[i] >= 0;
    return sound;
}

gint64
vb_balance_shortage(const VbBalance *balance)
{
    gint64 bytes = 0;
    for (guint i = 0; i < balance->nodes; i++) {
        const VbBench *bench = &balance->bench[i];
        const VbNode *node = &balance->snapshot->topology.node[bench->id];
        bytes += MAX((bench->arrived > 0 ? bench->reserve : bench->least) - bench->free, 0);
        for (guint pool = 0; pool < node->n_pools; pool++)
            bytes += MAX(-bench->pool[pool], 0) * (gint64)node->pools[pool].page_size;
    }
    return bytes;
}

static gboolean
has_cpus_on(const VbBalance *balance, const VbParty *party, int way, guint node)
{
    gint64 vcpus = vcpus_on(party, way, node);
    for (guint i = party->first; i < party->end; i++) {
        const VbParty *other = vb_balance_party(balance, i);
        if (other != party && other->way != VB_BALANCE_UP)
            vcpus += vcpus_on(other, other->way, node);
    }
    return vcpus <= party->cpus[node];
}

gboolean
vb_balance_has_cpus(const VbBalance *balance, const VbParty *party, int way)
{
    if (party->end - party->first < 2)
        return TRUE;
    for (guint64 nodes = vb_way_nodes(party, way); nodes != 0; nodes &= nodes - 1)
        if (!has_cpus_on(balance, party, way, (guint)__builtin_ctzll(nodes)))
            return FALSE;
    return TRUE;
}

gboolean
vb_balance_sound(const VbBalance *balance, const VbParty *party, int way)
{
    guint64 touched = party->lies | (party->spreads != NULL ? party->spreads[vb_way_node(way)].set
                                                            : vb_way_nodes(party, way));
    for (guint i = 0; touched != 0; i++, touched >>= 1)
        if ((touched & 1) != 0 && !keeps(&balance->bench[i]))
            return FALSE;
    return vb_balance_has_cpus(balance, party, way);
}

gboolean
vb_balance_fits(VbBalance *balance, const VbParty *party, int way)
{
    if (!party->ways[way].open || party->ways[way].shut)
        return FALSE;
    vb_balance_book(balance, party, way, 1);
    gboolean sound = vb_balance_sound(balance, party, way);
    vb_balance_book(balance, party, way, -1);
    return sound;
}

static void
weigh(VbBalance *balance, const VbParty *party, int way, gint64 sign)
{
    const VbWay *chosen = &party->ways[way];
    if (party->spreads == NULL)
        balance->bench[vb_way_node(way)].load += sign * party->demand_bp;
    for (guint i = 0; party->spreads != NULL && i < balance->nodes; i++)
        balance->bench[i].load += sign * vb_way_demand(party, way, i);
    for (guint i = 0; i < chosen->flows; i++) {
        const VbPortion *flow = portion_at(balance, chosen->flow + i);
        balance->bench[flow->node].flow += sign * flow->amount;
    }
    vb_balance_book(balance, party, way, sign);
}

void
vb_balance_sit(VbBalance *balance, VbParty *party, int way)
{
    g_assert(party->way == VB_BALANCE_UP);
    party->way = way;
    weigh(balance, party, way, 1);
}

int
vb_balance_rise(VbBalance *balance, VbParty *party)
{
    int way = party->way;
    weigh(balance, party, way, -1);
    party->way = VB_BALANCE_UP;
    return way;
}

gint64
vb_balance_cost(const VbBalance *balance)
{
    gint64 cost = 0, kin = 0;
    for (guint i = 0; i < balance->nodes; i++)
        cost += load_cost(balance, &balance->bench[i], 0) + flow_cost(balance, &balance->bench[i], 0);
    for (guint i = 0; i < balance->parties->len; i++) {
        const VbParty *party = vb_balance_party(balance, i);
        if (party->way == VB_BALANCE_UP)
            continue;
        cost += party->ways[party->way].own;
        kin += kin_cost(balance, party, party->way);
    }
    return cost + kin / 2;
}

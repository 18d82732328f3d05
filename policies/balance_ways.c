/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "balance_wide.h"
#include "place.h"

/* A guest counts at least as a hundredth of a CPU. */
#define FLOOR_BP 100
/* Moves smaller than this are not worth their while. */
#define LEAST_BYTES (G_GUINT64_CONSTANT(1) << 20)
#define NS_PER_S G_GINT64_CONSTANT(1000000000)
/* Who is asked for stays for ever: a year. */
#define EVER_S (365 * 86400)

gint64
vb_balance_demand(const VbGuest *guest, const VbVcpu *vcpu)
{
    if (vb_guest_demand_bp(guest) < FLOOR_BP)
        return MAX(FLOOR_BP / (gint64)guest->vcpus->len, 1);
    if (!vcpu->busy_known)
        return VB_BP;
    /* On a node that is asked for more than it has, what it gave looks like all that was wanted. */
    return MIN(vcpu->busy_bp + (vcpu->wait_known ? vcpu->wait_bp : 0), VB_BP);
}

static int
first_cpu(const VbCpuSet *cpus)
{
    for (guint word = 0; word < G_N_ELEMENTS(cpus->word); word++)
        if (cpus->word[word] != 0)
            return (int)(64 * word) + __builtin_ctzll(cpus->word[word]);
    return -1;
}

int
vb_balance_holder(const VbTopology *topology, const VbVcpu *vcpu)
{
    int cpu = vcpu->affinity_known ? first_cpu(&vcpu->affinity) : -1;
    int node = cpu >= 0 ? vb_topology_node_of_cpu(topology, (guint)cpu) : VB_NO_NODE;
    return node != VB_NO_NODE && vb_cpuset_within(&vcpu->affinity, &topology->node[node].cpus)
               ? node
               : VB_NO_NODE;
}

/* @part x @times / @whole, without the price of 128 bits where it need not be paid. */
static gint64
scale(guint64 part, guint64 times, guint64 whole)
{
    if (times == 0 || part <= G_MAXUINT64 / times)
        return (gint64)(part * times / whole);
    return (gint64)((unsigned __int128)part * times / whole);
}

/* Adds where the accesses of a vCPU to @cell go, if it asks for @demand_bp of CPU time. */
static void
add_flow(const VbBalance *balance, const VbCell *cell, gint64 demand_bp, gint64 *flow)
{
    for (guint i = 0; cell->residency_known && cell->present_bytes > 0 && i < balance->nodes; i++)
        flow[i] += scale(cell->by_node[balance->bench[i].id], (guint64)demand_bp,
                         cell->present_bytes);
}

void
vb_balance_add_guest(VbBalance *balance, const VbGuest *guest, gint64 sign)
{
    for (guint i = 0; i < guest->vcpus->len; i++) {
        const VbVcpu *vcpu = g_ptr_array_index(guest->vcpus, i);
        gint64 flow[VB_NODES_MAX] = {0}, demand = vb_balance_demand(guest, vcpu);
        int holder = vb_balance_holder(&balance->snapshot->topology, vcpu);
        if (holder != VB_NO_NODE)
            balance->bench[balance->number[holder]].load += sign * demand;
        for (guint n = 0; holder == VB_NO_NODE && vcpu->share_known && n < balance->nodes; n++)
            balance->bench[n].load += sign * (demand * vcpu->share_bp[balance->bench[n].id] / VB_BP);
        if (vcpu->cell >= 0 && (guint)vcpu->cell < guest->cells->len)
            add_flow(balance, g_ptr_array_index(guest->cells, (guint)vcpu->cell), demand, flow);
        for (guint n = 0; n < balance->nodes; n++)
            balance->bench[n].flow += sign * flow[n];
    }
}

static guint
add_portions(VbBalance *balance, const gint64 *amounts, guint *ret_first)
{
    *ret_first = balance->portions->len;
    for (guint i = 0; i < balance->nodes; i++) {
        VbPortion portion = {i, amounts[i]};
        if (amounts[i] > 0)
            g_array_append_val(balance->portions, portion);
    }
    return balance->portions->len - *ret_first;
}

static gint64
access_cost(const VbBalance *balance, const gint64 *flow, guint node)
{
    const guint16 *distance =
        balance->snapshot->topology.node[balance->bench[node].id].distance;
    gint64 cost = 0;
    for (guint i = 0; i < balance->nodes; i++)
        cost += flow[i] * MAX((gint64)distance[balance->bench[i].id] - VB_DISTANCE_LOCAL, 0);
    return cost * VB_BALANCE_UNIT;
}

/* What a party's guest asks of its ways. */
typedef struct {
    guint tolerance_bp;
    gint64 hysteresis;  /* cost of leaving */
    gint64 devices;     /* cost of a step of distance to its devices */
    guint64 rate;       /* cost of moving a MiB, x VB_BP x stay_s */
    guint64 stay_s;
} Terms;

static gint64
parameter(const VbBalance *balance, const VbParty *party, const char *name)
{
    return vb_policy_parameter(balance->policy, balance->snapshot, party->guest, name);
}

static Terms
terms_of(const VbBalance *balance, const VbParty *party)
{
    return (Terms){
        .tolerance_bp = (guint)parameter(balance, party, "tolerance"),
        .hysteresis =
            parameter(balance, party, "hysteresis") * VB_BALANCE_UNIT * party->demand_bp / 100,
        .devices = parameter(balance, party, "devices") * party->demand_bp / VB_BP * VB_BALANCE_UNIT,
        .rate = (guint64)parameter(balance, party, "move-cost") * VB_BALANCE_UNIT *
                (guint64)(VB_BP + parameter(balance, party, "margin")),
        .stay_s = party->guest->asked ? EVER_S
                                      : (guint64)(parameter(balance, party, "stay") / NS_PER_S),
    };
}

/* What moving @bytes costs a second, over the time that the guest is expected to stay, margin
 * included. Rounded up: two moves never cost less than the one that they come to. */
static gint64
move_cost(const Terms *terms, guint64 bytes)
{
    unsigned __int128 whole = ((unsigned __int128)terms->stay_s * VB_BP) << 20;
    unsigned __int128 cost = ((unsigned __int128)bytes * terms->rate + whole - 1) / whole;
    return (gint64)MIN(cost, (unsigned __int128)G_MAXINT32 * VB_BP);
}

/*
 * Splits what would move to node @to by where it comes from, in whole pages. Which pages cannot move
 * is known by sum only: those away are taken for it first, in proportion.
 */
static guint64
split(const VbBalance *balance, const VbParty *party, guint to, guint tolerance, gint64 *from)
{
    const VbCell *cell = party->cell;
    int target = balance->bench[to].id;
    guint64 bytes = vb_place_cell_bytes(cell, target, tolerance), off = 0, sum = 0;
    for (guint i = 0; i < balance->nodes; i++)
        off += i != to ? cell->by_node[balance->bench[i].id] : 0;
    for (guint i = 0; i < balance->nodes && bytes >= LEAST_BYTES; i++) {
        if (i == to || cell->by_node[balance->bench[i].id] == 0)
            continue;
        guint64 part = bytes == off ? cell->by_node[balance->bench[i].id]
                                    : (guint64)((unsigned __int128)bytes *
                                                cell->by_node[balance->bench[i].id] / off);
        part -= part % MAX(cell->page_size, 1);
        from[i] = (gint64)part;
        sum += part;
    }
    return sum;
}

/* The cell once @from has left and @to has come. */
static VbCell
cell_after(const VbBalance *balance, const VbParty *party, const gint64 *from, const gint64 *to)
{
    VbCell then = *party->cell;
    for (guint i = 0; i < balance->nodes; i++) {
        then.by_node[balance->bench[i].id] -= (guint64)from[i];
        then.by_node[balance->bench[i].id] += (guint64)to[i];
    }
    return then;
}

static gint64
access_to(const VbBalance *balance, const VbParty *party, guint node, const VbCell *then,
          gint64 demand_bp)
{
    gint64 flow[VB_NODES_MAX] = {0};
    if (party->spreads != NULL)
        return vb_spread_access(balance, party, node, then, demand_bp);
    add_flow(balance, then, demand_bp, flow);
    return access_cost(balance, flow, node);
}

/* What is to move so that RAM is where the vCPUs are. Returns: its sum. */
static guint64
shift(const VbBalance *balance, const VbParty *party, guint node, guint tolerance_bp, gint64 *from,
      gint64 *to)
{
    if (party->spreads != NULL)
        return vb_spread_shift(balance, party, node, tolerance_bp, from, to);
    guint64 bytes = split(balance, party, node, tolerance_bp, from);
    to[node] = (gint64)bytes;
    return bytes;
}

/* FALSE if the node could not take a party's RAM even if nobody else were there. */
static gboolean
could_hold(const VbBalance *balance, const VbParty *party, guint node)
{
    const VbNode *host = &balance->snapshot->topology.node[balance->bench[node].id];
    guint64 page_size = party->cell->page_size;
    return party->spreads != NULL ||
           (host->memory_total_bytes >= party->cell->present_bytes &&
            (page_size <= 4096 || vb_node_pool(host, page_size) != NULL));
}

/* Of the RAM, what lies outside of the guest's boundary. */
static guint64
bytes_outside(const VbBalance *balance, const VbParty *party)
{
    guint64 bytes = 0;
    for (guint i = 0; i < balance->nodes; i++)
        if ((party->guest->boundary & VB_NODE_BIT(balance->bench[i].id)) == 0)
            bytes += party->cell->by_node[balance->bench[i].id];
    return bytes;
}

/* To the host devices that serve it, in hundredths; the mean of its vCPUs. */
static gint64
device_distance(const VbBalance *balance, const VbParty *party, guint node)
{
    const VbTopology *topology = &balance->snapshot->topology;
    gint64 sum = 0;
    if (party->spreads == NULL)
        return vb_place_device_distance(topology, party->guest, balance->bench[node].id);
    for (guint i = 0; i < balance->nodes; i++)
        if (party->spreads[node].vcpus[i] > 0)
            sum += (gint64)party->spreads[node].vcpus[i] *
                   vb_place_device_distance(topology, party->guest, balance->bench[i].id);
    return sum / (gint64)party->vcpus;
}

static void
open_way(VbBalance *balance, VbParty *party, const Terms *terms, guint node, gboolean brought)
{
    gint64 from[VB_NODES_MAX] = {0}, to[VB_NODES_MAX] = {0}, flow[VB_NODES_MAX] = {0};
    VbWay *way = &party->ways[2 * node + (guint)brought];
    way->bytes = brought ? shift(balance, party, node, terms->tolerance_bp, from, to) : 0;
    if (brought && (way->bytes == 0 || !could_hold(balance, party, node)))
        return;
    gboolean leaves = party->origin >= 0 && (guint)party->origin != node;
    VbCell then = cell_after(balance, party, from, to);
    add_flow(balance, &then, party->demand_bp, flow);
    way->open = TRUE;
    way->access = party->spreads == NULL && party->weight_bp <= party->demand_bp
                      ? access_cost(balance, flow, node)
                      : access_to(balance, party, node, &then, MAX(party->weight_bp, party->demand_bp));
    way->own = way->access + move_cost(terms, way->bytes) + (leaves ? terms->hysteresis : 0) +
               terms->devices * device_distance(balance, party, node) / 100;
    way->flows = add_portions(balance, flow, &way->flow);
    way->froms = add_portions(balance, from, &way->from);
    way->tos = add_portions(balance, to, &way->to);
}

void
vb_balance_open_ways(VbBalance *balance, VbParty *party)
{
    const VbTopology *topology = &balance->snapshot->topology;
    VbNodeSet allowed = party->guest->boundary & vb_topology_home_nodes(topology);
    gboolean outside = party->guest->asked && bytes_outside(balance, party) >= LEAST_BYTES;
    Terms terms = terms_of(balance, party);
    party->ways = g_new0(VbWay, 2 * balance->nodes);
    for (guint i = 0; i < balance->nodes; i++) {
        int id = balance->bench[i].id;
        if (party->cell->by_node[id] > 0)
            party->lies |= G_GUINT64_CONSTANT(1) << i;
        if ((allowed & VB_NODE_BIT(id)) == 0)
            continue;
        if (party->spreads != NULL ? party->spreads[i].set == 0
                                   : party->cpus[i] < party->vcpus)
            continue;
        open_way(balance, party, &terms, i, FALSE);
        open_way(balance, party, &terms, i, TRUE);
        if (outside && party->ways[2 * i + 1].bytes > 0) {
            party->ways[2 * i].barred = TRUE;
            party->ways[2 * i].own += VB_BALANCE_BARRED;
        }
    }
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "balance_search.h"
#include "balance_wide.h"
#include "place.h"

/*
 * balance: one optimisation over the whole host. Seats the cells of all guests so that the sum of
 *
 *   access       CPU demand x distance of where the accesses go, beyond local
 *   overload     what a node's CPUs are asked for (used or waited for) beyond what they have, and a
 *                little for all load
 *   bandwidth    accesses to a node's RAM beyond what all its own CPUs could make
 *   devices      distance to host devices that serve the guest, for a share of its demand
 *   kinship      distance between cells of one guest, for the accesses that they share
 *   moving       the bytes moved, spread over the time that a guest is expected to stay, and a margin
 *   leaving      a place that a guest has already
 *
 * is least: a move has to pay for itself, and so has each guest in a chain or an exchange. A guest that
 * the administrator asked for counts as if it were busy and stayed for ever: its RAM comes along, and
 * bytes only break ties; where it could not, though it would have to leave where the guest was told to
 * be, nothing is done. Vocabulary
 * after "Facility location" with quadratic costs made piecewise linear, so that an integer programme
 * can be compared with it (tests/unit/test_balance_optimum.c).
 *
 * What is spent is spent: on the host that a plan leads to, every other seating costs at least as
 * much more as it did before, for going there by way of here moves no fewer bytes than going there
 * at once. So deciding again changes nothing.
 */

static const VbParameter parameters[] = {
    {"move-cost", 0, 1000000, 1200, "",
     "cost of moving a MiB, in bp of a CPU x distance x seconds"},
    {"stay", G_GINT64_CONSTANT(1000000000), G_GINT64_CONSTANT(1000000000000000),
     G_GINT64_CONSTANT(300000000000), "ns", "time over which a move has to pay for itself"},
    {"margin", 0, 10 * VB_BP, 5000, "bp", "share of that cost that it has to gain on top"},
    {"hysteresis", 0, 100000, 50, "%",
     "of one step of distance, by which another node must be better than a guest's own"},
    {"confirm", 1, 100, 2, "", "decisions in a row that must send a guest to the same nodes"},
    {"tolerance", 0, VB_BP, 100, "bp", "share of a cell's RAM that may lie away from its vCPUs"},
    {"overload", 0, 1000, 20, "",
     "distance that CPU time beyond what a node has counts as, the same for all guests"},
    {"bandwidth", 0, 1000, 4, "",
     "distance that accesses beyond what a node serves count as, the same for all guests"},
    {"closeness", 0, VB_BP, 1000, "bp",
     "share of accesses that go to other cells of a guest, the same for all guests"},
    {"interleave", 0, VB_NODES_MAX, 0, "",
     "nodes over which at least a guest without cells is spread, its RAM evenly; 0 and 1: no more than hold it"},
    {"devices", 0, VB_BP, 2000, "bp",
     "share of its accesses that the host devices that serve a guest count as, all together"},
    {"cooldown", G_GINT64_CONSTANT(1000000000), G_MAXINT64, G_GINT64_CONSTANT(60000000000), "ns",
     "time for which a guest that moved is left alone"},
    {NULL},
};

/* Where the firmware tells how fast all RAM is, that says what a node serves, not how many CPUs it has. */
static void
weigh_bandwidth(VbBalance *balance)
{
    const VbTopology *topology = &balance->snapshot->topology;
    gint64 served = 0, bandwidth = 0;
    for (guint i = 0; i < balance->nodes; i++) {
        const VbNode *node = &topology->node[balance->bench[i].id];
        if (node->n_cpus == 0)
            continue;
        if (node->bandwidth_mib_s == 0)
            return;
        served += balance->bench[i].flow_bp;
        bandwidth += node->bandwidth_mib_s;
    }
    for (guint i = 0; bandwidth > 0 && i < balance->nodes; i++) {
        gint64 own = topology->node[balance->bench[i].id].bandwidth_mib_s;
        if (own > 0)
            balance->bench[i].flow_bp = MAX(served * own / bandwidth, 1);
    }
}

static void
set_benches(VbBalance *balance)
{
    const VbTopology *topology = &balance->snapshot->topology;
    gint64 cpus = 0, homes = 0;
    int id;
    VB_NODESET_FOREACH(id, topology->nodes)
    {
        VbBench *bench = &balance->bench[balance->nodes];
        const VbNode *node = &topology->node[id];
        bench->id = id;
        bench->cpu_bp = vb_node_capacity_bp(node);
        bench->flow_bp = (gint64)node->n_cpus * VB_BP;
        bench->reserve = (gint64)balance->snapshot->reserve_bytes[id];
        bench->least = MIN(bench->reserve, (gint64)node->memory_free_bytes);
        balance->number[id] = (int)balance->nodes++;
        cpus += node->n_cpus;
        homes += node->n_cpus > 0;
    }
    /* RAM without CPUs is as fast as that of a common node. */
    for (guint i = 0; i < balance->nodes; i++)
        if (balance->bench[i].flow_bp == 0 && homes > 0)
            balance->bench[i].flow_bp = cpus * VB_BP / homes;
    weigh_bandwidth(balance);
    vb_balance_clear_room(balance);
}

static gboolean
is_cooling(const VbBalance *balance, const VbGuest *guest)
{
    return guest->last_move_ns != 0 &&
           balance->snapshot->time_ns - guest->last_move_ns <
               vb_policy_parameter(balance->policy, balance->snapshot, guest, "cooldown");
}

/* The node that all vCPUs of the cell are held to, else the cell's home. */
static int
origin_of(const VbBalance *balance, const VbParty *party)
{
    const VbTopology *topology = &balance->snapshot->topology;
    int held = VB_NO_NODE;
    gboolean one = TRUE;
    for (guint i = 0; i < party->guest->vcpus->len; i++) {
        const VbVcpu *vcpu = g_ptr_array_index(party->guest->vcpus, i);
        if ((guint)vcpu->cell != party->index)
            continue;
        int holder = vb_balance_holder(topology, vcpu);
        one = one && holder != VB_NO_NODE && (held == VB_NO_NODE || held == holder);
        held = holder;
    }
    int node = one                                         ? held
               : vb_nodeset_count(party->cell->home) == 1 ? vb_nodeset_first(party->cell->home)
                                                          : VB_NO_NODE;
    return node != VB_NO_NODE && (topology->nodes & VB_NODE_BIT(node)) != 0 ? balance->number[node]
                                                                            : -1;
}

/* Adds a party for each cell that vCPUs of it use. */
static void
add_parties(VbBalance *balance, const VbGuest *guest)
{
    for (guint c = 0; c < guest->cells->len; c++) {
        VbParty party = {.guest = guest,
                         .cell = g_ptr_array_index(guest->cells, c),
                         .index = c,
                         .way = VB_BALANCE_UP};
        for (guint i = 0; i < guest->vcpus->len; i++) {
            const VbVcpu *vcpu = g_ptr_array_index(guest->vcpus, i);
            if ((guint)vcpu->cell != c)
                continue;
            party.vcpus++;
            party.demand_bp += vb_balance_demand(guest, vcpu);
        }
        party.weight_bp =
            guest->asked ? MAX(party.demand_bp, (gint64)party.vcpus * VB_BP) : party.demand_bp;
        if (party.vcpus > 0)
            g_array_append_val(balance->parties, party);
    }
}

/* TRUE if it may be placed now; else it is declined, and load. */
static gboolean
may_place(const VbBalance *balance, const VbGuest *guest)
{
    VbNodeSet homes = vb_topology_home_nodes(&balance->snapshot->topology);
    g_autofree char *allowed = vb_nodeset_format(guest->boundary);
    if (!guest->selected || vb_plan_declined(balance->plan, guest->uuid) != NULL)
        return FALSE;
    if ((guest->boundary & homes) == 0)
        vb_plan_decline(balance->plan, guest, "boundary",
                        "the nodes that it may use (\"%s\") have no CPUs and memory, or are "
                        "reserved: allow others",
                        allowed);
    else if (is_cooling(balance, guest))
        vb_plan_decline(balance->plan, guest, "cooldown",
                        "it moved a moment ago; it is left alone until its cooldown is over");
    else
        return TRUE;
    return FALSE;
}

static int
compare_parties(gconstpointer a, gconstpointer b)
{
    const VbParty *left = a, *right = b;
    int order = g_strcmp0(left->guest->uuid, right->guest->uuid);
    return order != 0 ? order
                      : (left->cell->id > right->cell->id) - (left->cell->id < right->cell->id);
}

static guint *
count_cpus(const VbBalance *balance, const VbGuest *guest)
{
    const VbTopology *topology = &balance->snapshot->topology;
    guint *counts = g_new(guint, balance->nodes);
    for (guint i = 0; i < balance->nodes; i++) {
        const VbNode *node = &topology->node[balance->bench[i].id];
        VbCpuSet cpus = vb_place_cpus(topology, guest, balance->bench[i].id);
        counts[i] = vb_cpuset_within(&node->cpus, &guest->cpu_boundary) ? node->n_cpus
                                                                         : vb_cpuset_count(&cpus);
    }
    return counts;
}

static void
prepare_parties(VbBalance *balance)
{
    g_array_sort(balance->parties, compare_parties);
    for (guint i = 0; i < balance->parties->len;) {
        guint end = i;
        while (end < balance->parties->len &&
               vb_balance_party(balance, end)->guest == vb_balance_party(balance, i)->guest)
            end++;
        for (guint first = i; i < end; i++) {
            VbParty *party = vb_balance_party(balance, i);
            party->first = first;
            party->end = end;
            party->cpus = count_cpus(balance, party->guest);
            party->spreads = vb_spread_all(balance, party);
            party->origin = party->spreads != NULL ? vb_spread_origin(balance, party)
                                                   : origin_of(balance, party);
            vb_balance_open_ways(balance, party);
        }
    }
}

VbBalance *
vb_balance_new(const VbPolicy *policy, const VbSnapshot *snapshot, VbPlan *plan)
{
    VbBalance *balance = g_new0(VbBalance, 1);
    balance->policy = policy;
    balance->snapshot = snapshot;
    balance->plan = plan;
    balance->overload = vb_policy_parameter(policy, snapshot, NULL, "overload");
    balance->bandwidth = vb_policy_parameter(policy, snapshot, NULL, "bandwidth");
    balance->closeness = vb_policy_parameter(policy, snapshot, NULL, "closeness");
    balance->patience = VB_BALANCE_PATIENCE;
    balance->portions = g_array_new(FALSE, FALSE, sizeof(VbPortion));
    balance->parties = g_array_new(FALSE, FALSE, sizeof(VbParty));
    set_benches(balance);
    for (guint i = 0; i < snapshot->guests->len; i++) {
        const VbGuest *guest = g_ptr_array_index(snapshot->guests, i);
        vb_balance_add_guest(balance, guest, 1);
        if (may_place(balance, guest))
            add_parties(balance, guest);
    }
    prepare_parties(balance);
    for (guint i = 0; i < balance->nodes; i++)
        balance->bench[i].before = balance->bench[i].load;
    for (guint i = 0; i < balance->parties->len; i = vb_balance_party(balance, i)->end)
        vb_balance_add_guest(balance, vb_balance_party(balance, i)->guest, -1);
    return balance;
}

void
vb_balance_free(VbBalance *balance)
{
    if (balance == NULL)
        return;
    for (guint i = 0; i < balance->parties->len; i++) {
        g_free(vb_balance_party(balance, i)->cpus);
        g_free(vb_balance_party(balance, i)->ways);
        g_free(vb_balance_party(balance, i)->spreads);
    }
    g_array_unref(balance->parties);
    g_array_unref(balance->portions);
    g_free(balance);
}

static void
decide(const VbPolicy *policy, const VbSnapshot *snapshot, VbPlan *plan)
{
    g_autoptr(VbBalance) balance = vb_balance_new(policy, snapshot, plan);
    g_autoptr(GArray) line = vb_balance_find_way(balance);
    vb_balance_emit(balance, line);
    vb_balance_explain(balance);
}

const VbPolicy vb_policy_balance = {
    .name = "balance",
    .question = "what would gain the whole host most, for the bytes that it costs?",
    .needs = VB_NEEDS_RESIDENCY | VB_NEEDS_SHARE | VB_NEEDS_DEMAND,
    .parameters = parameters,
    .decide = decide,
};

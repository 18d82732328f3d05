/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "place.h"

/*
 * Migrate On Reference Node, Mel Gorman's placeholder of 2012 (LWN 486858, "Toward better NUMA
 * scheduling"; "NUMA in a hurry", LWN 524977): greedy and without memory. RAM on nodes where none of
 * the cell's vCPUs ran goes to those where they ran, in proportion. Never moves a vCPU. The
 * yardstick of the league.
 */

/* Less than this, or than the error of sampling, is noise, not a page worth a call. */
#define NOISE_BP 10

static const VbParameter parameters[] = {
    {"minimum", 0, G_MAXINT64, 1024 * 1024, "bytes", "moves smaller than this are left out"},
    {NULL},
};

/* Busy-weighted run time of the vCPUs that use @cell, by node; of all vCPUs if it has none. */
static guint64
run_by_node(const VbGuest *guest, guint cell, VbNodeSet allowed, guint64 *weight)
{
    guint64 total = 0;
    for (guint pass = 0; pass < 2 && total == 0; pass++) {
        for (guint i = 0; i < guest->vcpus->len; i++) {
            const VbVcpu *vcpu = g_ptr_array_index(guest->vcpus, i);
            if (pass == 0 && vcpu->cell != (int)cell)
                continue;
            guint busy = vcpu->busy_known ? vcpu->busy_bp + 1 : VB_BP;
            int node;
            VB_NODESET_FOREACH(node, allowed)
            {
                weight[node] += (guint64)vcpu->share_bp[node] * busy;
                total += (guint64)vcpu->share_bp[node] * busy;
            }
        }
    }
    return total;
}

/* Splits @bytes by weight; what would be too small a part goes along with the largest. */
static void
share_out(guint64 bytes, VbNodeSet allowed, const guint64 *weight, guint64 total, guint64 minimum,
          guint64 *ret_part)
{
    guint64 rest = bytes;
    int to, top = vb_nodeset_first(allowed);
    VB_NODESET_FOREACH(to, allowed)
    {
        ret_part[to] = (guint64)((unsigned __int128)bytes * weight[to] / total);
        if (weight[to] > weight[top])
            top = to;
        if (ret_part[to] < minimum)
            ret_part[to] = 0;
        rest -= ret_part[to];
    }
    ret_part[top] += rest;
}

static void
move_off(const VbGuest *guest, const VbCell *cell, int from, VbNodeSet allowed,
         const guint64 *weight, guint64 total, guint64 minimum, VbPlan *plan)
{
    guint64 part[VB_NODES_MAX] = {0};
    guint64 loose = vb_place_loose(cell, from);
    guint64 bytes = loose - MIN(vb_place_fixed(cell), loose);
    int to;
    if (bytes < minimum ||
        (unsigned __int128)bytes * VB_BP <=
            (unsigned __int128)cell->present_bytes * MAX(NOISE_BP, cell->error_bp))
        return;
    share_out(bytes, allowed, weight, total, minimum, part);
    VB_NODESET_FOREACH(to, allowed)
    {
        if (part[to] == 0)
            continue;
        g_autofree char *reason = g_strdup_printf(
            "no vCPU ran on node %d; %u %% of their time was on node %d", from,
            (guint)(weight[to] * 100 / total), to);
        vb_plan_add_move(plan, guest, cell->id, from, to, part[to], reason);
    }
}

static void
decide_cell(const VbPolicy *policy, const VbSnapshot *snapshot, const VbGuest *guest,
            guint index, VbPlan *plan)
{
    const VbCell *cell = g_ptr_array_index(guest->cells, index);
    VbNodeSet allowed = 0;
    guint64 weight[VB_NODES_MAX] = {0};
    int node;
    VB_NODESET_FOREACH(node, guest->boundary & snapshot->topology.nodes)
    if (snapshot->topology.node[node].memory_total_bytes > 0)
        allowed |= VB_NODE_BIT(node);
    guint64 total = run_by_node(guest, index, allowed, weight);
    if (total == 0)
        return;
    if (!cell->movable) {
        vb_plan_decline(plan, guest, "unmovable", "cell %u: %s", cell->id,
                        cell->note != NULL ? cell->note : "its RAM cannot be moved");
        return;
    }
    guint64 minimum = (guint64)vb_policy_parameter(policy, snapshot, guest, "minimum");
    VB_NODESET_FOREACH(node, snapshot->topology.nodes)
    if (weight[node] == 0 && cell->by_node[node] > 0)
        move_off(guest, cell, node, allowed, weight, total, minimum, plan);
}

static void
decide(const VbPolicy *policy, const VbSnapshot *snapshot, VbPlan *plan)
{
    for (guint i = 0; i < snapshot->guests->len; i++) {
        const VbGuest *guest = g_ptr_array_index(snapshot->guests, i);
        if (!guest->selected || vb_plan_declined(plan, guest->uuid) != NULL)
            continue;
        for (guint c = 0; c < guest->cells->len; c++)
            decide_cell(policy, snapshot, guest, c, plan);
    }
}

const VbPolicy vb_policy_moron = {
    .name = "moron",
    .question = "where did its vCPUs run just now?",
    .needs = VB_NEEDS_RESIDENCY | VB_NEEDS_SHARE,
    .parameters = parameters,
    .decide = decide,
};

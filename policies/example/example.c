/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <vmbalancer/module.h>

/*
 * example: a policy of one's own, to begin from. A guest most of whose RAM lies on one node gets
 * its vCPUs pinned there; no page ever moves. It is told what it may do by the snapshot alone: the
 * guests that are selected, the nodes and CPUs that each may use.
 */

static const VbParameter parameters[] = {
    {"share", 1, VB_BP, 7500, "bp", "of a guest's RAM, that must lie on the node that holds most"},
    {"cooldown", 0, G_MAXINT64, G_GINT64_CONSTANT(60000000000), "ns",
     "time for which a guest that was pinned is left alone"},
    {NULL},
};

/* The node that holds the asked share of the guest's RAM, VB_NO_NODE if none does. */
static int
find_node(const VbGuest *guest, gint64 share_bp)
{
    guint64 present = vb_guest_present_bytes(guest);
    for (int node = 0; present > 0 && node < VB_NODES_MAX; node++) {
        guint64 there = 0;
        for (guint i = 0; i < guest->cells->len; i++)
            there += ((const VbCell *)g_ptr_array_index(guest->cells, i))->by_node[node];
        if ((unsigned __int128)there * VB_BP >= (unsigned __int128)present * (guint64)share_bp)
            return node;
    }
    return VB_NO_NODE;
}

/* The CPUs of @node that the guest may be pinned to; none if it may not live there. */
static VbCpuSet
usable_cpus(const VbSnapshot *snapshot, const VbGuest *guest, int node)
{
    const VbTopology *topology = &snapshot->topology;
    VbCpuSet none = {{0}};
    if ((guest->boundary & vb_topology_home_nodes(topology) & VB_NODE_BIT(node)) == 0)
        return none;
    return vb_cpuset_and(&topology->node[node].cpus, &guest->cpu_boundary);
}

static void
pin(VbPlan *plan, const VbGuest *guest, const VbCpuSet *cpus, int node)
{
    for (guint i = 0; i < guest->vcpus->len; i++) {
        const VbVcpu *vcpu = g_ptr_array_index(guest->vcpus, i);
        if (vcpu->affinity_known && vb_cpuset_within(&vcpu->affinity, cpus))
            continue;
        g_autofree char *thread = g_strdup_printf("vcpu%u", vcpu->id);
        vb_plan_add_pin(plan, guest, thread, cpus, VB_NO_NODE, node, "most of its RAM lies there");
    }
}

static void
decide_guest(const VbPolicy *policy, const VbSnapshot *snapshot, const VbGuest *guest, VbPlan *plan)
{
    gint64 cooldown = vb_policy_parameter(policy, snapshot, guest, "cooldown");
    int node = find_node(guest, vb_policy_parameter(policy, snapshot, guest, "share"));
    VbCpuSet cpus = {{0}};
    if (node != VB_NO_NODE)
        cpus = usable_cpus(snapshot, guest, node);
    if (node == VB_NO_NODE)
        vb_plan_decline(plan, guest, "spread", "no node holds enough of its RAM: lower share=");
    else if (vb_cpuset_count(&cpus) < guest->vcpus->len)
        vb_plan_decline(plan, guest, "wide",
                        "node %d, which holds its RAM, has fewer CPUs for it than it has vCPUs",
                        node);
    else if (guest->last_move_ns != 0 && snapshot->time_ns - guest->last_move_ns < cooldown)
        vb_plan_decline(plan, guest, "cooldown", "it was pinned a moment ago");
    else
        pin(plan, guest, &cpus, node);
}

/* Each guest by itself: what order they come in makes no difference. */
static void
decide(const VbPolicy *policy, const VbSnapshot *snapshot, VbPlan *plan)
{
    for (guint i = 0; i < snapshot->guests->len; i++) {
        const VbGuest *guest = g_ptr_array_index(snapshot->guests, i);
        if (guest->selected && vb_plan_declined(plan, guest->uuid) == NULL)
            decide_guest(policy, snapshot, guest, plan);
    }
}

static const VbPolicy example = {
    .name = "example",
    .question = "does one node hold most of its RAM?",
    .needs = VB_NEEDS_RESIDENCY,
    .parameters = parameters,
    .decide = decide,
};

VB_POLICY_MODULE(&example);

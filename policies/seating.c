/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "seating.h"
#include "place.h"

/* Turns in which a seating that does not settle is still asked. */
#define TURNS_MAX 64

static gint64
demand_of(const VbVcpu *vcpu)
{
    return vcpu->busy_known ? vcpu->busy_bp : VB_BP;
}

static void
add_load(VbSeating *seating, const VbVcpu *vcpu, gint64 sign)
{
    for (guint node = 0; vcpu->share_known && node < VB_NODES_MAX; node++)
        seating->load_bp[node] += sign * (demand_of(vcpu) * vcpu->share_bp[node] / VB_BP);
}

static VbNodeSet
allowed_nodes(const VbSnapshot *snapshot, const VbGuest *guest)
{
    VbNodeSet allowed = 0;
    int node;
    VB_NODESET_FOREACH(node, guest->boundary & vb_topology_home_nodes(&snapshot->topology))
    {
        VbCpuSet cpus = vb_place_cpus(&snapshot->topology, guest, node);
        if (vb_cpuset_count(&cpus) > 0)
            allowed |= VB_NODE_BIT(node);
    }
    return allowed;
}

static gboolean
is_held(const VbSnapshot *snapshot, const VbGuest *guest, const VbVcpu *vcpu, int node)
{
    VbCpuSet cpus = vb_place_cpus(&snapshot->topology, guest, node);
    return vcpu->affinity_known && vb_cpuset_within(&vcpu->affinity, &cpus);
}

static void
seat_guest(VbSeating *seating, const VbGuest *guest, VbNodeSet allowed)
{
    for (guint i = 0; i < guest->vcpus->len; i++) {
        const VbVcpu *vcpu = g_ptr_array_index(guest->vcpus, i);
        int from = vb_place_main_node(vcpu);
        VbSeated seated = {
            .guest = guest,
            .vcpu = vcpu,
            .index = i,
            .cell = g_ptr_array_index(guest->cells, (guint)vcpu->cell),
            .allowed = allowed,
            .demand_bp = demand_of(vcpu),
            .from = from != VB_NO_NODE && (allowed & VB_NODE_BIT(from)) != 0 ? from : VB_NO_NODE,
            .node = VB_NO_NODE,
        };
        seated.held = from != VB_NO_NODE && is_held(seating->snapshot, guest, vcpu, from);
        g_array_append_val(seating->seated, seated);
    }
}

static gboolean
is_cooling(const VbSeating *seating, const VbGuest *guest, const char *cooldown)
{
    return guest->last_move_ns != 0 &&
           seating->snapshot->time_ns - guest->last_move_ns <
               vb_policy_parameter(seating->policy, seating->snapshot, guest, cooldown);
}

static void
consider(VbSeating *seating, const VbGuest *guest, const char *cooldown)
{
    VbNodeSet allowed = allowed_nodes(seating->snapshot, guest);
    g_autofree char *boundary = vb_nodeset_format(guest->boundary);
    if (!guest->selected || vb_plan_declined(seating->plan, guest->uuid) != NULL)
        return;
    if (allowed == 0)
        vb_plan_decline(seating->plan, guest, "boundary",
                        "the nodes that it may use (\"%s\") have no CPUs and memory for it, or are "
                        "reserved: allow others",
                        boundary);
    else if (is_cooling(seating, guest, cooldown))
        vb_plan_decline(seating->plan, guest, "cooldown",
                        "it moved a moment ago; it is left alone until its cooldown is over");
    else
        seat_guest(seating, guest, allowed);
}

static int
compare_guests(gconstpointer a, gconstpointer b)
{
    const VbGuest *left = *(VbGuest *const *)a, *right = *(VbGuest *const *)b;
    return g_strcmp0(left->uuid, right->uuid);
}

static int
compare_seated(gconstpointer a, gconstpointer b)
{
    const VbSeated *left = a, *right = b;
    int order = g_strcmp0(left->guest->uuid, right->guest->uuid);
    return order != 0 ? order
                      : (left->vcpu->id > right->vcpu->id) - (left->vcpu->id < right->vcpu->id);
}

VbSeating *
vb_seating_new(const VbPolicy *policy, const VbSnapshot *snapshot, const char *cooldown,
               VbPlan *plan)
{
    VbSeating *seating = g_new0(VbSeating, 1);
    g_autoptr(GPtrArray) guests = g_ptr_array_new();
    seating->seated = g_array_new(FALSE, TRUE, sizeof(VbSeated));
    g_ptr_array_extend(guests, snapshot->guests, NULL, NULL);
    g_ptr_array_sort(guests, compare_guests);
    seating->policy = policy;
    seating->snapshot = snapshot;
    seating->plan = plan;
    for (guint i = 0; i < guests->len; i++) {
        const VbGuest *guest = g_ptr_array_index(guests, i);
        for (guint v = 0; v < guest->vcpus->len; v++)
            add_load(seating, g_ptr_array_index(guest->vcpus, v), 1);
        consider(seating, guest, cooldown);
    }
    g_array_sort(seating->seated, compare_seated);
    return seating;
}

void
vb_seating_free(VbSeating *seating)
{
    if (seating == NULL)
        return;
    g_array_unref(seating->seated);
    g_free(seating);
}

VbSeated *
vb_seating_at(const VbSeating *seating, guint index)
{
    return &g_array_index(seating->seated, VbSeated, index);
}

void
vb_seating_send(VbSeating *seating, VbSeated *seated, int node)
{
    if (seated->node == VB_NO_NODE)
        add_load(seating, seated->vcpu, -1);
    else
        seating->load_bp[seated->node] -= seated->demand_bp;
    seating->load_bp[node] += seated->demand_bp;
    seated->node = node;
}

/* What it asks of @node where it is now. */
static gint64
load_there(const VbSeated *seated, int node)
{
    if (seated->node != VB_NO_NODE)
        return seated->node == node ? seated->demand_bp : 0;
    return seated->vcpu->share_known ? seated->demand_bp * seated->vcpu->share_bp[node] / VB_BP : 0;
}

int
vb_seated_node(const VbSeated *seated)
{
    return seated->node != VB_NO_NODE ? seated->node : seated->from;
}

static guint
count_there(const VbSeating *seating, const VbGuest *guest, int node)
{
    guint count = 0;
    for (guint i = 0; i < seating->seated->len; i++) {
        const VbSeated *other = vb_seating_at(seating, i);
        count += other->guest == guest && vb_seated_node(other) == node;
    }
    return count;
}

gboolean
vb_seating_has_room(const VbSeating *seating, const VbSeated *seated, int node,
                    const VbSeated *leaving)
{
    const VbTopology *topology = &seating->snapshot->topology;
    VbCpuSet cpus = vb_place_cpus(topology, seated->guest, node);
    guint there = count_there(seating, seated->guest, node) + (vb_seated_node(seated) != node);
    if (leaving != NULL && leaving->guest == seated->guest)
        there--;
    gint64 load = seating->load_bp[node] - load_there(seated, node) + seated->demand_bp -
                  (leaving != NULL ? load_there(leaving, node) : 0);
    gint64 before = seating->load_bp[node];
    gint64 capacity = (gint64)topology->node[node].n_cpus * VB_BP;
    return there <= vb_cpuset_count(&cpus) && (load <= capacity || load <= before);
}

void
vb_seating_settle(VbSeating *seating, VbSeatingStep step)
{
    gboolean changed = TRUE;
    for (guint turn = 0; changed && turn < TURNS_MAX; turn++) {
        changed = FALSE;
        for (guint i = 0; i < seating->seated->len; i++)
            changed |= step(seating, vb_seating_at(seating, i));
    }
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "place.h"

/*
 * cpu-follows-memory, after balancenuma v2's second policy (Mel Gorman, LKML 2012-11-19): no page
 * ever moves; the vCPUs that use a cell go to the node that holds most of it, if that node has CPU
 * time left. Cheap and quick, and blind to all that only moving pages could mend.
 *
 * The original bounced: where RAM lies evenly on two nodes the smallest noise makes now one, now
 * the other the greater, and vCPUs followed each time. Here the gain must be clear (margin), the
 * same node must hold most in some looks in a row (confirm), and who was sent somewhere stays a
 * while (cooldown); margin=0, confirm=1 and the shortest cooldown give the original back.
 */

static const VbParameter parameters[] = {
    {"margin", 0, VB_BP, 1000, "bp",
     "locality that a group of vCPUs must gain to be sent elsewhere"},
    {"confirm", 1, 100, 2, "", "looks in a row in which the same node must hold most of the RAM"},
    {"load", 1, 1000, 100, "%", "CPU time that may be asked of a node, of what it has"},
    {"cooldown", 0, G_MAXINT64, G_GINT64_CONSTANT(60000000000), "ns",
     "time for which a guest that was sent elsewhere is left alone"},
    {NULL},
};

/* The vCPUs that use one cell's RAM; of a guest without cells, all. */
typedef struct {
    const VbGuest *guest;
    const VbCell *cell;
    int index; /* of the cell in the guest */
    gint64 demand_bp;
    guint was_bp, now_bp;         /* nearness of the group's RAM where it runs, and where it will */
    guint share_bp[VB_NODES_MAX]; /* of the cell's RAM by node: its locality if it ran there */
    gboolean open;                /* it may be sent elsewhere */
    int to;                       /* VB_NO_NODE: it stays */
} Group;

typedef struct {
    const VbPolicy *policy;
    const VbSnapshot *snapshot;
    VbPlan *plan;
    gint64 load_bp[VB_NODES_MAX];
    GArray *groups; /* (element-type Group) */
} Board;

static gint64
parameter(const Board *board, const VbGuest *guest, const char *name)
{
    return vb_policy_parameter(board->policy, board->snapshot, guest, name);
}

static void
add_load(Board *board, const VbVcpu *vcpu, gint64 sign)
{
    gint64 busy = vcpu->busy_known ? vcpu->busy_bp : VB_BP;
    for (guint node = 0; vcpu->share_known && node < VB_NODES_MAX; node++)
        board->load_bp[node] += sign * (busy * vcpu->share_bp[node] / VB_BP);
}

static gboolean
belongs(const Group *group, const VbVcpu *vcpu)
{
    return group->guest->cells->len == 1 || vcpu->cell == group->index;
}

/* An idle vCPU counts a little, so that a group that sleeps has a place, too. */
static guint
weight_of(const VbVcpu *vcpu)
{
    return (vcpu->busy_known ? vcpu->busy_bp : VB_BP) + 1;
}

/*
 * How much of the group's RAM is near a vCPU, in bp. One that nothing holds may run elsewhere in
 * the next moment: that counts as much as where it ran, or a stray look would tell when it is sent
 * home.
 */
static guint
nearness(const Group *group, const VbVcpu *vcpu, const VbTopology *topology)
{
    guint64 ran = 0, may = 0;
    VbNodeSet nodes = vcpu->affinity_known ? vb_topology_nodes_of_cpus(topology, &vcpu->affinity)
                                           : topology->nodes;
    int node;
    VB_NODESET_FOREACH(node, topology->nodes)
    {
        ran += (guint64)vcpu->share_bp[node] * group->share_bp[node] / VB_BP;
        may += (nodes & VB_NODE_BIT(node)) != 0 ? group->share_bp[node] : 0;
    }
    guint count = vb_nodeset_count(nodes);
    return count > 1 ? (guint)((ran + may / count) / 2) : (guint)ran;
}

static void
measure(Group *group, const VbTopology *topology)
{
    guint64 weight = 0, local = 0;
    for (guint node = 0; node < VB_NODES_MAX; node++)
        group->share_bp[node] = (guint)((unsigned __int128)group->cell->by_node[node] * VB_BP /
                                        group->cell->present_bytes);
    for (guint i = 0; i < group->guest->vcpus->len; i++) {
        const VbVcpu *vcpu = g_ptr_array_index(group->guest->vcpus, i);
        if (!belongs(group, vcpu))
            continue;
        group->demand_bp += vcpu->busy_known ? vcpu->busy_bp : VB_BP;
        weight += weight_of(vcpu);
        local += (guint64)weight_of(vcpu) * nearness(group, vcpu, topology);
    }
    group->was_bp = group->now_bp = weight > 0 ? (guint)(local / weight) : VB_BP;
}

static guint
count_vcpus(const Group *group)
{
    guint count = 0;
    for (guint i = 0; i < group->guest->vcpus->len; i++)
        count += belongs(group, g_ptr_array_index(group->guest->vcpus, i));
    return count;
}

static void
collect(Board *board, const VbGuest *guest)
{
    for (guint i = 0; i < guest->cells->len; i++) {
        Group group = {guest, g_ptr_array_index(guest->cells, i), (int)i, .to = VB_NO_NODE};
        if (group.cell->present_bytes == 0 || count_vcpus(&group) == 0)
            continue;
        measure(&group, &board->snapshot->topology);
        g_array_append_val(board->groups, group);
    }
}

static guint
best_share(const Group *group)
{
    guint best = 0;
    for (guint node = 0; node < VB_NODES_MAX; node++)
        best = MAX(best, group->share_bp[node]);
    return best;
}

/* Who may gain most chooses first; of equals who asks for more CPU time; then by UUID. */
static int
compare_groups(gconstpointer a, gconstpointer b)
{
    const Group *left = a, *right = b;
    gint64 gain = (gint64)best_share(left) - left->now_bp;
    gint64 other = (gint64)best_share(right) - right->now_bp;
    if (gain != other)
        return gain > other ? -1 : 1;
    if (left->demand_bp != right->demand_bp)
        return left->demand_bp > right->demand_bp ? -1 : 1;
    int order = g_strcmp0(left->guest->uuid, right->guest->uuid);
    return order != 0 ? order : left->index - right->index;
}

static gboolean
cooling(const Board *board, const VbGuest *guest)
{
    return guest->last_move_ns != 0 &&
           board->snapshot->time_ns - guest->last_move_ns < parameter(board, guest, "cooldown");
}

/* CPU time that @node would be asked for with the group there, which now weighs elsewhere. */
static gint64
load_with(const Board *board, const Group *group, int node)
{
    gint64 load = board->load_bp[node] + group->demand_bp;
    if (group->to != VB_NO_NODE)
        return group->to == node ? board->load_bp[node] : load;
    for (guint i = 0; i < group->guest->vcpus->len; i++) {
        const VbVcpu *vcpu = g_ptr_array_index(group->guest->vcpus, i);
        if (belongs(group, vcpu) && vcpu->share_known)
            load -=
                (gint64)(vcpu->busy_known ? vcpu->busy_bp : VB_BP) * vcpu->share_bp[node] / VB_BP;
    }
    return load;
}

static gboolean
has_room(const Board *board, const Group *group, int node)
{
    const VbTopology *topology = &board->snapshot->topology;
    VbCpuSet cpus = vb_place_cpus(topology, group->guest, node);
    gint64 capacity =
        (gint64)topology->node[node].n_cpus * VB_BP * parameter(board, group->guest, "load") / 100;
    return vb_cpuset_count(&cpus) >= count_vcpus(group) &&
           load_with(board, group, node) <= capacity;
}

/* The best node that is clearly better, VB_NO_NODE if none is. @room: only one with CPU time. */
static int
choose(const Board *board, const Group *group, gboolean room)
{
    const VbTopology *topology = &board->snapshot->topology;
    gint64 margin = parameter(board, group->guest, "margin");
    int best = VB_NO_NODE, node;
    VB_NODESET_FOREACH(node, group->guest->boundary & vb_topology_home_nodes(topology))
    {
        gint64 gain = (gint64)group->share_bp[node] - group->now_bp;
        if (gain <= 0 || gain < margin || (room && !has_room(board, group, node)))
            continue;
        if (best == VB_NO_NODE || group->share_bp[node] > group->share_bp[best])
            best = node;
    }
    return best;
}

/* The group weighs on @node instead of where it did. */
static void
send(Board *board, Group *group, int node)
{
    for (guint i = 0; group->to == VB_NO_NODE && i < group->guest->vcpus->len; i++)
        if (belongs(group, g_ptr_array_index(group->guest->vcpus, i)))
            add_load(board, g_ptr_array_index(group->guest->vcpus, i), -1);
    if (group->to != VB_NO_NODE)
        board->load_bp[group->to] -= group->demand_bp;
    board->load_bp[node] += group->demand_bp;
    group->now_bp = group->share_bp[node];
    group->to = node;
}

/* TRUE if the group may be sent elsewhere; else its guest is declined, if it would rather be. */
static gboolean
may_go(Board *board, const Group *group)
{
    int wish = choose(board, group, FALSE);
    if (wish == VB_NO_NODE)
        return FALSE;
    if (cooling(board, group->guest)) {
        vb_plan_decline(board->plan, group->guest, "cooldown",
                        "it was sent elsewhere a moment ago; it is left alone until its "
                        "cooldown is over");
        return FALSE;
    }
    if (group->cell->top_seen < parameter(board, group->guest, "confirm")) {
        vb_plan_decline(
            board->plan, group->guest, "unconfirmed",
            "node %d was seen to hold most of its RAM in too few looks in a row; its vCPUs "
            "follow if the next look agrees",
            wish);
        return FALSE;
    }
    return TRUE;
}

/* Who leaves makes room for others; each step gains, so that it ends. */
static void
send_all(Board *board)
{
    for (gboolean changed = TRUE; changed;) {
        changed = FALSE;
        for (guint i = 0; i < board->groups->len; i++) {
            Group *group = &g_array_index(board->groups, Group, i);
            int node = group->open ? choose(board, group, TRUE) : VB_NO_NODE;
            if (node != VB_NO_NODE)
                send(board, group, node);
            changed |= node != VB_NO_NODE;
        }
    }
}

static void
explain_room(Board *board, const Group *group)
{
    int wish = group->open && group->to == VB_NO_NODE ? choose(board, group, FALSE) : VB_NO_NODE;
    if (wish != VB_NO_NODE)
        vb_plan_decline(board->plan, group->guest, "no-room",
                        "node %d holds %u %% of its RAM, but has not the %u CPUs or the CPU time "
                        "that it asks for; this policy moves no RAM: choose another, or allow a "
                        "higher load",
                        wish, group->share_bp[wish] / 100, count_vcpus(group));
}

static void
pin_group(Board *board, const Group *group, VbGuest *then)
{
    VbCpuSet cpus = vb_place_cpus(&board->snapshot->topology, group->guest, group->to);
    g_autofree char *reason = g_strdup_printf(
        "node %d holds %u %% of the RAM that it uses, where it runs and may run %u %%", group->to,
        group->share_bp[group->to] / 100, group->was_bp / 100);
    for (guint i = 0; i < group->guest->vcpus->len; i++) {
        const VbVcpu *vcpu = g_ptr_array_index(group->guest->vcpus, i);
        VbVcpu *after = g_ptr_array_index(then->vcpus, i);
        if (!belongs(group, vcpu))
            continue;
        g_autofree char *thread = g_strdup_printf("vcpu%u", vcpu->id);
        vb_plan_add_pin(board->plan, group->guest, thread, &cpus, vb_place_main_node(vcpu),
                        group->to, reason);
        for (int node = 0; node < VB_NODES_MAX; node++)
            after->share_bp[node] = node == group->to ? VB_BP : 0;
    }
}

/* Threads that serve the whole guest go along where all of it goes to one node. */
static void
pin_helpers(Board *board, const VbGuest *guest, int node)
{
    VbCpuSet cpus = vb_place_cpus(&board->snapshot->topology, guest, node);
    for (guint i = 0; i < guest->helpers->len; i++) {
        const VbHelperThread *helper = g_ptr_array_index(guest->helpers, i);
        if (!helper->affinity_known || !vb_cpuset_equal(&helper->affinity, &cpus))
            vb_plan_add_pin(board->plan, guest, helper->name, &cpus, VB_NO_NODE, node,
                            "it serves the vCPUs that go there");
    }
}

/* Where all vCPUs of the guest then are; VB_NO_NODE if that is not one node. */
static int
gathered_on(const VbGuest *then)
{
    int where = VB_NO_NODE;
    for (guint i = 0; i < then->vcpus->len; i++) {
        const VbVcpu *vcpu = g_ptr_array_index(then->vcpus, i);
        int node = vb_place_main_node(vcpu);
        if (node == VB_NO_NODE || vcpu->share_bp[node] != VB_BP ||
            (where != VB_NO_NODE && where != node))
            return VB_NO_NODE;
        where = node;
    }
    return where;
}

static void
emit(Board *board, const VbGuest *guest)
{
    g_autoptr(VbGuest) then = vb_guest_copy(guest);
    guint first = board->plan->actions->len, now_bp, then_bp;
    for (guint i = 0; i < board->groups->len; i++) {
        const Group *group = &g_array_index(board->groups, Group, i);
        if (group->guest == guest && group->to != VB_NO_NODE)
            pin_group(board, group, then);
    }
    if (board->plan->actions->len == first)
        return;
    int node = gathered_on(then);
    if (node != VB_NO_NODE)
        pin_helpers(board, guest, node);
    if (!vb_guest_locality(guest, &now_bp, NULL) || !vb_guest_locality(then, &then_bp, NULL))
        return;
    for (guint i = first; i < board->plan->actions->len; i++)
        ((VbAction *)g_ptr_array_index(board->plan->actions, i))->gain_bp =
            (int)then_bp - (int)now_bp;
}

static void
decide(const VbPolicy *policy, const VbSnapshot *snapshot, VbPlan *plan)
{
    g_autoptr(GArray) groups = g_array_new(FALSE, TRUE, sizeof(Group));
    Board board = {.policy = policy, .snapshot = snapshot, .plan = plan, .groups = groups};
    for (guint i = 0; i < snapshot->guests->len; i++) {
        const VbGuest *guest = g_ptr_array_index(snapshot->guests, i);
        for (guint v = 0; v < guest->vcpus->len; v++)
            add_load(&board, g_ptr_array_index(guest->vcpus, v), 1);
        if (guest->selected && vb_plan_declined(plan, guest->uuid) == NULL)
            collect(&board, guest);
    }
    g_array_sort(groups, compare_groups);
    for (guint i = 0; i < groups->len; i++)
        g_array_index(groups, Group, i).open = may_go(&board, &g_array_index(groups, Group, i));
    send_all(&board);
    for (guint i = 0; i < groups->len; i++)
        explain_room(&board, &g_array_index(groups, Group, i));
    for (guint i = 0; i < snapshot->guests->len; i++)
        emit(&board, g_ptr_array_index(snapshot->guests, i));
}

const VbPolicy vb_policy_cpu_follows_memory = {
    .name = "cpu-follows-memory",
    .question = "on which node is most of the RAM that these vCPUs use?",
    .needs = VB_NEEDS_RESIDENCY | VB_NEEDS_SHARE | VB_NEEDS_DEMAND,
    .parameters = parameters,
    .decide = decide,
};

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "home_board.h"

/*
 * home-node, after balancenuma v2 (Mel Gorman, LKML 2012-11-19, "Foundation for automatic NUMA
 * balancing V2") and ESXi's home nodes ("VMware vSphere: the CPU scheduler", 2013): each guest has
 * one advisory home, kept until another is clearly better; its vCPUs are pulled there, its RAM
 * follows what was seen remote twice in a row.
 *
 * Homes are chosen for all guests together: those that have one start there, the others take the
 * cheapest node that has room, the greatest demand first; then each in turn may change to a cheaper
 * one until none wants to. Each step lowers the sum of all costs, so it ends, and ends where deciding
 * again would change nothing. All costs are in one unit, basis points of a CPU times SLIT distance
 * beyond local:
 *   access    demand x distance to the RAM that stays where it is
 *   moving    per MiB, more for a guest that has a home already; and a margin over that home, for
 *             guests with little RAM: both are the hysteresis
 *   load      what a node's CPUs are asked beyond their number, and a little for all load, so that
 *             of equal nodes the emptier one wins
 */

static const VbParameter parameters[] = {
    {"tolerance", 0, VB_BP, 100, "bp", "share of a cell's RAM that may lie away from home"},
    {"confirm", 1, 100, 2, "", "looks in a row that must find RAM remote before it moves"},
    {"move-cost", 0, 1000000, 4, "", "cost of moving a MiB, in bp of a CPU x distance"},
    {"stickiness", 1, 1000, 4, "", "times the cost of moving for a guest that has a home"},
    {"margin", 0, 1000, 1, "", "distance by which another node must be better than the home"},
    {"cooldown", G_GINT64_CONSTANT(1000000000), G_MAXINT64, G_GINT64_CONSTANT(60000000000), "ns",
     "time for which a guest that moved is left alone"},
    {NULL},
};

static VbNodeSet
candidates_of(const VbBoard *board, const VbGuest *guest)
{
    const VbTopology *topology = &board->snapshot->topology;
    VbNodeSet candidates = 0;
    int node;
    VB_NODESET_FOREACH(node, guest->boundary & vb_topology_home_nodes(topology))
    {
        VbCpuSet cpus = vb_place_cpus(topology, guest, node);
        if (vb_cpuset_count(&cpus) >= guest->vcpus->len &&
            topology->node[node].memory_total_bytes >= vb_guest_present_bytes(guest))
            candidates |= VB_NODE_BIT(node);
    }
    return candidates;
}

static gboolean
cooling(const VbBoard *board, const VbGuest *guest)
{
    return guest->last_move_ns != 0 &&
           board->snapshot->time_ns - guest->last_move_ns <
               vb_board_parameter(board, guest, "cooldown");
}

/* Why a guest cannot be seated at all; it is declined for it. */
static gboolean
decline_unseatable(VbBoard *board, const VbGuest *guest, VbNodeSet candidates)
{
    g_autofree char *allowed = vb_nodeset_format(guest->boundary);
    if ((guest->boundary & vb_topology_home_nodes(&board->snapshot->topology)) == 0) {
        vb_plan_decline(board->plan, guest, "boundary",
                        "the nodes that it may use (\"%s\") have no CPUs and memory, or are "
                        "reserved: allow others",
                        allowed);
        return TRUE;
    }
    if (candidates == 0) {
        vb_plan_decline(board->plan, guest, "wide",
                        "its %u vCPUs and %" G_GUINT64_FORMAT " MiB fit on no single node of \"%s\": "
                        "home-node places guests that fit on one node; use guest NUMA cells or "
                        "fewer vCPUs",
                        guest->vcpus->len, vb_guest_present_bytes(guest) >> 20, allowed);
        return TRUE;
    }
    if (cooling(board, guest) && (vb_guest_home(guest) & ~candidates) == 0) {
        vb_plan_decline(board->plan, guest, "cooldown",
                        "it moved a moment ago; it is left alone until its cooldown is over");
        return TRUE;
    }
    return FALSE;
}

/* Its home, or the node that all its vCPUs are held to, if that is one candidate. */
static int
origin_of(const VbBoard *board, const VbGuest *guest, VbNodeSet candidates)
{
    const VbTopology *topology = &board->snapshot->topology;
    VbNodeSet home = vb_guest_home(guest), held = 0;
    for (guint i = 0; home == 0 && i < guest->vcpus->len; i++) {
        const VbVcpu *vcpu = g_ptr_array_index(guest->vcpus, i);
        held |= vcpu->affinity_known ? vb_topology_nodes_of_cpus(topology, &vcpu->affinity)
                                     : topology->nodes;
    }
    home |= held;
    return vb_nodeset_count(home) == 1 && (home & candidates) != 0 ? vb_nodeset_first(home)
                                                                   : VB_NO_NODE;
}

/* TRUE if its RAM was not yet seen often enough to choose a home by. */
static gboolean
is_new(const VbBoard *board, const VbGuest *guest)
{
    gint64 wanted = vb_board_parameter(board, guest, "confirm");
    for (guint i = 0; i < guest->cells->len; i++) {
        const VbCell *cell = g_ptr_array_index(guest->cells, i);
        if (cell->present_bytes > 0 && cell->remote_seen < wanted)
            return TRUE;
    }
    return FALSE;
}

/* Gives a guest a seat, or declines it: then it weighs where it runs. */
static void
consider(VbBoard *board, const VbGuest *guest)
{
    VbNodeSet candidates = candidates_of(board, guest);
    if (decline_unseatable(board, guest, candidates)) {
        vb_board_add_load(board, guest, 1);
        return;
    }
    int origin = origin_of(board, guest, candidates);
    /* RAM at a home that it must leave is never seen remote: there is nothing to wait for. */
    gboolean must_leave = (vb_guest_home(guest) & ~candidates) != 0;
    if (origin == VB_NO_NODE && !must_leave && is_new(board, guest)) {
        vb_plan_decline(board->plan, guest, "unconfirmed",
                        "it has no home and was seen in too few looks; it gets one if the next "
                        "look agrees");
        vb_board_add_load(board, guest, 1);
        return;
    }
    VbSeat seat = {
        .guest = guest,
        .candidates = candidates,
        .origin = origin,
        .home = VB_UNSEATED,
        .demand_bp = MAX((gint64)vb_guest_demand_bp(guest), VB_DEMAND_FLOOR_BP),
        .move_cost = vb_board_parameter(board, guest, "move-cost") *
                     (origin != VB_NO_NODE ? vb_board_parameter(board, guest, "stickiness") : 1),
        .margin = vb_board_parameter(board, guest, "margin") *
                  MAX((gint64)vb_guest_demand_bp(guest), VB_DEMAND_FLOOR_BP),
        .tolerance_bp = (guint)vb_board_parameter(board, guest, "tolerance"),
    };
    g_array_append_val(board->seats, seat);
}

/* Greatest demand first; of equals the one with more RAM; then by UUID. */
static int
compare_seats(gconstpointer a, gconstpointer b)
{
    const VbSeat *left = a, *right = b;
    guint64 left_bytes = vb_guest_present_bytes(left->guest);
    guint64 right_bytes = vb_guest_present_bytes(right->guest);
    if (left->demand_bp != right->demand_bp)
        return left->demand_bp > right->demand_bp ? -1 : 1;
    if (left_bytes != right_bytes)
        return left_bytes > right_bytes ? -1 : 1;
    return g_strcmp0(left->guest->uuid, right->guest->uuid);
}

static char *
reason_of(const VbBoard *board, const VbSeat *seat)
{
    guint64 present = vb_guest_present_bytes(seat->guest), here = 0;
    for (guint i = 0; i < seat->guest->cells->len; i++)
        here += ((const VbCell *)g_ptr_array_index(seat->guest->cells, i))->by_node[seat->home];
    gint64 tenths = board->load_bp[seat->home] * 10 / VB_BP;
    return g_strdup_printf("home %d: %u %% of its RAM is there, %" G_GINT64_FORMAT
                           ".%" G_GINT64_FORMAT " of %u CPUs will be asked for",
                           seat->home,
                           present > 0 ? (guint)((unsigned __int128)here * 100 / present) : 100,
                           tenths / 10, tenths % 10,
                           board->snapshot->topology.node[seat->home].n_cpus);
}

static void
set_gain(const VbBoard *board, guint first, const VbSeat *seat)
{
    guint now, then;
    guint tolerance = seat->gathered ? seat->tolerance_bp : VB_BP;
    if (!vb_guest_locality(seat->guest, &now, NULL) ||
        !vb_place_locality(seat->guest, seat->home, tolerance, &then))
        return;
    for (guint i = first; i < board->plan->actions->len; i++)
        ((VbAction *)g_ptr_array_index(board->plan->actions, i))->gain_bp = (int)then - (int)now;
}

static void
emit(VbBoard *board, VbSeat *seat)
{
    g_autofree char *reason = reason_of(board, seat);
    guint first = board->plan->actions->len;
    /* A cell that may lie away whole is one that nothing is moved of. */
    vb_place_guest(board->plan, board->snapshot, seat->guest, seat->home,
                   seat->gathered ? seat->tolerance_bp : VB_BP, reason);
    set_gain(board, first, seat);
    if (board->plan->actions->len == first)
        vb_board_explain_room(board, seat);
}

static void
settle(VbBoard *board)
{
    g_autoptr(GPtrArray) line = vb_board_find_way(board);
    for (guint i = 0; i < line->len; i++) {
        VbSeat *seat = g_ptr_array_index(line, i);
        if (seat->waiting)
            vb_plan_decline(board->plan, seat->guest, "unconfirmed",
                            "its RAM was seen away from home %d in too few looks in a row; it "
                            "moves if the next look agrees",
                            seat->home);
        else if (seat->home == VB_NO_NODE)
            vb_board_explain_room(board, seat);
        else
            emit(board, seat);
    }
}

static void
decide(const VbPolicy *policy, const VbSnapshot *snapshot, VbPlan *plan)
{
    g_autoptr(GArray) seats = g_array_new(FALSE, TRUE, sizeof(VbSeat));
    g_autofree VbBoard *board = g_new0(VbBoard, 1);
    board->policy = policy;
    board->snapshot = snapshot;
    board->plan = plan;
    board->free_then = snapshot->topology;
    board->seats = seats;
    for (guint i = 0; i < snapshot->guests->len; i++) {
        const VbGuest *guest = g_ptr_array_index(snapshot->guests, i);
        if (!guest->selected || vb_plan_declined(plan, guest->uuid) != NULL)
            vb_board_add_load(board, guest, 1);
        else
            consider(board, guest);
    }
    g_array_sort(seats, compare_seats);
    settle(board);
}

const VbPolicy vb_policy_home_node = {
    .name = "home-node",
    .question = "which one node should each guest live on?",
    .needs = VB_NEEDS_RESIDENCY | VB_NEEDS_SHARE | VB_NEEDS_DEMAND,
    .parameters = parameters,
    .decide = decide,
};

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "home_board.h"

/* Ten distance steps a bp of overload: an overloaded CPU halves a guest, as the farthest RAM does. */
#define OVERLOAD_COST 20

gint64
vb_board_parameter(const VbBoard *board, const VbGuest *guest, const char *name)
{
    return vb_policy_parameter(board->policy, board->snapshot, guest, name);
}

VbSeat *
vb_board_seat(const VbBoard *board, guint index)
{
    return &g_array_index(board->seats, VbSeat, index);
}

/* What a node's load costs: see OVERLOAD_COST; the square keeps equal nodes even. */
static gint64
load_cost(const VbNode *node, gint64 load_bp)
{
    gint64 capacity = (gint64)node->n_cpus * VB_BP;
    gint64 over = MAX(load_bp - capacity, 0);
    return over * OVERLOAD_COST + (gint64)((__int128)load_bp * load_bp / capacity);
}

/* Distance beyond local from @node to the RAM that stays where it is: all, or what cannot move. */
static gint64
access_cost(const VbSeat *seat, const VbTopology *topology, int node, gboolean gathered)
{
    __int128 sum = 0;
    guint64 present = vb_guest_present_bytes(seat->guest);
    for (guint i = 0; i < seat->guest->cells->len; i++) {
        const VbCell *cell = g_ptr_array_index(seat->guest->cells, i);
        guint64 stay = cell->movable && gathered ? MIN(cell->unmovable_bytes, cell->present_bytes)
                                                 : cell->present_bytes;
        int other;
        if (stay == 0)
            continue;
        VB_NODESET_FOREACH(other, topology->nodes)
        {
            gint64 beyond = (gint64)topology->node[node].distance[other] - VB_DISTANCE_LOCAL;
            sum += (__int128)cell->by_node[other] * stay / cell->present_bytes * MAX(beyond, 0);
        }
    }
    return present > 0 ? (gint64)(sum * seat->demand_bp / present) : 0;
}

/* Less than any margin: it chooses between equals, and is no reason to leave. */
static gint64
device_cost(const VbSeat *seat, const VbTopology *topology, int node)
{
    return MIN(vb_place_device_distance(topology, seat->guest, node) / 100, VB_DEMAND_FLOOR_BP - 1);
}

/* What @seat's guest costs at @node, while it does not count there yet. */
static gint64
cost(const VbBoard *board, const VbSeat *seat, int node, gboolean gathered)
{
    const VbNode *target = &board->snapshot->topology.node[node];
    guint64 moved = gathered ? vb_place_bytes(seat->guest, node, seat->tolerance_bp) : 0;
    gboolean foreign = seat->origin != VB_NO_NODE && seat->origin != node;
    return access_cost(seat, &board->snapshot->topology, node, gathered) +
           device_cost(seat, &board->snapshot->topology, node) +
           (gint64)(moved >> 20) * seat->move_cost + (foreign ? seat->margin : 0) +
           load_cost(target, board->load_bp[node] + seat->demand_bp) -
           load_cost(target, board->load_bp[node]);
}

void
vb_board_add_load(VbBoard *board, const VbGuest *guest, gint64 sign)
{
    gint64 floor = guest->vcpus->len > 0 ? VB_DEMAND_FLOOR_BP / guest->vcpus->len : 0;
    gboolean idle = vb_guest_demand_bp(guest) < VB_DEMAND_FLOOR_BP;
    for (guint i = 0; i < guest->vcpus->len; i++) {
        const VbVcpu *vcpu = g_ptr_array_index(guest->vcpus, i);
        gint64 busy = vcpu->busy_known ? vcpu->busy_bp : VB_BP;
        if (idle)
            busy = floor;
        for (guint node = 0; vcpu->share_known && node < VB_NODES_MAX; node++)
            board->load_bp[node] += sign * (busy * vcpu->share_bp[node] / VB_BP);
    }
}

/* TRUE if too few looks in a row found the RAM that would move to @node away from home. */
static gboolean
vb_board_unconfirmed(const VbBoard *board, const VbSeat *seat, int node)
{
    gint64 wanted = vb_board_parameter(board, seat->guest, "confirm");
    for (guint i = 0; i < seat->guest->cells->len; i++) {
        const VbCell *cell = g_ptr_array_index(seat->guest->cells, i);
        if (cell->remote_seen < wanted &&
            vb_place_cell_bytes(cell, node, seat->tolerance_bp) > 0)
            return TRUE;
    }
    return FALSE;
}

void
vb_board_leave(VbBoard *board, VbSeat *seat)
{
    if (seat->home == VB_NO_NODE)
        vb_board_add_load(board, seat->guest, -1);
    if (seat->home < 0)
        return;
    board->load_bp[seat->home] -= seat->demand_bp;
    if (seat->gathered && !seat->waiting)
        vb_place_unbook(&board->free_then, seat->guest, seat->home, seat->tolerance_bp);
}

void
vb_board_take(VbBoard *board, VbSeat *seat, int node, gboolean gathered)
{
    seat->home = node;
    seat->gathered = gathered;
    seat->waiting = gathered && node == seat->origin && vb_board_unconfirmed(board, seat, node);
    if (node == VB_NO_NODE) {
        vb_board_add_load(board, seat->guest, 1);
        return;
    }
    board->load_bp[node] += seat->demand_bp;
    if (gathered && !seat->waiting)
        vb_place_book(&board->free_then, seat->guest, node, seat->tolerance_bp);
}

/* No node is left with less than its reserve, or than it has now if that is less. */
static gboolean
sound(const VbBoard *board)
{
    const VbSnapshot *now = board->snapshot;
    int id;
    VB_NODESET_FOREACH(id, now->topology.nodes)
    {
        const VbNode *then = &board->free_then.node[id];
        guint64 least = MIN(now->reserve_bytes[id], now->topology.node[id].memory_free_bytes);
        if ((gint64)then->memory_free_bytes < (gint64)least)
            return FALSE;
        for (guint i = 0; i < then->n_pools; i++)
            if ((gint64)then->pools[i].free < 0)
                return FALSE;
    }
    return TRUE;
}

/*
 * TRUE if @node has room for @seat's guest, which is up. It may have given room away: then it can
 * only go where that stays free.
 */
gboolean
vb_board_roomy(VbBoard *board, const VbSeat *seat, int node)
{
    const VbSnapshot *now = board->snapshot;
    if ((seat->shut & VB_NODE_BIT(node)) != 0)
        return FALSE;
    if (node == seat->origin && vb_board_unconfirmed(board, seat, node))
        return sound(board) &&
               vb_place_fits(now, &board->free_then, seat->guest, node, seat->tolerance_bp);
    VbArrival arrival =
        vb_place_arrival(seat->guest, &now->topology, node, seat->tolerance_bp);
    vb_place_book(&board->free_then, seat->guest, node, seat->tolerance_bp);
    gint64 left = (gint64)board->free_then.node[node].memory_free_bytes;
    gboolean room = !arrival.no_pool && sound(board) &&
                    (arrival.small_bytes == 0 || left >= (gint64)now->reserve_bytes[node]);
    vb_place_unbook(&board->free_then, seat->guest, node, seat->tolerance_bp);
    return room;
}

gboolean
vb_board_choose(VbBoard *board, VbSeat *seat)
{
    int before = seat->home, best = VB_NO_NODE, node;
    gboolean was_gathered = seat->gathered, gathered = FALSE;
    gint64 least = G_MAXINT64;
    vb_board_leave(board, seat);
    gboolean may_stay = sound(board);
    VB_NODESET_FOREACH(node, seat->candidates)
    {
        gboolean room = vb_board_roomy(board, seat, node);
        if (!room && (node != seat->origin || !may_stay))
            continue;
        gint64 price = cost(board, seat, node, room);
        /* RAM follows a home in any case; what that costs is no reason to leave. */
        if (node == seat->origin && room)
            price = MIN(price, cost(board, seat, node, FALSE));
        if (price > least || (price == least && node != before))
            continue;
        least = price;
        best = node;
        gathered = room;
    }
    vb_board_take(board, seat, best, gathered);
    return best != before || gathered != was_gathered;
}

/* Says which node it would rather live on and what that lacks, if there is one. */
void
vb_board_explain_room(VbBoard *board, VbSeat *seat)
{
    int home = seat->home, wish = VB_NO_NODE, node;
    gboolean gathered = seat->gathered;
    gint64 least = G_MAXINT64;
    vb_board_leave(board, seat);
    if (home != VB_NO_NODE && gathered)
        least = cost(board, seat, home, TRUE);
    VB_NODESET_FOREACH(node, seat->candidates)
    {
        gint64 price = cost(board, seat, node, TRUE);
        if (price < least && !vb_board_roomy(board, seat, node)) {
            least = price;
            wish = node;
        }
    }
    vb_board_take(board, seat, home, gathered);
    if (wish == VB_NO_NODE)
        return;
    VbArrival arrival =
        vb_place_arrival(seat->guest, &board->free_then, wish, seat->tolerance_bp);
    guint64 needed = vb_place_bytes(seat->guest, wish, seat->tolerance_bp);
    const VbNode *there = &board->free_then.node[wish];
    for (guint i = 0; i < there->n_pools; i++)
        if (arrival.pool_pages[i] > there->pools[i].free) {
            vb_place_decline_pool(board->plan, seat->guest, wish, &there->pools[i],
                                  there->pools[i].free, arrival.pool_pages[i]);
            return;
        }
    vb_plan_decline(board->plan, seat->guest, "no-room",
                    "home %d has %" G_GUINT64_FORMAT " MiB free of which %" G_GUINT64_FORMAT
                    " MiB stay in reserve, %" G_GUINT64_FORMAT " MiB needed%s, and no other node that "
                    "it may use is better; free memory, allow more nodes, or lower reserve=",
                    wish, board->free_then.node[wish].memory_free_bytes >> 20,
                    board->snapshot->reserve_bytes[wish] >> 20, needed >> 20,
                    arrival.no_pool || arrival.small_bytes < needed ? " (of it in hugepages)" : "");
}

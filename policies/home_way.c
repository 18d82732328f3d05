/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "home_board.h"

/* In which order guests go to their homes, so that each finds the room that it needs. */

/* Turns that the guests get to change their mind; it settles in two or three. */
#define TURNS_MAX 64

/* Who has a home sits there; then the others choose, the greatest demand first. */
static void
seat_all(VbBoard *board)
{
    for (guint i = 0; i < board->seats->len; i++) {
        VbSeat *seat = vb_board_seat(board, i);
        if (seat->home == VB_UNSEATED && seat->origin != VB_NO_NODE)
            vb_board_take(board, seat, seat->origin, vb_board_roomy(board, seat, seat->origin));
    }
    for (guint i = 0; i < board->seats->len; i++)
        if (vb_board_seat(board, i)->home == VB_UNSEATED)
            vb_board_choose(board, vb_board_seat(board, i));
}

/* Lets each change its mind until nobody wants to. */
static void
choose_homes(VbBoard *board)
{
    gboolean changed = TRUE;
    for (guint turn = 0; changed && turn < TURNS_MAX; turn++) {
        changed = FALSE;
        for (guint i = 0; i < board->seats->len; i++)
            changed |= vb_board_choose(board, vb_board_seat(board, i));
    }
}

/* TRUE if there is nothing to move, or nowhere to go. */
static gboolean
stays(const VbSeat *seat)
{
    return seat->waiting || !seat->gathered || seat->home == VB_NO_NODE;
}

/*
 * The order in which each finds room: one may have to wait for what another leaves.
 * Returns: (transfer container) (element-type VbSeat): those that can go, in their order;
 * those who stay never wait.
 */
static GPtrArray *
line_up(VbBoard *board)
{
    g_autofree VbTopology *free_now =
        g_memdup2(&board->snapshot->topology, sizeof board->snapshot->topology);
    g_autofree gboolean *done = g_new0(gboolean, board->seats->len + 1);
    GPtrArray *line = g_ptr_array_new();
    for (gboolean progress = TRUE; progress;) {
        progress = FALSE;
        for (guint i = 0; i < board->seats->len; i++) {
            VbSeat *seat = vb_board_seat(board, i);
            if (done[i] || (!stays(seat) &&
                            !vb_place_fits(board->snapshot, free_now, seat->guest, seat->home,
                                           seat->tolerance_bp)))
                continue;
            if (!stays(seat))
                vb_place_book(free_now, seat->guest, seat->home, seat->tolerance_bp);
            g_ptr_array_add(line, seat);
            done[i] = progress = TRUE;
        }
    }
    return line;
}

/* Those who are missing in @line choose again, without the node that they could not get to. */
static void
turn_away(VbBoard *board, const GPtrArray *line)
{
    for (guint i = 0; i < board->seats->len; i++) {
        VbSeat *seat = vb_board_seat(board, i);
        if (g_ptr_array_find((GPtrArray *)line, seat, NULL))
            continue;
        seat->shut |= VB_NODE_BIT(seat->home);
        vb_board_leave(board, seat);
        seat->home = VB_UNSEATED;
    }
    seat_all(board);
    choose_homes(board);
}

/*
 * Lets @seat change its mind if it can still be gone to where it then goes.
 * Returns: TRUE if it did; @line is then the new order.
 */
static gboolean
change(VbBoard *board, VbSeat *seat, GPtrArray **line)
{
    int home = seat->home;
    gboolean gathered = seat->gathered;
    if (!vb_board_choose(board, seat))
        return FALSE;
    g_autoptr(GPtrArray) other = line_up(board);
    if (other->len == board->seats->len) {
        g_ptr_array_unref(*line);
        *line = g_steal_pointer(&other);
        return TRUE;
    }
    seat->shut |= seat->home != VB_NO_NODE ? VB_NODE_BIT(seat->home) : 0;
    vb_board_leave(board, seat);
    vb_board_take(board, seat, home, gathered);
    return FALSE;
}

GPtrArray *
vb_board_find_way(VbBoard *board)
{
    seat_all(board);
    choose_homes(board);
    GPtrArray *line = line_up(board);
    while (line->len < board->seats->len) {
        turn_away(board, line);
        g_ptr_array_unref(line);
        line = line_up(board);
    }
    for (guint i = 0; i < board->seats->len; i++)
        vb_board_seat(board, i)->shut = 0;
    gboolean changed = TRUE;
    for (guint turn = 0; changed && turn < TURNS_MAX; turn++) {
        changed = FALSE;
        for (guint i = 0; i < board->seats->len; i++)
            changed |= change(board, vb_board_seat(board, i), &line);
    }
    return line;
}

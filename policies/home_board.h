/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "place.h"

G_BEGIN_DECLS

/* The board of home-node: its guests, the homes that they have taken so far, and what each costs. */

/** A guest counts at least as a hundredth of a CPU, so that an idle one has a home too. */
#define VB_DEMAND_FLOOR_BP 100
/** A seat's home before its guest has chosen for the first time: it weighs nothing anywhere. */
#define VB_UNSEATED (-2)

/** A guest that is to get a home. */
typedef struct {
    const VbGuest *guest;
    VbNodeSet candidates;
    int origin;        /* its home now, VB_NO_NODE if it has none or must leave it */
    int home;          /* as chosen so far; VB_NO_NODE: it stays where it runs; or VB_UNSEATED */
    VbNodeSet shut;    /* candidates where it found no room when its turn came */
    gboolean gathered; /* its RAM follows; a home that it has may lack room for what is elsewhere */
    gboolean waiting;  /* it would follow, but another look must find it remote first */
    gint64 demand_bp;
    gint64 move_cost;  /* per MiB */
    gint64 margin;     /* what any other node costs more than a home that it has */
    guint tolerance_bp;
} VbSeat;

typedef struct {
    const VbPolicy *policy;
    const VbSnapshot *snapshot;
    VbPlan *plan;
    VbTopology free_then;           /* what is free once all have moved to their homes so far */
    gint64 load_bp[VB_NODES_MAX];
    GArray *seats;                  /* (element-type VbSeat) */
} VbBoard;

/** The value of the policy's parameter for @guest. */
gint64 vb_board_parameter(const VbBoard *board, const VbGuest *guest, const char *name);
VbSeat *vb_board_seat(const VbBoard *board, guint index);
/** A guest without a place weighs on the nodes where it runs. @sign: 1, or -1 to take it back. */
void vb_board_add_load(VbBoard *board, const VbGuest *guest, gint64 sign);
/** Lets @seat's guest get up from its home: it weighs nothing and books nothing. */
void vb_board_leave(VbBoard *board, VbSeat *seat);
/** Sits it down at @node, or VB_NO_NODE: as it is. @gathered: its RAM follows. */
void vb_board_take(VbBoard *board, VbSeat *seat, int node, gboolean gathered);
/** TRUE if @node has room for @seat's guest, which is up. */
gboolean vb_board_roomy(VbBoard *board, const VbSeat *seat, int node);
/**
 * Lets a guest take the cheapest candidate that has room; its own home it may keep without. Of
 * equals it stays where it is, else the lowest id wins. Returns: TRUE if it changed its mind.
 */
gboolean vb_board_choose(VbBoard *board, VbSeat *seat);
/** If there is a node that it would rather live on, declines the guest with what that node lacks. */
void vb_board_explain_room(VbBoard *board, VbSeat *seat);
/**
 * Finds homes that all can be gone to, one after the other. Who is turned away on the way chooses
 * again; in the end, when others have left, each may ask once more.
 * Returns: (transfer container) (element-type VbSeat): all, in the order of their going.
 */
GPtrArray *vb_board_find_way(VbBoard *board);

G_END_DECLS

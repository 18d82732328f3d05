/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sim/scenario.h"

G_BEGIN_DECLS

/*
 * A static placement under search, and what it costs: work lost, in bp of a CPU summed over the moments
 * that are looked at. What guests lose to distance is each one's own; what nodes lose, too many CPUs or
 * too much bandwidth wanted of them, is told by sums over their guests.
 */

/** Moments of the run that are looked at, evenly spread. */
#define VB_HAND_MOMENTS 32
/** Kinds of pages that a node has room for: small ones, 2 MiB, 1 GiB. */
#define VB_HAND_PAGES 3

/** A guest under search. */
typedef struct {
    const VbScenarioGuest *plot;
    guint page;                               /**< kind of its pages */
    guint64 cell_bytes;                       /**< what each of its cells comes to have */
    const VbPhase *phase[VB_HAND_MOMENTS];    /**< NULL: it is not there */
    VbNodeSet *set;                           /**< by cell: where its RAM is, and its vCPUs by turns */
    gint64 lost;                              /**< by it, as it is placed */
    GArray *choices;                          /**< (element-type VbNodeSet): what a cell may be given */
} VbHandGuest;

/** What is wanted of a node at one moment. */
typedef struct {
    gint64 demand_bp;
    gint64 waits_bp;      /**< time that waits for its memory, in bp of a CPU */
    gint64 bytes_per_ms;  /**< of its bandwidth */
    gint64 bytes[VB_HAND_PAGES];
} VbHandLoad;

typedef struct {
    const VbScenario *scenario;
    guint n_guests;
    VbHandGuest *guest;
    VbHandLoad (*load)[VB_NODES_MAX];         /**< by moment and node */
    gint64 cost;
} VbHandBoard;

/** A board with nobody on it: guests have no sets yet, and are to be put one by one. */
VbHandBoard *vb_hand_board_new(const VbScenario *scenario);
void vb_hand_board_free(VbHandBoard *board);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbHandBoard, vb_hand_board_free)

/** Takes a guest off the board, or puts it there with the sets that it has now; the cost follows later. */
void vb_hand_board_lift(VbHandBoard *board, guint guest);
void vb_hand_board_put(VbHandBoard *board, guint guest);
/** Counts the cost anew. Returns: it */
gint64 vb_hand_board_count(VbHandBoard *board);

G_END_DECLS

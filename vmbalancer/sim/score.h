/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sim/trace.h"

G_BEGIN_DECLS

/* What a run comes to, in the few numbers by which policies are compared. Ground truth throughout. */

/** The local share that "time to 95 %" waits for, in bp. */
#define VB_SCORE_GOOD_BP 9500

typedef struct {
    guint local_bp;       /**< local-access share: of all accesses of the run, each counts alike */
    guint mean_bp;        /**< locality: the same share at each moment, each second counts alike */
    guint worst_bp;       /**< of the guest that had it worst at each moment, each second alike */
    gint64 good_ns;       /**< until the host's locality first was VB_SCORE_GOOD_BP; -1: never */
    guint64 moved_bytes;
    guint moves;          /**< placements that moved pages */
    guint pins;           /**< placements that changed pins */
    guint ping_pongs;     /**< moves back to a node that was left within five minutes before */
    guint overload_bp;    /**< CPU time that vCPUs wanted and did not get, of what they wanted */
    guint slowdown_bp;    /**< time wanted for the work done in it: 10000 is none, 20000 twice as long */
    gboolean versus_known;
    guint versus_bp;      /**< @slowdown_bp over that of the hand-placed optimum; below 10000: faster */
} VbScore;

/** Scores a run. One without accesses is as good as can be: 10000. */
void vb_score_read(const VbTrace *trace, VbScore *ret);
/** Fills in what is told by comparison with @hand, the score of the hand-placed optimum. */
void vb_score_compare(VbScore *score, const VbScore *hand);
/**
 * The order of a league: more local accesses first, then fewer bytes, then fewer moves.
 * Returns: < 0 if @a comes before @b, 0 if neither does
 */
int vb_score_order(const VbScore *a, const VbScore *b);

/** @part of @whole in bp, rounded; 10000 if there is no whole. Does not overflow. */
guint vb_score_share_bp(guint64 part, guint64 whole);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <vmbalancer/snapshot.h>

G_BEGIN_DECLS

/*
 * A cell's home follows the pins of its vCPUs. The model, which learns what was pinned, and the
 * prediction, which assumes it, must come to the same homes; this is the rule of both.
 */

/** What the vCPUs of one cell say. */
typedef struct {
    gboolean inhabited; /**< a vCPU uses this cell */
    VbNodeSet pinned;   /**< the nodes that its vCPUs were pinned to; 0 = none of them was */
} VbHomeVote;

/** Returns: (transfer full): a vote for each of @guest's cells, all empty. */
VbHomeVote *vb_home_votes_new(const VbGuest *guest);
/** Counts a vCPU of the cell of that index, pinned to @node, or VB_NO_NODE if it was not. */
void vb_home_vote(VbHomeVote *votes, const VbGuest *guest, int cell, int node);
/**
 * Gives each cell whose vCPUs were pinned its new home. A cell without vCPUs lives where the rest of
 * its guest does. Without any pin nothing changes.
 */
void vb_home_settle(VbGuest *guest, const VbHomeVote *votes);

G_END_DECLS

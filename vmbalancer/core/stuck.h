/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <vmbalancer/plan.h>

G_BEGIN_DECLS

/*
 * RAM that was to move and stayed: pages that a device or another process holds. Which they are the
 * kernel tells only by not moving them; to try them again after each cooldown would be for nothing,
 * and nothing else would come to rest. What stays twice, by about the same bytes, is taken for
 * unmovable until it is seen to have left by itself, the guest has another process, or six hours
 * have passed.
 */

/**
 * Takes in what became of a plan's moves of @cell: the outcomes' @bytes_stuck, as far as they are of
 * what the plan counted on. What stayed for another reason proves nothing.
 * @nodes: the host's
 * @outcomes: (element-type VbOutcome)
 * @now_ns: the clock of the looks
 */
void vb_stuck_note(VbCell *cell, VbNodeSet nodes, const char *uuid, const VbPlan *plan,
                   const GPtrArray *outcomes, gint64 now_ns);
/** A full look found @cell: what is known since @old (nullable), as far as it still holds. */
void vb_stuck_carry(VbCell *cell, const VbCell *old, gint64 now_ns);
/** Counts what stayed twice among @cell's unmovable bytes, for a snapshot. */
void vb_stuck_show(VbCell *cell);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <vmbalancer/plan.h>

G_BEGIN_DECLS

/** What a plan may cost at most. */
typedef struct {
    guint64 budget_bytes;    /**< bytes of all moves together; 0 = no limit */
    gint64 cooldown_ns;      /**< a guest that moved rests for so long, unless its terms
                                  name a time; 0 = not at all */
    gboolean force;          /**< the administrator overrides a rival balancer */
} VbGuardLimits;

/**
 * Takes out or trims what must not be done, never adds: guests that are not selected, hands-off or
 * observe-only ones (unless forced), guests that do not run, guests that rest after a move (unless
 * forced), pins or moves that its terms forbid, actions outside a boundary, moves of more than is
 * there, nodes that would fall below their reserve or whose hugepage pool is too small, bytes over
 * the budget, everything where a rival balancer runs. A guest is placed whole or not at all.
 * Each removal becomes a decline that names the numbers.
 */
void vb_guard_apply(VbPlan *plan, const VbSnapshot *snapshot, const VbGuardLimits *limits);

G_END_DECLS

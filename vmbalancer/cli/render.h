/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli/style.h"
#include "core/entry.h"
#include <vmbalancer/plan.h>

G_BEGIN_DECLS

/* The command's answers as text for people. Each appends whole lines to @into. */

/** The host's nodes and a line for each guest. */
void vb_render_status(const VbSnapshot *snapshot, const VbStyle *style, GString *into);
/** One guest of @snapshot in full. */
void vb_render_show(const VbSnapshot *snapshot, const VbGuest *guest, const VbStyle *style,
                    GString *into);
/**
 * What would be done, guest by guest, what not and why, and what it should lead to.
 * @before, @predicted: (nullable): the host now and as it should be then
 */
void vb_render_plan(const VbPlan *plan, const VbSnapshot *before, const VbSnapshot *predicted,
                    const VbStyle *style, GString *into);
/** The guests that a plan leaves as they are, each with its code and reason; nothing if there are none. */
void vb_render_declined(const VbPlan *plan, const VbStyle *style, GString *into);
/**
 * What became of a plan, a line for each guest, and what went wrong.
 * @outcomes: (element-type VbOutcome)
 */
void vb_render_outcomes(const VbPlan *plan, const GPtrArray *outcomes, const VbStyle *style,
                        GString *into);

/**
 * What was done, in local time, oldest first: a story for each placement, not for each action.
 * @entries: (element-type VbEntry)
 * @first: index of the first that is shown
 */
void vb_render_history(const GPtrArray *entries, guint first, const VbStyle *style, GString *into);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "mover/client.h"
#include <vmbalancer/plan.h>

G_BEGIN_DECLS

/* A mover's report as an outcome of the plan. */

/** Done, partial, failed or cancelled. Up to 1 % that does not move still counts as done. */
VbResult vb_outcome_result(const VbMoveReport *report);
/**
 * What stopped the move, in words with the mend; NULL if nothing did.
 * @stop_reason: (nullable): why we ourselves cancelled it
 */
char *vb_outcome_text(const VbAction *action, const VbMoveReport *report, const char *stop_reason);
/** The VbError of what stopped the move, VB_ERROR_FAILED for one without a code of its own. */
int vb_outcome_code(const VbMoveReport *report);
/** TRUE if another move of the same guest can still go well. */
gboolean vb_outcome_may_continue(const VbMoveReport *report);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/decide.h"

G_BEGIN_DECLS

/* What guests' terms (vmbalancer/terms.h) come to in a decision. */

/**
 * Declines and deselects the guests of @snapshot that are local enough by their own words. Guests
 * that the administrator named, or gave nodes to go to, are decided on all the same.
 */
void vb_terms_spare(VbSnapshot *snapshot, const VbPlanRequest *request, VbPlan *plan);
/** Makes the RAM of guests whose memory must not move unmovable, so that a policy plans around it. */
void vb_terms_fix(VbSnapshot *snapshot);
/** Undoes what vb_terms_fix() and vb_config_apply() changed for one policy's sake. */
void vb_terms_restore(VbSnapshot *snapshot, const VbSnapshot *original);

G_END_DECLS

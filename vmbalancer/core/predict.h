/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <vmbalancer/plan.h>

G_BEGIN_DECLS

/**
 * The snapshot that the plan should lead to: pages where the moves bring them, vCPUs running where
 * the pins put them, homes set, free memory changed, moved at this very moment. The rest, the time
 * included, is as it is now.
 * Returns: (transfer full)
 */
VbSnapshot *vb_predict(const VbSnapshot *snapshot, const VbPlan *plan);

G_END_DECLS

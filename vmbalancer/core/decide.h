/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/config.h"
#include <vmbalancer/plan.h>

G_BEGIN_DECLS

/* From a snapshot to a guarded plan: each guest by its own policy, as it was asked for. Pure. */

/**
 * A guest by UUID, else by name: a name that looks like another guest's UUID hides nobody.
 * Errors: VB_ERROR_NO_GUEST. Returns: (transfer none)
 */
const VbGuest *vb_engine_find(const VbSnapshot *snapshot, const char *guest, GError **error);

/** What is asked for. All zero: every guest that may be moved, each by its own policy. */
typedef struct {
    const char *const *guests; /**< (nullable): names or UUIDs, ends with NULL */
    const char *policy;        /**< for all of them; NULL = each guest's own */
    VbNodeSet to;              /**< home within these nodes only; 0 = wherever it may go */
    gboolean force;            /**< also guests that others place, also beside a rival balancer */
    VbCause cause;             /**< of all its actions; VB_CAUSE_NONE: as the policies say */
    const char *const *except; /**< (nullable): UUIDs that are left alone unless @guests names them */
} VbPlanRequest;

/** A plan with the host that it was made for and the one that it should lead to. */
typedef struct {
    VbPlan *plan;
    VbSnapshot *before;
    VbSnapshot *predicted;
} VbDecision;

void vb_decision_free(VbDecision *decision);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbDecision, vb_decision_free)

/**
 * Decides and guards. Pure: nothing is looked at or changed.
 * Errors: VB_ERROR_NO_GUEST naming the guest, VB_ERROR_INVALID for an unknown policy or node.
 */
VbDecision *vb_engine_decide(const VbSnapshot *snapshot, const VbConfig *config,
                             const VbPlanRequest *request, GError **error);

/**
 * The name of the policy that decides on a guest which asks for @asked (nullable), or for none. It
 * need not be one of this build. Returns: (transfer none): as long as @asked and @config live
 */
const char *vb_engine_policy(const char *asked, const VbConfig *config);

G_END_DECLS

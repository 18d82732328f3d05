/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/observation.h"
#include <vmbalancer/plan.h>

G_BEGIN_DECLS

/*
 * The only memory of vmbalancer: what was seen, folded; homes; when each guest last moved. The fold
 * is pure: same observations, same model, same snapshots.
 */
typedef struct VbModel VbModel;

VbModel *vb_model_new(void);
void vb_model_free(VbModel *model);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbModel, vb_model_free)

/**
 * Folds a look in. A full look defines which guests exist and refreshes all facts; a look at threads
 * adds to the run time only. Run time between two looks counts for the node of the later look's
 * last CPU. A guest whose process changed (PID or start time) starts afresh.
 */
void vb_model_fold(VbModel *model, const VbObservation *observation);

/** Starts a new window: run time by node and CPU demand count from the next fold on. */
void vb_model_begin_window(VbModel *model);

/**
 * Notes what became of a plan: homes of the guests that it placed, time of their move.
 * @outcomes: (element-type VbOutcome)
 */
void vb_model_note(VbModel *model, const VbPlan *plan, const GPtrArray *outcomes, gint64 now_ns);

/**
 * Notes what a decision would do to vCPUs if another agreed: @plan's intents. Those of vCPUs that it
 * has none for are over.
 */
void vb_model_lean(VbModel *model, const VbPlan *plan);

/** Returns: (transfer full): the host as the model knows it; every guest unselected. */
VbSnapshot *vb_model_snapshot(const VbModel *model);

G_END_DECLS

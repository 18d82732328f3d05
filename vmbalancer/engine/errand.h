/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/loop.h"

G_BEGIN_DECLS

/*
 * A rebalance that was asked for. It looks and decides, and each guest of its plan flies as the
 * loop's own do: under its lock, no more than two whose pages move at a time, the others wait. A
 * guest that finds no room is tried again when another one of the same errand has landed.
 */

typedef enum {
    VB_ERRAND_LOOKING,
    VB_ERRAND_RUNNING,
    VB_ERRAND_DONE,      /**< all that was planned, or nothing was to do */
    VB_ERRAND_PARTLY,
    VB_ERRAND_FAILED,
    VB_ERRAND_CANCELLED,
} VbErrandState;

/** Fields are for reading. */
typedef struct {
    VbErrandState state;
    VbDecision *decision; /**< NULL if there never was one, or not yet */
    GPtrArray *outcomes;  /**< (element-type VbOutcome) by action of the plan; NULL: not yet */
    GError *error;        /**< why there never was a plan, else NULL */
} VbErrand;

/** It runs now, or is over. Called in the loop's context, maybe before vb_errand_begin() returns. */
typedef void (*VbErrandFunc)(VbErrand *errand, gpointer user_data);

/**
 * Begins one. A paused loop does it, too.
 * @request: copied
 * @rate_bytes_per_s: all its moves together; 0 = the configuration's
 */
VbErrand *vb_errand_begin(VbLoop *loop, const VbPlanRequest *request, guint64 rate_bytes_per_s,
                          VbErrandFunc changed, gpointer user_data);
/** Calls it off: it is over within a batch. */
void vb_errand_cancel(VbErrand *errand);
gboolean vb_errand_is_over(const VbErrand *errand);
/** How far it is; all zero before it runs. */
void vb_errand_progress(const VbErrand *errand, VbRunProgress *ret);
/** It must be over. */
void vb_errand_free(VbErrand *errand);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbErrand, vb_errand_free)

/** "looking", "running", "done", "partly", "failed", "cancelled". */
const char *vb_errand_state_name(VbErrandState state);

G_END_DECLS

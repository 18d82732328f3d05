/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli/service.h"

G_BEGIN_DECLS

/*
 * What the daemon answers, as the values that the engine in this process gives, so that a verb goes
 * on in the same way with both. Errors: those of vb_service_explain() and vb_service_garbled().
 */

/** A fresh look at the host. Returns: (transfer full) */
VbSnapshot *vb_answer_snapshot(VbBusHost *host, GCancellable *cancellable, GError **error);
/** What would be done upon a fresh look. Returns: (transfer full) */
VbDecision *vb_answer_decision(VbBusHost *host, const VbPlanRequest *request,
                               GCancellable *cancellable, GError **error);

/** @request as a call's arguments; the options are floating. */
GVariant *vb_answer_options(const VbPlanRequest *request, guint64 rate_bytes_per_s);
const char *const *vb_answer_guests(const VbPlanRequest *request);

/** How far a job is that a rebalance began, or what became of it. */
typedef struct {
    char *path;     /**< of its object on the bus */
    gboolean ended; /**< else it goes on */
    VbRunProgress progress;
    char *document;      /**< ended: "vmbalancer.rebalance/1" */
    VbPlan *plan;        /**< ended: of that */
    GPtrArray *outcomes; /**< ended: (element-type VbOutcome) of that */
} VbJobAnswer;

void vb_job_answer_clear(VbJobAnswer *answer);

/**
 * Begins a rebalance and follows it, until it runs, or with @wait until its end. Where @cancellable
 * is cancelled it is called off, and its end waited for.
 * @rate_bytes_per_s: 0 = the daemon's configuration's
 * @progress: (nullable): called a few times a second
 * @ret: cleared by the caller, also after an error
 * Errors: also why there never was a plan.
 */
gboolean vb_answer_rebalance(VbBusHost *host, const VbPlanRequest *request,
                             guint64 rate_bytes_per_s, gboolean wait, VbEngineProgress progress,
                             gpointer user_data, GCancellable *cancellable, VbJobAnswer *ret,
                             GError **error);

G_END_DECLS

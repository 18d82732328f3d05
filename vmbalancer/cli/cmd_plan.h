/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli/command.h"
#include "cli/job.h"

G_BEGIN_DECLS

/* What plan and rebalance share. */

/** Their options as given. */
typedef struct {
    char *to;
    char *policy;
    gboolean force;
    char **guests;
} VbPlanOptions;

void vb_plan_options_clear(VbPlanOptions *options);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VbPlanOptions, vb_plan_options_clear)

#define VB_PLAN_ENTRIES(options)                                                                   \
    {"to", 0, 0, G_OPTION_ARG_STRING, &(options).to, "choose homes among these nodes", "NODES"},   \
        {"policy", 0, 0, G_OPTION_ARG_STRING, &(options).policy,                                   \
         "decide by this policy (default: each guest's own)", "NAME"},                             \
        {"force", 0, 0, G_OPTION_ARG_NONE, &(options).force,                                       \
         "also named guests that others place, also beside a rival balancer", NULL},               \
    {                                                                                              \
        G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &(options).guests, NULL, NULL         \
    }

/** The options as a request; it borrows from @options. Errors: VB_ERROR_INVALID. */
gboolean vb_plan_options_request(const VbPlanOptions *options, VbPlanRequest *ret, GError **error);
/** Looks twice and decides. Returns: (transfer full). */
VbDecision *vb_plan_decide(VbEngine *engine, const VbPlanRequest *request,
                           GCancellable *cancellable, GError **error);
/** Prints a plan in the format that was asked for. */
void vb_plan_print(const VbCli *cli, const VbDecision *decision);

G_END_DECLS

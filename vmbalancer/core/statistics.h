/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <vmbalancer/plan.h>

G_BEGIN_DECLS

/* How the model counts; what is counted is in vmbalancer/statistics.h. */

/** The time since the last look goes with the locality that @guest, vCPUs and all, has now. */
void vb_statistics_watch(VbStatistics *statistics, const VbGuest *guest, gint64 elapsed_ns);
/**
 * Counts what a plan did to the guest of that UUID: one placement however many actions it took, if any
 * changed something, by the cause of the first that did.
 * @outcomes: (element-type VbOutcome)
 */
void vb_statistics_note(VbStatistics *statistics, const VbPlan *plan, const GPtrArray *outcomes,
                        const char *uuid);

G_END_DECLS

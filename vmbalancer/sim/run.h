/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sim/baseline.h"
#include "sim/world.h"

G_BEGIN_DECLS

/** Longest time between two moments of a trace; they are as often however often the daemon looks. */
#define VB_SIM_MOMENT_NS (5 * G_GINT64_CONSTANT(1000000000))

/**
 * Lets the daemon's own tick keep the scenario's guests for as long as it says: what is done is what
 * vmbalancerd would do, by the same looks, pace, first homes, trips and rests.
 * @policy: for guests that name none: a policy's or a baseline's name
 * Returns: (transfer full)
 * Errors: VB_ERROR_INVALID if there is no such policy, or a parameter of the scenario is out of its range
 */
VbTrace *vb_sim_run(const VbScenario *scenario, const char *policy, guint64 seed,
                    VbTraceDetail detail, GError **error);

G_END_DECLS

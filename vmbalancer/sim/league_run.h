/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sim/league.h"
#include "sim/scenario.h"

G_BEGIN_DECLS

/** Hears of each run that ended, in the thread that waits for them. */
typedef void (*VbLeagueProgress)(guint done, guint all, gpointer user_data);

/**
 * Runs each scenario under each policy, on all CPUs. The outcome does not depend on how many they are.
 * @scenarios: (element-type VbScenario)
 * @policies: names of policies and baselines, ends with NULL
 * @progress: (nullable)
 * Returns: (transfer full)
 * Errors: the first of those of vb_sim_run(), in the order of the scenarios, then of the policies
 */
VbLeague *vb_league_run(const GPtrArray *scenarios, const char *const *policies, guint64 seed,
                        VbLeagueProgress progress, gpointer user_data, GError **error);

/**
 * The policies that a league is to have.
 * @text: names with commas between them, or "all": every policy of this build, and the baselines
 * Returns: (transfer full): each once; NULL with VB_ERROR_INVALID if one is empty or unknown
 */
char **vb_league_policies(const char *text, GError **error);

G_END_DECLS

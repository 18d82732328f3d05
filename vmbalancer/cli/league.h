/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli/command.h"
#include "sim/league_run.h"

G_BEGIN_DECLS

/** The file that --report names is written where nothing but the answer was asked for; NULL: none. */
typedef struct {
    const char *policies; /**< as vb_league_policies() takes them */
    const char *report;   /**< (nullable): file of the page */
    guint64 seed;
    VbTrace *recorded;    /**< (nullable) (transfer full): a row more for the first scenario */
} VbLeagueRequest;

/**
 * Runs a league, telling how far it is where somebody reads along; then shows it as -o says and writes
 * the report. What is wrong with the file to be is told before anything is run.
 * @scenarios: (element-type VbScenario)
 * Returns: a VbExit, after the user was told what went wrong
 */
int vb_command_league(const VbCli *cli, const GPtrArray *scenarios, VbLeagueRequest *request);

G_END_DECLS

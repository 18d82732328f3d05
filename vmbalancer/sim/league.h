/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sim/score.h"
#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/*
 * The league: each scenario's policies in a table, best first. Runs are independent of each other, so
 * they are made in parallel, and which ends first changes nothing.
 */

/** The pseudo policy that is no rival but the measure: the hand-placed optimum (sim/hand.h). */
#define VB_LEAGUE_HAND "hand"
/** Local-access shares that differ by no more than this, in bp, are a tie. */
#define VB_LEAGUE_TIE_BP 50

typedef struct {
    char *policy;
    VbScore score;
    VbTrace *trace;
} VbLeagueRow;

typedef struct {
    char *scenario;  /**< its name: text of whoever wrote it */
    char *why;       /**< what it is about; (nullable) */
    GPtrArray *rows; /**< (element-type VbLeagueRow): rivals best first, then "hand" */
} VbLeagueTable;

typedef struct {
    guint64 seed;
    GPtrArray *tables; /**< (element-type VbLeagueTable), in the order of the scenarios */
} VbLeague;

VbLeague *vb_league_new(guint64 seed);
void vb_league_free(VbLeague *league);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbLeague, vb_league_free)

/** Appends an empty table. Returns: (transfer none). */
VbLeagueTable *vb_league_add(VbLeague *league, const char *scenario, const char *why);
/** Appends a run, scored. @trace: (transfer full). Returns: (transfer none). */
VbLeagueRow *vb_league_table_add(VbLeagueTable *table, VbTrace *trace);
/** Compares the rows with "hand", where that is among them, and brings them into their order. */
void vb_league_table_rank(VbLeagueTable *table);
/** The row of that policy, NULL if there is none. */
const VbLeagueRow *vb_league_find(const VbLeagueTable *table, const char *policy);

/**
 * "vmbalancer.league/1", see vmbalancer(1).
 * @whole: with what the report draws: locality and bytes over time, guests by node
 * Returns: (transfer full)
 */
JsonNode *vb_league_json(const VbLeague *league, gboolean whole);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sim/league.h"

static void
row_free(gpointer data)
{
    VbLeagueRow *row = data;
    vb_trace_free(row->trace);
    g_free(row->policy);
    g_free(row);
}

static void
table_free(gpointer data)
{
    VbLeagueTable *table = data;
    g_ptr_array_unref(table->rows);
    g_free(table->scenario);
    g_free(table->why);
    g_free(table);
}

VbLeague *
vb_league_new(guint64 seed)
{
    VbLeague *league = g_new0(VbLeague, 1);
    league->seed = seed;
    league->tables = g_ptr_array_new_with_free_func(table_free);
    return league;
}

void
vb_league_free(VbLeague *league)
{
    if (league == NULL)
        return;
    g_ptr_array_unref(league->tables);
    g_free(league);
}

VbLeagueTable *
vb_league_add(VbLeague *league, const char *scenario, const char *why)
{
    VbLeagueTable *table = g_new0(VbLeagueTable, 1);
    table->scenario = g_strdup(scenario);
    table->why = g_strdup(why);
    table->rows = g_ptr_array_new_with_free_func(row_free);
    g_ptr_array_add(league->tables, table);
    return table;
}

VbLeagueRow *
vb_league_table_add(VbLeagueTable *table, VbTrace *trace)
{
    VbLeagueRow *row = g_new0(VbLeagueRow, 1);
    row->policy = g_strdup(trace->policy);
    row->trace = trace;
    vb_score_read(trace, &row->score);
    g_ptr_array_add(table->rows, row);
    return row;
}

static int
compare_rows(gconstpointer a, gconstpointer b)
{
    const VbLeagueRow *one = *(VbLeagueRow *const *)a, *other = *(VbLeagueRow *const *)b;
    gboolean one_measures = g_str_equal(one->policy, VB_LEAGUE_HAND);
    gboolean other_measures = g_str_equal(other->policy, VB_LEAGUE_HAND);
    if (one_measures != other_measures)
        return one_measures ? 1 : -1;
    int order = vb_score_order(&one->score, &other->score);
    return order != 0 ? order : g_strcmp0(one->policy, other->policy);
}

void
vb_league_table_rank(VbLeagueTable *table)
{
    const VbLeagueRow *hand = vb_league_find(table, VB_LEAGUE_HAND);
    for (guint i = 0; hand != NULL && i < table->rows->len; i++)
        vb_score_compare(&((VbLeagueRow *)g_ptr_array_index(table->rows, i))->score, &hand->score);
    g_ptr_array_sort(table->rows, compare_rows);
}

const VbLeagueRow *
vb_league_find(const VbLeagueTable *table, const char *policy)
{
    for (guint i = 0; i < table->rows->len; i++) {
        const VbLeagueRow *row = g_ptr_array_index(table->rows, i);
        if (g_str_equal(row->policy, policy))
            return row;
    }
    return NULL;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/render_league.h"
#include "cli/table.h"
#include "cli/text.h"

static void
add_row(VbTable *table, const VbLeagueRow *row)
{
    const VbScore *score = &row->score;
    gboolean measures = g_str_equal(row->policy, VB_LEAGUE_HAND);
    VbTint tint = measures ? VB_TINT_DIM : VB_TINT_NONE;
    vb_table_add(table, measures ? VB_TINT_DIM : VB_TINT_BOLD, row->policy);
    vb_table_take(table, measures ? tint : vb_style_locality(score->local_bp),
                  vb_text_percent(score->local_bp));
    vb_table_take(table, tint, vb_text_percent(score->mean_bp));
    vb_table_take(table, tint, vb_text_percent(score->worst_bp));
    vb_table_take(table, tint,
                  score->good_ns >= 0 ? vb_text_duration(score->good_ns) : g_strdup("never"));
    vb_table_take(table, tint, vb_text_bytes(score->moved_bytes));
    vb_table_take(table, tint, g_strdup_printf("%u", score->moves));
    vb_table_take(table, score->ping_pongs > 0 ? VB_TINT_POOR : tint,
                  g_strdup_printf("%u", score->ping_pongs));
    vb_table_take(table, tint, vb_text_percent(score->overload_bp));
    vb_table_take(table, tint,
                  score->versus_known ? g_strdup_printf("%.2f", (double)score->versus_bp / VB_BP)
                                      : g_strdup("-"));
}

static void
render_table(const VbLeagueTable *league, const VbStyle *style, GString *into)
{
    static const VbColumn columns[] = {
        {.title = "POLICY"},
        {.title = "LOCAL", .right = TRUE},
        {.title = "MEAN", .right = TRUE, .rank = 4},
        {.title = "WORST", .right = TRUE, .rank = 3},
        {.title = "TO 95 %", .right = TRUE, .rank = 2},
        {.title = "MOVED", .right = TRUE},
        {.title = "MOVES", .right = TRUE, .rank = 1},
        {.title = "PING-PONGS", .right = TRUE, .rank = 1},
        {.title = "OVERLOAD", .right = TRUE, .rank = 2},
        {.title = "VS HAND", .right = TRUE, .rank = 1},
        {NULL},
    };
    g_autofree char *name = vb_text_shown(league->scenario, style->utf8);
    g_autoptr(VbTable) table = vb_table_new(style, columns);
    vb_style_paint(style, VB_TINT_BOLD, name, into);
    g_string_append_c(into, '\n');
    if (league->why != NULL && *league->why != '\0') {
        g_autofree char *why = vb_text_shown(league->why, style->utf8);
        vb_text_wrap(why, 0, style->width, into);
        g_string_append_c(into, '\n');
    }
    for (guint i = 0; i < league->rows->len; i++)
        add_row(table, g_ptr_array_index(league->rows, i));
    vb_table_render(table, 2, into);
}

void
vb_render_league(const VbLeague *league, const VbStyle *style, GString *into)
{
    for (guint i = 0; i < league->tables->len; i++) {
        if (i > 0)
            g_string_append_c(into, '\n');
        render_table(g_ptr_array_index(league->tables, i), style, into);
    }
}

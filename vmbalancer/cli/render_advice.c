/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/render_advice.h"
#include "cli/table.h"
#include "cli/text.h"

static char *
room_text(gint64 bytes)
{
    g_autofree char *size = vb_text_bytes((guint64)ABS(bytes));
    return g_strconcat(bytes < 0 ? "-" : "", size, NULL);
}

static char *
load_text(guint load_bp, guint n_cpus)
{
    return g_strdup_printf("%.1f of %u", (double)load_bp / VB_BP, n_cpus);
}

static void
add_node(VbTable *table, const VbAdviceNode *one)
{
    VbTint tint = one->chosen ? VB_TINT_BOLD : VB_TINT_NONE;
    vb_table_take(table, tint, g_strdup_printf("%d", one->node));
    vb_table_add(table, tint, one->chosen ? "chosen" : one->fits ? "fits" : "does not fit");
    vb_table_take(table, VB_TINT_NONE, vb_text_bytes(one->room.free_bytes));
    vb_table_take(table, VB_TINT_NONE, room_text(one->room.bytes));
    vb_table_take(table, VB_TINT_NONE,
                  one->then_known ? room_text(one->room_then_bytes) : g_strdup("-"));
    vb_table_take(table, VB_TINT_NONE, load_text(one->load_bp, one->n_cpus));
    vb_table_take(table, VB_TINT_NONE,
                  one->then_known ? load_text(one->load_then_bp, one->n_cpus) : g_strdup("-"));
}

void
vb_render_advice(const VbAdvice *advice, GString *into)
{
    g_autofree char *nodes = vb_nodeset_format(advice->nodes);
    g_string_append_printf(into, "%s\n", nodes);
}

void
vb_render_advice_ranking(const VbAdvice *advice, const VbStyle *style, GString *into)
{
    static const VbColumn columns[] = {
        {.title = "NODE", .right = TRUE},
        {.title = ""},
        {.title = "FREE", .right = TRUE, .rank = 2},
        {.title = "ROOM", .right = TRUE},
        {.title = "THEN", .right = TRUE},
        {.title = "CPU DEMAND", .right = TRUE, .rank = 1},
        {.title = "THEN", .right = TRUE, .rank = 1},
        {NULL},
    };
    g_autoptr(VbTable) table = vb_table_new(style, columns);
    for (guint i = 0; i < advice->ranking->len; i++)
        add_node(table, &g_array_index(advice->ranking, VbAdviceNode, i));
    g_autofree char *reason = vb_text_shown(advice->reason, style->utf8);
    vb_text_wrap(reason, 0, style->width, into);
    g_string_append_c(into, '\n');
    vb_table_render(table, 0, into);
}

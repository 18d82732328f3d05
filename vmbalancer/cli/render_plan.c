/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/render.h"
#include "cli/table.h"
#include "cli/text.h"
#include <string.h>

/* The actions of one guest, in the plan's order. */
typedef struct {
    const char *uuid;
    const char *name;
    GPtrArray *actions; /* (element-type VbAction), borrowed */
    guint64 bytes;
    int gain_bp;
} Group;

static void
clear_group(gpointer data)
{
    g_ptr_array_unref(((Group *)data)->actions);
}

/* A plan may hold many guests: found by a table, kept in the order of their first action. */
static GArray *
group_by_guest(const VbPlan *plan)
{
    GArray *groups = g_array_new(FALSE, FALSE, sizeof(Group));
    g_autoptr(GHashTable) index = g_hash_table_new(g_str_hash, g_str_equal);
    g_array_set_clear_func(groups, clear_group);
    for (guint i = 0; i < plan->actions->len; i++) {
        VbAction *action = g_ptr_array_index(plan->actions, i);
        guint at = GPOINTER_TO_UINT(g_hash_table_lookup(index, action->uuid));
        if (at == 0) {
            Group group = {action->uuid, action->guest, g_ptr_array_new(), 0, action->gain_bp};
            g_array_append_val(groups, group);
            at = groups->len;
            g_hash_table_insert(index, action->uuid, GUINT_TO_POINTER(at));
        }
        Group *group = &g_array_index(groups, Group, at - 1);
        g_ptr_array_add(group->actions, action);
        group->bytes += action->bytes;
    }
    return groups;
}

/* "node 1 → 0"; where it came from may be unknown. */
static char *
way_of(const VbAction *action, gboolean utf8)
{
    if (action->from == VB_NO_NODE || action->from == action->to)
        return g_strdup_printf("node %d", action->to);
    return g_strdup_printf("node %d %s %d", action->from, utf8 ? "→" : "->", action->to);
}

static char *
subject_of(const VbAction *action)
{
    return action->kind == VB_ACTION_PIN ? g_strdup(action->thread)
                                         : g_strdup_printf("cell %u", action->cell);
}

static void
add_paragraph(const VbStyle *style, const char *text, guint indent, VbTint tint, GString *into)
{
    g_autofree char *shown = vb_text_shown(text, style->utf8);
    GString *lines = g_string_new(NULL);
    vb_text_wrap(shown, indent, style->width, lines);
    g_string_append_printf(into, "%*s", (int)indent, "");
    vb_style_paint(style, tint, lines->str, into);
    g_string_append_c(into, '\n');
    g_string_free(lines, TRUE);
}

/* A name and what is said of it: beside it, or where that is too wide below it. */
static void
add_name(const VbStyle *style, guint indent, const char *name, const char *rest, GString *into)
{
    g_autofree char *shown = vb_text_shown(name, style->utf8);
    g_autofree char *shown_rest = vb_text_shown(rest, style->utf8);
    g_string_append_printf(into, "%*s", (int)indent, "");
    vb_style_paint(style, VB_TINT_BOLD, shown, into);
    guint width = indent + vb_text_width(shown) + 2 + vb_text_width(shown_rest);
    if (*shown_rest != '\0')
        g_string_append_printf(into, style->width > 0 && width > style->width ? "\n%*s" : "%*s",
                               style->width > 0 && width > style->width ? (int)indent + 2 : 2, "");
    g_string_append_printf(into, "%s\n", shown_rest);
}

static void
add_heading(const VbStyle *style, const Group *group, GString *into)
{
    g_autoptr(GString) rest = g_string_new(NULL);
    g_autofree char *bytes = vb_text_bytes(group->bytes);
    if (group->bytes > 0)
        g_string_append_printf(rest, "%s to move", bytes);
    if (group->gain_bp != 0)
        g_string_append_printf(rest, "%slocality %+.1f points", rest->len > 0 ? ", " : "",
                               group->gain_bp / 100.0);
    add_name(style, 0, group->name, rest->str, into);
}

static void
add_action(VbTable *table, const VbAction *action, gboolean utf8)
{
    gboolean pin = action->kind == VB_ACTION_PIN;
    g_autofree char *cpus = vb_cpuset_format(&action->cpus);
    vb_table_add(table, VB_TINT_NONE, vb_action_kind_name(action->kind));
    vb_table_take(table, VB_TINT_NONE, subject_of(action));
    vb_table_take(table, VB_TINT_NONE, way_of(action, utf8));
    vb_table_take(table, VB_TINT_NONE,
                  pin ? g_strdup_printf("CPUs %s", cpus) : vb_text_bytes(action->bytes));
}

/* One table, so that all lines up; actions in a row that share a reason have it said once. */
static void
render_group(const VbStyle *style, const Group *group, GString *into)
{
    static const VbColumn columns[] = {
        {"", FALSE, 0, 0}, {"", FALSE, 0, 0}, {"", FALSE, 0, 0}, {"", FALSE, 8, 0}, {NULL},
    };
    add_heading(style, group, into);
    g_autoptr(VbTable) table = vb_table_new(style, columns);
    for (guint i = 0; i < group->actions->len; i++)
        add_action(table, g_ptr_array_index(group->actions, i), style->utf8);
    g_autoptr(GString) rows = g_string_new(NULL);
    vb_table_render_rows(table, 2, rows);
    g_auto(GStrv) lines = g_strsplit(rows->str, "\n", -1);
    for (guint i = 0; i < group->actions->len; i++) {
        const VbAction *action = g_ptr_array_index(group->actions, i);
        const VbAction *next =
            i + 1 < group->actions->len ? g_ptr_array_index(group->actions, i + 1) : NULL;
        g_string_append_printf(into, "%s\n", lines[i]);
        gboolean shared = next != NULL && g_strcmp0(next->reason, action->reason) == 0;
        if (!shared && action->reason != NULL && *action->reason != '\0')
            add_paragraph(style, action->reason, 6, VB_TINT_DIM, into);
    }
}

void
vb_render_declined(const VbPlan *plan, const VbStyle *style, GString *into)
{
    if (plan->declined->len == 0)
        return;
    vb_style_paint(style, VB_TINT_BOLD, "Left as they are", into);
    g_string_append_c(into, '\n');
    for (guint i = 0; i < plan->declined->len; i++) {
        const VbDecline *decline = g_ptr_array_index(plan->declined, i);
        g_autofree char *code = g_strdup_printf("(%s)", decline->code);
        add_name(style, 2, decline->guest, code, into);
        if (decline->reason != NULL)
            add_paragraph(style, decline->reason, 6, VB_TINT_DIM, into);
    }
    g_string_append_c(into, '\n');
}

static void
append_count(GString *into, guint count, const char *noun)
{
    if (count > 0)
        g_string_append_printf(into, "%s%u %s%s", into->len > 0 ? " and " : "", count, noun,
                               count > 1 ? "s" : "");
}

/* "3 pins and 1 move of 1.2 GiB for 2 guests." */
static void
render_sum(const VbPlan *plan, guint guests, const VbStyle *style, GString *into)
{
    guint pins = 0;
    for (guint i = 0; i < plan->actions->len; i++)
        pins += ((const VbAction *)g_ptr_array_index(plan->actions, i))->kind == VB_ACTION_PIN;
    GString *text = g_string_new(NULL);
    append_count(text, pins, "pin");
    append_count(text, plan->actions->len - pins, "move");
    if (plan->actions->len > pins) {
        g_autofree char *bytes = vb_text_bytes(vb_plan_bytes(plan));
        g_string_append_printf(text, " of %s", bytes);
    }
    g_string_append_printf(text, " for %u guest%s.", guests, guests == 1 ? "" : "s");
    add_paragraph(style, text->str, 0, VB_TINT_NONE, into);
    g_string_free(text, TRUE);
}

static void
render_forecast(const VbSnapshot *before, const VbSnapshot *predicted, const VbStyle *style,
                GString *into)
{
    guint now, then;
    if (predicted == NULL || !vb_snapshot_locality(predicted, &then))
        return;
    g_autofree char *goal = vb_text_percent(then);
    g_string_append(into, "Locality: ");
    if (before != NULL && vb_snapshot_locality(before, &now)) {
        g_autofree char *start = vb_text_percent(now);
        vb_style_paint(style, vb_style_locality(now), start, into);
        g_string_append(into, " now, ");
    }
    vb_style_paint(style, vb_style_locality(then), goal, into);
    g_string_append(into, " then.\n");
}

void
vb_render_plan(const VbPlan *plan, const VbSnapshot *before, const VbSnapshot *predicted,
               const VbStyle *style, GString *into)
{
    g_autoptr(GArray) groups = group_by_guest(plan);
    for (guint i = 0; i < groups->len; i++) {
        render_group(style, &g_array_index(groups, Group, i), into);
        g_string_append_c(into, '\n');
    }
    vb_render_declined(plan, style, into);
    if (plan->actions->len == 0) {
        g_string_append(into, "Nothing to do.\n");
        return;
    }
    render_sum(plan, groups->len, style, into);
    render_forecast(before, predicted, style, into);
}

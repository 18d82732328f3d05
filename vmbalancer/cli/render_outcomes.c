/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/render.h"
#include "cli/table.h"
#include "cli/text.h"
#include "core/rested.h"

/* What became of one guest. */
typedef struct {
    const char *name;
    gboolean any[VB_RESULT_CANCELLED + 1]; /* results that its actions had */
    guint64 planned;
    guint64 moved;
    gint64 move_ns; /* of its moves */
} Tally;

/* Done if all is, failed or cancelled if nothing was done; partial otherwise. */
static VbResult
sum_up(const Tally *tally)
{
    guint kinds = 0;
    VbResult result = VB_RESULT_DONE;
    for (guint i = 0; i < G_N_ELEMENTS(tally->any); i++) {
        if (!tally->any[i])
            continue;
        kinds++;
        result = (VbResult)i;
    }
    if (kinds <= 1)
        return result;
    /* What was not tried after a failure does not make it a part of a success. */
    gboolean none = !tally->any[VB_RESULT_DONE] && !tally->any[VB_RESULT_PARTIAL];
    return none && tally->moved == 0 ? VB_RESULT_FAILED : VB_RESULT_PARTIAL;
}

static VbTint
tint_of(VbResult result)
{
    static const VbTint tints[] = {
        [VB_RESULT_DONE] = VB_TINT_GOOD,
        [VB_RESULT_PARTIAL] = VB_TINT_FAIR,
        [VB_RESULT_FAILED] = VB_TINT_POOR,
        [VB_RESULT_CANCELLED] = VB_TINT_FAIR,
    };
    return tints[result];
}

/* Returns: (element-type Tally), in the order of the outcomes. */
static GArray *
tally_guests(const VbPlan *plan, const GPtrArray *outcomes)
{
    GArray *tallies = g_array_new(FALSE, TRUE, sizeof(Tally));
    g_autoptr(GHashTable) index = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < outcomes->len; i++) {
        const VbOutcome *outcome = g_ptr_array_index(outcomes, i);
        const VbAction *action = g_ptr_array_index(plan->actions, outcome->action);
        guint at = GPOINTER_TO_UINT(g_hash_table_lookup(index, action->uuid));
        if (at == 0) {
            g_array_append_val(tallies, ((Tally){.name = action->guest}));
            at = tallies->len;
            g_hash_table_insert(index, action->uuid, GUINT_TO_POINTER(at));
        }
        Tally *tally = &g_array_index(tallies, Tally, at - 1);
        tally->any[outcome->result] = TRUE;
        tally->planned += action->bytes;
        tally->moved += outcome->bytes_moved;
        tally->move_ns += action->kind == VB_ACTION_MOVE ? outcome->duration_ns : 0;
    }
    return tallies;
}

/* Nothing was to move: pins only. */
static char *
bytes_or_dash(guint64 bytes, guint64 planned)
{
    return planned > 0 || bytes > 0 ? vb_text_bytes(bytes) : g_strdup("-");
}

static void
render_tallies(const GArray *tallies, const VbStyle *style, GString *into)
{
    static const VbColumn columns[] = {
        {"GUEST", FALSE, 16, 0},
        {"RESULT", FALSE, 0, 0},
        {"MOVED", TRUE, 0, 0},
        {"PLANNED", TRUE, 0, 3},
        {"TIME", TRUE, 0, 2},
        {"RATE", TRUE, 0, 1},
        {NULL},
    };
    g_autoptr(VbTable) table = vb_table_new(style, columns);
    for (guint i = 0; i < tallies->len; i++) {
        const Tally *tally = &g_array_index(tallies, Tally, i);
        VbResult result = sum_up(tally);
        vb_table_add(table, VB_TINT_BOLD, tally->name);
        vb_table_add(table, tint_of(result), vb_result_name(result));
        vb_table_take(table, VB_TINT_NONE, bytes_or_dash(tally->moved, tally->planned));
        vb_table_take(table, VB_TINT_NONE, bytes_or_dash(tally->planned, tally->planned));
        vb_table_take(table, VB_TINT_NONE,
                      tally->move_ns > 0 ? vb_text_duration(tally->move_ns) : g_strdup("-"));
        vb_table_take(table, VB_TINT_NONE, vb_text_rate(tally->moved, tally->move_ns));
    }
    vb_table_render(table, 0, into);
}

/* How many outcomes from @first on are the same of the same guest: as where pins fail together. */
static guint
count_alike(const VbPlan *plan, const GPtrArray *outcomes, guint first)
{
    const VbOutcome *one = g_ptr_array_index(outcomes, first);
    const VbAction *action = g_ptr_array_index(plan->actions, one->action);
    guint end = first + 1;
    for (; end < outcomes->len; end++) {
        const VbOutcome *next = g_ptr_array_index(outcomes, end);
        const VbAction *other = g_ptr_array_index(plan->actions, next->action);
        if (next->result != one->result || g_strcmp0(next->error, one->error) != 0 ||
            g_strcmp0(other->uuid, action->uuid) != 0)
            break;
    }
    return end - first;
}

/* "web1: move cell 0 from node 1 to 0 and 2 more: partial: node 0 is full" */
static char *
trouble_words(const VbAction *action, const VbOutcome *outcome, guint alike)
{
    g_autofree char *what = action->kind == VB_ACTION_PIN
                                ? g_strdup_printf("pin %s to node %d", action->thread, action->to)
                                : g_strdup_printf("move cell %u from node %d to %d", action->cell,
                                                  action->from, action->to);
    g_autofree char *more = alike > 1 ? g_strdup_printf(" and %u more", alike - 1) : g_strdup("");
    return g_strdup_printf("%s: %s%s: %s%s%s", action->guest, what, more,
                           vb_result_name(outcome->result), outcome->error != NULL ? ": " : "",
                           outcome->error != NULL ? outcome->error : "");
}

static void
render_line(const char *text, VbTint tint, const VbStyle *style, GString *into)
{
    g_autofree char *shown = vb_text_shown(text, style->utf8);
    g_autoptr(GString) lines = g_string_new(NULL);
    vb_text_wrap(shown, 4, style->width, lines);
    vb_style_paint(style, tint, lines->str, into);
    g_string_append_c(into, '\n');
}

static void
render_trouble(const VbPlan *plan, const GPtrArray *outcomes, const VbStyle *style, GString *into)
{
    gboolean first = TRUE;
    guint alike = 1;
    for (guint i = 0; i < outcomes->len; i += alike) {
        const VbOutcome *outcome = g_ptr_array_index(outcomes, i);
        alike = count_alike(plan, outcomes, i);
        if (outcome->result == VB_RESULT_DONE)
            continue;
        g_autofree char *text =
            trouble_words(g_ptr_array_index(plan->actions, outcome->action), outcome, alike);
        if (first)
            g_string_append_c(into, '\n');
        first = FALSE;
        render_line(text, tint_of(outcome->result), style, into);
    }
}

/* Why moves took longer than their rate asks. */
static void
render_rests(const VbPlan *plan, const GPtrArray *outcomes, const VbStyle *style, GString *into)
{
    gboolean first = TRUE;
    for (guint i = 0; i < outcomes->len; i++) {
        const VbOutcome *outcome = g_ptr_array_index(outcomes, i);
        const VbAction *action = g_ptr_array_index(plan->actions, outcome->action);
        g_autofree char *rest = vb_rested_text(&outcome->rested, outcome->duration_ns);
        if (rest == NULL)
            continue;
        g_autofree char *text = g_strdup_printf("%s: the move of cell %u from node %d to %d %s", action->guest,
                                                action->cell, action->from, action->to, rest);
        if (first)
            g_string_append_c(into, '\n');
        first = FALSE;
        render_line(text, VB_TINT_NONE, style, into);
    }
}

void
vb_render_outcomes(const VbPlan *plan, const GPtrArray *outcomes, const VbStyle *style,
                   GString *into)
{
    if (outcomes->len == 0) {
        g_string_append(into, "Nothing was done.\n");
        return;
    }
    g_autoptr(GArray) tallies = tally_guests(plan, outcomes);
    render_tallies(tallies, style, into);
    render_trouble(plan, outcomes, style, into);
    render_rests(plan, outcomes, style, into);
}

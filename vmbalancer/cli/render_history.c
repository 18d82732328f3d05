/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/render.h"
#include "cli/text.h"
#include "core/rested.h"

/* "2026-01-31 18:30:00  " */
#define INDENT 21

/* The entries of one placement, or one that stands alone. */
typedef struct {
    const GPtrArray *entries;
    guint first;
    guint end;
} Story;

static const VbEntry *
at(const Story *story, guint i)
{
    return g_ptr_array_index(story->entries, i);
}

static guint
end_of(const GPtrArray *entries, guint first)
{
    const VbEntry *head = g_ptr_array_index(entries, first);
    guint end = first + 1;
    for (; end < entries->len; end++) {
        const VbEntry *entry = g_ptr_array_index(entries, end);
        if (entry->time_us != head->time_us || g_strcmp0(entry->uuid, head->uuid) != 0)
            break;
    }
    return end;
}

static void
add(GString *text, const char *separator, char *part)
{
    if (text->len > 0)
        g_string_append(text, separator);
    g_string_append(text, part);
    g_free(part);
}

static gboolean
is_done(const VbEntry *entry)
{
    return g_strcmp0(entry->result, "done") == 0;
}

static void
add_pins(const Story *story, GString *text)
{
    for (guint i = story->first; i < story->end; i++) {
        const VbEntry *entry = at(story, i);
        guint count = entry->threads != NULL ? g_strv_length(entry->threads) : 0;
        if (entry->kind != VB_ENTRY_PIN)
            continue;
        g_autofree char *threads = count == 1 ? g_strdup(entry->threads[0])
                                              : g_strdup_printf("%u threads", count);
        add(text, ", ",
            g_strdup_printf(is_done(entry) ? "%s pinned to node %d" : "%s not pinned to node %d",
                            threads, entry->to));
    }
}

/* What came to the same node, of the same cell, in one: the first entry of it speaks for all. */
static gboolean
speaks(const Story *story, guint i)
{
    for (guint j = story->first; j < i; j++)
        if (at(story, j)->kind == VB_ENTRY_MOVE && at(story, j)->cell == at(story, i)->cell &&
            at(story, j)->to == at(story, i)->to)
            return FALSE;
    return at(story, i)->kind == VB_ENTRY_MOVE;
}

static gboolean
has_cells(const Story *story)
{
    for (guint i = story->first; i < story->end; i++)
        if (at(story, i)->cell > 0)
            return TRUE;
    return FALSE;
}

/* "cell 1: 64 MiB moved from nodes 1,3 to node 2 in 2.4 s" */
static char *
describe_moves(const Story *story, guint first)
{
    const VbEntry *head = at(story, first);
    VbNodeSet from = 0;
    guint64 bytes = 0;
    gint64 duration_ns = 0;
    VbRested rested = {0};
    for (guint i = first; i < story->end; i++) {
        const VbEntry *entry = at(story, i);
        if (entry->kind != VB_ENTRY_MOVE || entry->cell != head->cell || entry->to != head->to)
            continue;
        from |= entry->from != VB_NO_NODE ? VB_NODE_BIT(entry->from) : 0;
        bytes += entry->bytes;
        duration_ns += entry->duration_ns;
        rested.memory_ns += entry->rested.memory_ns;
        rested.cpus_ns += entry->rested.cpus_ns;
    }
    g_autofree char *cell =
        has_cells(story) ? g_strdup_printf("cell %d: ", head->cell) : g_strdup("");
    g_autofree char *size = vb_text_bytes(bytes);
    g_autofree char *nodes = vb_nodeset_format(from);
    g_autofree char *took = vb_text_duration(duration_ns);
    g_autofree char *why = vb_rested_text(&rested, duration_ns);
    return g_strdup_printf("%s%s moved from node%s %s to node %d in %s%s%s", cell, size,
                           vb_nodeset_count(from) == 1 ? "" : "s", from != 0 ? nodes : "?",
                           head->to, took, why != NULL ? ", " : "", why != NULL ? why : "");
}

static char *
describe_release(const VbEntry *entry)
{
    GString *text = g_string_new(NULL);
    g_string_append_printf(text, "%u thread%s given back", entry->restored,
                           entry->restored == 1 ? "" : "s");
    if (entry->left > 0)
        g_string_append_printf(text, ", %u left to whoever pinned them since", entry->left);
    if (entry->absent > 0)
        g_string_append_printf(text, ", %u unplugged", entry->absent);
    return g_string_free(text, FALSE);
}

static char *
describe(const Story *story)
{
    const VbEntry *head = at(story, story->first);
    const char *code = head->code != NULL ? head->code : "?";
    if (head->kind == VB_ENTRY_RELEASE)
        return describe_release(head);
    if (head->kind == VB_ENTRY_GAVE_UP)
        return g_strdup_printf("left to others from here on (%s)", code);
    if (head->kind == VB_ENTRY_DECLINED)
        return g_strdup_printf("not placed (%s)", code);
    GString *text = g_string_new(NULL);
    add_pins(story, text);
    for (guint i = story->first; i < story->end; i++)
        if (speaks(story, i))
            add(text, ", ", describe_moves(story, i));
    return g_string_free(text, FALSE);
}

/* A line below the head, wrapped to its indent. */
static void
add_line(const VbStyle *style, VbTint tint, const char *text, GString *into)
{
    g_autofree char *shown = vb_text_shown(text, style->utf8);
    g_autoptr(GString) lines = g_string_new(NULL);
    vb_text_wrap(shown, INDENT, style->width, lines);
    g_string_append_printf(into, "%*s", INDENT, "");
    vb_style_paint(style, tint, lines->str, into);
    g_string_append_c(into, '\n');
}

/* Each text once, in their order. */
static void
add_texts(const Story *story, const VbStyle *style, gboolean errors, const char *lead,
          GString *into)
{
    g_autoptr(GHashTable) told = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = story->first; i < story->end; i++) {
        const VbEntry *entry = at(story, i);
        const char *text = errors ? entry->error : entry->reason;
        if (text == NULL || !g_hash_table_add(told, (gpointer)text))
            continue;
        g_autofree char *line =
            errors ? g_strdup_printf("%s: %s", entry->result != NULL ? entry->result : "failed",
                                     text)
            : g_hash_table_size(told) == 1 ? g_strconcat(lead, text, NULL)
                                           : g_strdup(text);
        add_line(style, errors ? VB_TINT_FAIR : VB_TINT_DIM, line, into);
    }
}

static void
add_story(const Story *story, const VbStyle *style, GString *into)
{
    const VbEntry *head = at(story, story->first);
    g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(head->time_us / G_USEC_PER_SEC);
    g_autoptr(GDateTime) local = utc != NULL ? g_date_time_to_local(utc) : NULL;
    g_autofree char *time =
        local != NULL ? g_date_time_format(local, "%Y-%m-%d %H:%M:%S") : g_strdup("?");
    g_autofree char *name = vb_text_shown(head->guest, style->utf8);
    g_autofree char *what = describe(story);
    g_autofree char *shown = vb_text_shown(what, style->utf8);
    g_autoptr(GString) lines = g_string_new(NULL);
    g_autofree char *who = vb_text_shown(head->who, style->utf8);
    g_string_append_printf(into, "%-*s", INDENT, time);
    vb_style_paint(style, VB_TINT_BOLD, name, into);
    g_string_append(into, ": ");
    vb_text_wrap(shown, INDENT + vb_text_width(name) + 2, style->width, lines);
    g_string_append(into, lines->str);
    g_string_append_c(into, '\n');
    g_autofree char *lead =
        head->cause != NULL && head->policy != NULL
            ? g_strdup_printf("%s, by the %s, policy %s: ", head->cause, who, head->policy)
            : g_strdup_printf("by the %s: ", who);
    add_texts(story, style, FALSE, lead, into);
    add_texts(story, style, TRUE, NULL, into);
}

void
vb_render_history(const GPtrArray *entries, guint first, const VbStyle *style, GString *into)
{
    for (guint i = first; i < entries->len;) {
        Story story = {entries, i, end_of(entries, i)};
        add_story(&story, style, into);
        i = story.end;
    }
}

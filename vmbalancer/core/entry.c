/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/entry.h"

const char *const vb_entry_kind_names[] = {"pin", "move", "release", "gave-up", "declined", NULL};

VbEntry *
vb_entry_new(VbEntryKind kind, const char *uuid, const char *guest)
{
    VbEntry *entry = g_new0(VbEntry, 1);
    entry->kind = kind;
    entry->uuid = g_strdup(uuid);
    entry->guest = g_strdup(guest);
    entry->cell = -1;
    entry->from = entry->to = VB_NO_NODE;
    return entry;
}

void
vb_entry_free(VbEntry *entry)
{
    if (entry == NULL)
        return;
    g_free(entry->uuid);
    g_free(entry->guest);
    g_free(entry->who);
    g_free(entry->cause);
    g_free(entry->policy);
    g_strfreev(entry->threads);
    g_free(entry->result);
    g_free(entry->code);
    g_free(entry->reason);
    g_free(entry->error);
    g_free(entry);
}

/* The entry of pins that this one belongs to, NULL if it is the first of its kind. */
static VbEntry *
find_alike(const GPtrArray *entries, const VbAction *action, const VbOutcome *outcome)
{
    for (guint i = 0; i < entries->len; i++) {
        VbEntry *entry = g_ptr_array_index(entries, i);
        if (entry->kind == VB_ENTRY_PIN && entry->to == action->to &&
            g_strcmp0(entry->result, vb_result_name(outcome->result)) == 0 &&
            g_strcmp0(entry->reason, action->reason) == 0 &&
            g_strcmp0(entry->error, outcome->error) == 0)
            return entry;
    }
    return NULL;
}

static void
add_thread(VbEntry *entry, const VbAction *action)
{
    guint count = entry->threads != NULL ? g_strv_length(entry->threads) : 0;
    entry->threads = g_renew(char *, entry->threads, count + 2);
    entry->threads[count] = g_strdup(action->thread);
    entry->threads[count + 1] = NULL;
    if (count > 0 && entry->from != action->from)
        entry->from = VB_NO_NODE; /* they came from several */
}

static VbEntry *
entry_of(const VbPlan *plan, const VbAction *action, const VbOutcome *outcome)
{
    gboolean move = action->kind == VB_ACTION_MOVE;
    VbEntry *entry =
        vb_entry_new(move ? VB_ENTRY_MOVE : VB_ENTRY_PIN, action->uuid, action->guest);
    entry->cause = g_strdup(vb_cause_name(action->cause));
    entry->policy = g_strdup(plan->policy);
    entry->cell = move ? (int)action->cell : -1;
    entry->from = action->from;
    entry->to = action->to;
    entry->bytes = outcome->bytes_moved;
    entry->duration_ns = outcome->duration_ns;
    entry->rested = outcome->rested;
    entry->result = g_strdup(vb_result_name(outcome->result));
    entry->gain_bp = action->gain_bp;
    entry->reason = g_strdup(action->reason);
    entry->error = g_strdup(outcome->error);
    return entry;
}

GPtrArray *
vb_entry_list(const VbPlan *plan, const GPtrArray *outcomes, const char *uuid, const char *who,
              gint64 time_us)
{
    GPtrArray *entries = g_ptr_array_new_with_free_func((GDestroyNotify)vb_entry_free);
    for (guint i = 0; i < plan->actions->len; i++) {
        const VbAction *action = g_ptr_array_index(plan->actions, i);
        if (g_strcmp0(action->uuid, uuid) != 0)
            continue;
        const VbOutcome *outcome = g_ptr_array_index(outcomes, i);
        VbEntry *entry =
            action->kind == VB_ACTION_PIN ? find_alike(entries, action, outcome) : NULL;
        if (entry == NULL) {
            entry = entry_of(plan, action, outcome);
            entry->who = g_strdup(who);
            entry->time_us = time_us;
            g_ptr_array_add(entries, entry);
        }
        if (action->kind == VB_ACTION_PIN)
            add_thread(entry, action);
    }
    return entries;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/history.h"
#include "act/history.h"
#include "act/state.h"
#include "engine/private.h"
#include <gio/gio.h>
#include <vmbalancer/error.h>

void
vb_engine_record(VbEngine *engine, const GPtrArray *entries)
{
    g_autoptr(GError) error = NULL;
    if (vb_history_append(vb_state_default_dir(), entries, &error)) {
        g_atomic_int_set(&engine->unrecorded, FALSE);
        return;
    }
    if (g_atomic_int_exchange(&engine->unrecorded, TRUE))
        return;
    if (engine->warn != NULL)
        engine->warn(error->message);
    else
        g_warning("%s", error->message);
}

/* Adds the UUIDs of what somebody calls @name. Returns: FALSE if there are none. */
static gboolean
resolve(const GPtrArray *entries, const VbSnapshot *snapshot, const char *name, GHashTable *uuids)
{
    gboolean known = FALSE;
    for (guint pass = 0; pass < 2 && !known; pass++) { /* a name that looks like a UUID hides nobody */
        for (guint i = 0; snapshot != NULL && i < snapshot->guests->len; i++) {
            const VbGuest *guest = g_ptr_array_index(snapshot->guests, i);
            if (g_strcmp0(pass == 0 ? guest->uuid : guest->name, name) != 0)
                continue;
            known = TRUE;
            g_hash_table_add(uuids, g_strdup(guest->uuid));
        }
        for (guint i = 0; i < entries->len; i++) {
            const VbEntry *entry = g_ptr_array_index(entries, i);
            if (g_strcmp0(pass == 0 ? entry->uuid : entry->guest, name) != 0)
                continue;
            known = TRUE;
            g_hash_table_add(uuids, g_strdup(entry->uuid));
        }
    }
    return known;
}

/* UUIDs of those that are asked for. Returns: (transfer full), NULL with the error. */
static GHashTable *
resolve_all(const GPtrArray *entries, const VbSnapshot *snapshot, const char *const *guests,
            GError **error)
{
    g_autoptr(GHashTable) uuids = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (const char *const *guest = guests; *guest != NULL; guest++)
        if (!resolve(entries, snapshot, *guest, uuids)) {
            g_set_error(error, VB_ERROR, VB_ERROR_NO_GUEST,
                        "nothing is known of a guest \"%s\": it does not run, and vmbalancer has "
                        "done nothing to it that it still remembers",
                        *guest);
            return NULL;
        }
    return g_steal_pointer(&uuids);
}

/* Keeps the entries of those guests. */
static void
keep(GPtrArray *entries, GHashTable *uuids)
{
    gsize length = 0;
    g_autofree gpointer *all = g_ptr_array_steal(entries, &length);
    for (gsize i = 0; i < length; i++) {
        VbEntry *entry = all[i];
        if (g_hash_table_contains(uuids, entry->uuid))
            g_ptr_array_add(entries, entry);
        else
            vb_entry_free(entry);
    }
}

GPtrArray *
vb_history_ask(const VbHistoryQuery *query, const VbSnapshot *snapshot, guint *ret_first,
               GError **error)
{
    g_autoptr(GPtrArray) entries = vb_history_read(vb_state_default_dir(), error);
    if (entries == NULL)
        return NULL;
    if (query->guests != NULL && query->guests[0] != NULL) {
        g_autoptr(GHashTable) uuids = resolve_all(entries, snapshot, query->guests, error);
        if (uuids == NULL)
            return NULL;
        keep(entries, uuids);
    }
    guint limit = query->limit > 0 ? query->limit : G_MAXUINT;
    guint first = entries->len > limit ? entries->len - limit : 0;
    while (first < entries->len &&
           ((const VbEntry *)g_ptr_array_index(entries, first))->time_us < query->since_us)
        first++;
    *ret_first = first;
    return g_steal_pointer(&entries);
}

JsonNode *
vb_history_document(const VbHistoryQuery *query, const VbSnapshot *snapshot, GError **error)
{
    guint first = 0;
    g_autoptr(GPtrArray) entries = vb_history_ask(query, snapshot, &first, error);
    return entries != NULL ? vb_codec_history(entries, first, snapshot, query->guests) : NULL;
}

static void
write_decline(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    g_autoptr(GError) error = NULL;
    if (!vb_history_append(vb_state_default_dir(), data, &error))
        g_debug("%s", error->message);
    g_task_return_boolean(task, TRUE);
}

void
vb_history_decline(const VbDecline *decline, gboolean gave_up)
{
    GPtrArray *entries = g_ptr_array_new_with_free_func((GDestroyNotify)vb_entry_free);
    VbEntry *entry = vb_entry_new(gave_up ? VB_ENTRY_GAVE_UP : VB_ENTRY_DECLINED, decline->uuid,
                                  decline->guest);
    g_ptr_array_add(entries, entry);
    entry->time_us = g_get_real_time();
    entry->who = g_strdup("daemon");
    entry->code = g_strdup(decline->code);
    entry->reason = g_strdup(decline->reason);
    g_autoptr(GTask) task = g_task_new(NULL, NULL, NULL, NULL);
    g_task_set_task_data(task, entries, (GDestroyNotify)g_ptr_array_unref);
    g_task_run_in_thread(task, write_decline);
}

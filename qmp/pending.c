/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qmp/pending.h"

typedef struct {
    QmpPending *table;
    gint64 id;
    char *command;
    GError *late;
    GTask *task;
    GSource *deadline;
    GSource *cancel;
} Entry;

struct QmpPending {
    GQueue entries; /* few: the table's owner bounds them */
};

static void
clear_source(GSource **source)
{
    if (*source == NULL)
        return;
    g_source_destroy(*source);
    g_clear_pointer(source, g_source_unref);
}

static void
entry_free(Entry *entry)
{
    clear_source(&entry->deadline);
    clear_source(&entry->cancel);
    g_clear_error(&entry->late);
    g_clear_object(&entry->task);
    g_free(entry->command);
    g_free(entry);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Entry, entry_free)

QmpPending *
qmp_pending_new(void)
{
    return g_new0(QmpPending, 1);
}

void
qmp_pending_free(QmpPending *self)
{
    if (self == NULL)
        return;
    g_warn_if_fail(g_queue_is_empty(&self->entries));
    g_free(self);
}

guint
qmp_pending_count(const QmpPending *self)
{
    return self->entries.length;
}

/*
 * Completing a task runs foreign code, and may drop the last reference of the client that owns the
 * table: so an entry leaves the table first, and nothing touches the table after.
 */
static gboolean
on_deadline(gpointer data)
{
    g_autoptr(Entry) entry = data;

    g_queue_remove(&entry->table->entries, entry);
    g_task_return_error(entry->task, g_steal_pointer(&entry->late));
    return G_SOURCE_REMOVE;
}

static gboolean
on_cancelled(GCancellable *cancellable, gpointer data)
{
    g_autoptr(Entry) entry = data;

    g_queue_remove(&entry->table->entries, entry);
    g_task_return_error_if_cancelled(entry->task);
    return G_SOURCE_REMOVE;
}

static GSource *
attach(GSource *source, GSourceFunc func, Entry *entry)
{
    g_source_set_callback(source, func, entry, NULL);
    g_source_attach(source, g_task_get_context(entry->task));
    return source;
}

void
qmp_pending_add(QmpPending *self, gint64 id, const char *command, guint timeout_ms, GError *late,
                GTask *task)
{
    GCancellable *cancellable = g_task_get_cancellable(task);
    Entry *entry = g_new0(Entry, 1);

    entry->table = self;
    entry->id = id;
    entry->command = g_strdup(command);
    entry->late = late;
    entry->task = task;
    entry->deadline = attach(g_timeout_source_new(timeout_ms), on_deadline, entry);
    if (cancellable != NULL)
        entry->cancel =
            attach(g_cancellable_source_new(cancellable), G_SOURCE_FUNC(on_cancelled), entry);
    g_queue_push_tail(&self->entries, entry);
}

GTask *
qmp_pending_take(QmpPending *self, gint64 id, char **ret_command)
{
    for (GList *link = self->entries.head; link != NULL; link = link->next) {
        g_autoptr(Entry) entry = NULL;

        if (((Entry *)link->data)->id != id)
            continue;
        entry = link->data;
        g_queue_delete_link(&self->entries, link);
        *ret_command = g_steal_pointer(&entry->command);
        return g_steal_pointer(&entry->task);
    }
    return NULL;
}

void
qmp_pending_fail_all(QmpPending *self, const GError *reason)
{
    GQueue entries = self->entries;

    /*
     * Out of the table, and all clocks stopped, before the first task completes: its callback may
     * come back to us or turn the main loop.
     */
    g_queue_init(&self->entries);
    for (GList *link = entries.head; link != NULL; link = link->next) {
        clear_source(&((Entry *)link->data)->deadline);
        clear_source(&((Entry *)link->data)->cancel);
    }
    for (Entry *entry; (entry = g_queue_pop_head(&entries)) != NULL; entry_free(entry)) {
        GError *error = g_error_copy(reason);

        g_prefix_error(&error, "%s: ", entry->command);
        g_task_return_error(entry->task, error);
    }
}

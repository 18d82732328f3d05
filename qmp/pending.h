/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef QMP_PENDING_H
#define QMP_PENDING_H

#include <gio/gio.h>

G_BEGIN_DECLS

/*
 * Internal: the commands that wait for a reply. Each leaves the table exactly once: taken by its
 * reply, at its deadline, by its cancellation, or when all fail together.
 */
typedef struct QmpPending QmpPending;

QmpPending *qmp_pending_new(void);
/* The table must be empty: tasks are never dropped silently. */
void qmp_pending_free(QmpPending *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(QmpPending, qmp_pending_free)

/*
 * Adds a command. Takes the task, and late, the error that completes it when timeout_ms pass.
 * The task's cancellable completes it too. The ids are unique.
 */
void qmp_pending_add(QmpPending *self, gint64 id, const char *command, guint timeout_ms,
                     GError *late, GTask *task);

/* The task that waits under the id, and its command; NULL when none does (any more). Both owned. */
GTask *qmp_pending_take(QmpPending *self, gint64 id, char **ret_command);

/* Fails all in the order they were added, each with its own copy of the reason. */
void qmp_pending_fail_all(QmpPending *self, const GError *reason);

/* How many wait. */
guint qmp_pending_count(const QmpPending *self);

G_END_DECLS

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef QMP_TRANSPORT_H
#define QMP_TRANSPORT_H

#include <gio/gio.h>
#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/*
 * A way to have QEMU execute a command: a monitor socket (qmp/client.h), a text passthrough as
 * virDomainQemuMonitorCommand (qmp/passthrough.h), or one of your own. The queries stand on it.
 */
#define QMP_TIMEOUT_DEFAULT_MS 5000
#define QMP_TIMEOUT_MAX_MS (10 * 60 * 1000)

typedef struct QmpTransport QmpTransport;

/*
 * execute: starts a command, returns, and completes the task exactly once: with a JsonNode (by
 * g_task_return_pointer() and json_node_unref), the value of QEMU's "return", or with an error.
 * Owns one reference of the task, which holds one of the transport. Keeps the deadline and obeys
 * g_task_get_cancellable(). command is not empty, arguments is an object or NULL (borrowed both),
 * timeout_ms is 1..QMP_TIMEOUT_MAX_MS.
 *
 * free: called once, when the last reference goes; frees self.
 */
typedef struct {
    void (*execute)(QmpTransport *self, const char *command, JsonNode *arguments, guint timeout_ms,
                    GTask *task);
    void (*free)(QmpTransport *self);
} QmpTransportOps;

/*
 * The head of every transport's struct. context: the only main context it may be used from,
 * or NULL when any does; owned.
 */
struct QmpTransport {
    const QmpTransportOps *ops;
    GMainContext *context;
    gint ref_count;
};

/* Fills the head in; the caller gets the first reference. context may be NULL. */
void qmp_transport_init(QmpTransport *self, const QmpTransportOps *ops, GMainContext *context);

/* References. Both may be called from any thread; free runs where the last reference goes. */
QmpTransport *qmp_transport_ref(QmpTransport *self);
void qmp_transport_unref(QmpTransport *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(QmpTransport, qmp_transport_unref)

/*
 * Executes a command. arguments: an object, or NULL; not kept. timeout_ms: 1..QMP_TIMEOUT_MAX_MS,
 * counted from now. The callback runs once in the thread-default main context of the caller.
 * Errors: those of QmpError, or G_IO_ERROR_CANCELLED. A command whose deadline passed or that was
 * cancelled may still have been executed by QEMU.
 */
void qmp_transport_execute_async(QmpTransport *self, const char *command, JsonNode *arguments,
                                 guint timeout_ms, GCancellable *cancellable,
                                 GAsyncReadyCallback callback, gpointer user_data);

/* The value of "return", owned by the caller (json_node_unref), or NULL with an error. */
JsonNode *qmp_transport_execute_finish(GAsyncResult *result, GError **error);

/*
 * The same for simple callers: blocks until there is an answer, at the latest at the deadline.
 * For worker threads: it turns the transport's main context (or one of its own), so a transport
 * whose context another thread is turning is refused with QMP_ERROR_INVALID.
 */
JsonNode *qmp_transport_execute(QmpTransport *self, const char *command, JsonNode *arguments,
                                guint timeout_ms, GCancellable *cancellable, GError **error);

G_END_DECLS

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef QMP_CLIENT_H
#define QMP_CLIENT_H

#include "qmp/transport.h"

G_BEGIN_DECLS

/*
 * A connection to one QMP monitor socket, greeted and negotiated. It lives in the thread-default
 * main context of the thread that opened it: all calls, callbacks and the last unref belong there.
 *
 * Replies may come in any order; a late reply to a command that timed out is dropped. Whatever the
 * peer sends, the worst outcome is a closed connection.
 *
 * References: the caller's, and one for each command in flight. The last one closes the socket.
 */
typedef struct QmpClient QmpClient;

/* data: NULL when there is none. timestamp_us: since 1970, -1 when unknown. Borrowed. */
typedef struct {
    const char *name;
    JsonObject *data;
    gint64 timestamp_us;
} QmpEvent;

/*
 * event: an asynchronous event of QEMU, in the order of arrival.
 * closed: the connection was lost (not: closed by qmp_client_close()). Every pending command has
 * failed before. Called once at most.
 * Either may be NULL. Both are silent until the client is open, after qmp_client_close() and
 * after the last unref; as commands in flight hold references, close before data goes.
 */
typedef struct {
    void (*event)(QmpClient *client, const QmpEvent *event, gpointer data);
    void (*closed)(QmpClient *client, const GError *reason, gpointer data);
    gpointer data;
} QmpWatch;

/*
 * Connects to a Unix socket and negotiates, all within timeout_ms (1..QMP_TIMEOUT_MAX_MS).
 * path: at most 107 bytes. watch: copied, or NULL.
 * Errors: QMP_ERROR_CLOSED when nobody listens or the peer hangs up; QMP_ERROR_DENIED when this user
 * may not; QMP_ERROR_BUSY when the
 * monitor does not greet (it serves one client at a time); QMP_ERROR_TIMEOUT when it greets and
 * then goes silent; QMP_ERROR_PROTOCOL and the like when it is no QMP monitor; QMP_ERROR_INVALID.
 */
void qmp_client_open_async(const char *path, const QmpWatch *watch, guint timeout_ms,
                           GCancellable *cancellable, GAsyncReadyCallback callback,
                           gpointer user_data);

/* The same over a connected socket, which the client takes over. name: what errors call it. */
void qmp_client_open_socket_async(GSocket *socket, const char *name, const QmpWatch *watch,
                                  guint timeout_ms, GCancellable *cancellable,
                                  GAsyncReadyCallback callback, gpointer user_data);

/* The client of either, owned by the caller, or NULL with an error. */
QmpClient *qmp_client_open_finish(GAsyncResult *result, GError **error);

/*
 * The same for a worker thread: blocks, and gives the client a main context of its own, which
 * turns only inside blocking calls (qmp_transport_execute() and the typed queries). Only there do
 * events arrive.
 */
QmpClient *qmp_client_open(const char *path, const QmpWatch *watch, guint timeout_ms,
                           GCancellable *cancellable, GError **error);

QmpClient *qmp_client_ref(QmpClient *self);
void qmp_client_unref(QmpClient *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(QmpClient, qmp_client_unref)

/* What executes commands over this client, for qmp_transport_execute_async() and the queries.
 * Borrowed. */
QmpTransport *qmp_client_transport(QmpClient *self);

/*
 * The process that listens on the monitor's socket, as the kernel knows it (SO_PEERCRED): its pid
 * when it began to listen. 0 when that is unknown.
 */
int qmp_client_peer_pid(const QmpClient *self);

/* FALSE once the connection is lost or closed; commands then fail at once. */
gboolean qmp_client_is_open(const QmpClient *self);

/* Closes now: pending commands fail with QMP_ERROR_CLOSED, watch.closed is not called. */
void qmp_client_close(QmpClient *self);

G_END_DECLS

#endif

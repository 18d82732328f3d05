/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qmp/client.h"

#include "qmp/dial.h"
#include "qmp/error.h"
#include "qmp/frame.h"
#include "qmp/message.h"
#include "qmp/pending.h"
#include "qmp/stream.h"
#include "qmp/wait.h"

/* More than any caller of ours asks at once; QEMU executes them one by one anyway. */
#define IN_FLIGHT_MAX 256

#define GREETING_ID 0 /* the wait for the greeting stands in the table as a command does */
#define NEGOTIATION_ID 1

typedef enum {
    STATE_GREETING,
    STATE_NEGOTIATING,
    STATE_OPEN,
    STATE_CLOSED,
} State;

struct QmpClient {
    QmpTransport base;
    State state;
    char *name;
    QmpWatch watch;
    QmpStream *stream;
    QmpFrame *frame;
    QmpPending *pending;
    gint64 next_id;
    gint64 open_deadline_us; /* monotonic */
    int peer_pid;
    GError *reason;          /* why the state is CLOSED */
};

static void
client_close(QmpClient *self, const GError *reason)
{
    gboolean was_open = self->state == STATE_OPEN;

    if (self->state == STATE_CLOSED)
        return;
    self->state = STATE_CLOSED;
    self->reason = g_error_copy(reason);
    g_prefix_error(&self->reason, "monitor %s: ", self->name);
    qmp_stream_stop(self->stream);
    qmp_pending_fail_all(self->pending, self->reason);
    if (was_open && self->watch.closed != NULL)
        self->watch.closed(self, self->reason, self->watch.data);
}

static guint
open_time_left_ms(const QmpClient *self)
{
    gint64 left_us = self->open_deadline_us - g_get_monotonic_time();

    return (guint)MAX(left_us / 1000, 1);
}

static GError *
late_error(const QmpClient *self, const char *command, guint timeout_ms)
{
    return g_error_new(QMP_ERROR, QMP_ERROR_TIMEOUT, "%s: monitor %s: no answer within %u ms",
                       command, self->name, timeout_ms);
}

/* Gives the task, a command's or the opener's, to the table, and the command to the wire. */
static void
send_command(QmpClient *self, const char *command, JsonNode *arguments, guint timeout_ms,
             GTask *task)
{
    g_autofree char *text = qmp_command_to_text(command, arguments, self->next_id);
    g_autofree char *line = g_strconcat(text, "\r\n", NULL);

    if (qmp_pending_count(self->pending) >= IN_FLIGHT_MAX || !qmp_stream_send(self->stream, line)) {
        g_task_return_new_error(task, QMP_ERROR, QMP_ERROR_BUSY,
                                "%s: monitor %s: too much is in flight already", command,
                                self->name);
        g_object_unref(task);
        return;
    }
    qmp_pending_add(self->pending, self->next_id++, command, timeout_ms,
                    late_error(self, command, timeout_ms), task);
}

static gboolean
take_greeting(QmpClient *self, QmpMessage *message, GError **error)
{
    g_autofree char *command = NULL;
    GTask *task;

    if (self->state != STATE_GREETING) {
        g_set_error_literal(error, QMP_ERROR, QMP_ERROR_PROTOCOL, "a second greeting came");
        return FALSE;
    }
    task = qmp_pending_take(self->pending, GREETING_ID, &command);
    self->state = STATE_NEGOTIATING;
    send_command(self, "qmp_capabilities", NULL, open_time_left_ms(self), task);
    return TRUE;
}

static void
finish_command(QmpClient *self, GTask *task, const char *command, QmpMessage *message)
{
    GError *error = NULL;
    JsonNode *value = qmp_message_take_return(message, command, &error);

    if (value == NULL) {
        g_prefix_error(&error, "monitor %s: ", self->name);
        g_task_return_error(task, error);
    } else if (message->id == NEGOTIATION_ID) {
        json_node_unref(value);
        self->state = STATE_OPEN;
        g_task_return_pointer(task, qmp_client_ref(self), (GDestroyNotify)qmp_client_unref);
    } else {
        g_task_return_pointer(task, value, (GDestroyNotify)json_node_unref);
    }
}

static gboolean
take_reply(QmpClient *self, QmpMessage *message, GError **error)
{
    g_autoptr(GTask) task = NULL;
    g_autofree char *command = NULL;

    if (message->kind == QMP_MESSAGE_ERROR && message->id == QMP_MESSAGE_NO_ID) {
        /* QEMU answers so to what it cannot even parse: whose command it was, nobody knows. */
        g_autofree char *desc = qmp_error_quote(message->desc);

        g_set_error(error, QMP_ERROR, QMP_ERROR_PROTOCOL, "an error without id came: %s", desc);
        return FALSE;
    }
    if (message->id < NEGOTIATION_ID || message->id >= self->next_id) {
        g_set_error_literal(error, QMP_ERROR, QMP_ERROR_PROTOCOL,
                            "a reply came to a command that was never sent");
        return FALSE;
    }
    task = qmp_pending_take(self->pending, message->id, &command);
    if (task != NULL)
        finish_command(self, task, command, message);
    else
        g_debug("monitor %s: a late or repeated reply was dropped", self->name);
    return TRUE;
}

static gboolean
take_event(QmpClient *self, QmpMessage *message, GError **error)
{
    QmpEvent event = {
        .name = message->name,
        .data = message->body != NULL ? json_node_get_object(message->body) : NULL,
        .timestamp_us = message->timestamp_us,
    };

    if (self->state == STATE_OPEN && self->watch.event != NULL)
        self->watch.event(self, &event, self->watch.data);
    return TRUE;
}

static gboolean
take_message(QmpClient *self, const char *text, GError **error)
{
    static gboolean (*const takers[])(QmpClient *, QmpMessage *, GError **) = {
        [QMP_MESSAGE_GREETING] = take_greeting,
        [QMP_MESSAGE_RETURN] = take_reply,
        [QMP_MESSAGE_ERROR] = take_reply,
        [QMP_MESSAGE_EVENT] = take_event,
    };
    g_autoptr(QmpMessage) message = qmp_message_parse(text, error);

    if (message == NULL)
        return FALSE;
    if (self->state == STATE_GREETING && message->kind != QMP_MESSAGE_GREETING) {
        g_set_error_literal(error, QMP_ERROR, QMP_ERROR_PROTOCOL,
                            "the first message is not a greeting");
        return FALSE;
    }
    return takers[message->kind](self, message, error);
}

static gboolean
is_last_reference(QmpClient *self)
{
    return g_atomic_int_get(&self->base.ref_count) == 1;
}

static void
on_received(gpointer owner, const char *data, gsize len)
{
    /* Callbacks may drop every other reference while we are in here: then nobody listens. */
    g_autoptr(QmpClient) self = qmp_client_ref(owner);

    while (len > 0 && self->state != STATE_CLOSED && !is_last_reference(self)) {
        g_autoptr(GError) error = NULL;
        g_autofree char *text = NULL;

        if (!qmp_frame_feed(self->frame, &data, &len, &text, &error) ||
            (text != NULL && !take_message(self, text, &error)))
            client_close(self, error);
    }
}

static void
on_lost(gpointer owner, const char *reason)
{
    g_autoptr(QmpClient) self = qmp_client_ref(owner);
    g_autoptr(GError) error = NULL;

    g_set_error(&error, QMP_ERROR, QMP_ERROR_CLOSED, "%s%s", reason,
                qmp_frame_is_partial(self->frame) ? " in the middle of a message" : "");
    client_close(self, error);
}

static const QmpStreamEvents stream_events = {
    .received = on_received,
    .lost = on_lost,
};

static void
client_execute(QmpTransport *base, const char *command, JsonNode *arguments, guint timeout_ms,
               GTask *task)
{
    QmpClient *self = (QmpClient *)base;

    if (self->state == STATE_OPEN) {
        send_command(self, command, arguments, timeout_ms, task);
        return;
    }
    g_task_return_new_error(task, QMP_ERROR, QMP_ERROR_CLOSED, "%s: %s", command,
                            self->reason != NULL ? self->reason->message : "not open yet");
    g_object_unref(task);
}

static void
client_free(QmpTransport *base)
{
    QmpClient *self = (QmpClient *)base;

    qmp_stream_free(self->stream);
    qmp_frame_free(self->frame);
    qmp_pending_free(self->pending);
    g_clear_error(&self->reason);
    g_free(self->name);
    g_free(self);
}

static const QmpTransportOps client_ops = {
    .execute = client_execute,
    .free = client_free,
};

static GError *
no_greeting_error(const char *name, guint timeout_ms)
{
    return g_error_new(
        QMP_ERROR, QMP_ERROR_BUSY,
        "monitor %s: no greeting within %u ms: QEMU serves one client a monitor, and "
        "another one (libvirt?) seems to hold it; close that one, or give the guest "
        "a second -qmp socket",
        name, timeout_ms);
}

static int
peer_pid_of(GSocket *socket)
{
    g_autoptr(GCredentials) peer = g_socket_get_credentials(socket, NULL);

    return peer != NULL ? MAX(g_credentials_get_unix_pid(peer, NULL), 0) : 0;
}

/*
 * While it opens, only the task holds the client: when the task completes without success, however
 * that comes about, the half-open connection goes with it.
 */
static void
client_start(GSocket *socket, const char *name, const QmpWatch *watch, guint timeout_ms,
             GTask *task)
{
    QmpClient *self = g_new0(QmpClient, 1);
    GMainContext *context = g_task_get_context(task);

    qmp_transport_init(&self->base, &client_ops, context);
    self->name = g_strdup(name);
    self->peer_pid = peer_pid_of(socket);
    if (watch != NULL)
        self->watch = *watch;
    self->frame = qmp_frame_new();
    self->pending = qmp_pending_new();
    self->next_id = NEGOTIATION_ID;
    self->open_deadline_us = g_get_monotonic_time() + timeout_ms * (gint64)1000;
    self->stream = qmp_stream_new(socket, context, &stream_events, self);
    g_task_set_task_data(task, self, (GDestroyNotify)qmp_client_unref);
    qmp_pending_add(self->pending, GREETING_ID, "open", timeout_ms,
                    no_greeting_error(name, timeout_ms), task);
}

static GTask *
open_task(guint timeout_ms, GCancellable *cancellable, GAsyncReadyCallback callback,
          gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(NULL, cancellable, callback, user_data);

    g_task_set_source_tag(task, qmp_client_open_finish);
    if (g_task_return_error_if_cancelled(task))
        return NULL;
    if (timeout_ms == 0 || timeout_ms > QMP_TIMEOUT_MAX_MS) {
        g_task_return_new_error(task, QMP_ERROR, QMP_ERROR_INVALID,
                                "the deadline of a monitor must be 1 ms to 10 minutes away");
        return NULL;
    }
    return g_steal_pointer(&task);
}

void
qmp_client_open_socket_async(GSocket *socket, const char *name, const QmpWatch *watch,
                             guint timeout_ms, GCancellable *cancellable,
                             GAsyncReadyCallback callback, gpointer user_data)
{
    GTask *task = open_task(timeout_ms, cancellable, callback, user_data);

    if (task != NULL)
        client_start(socket, name, watch, timeout_ms, task);
}

void
qmp_client_open_async(const char *path, const QmpWatch *watch, guint timeout_ms,
                      GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
    GTask *task = open_task(timeout_ms, cancellable, callback, user_data);
    g_autoptr(GSocket) socket = NULL;
    GError *error = NULL;

    if (task == NULL)
        return;
    socket = qmp_dial(path, &error);
    if (socket != NULL) {
        client_start(socket, path, watch, timeout_ms, task);
        return;
    }
    g_task_return_error(task, error);
    g_object_unref(task);
}

QmpClient *
qmp_client_open_finish(GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_async_result_is_tagged(result, qmp_client_open_finish), NULL);
    return g_task_propagate_pointer(G_TASK(result), error);
}

QmpClient *
qmp_client_open(const char *path, const QmpWatch *watch, guint timeout_ms,
                GCancellable *cancellable, GError **error)
{
    g_autoptr(GAsyncResult) result = NULL;
    QmpWait wait;

    if (!qmp_wait_begin(&wait, NULL, error))
        return NULL;
    qmp_client_open_async(path, watch, timeout_ms, cancellable, qmp_wait_callback, &wait);
    result = qmp_wait_end(&wait);
    return qmp_client_open_finish(result, error);
}

QmpClient *
qmp_client_ref(QmpClient *self)
{
    return (QmpClient *)qmp_transport_ref(&self->base);
}

void
qmp_client_unref(QmpClient *self)
{
    qmp_transport_unref(&self->base);
}

QmpTransport *
qmp_client_transport(QmpClient *self)
{
    return &self->base;
}

int
qmp_client_peer_pid(const QmpClient *self)
{
    return self->peer_pid;
}

gboolean
qmp_client_is_open(const QmpClient *self)
{
    return self->state == STATE_OPEN;
}

void
qmp_client_close(QmpClient *self)
{
    g_autoptr(GError) reason = NULL;

    self->watch.closed = NULL;
    g_set_error_literal(&reason, QMP_ERROR, QMP_ERROR_CLOSED, "closed by us");
    client_close(self, reason);
}

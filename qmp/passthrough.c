/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qmp/passthrough.h"

#include "qmp/error.h"
#include "qmp/message.h"

typedef struct {
    QmpTransport base;
    QmpPassthroughFunc func;
    gpointer data;
    GDestroyNotify destroy;
    GThreadPool *pool;
} QmpPassthrough;

/*
 * One command, shared by the worker and the two sources in the caller's context. Whoever comes
 * first, answer, deadline or cancellation, takes the task; the others find NULL. The worker never
 * goes through the caller's context itself: after a deadline nobody may be turning it any more.
 */
typedef struct {
    QmpPassthrough *passthrough;
    char *command;
    char *text;
    guint timeout_ms;
    GTask *task;
    GSource *deadline;
    GSource *cancel;
} Call;

static void
call_clear(gpointer data)
{
    Call *call = data;

    g_clear_pointer(&call->deadline, g_source_unref);
    g_clear_pointer(&call->cancel, g_source_unref);
    g_free(call->command);
    g_free(call->text);
    qmp_transport_unref(&call->passthrough->base);
}

static void
call_unref(gpointer data)
{
    g_atomic_rc_box_release_full(data, call_clear);
}

static GTask *
call_take_task(Call *call)
{
    GTask *task = g_atomic_pointer_exchange(&call->task, NULL);

    if (task == NULL)
        return NULL;
    g_source_destroy(call->deadline);
    if (call->cancel != NULL)
        g_source_destroy(call->cancel);
    return task;
}

static gboolean
on_deadline(gpointer data)
{
    Call *call = data;
    g_autoptr(GTask) task = call_take_task(call);

    if (task != NULL)
        g_task_return_new_error(task, QMP_ERROR, QMP_ERROR_TIMEOUT, "%s: no answer within %u ms",
                                call->command, call->timeout_ms);
    return G_SOURCE_REMOVE;
}

static gboolean
on_cancelled(GCancellable *cancellable, gpointer data)
{
    g_autoptr(GTask) task = call_take_task(data);

    if (task != NULL)
        g_task_return_error_if_cancelled(task);
    return G_SOURCE_REMOVE;
}

static void
attach(GSource *source, GSourceFunc func, Call *call)
{
    g_source_set_callback(source, func, g_atomic_rc_box_acquire(call), call_unref);
    g_source_attach(source, g_task_get_context(call->task));
}

static JsonNode *
call_ask(Call *call, GError **error)
{
    QmpPassthrough *self = call->passthrough;
    g_autoptr(GError) reason = NULL;
    g_autofree char *reply = self->func(call->text, self->data, &reason);

    if (reply != NULL)
        return qmp_reply_parse(reply, call->command, error);
    if (reason != NULL)
        g_propagate_error(error, g_steal_pointer(&reason));
    else
        g_set_error(error, QMP_ERROR, QMP_ERROR_CLOSED, "%s: no reply", call->command);
    return NULL;
}

static void
work(gpointer data, gpointer unused)
{
    Call *call = data;
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonNode) value = NULL;
    g_autoptr(GTask) task = NULL;

    if (g_atomic_pointer_get(&call->task) != NULL)
        value = call_ask(call, &error);
    task = call_take_task(call);
    if (task != NULL && value != NULL)
        g_task_return_pointer(task, g_steal_pointer(&value), (GDestroyNotify)json_node_unref);
    else if (task != NULL)
        g_task_return_error(task, g_steal_pointer(&error));
    call_unref(call);
}

static void
passthrough_execute(QmpTransport *base, const char *command, JsonNode *arguments, guint timeout_ms,
                    GTask *task)
{
    GCancellable *cancellable = g_task_get_cancellable(task);
    Call *call = g_atomic_rc_box_new0(Call);

    call->passthrough = (QmpPassthrough *)qmp_transport_ref(base);
    call->command = g_strdup(command);
    call->text = qmp_command_to_text(command, arguments, QMP_MESSAGE_NO_ID);
    call->timeout_ms = timeout_ms;
    call->task = task;
    call->deadline = g_timeout_source_new(timeout_ms);
    attach(call->deadline, on_deadline, call);
    if (cancellable != NULL) {
        call->cancel = g_cancellable_source_new(cancellable);
        attach(call->cancel, G_SOURCE_FUNC(on_cancelled), call);
    }
    g_thread_pool_push(call->passthrough->pool, call, NULL);
}

static void
passthrough_free(QmpTransport *base)
{
    QmpPassthrough *self = (QmpPassthrough *)base;

    /* No command is left (each holds a reference); this may well be the pool's own thread. */
    g_thread_pool_free(self->pool, FALSE, FALSE);
    if (self->destroy != NULL)
        self->destroy(self->data);
    g_free(self);
}

static const QmpTransportOps passthrough_ops = {
    .execute = passthrough_execute,
    .free = passthrough_free,
};

QmpTransport *
qmp_passthrough_new(QmpPassthroughFunc func, gpointer data, GDestroyNotify destroy)
{
    QmpPassthrough *self = g_new0(QmpPassthrough, 1);

    qmp_transport_init(&self->base, &passthrough_ops, NULL);
    self->func = func;
    self->data = data;
    self->destroy = destroy;
    /* A shared pool spawns lazily and cannot fail; one thread, for the monitor is serial. */
    self->pool = g_thread_pool_new(work, NULL, 1, FALSE, NULL);
    return &self->base;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qmp/transport.h"

#include "qmp/error.h"
#include "qmp/wait.h"

void
qmp_transport_init(QmpTransport *self, const QmpTransportOps *ops, GMainContext *context)
{
    self->ops = ops;
    self->context = context != NULL ? g_main_context_ref(context) : NULL;
    self->ref_count = 1;
}

QmpTransport *
qmp_transport_ref(QmpTransport *self)
{
    g_atomic_int_inc(&self->ref_count);
    return self;
}

void
qmp_transport_unref(QmpTransport *self)
{
    g_autoptr(GMainContext) context = NULL;

    if (!g_atomic_int_dec_and_test(&self->ref_count))
        return;
    context = g_steal_pointer(&self->context);
    self->ops->free(self);
}

/* What the caller asked, judged once here so that no transport has to. */
static gboolean
check_request(QmpTransport *self, const char *command, JsonNode *arguments, guint timeout_ms,
              GTask *task)
{
    const char *reason = NULL;

    if (command == NULL || *command == '\0' || !g_utf8_validate(command, -1, NULL))
        reason = "a command needs a name in UTF-8";
    else if (arguments != NULL && !JSON_NODE_HOLDS_OBJECT(arguments))
        reason = "the arguments of a command must be an object";
    else if (timeout_ms == 0 || timeout_ms > QMP_TIMEOUT_MAX_MS)
        reason = "the deadline of a command must be 1 ms to 10 minutes away";
    else if (self->context != NULL && self->context != g_task_get_context(task))
        reason = "the monitor belongs to another main context";
    if (reason == NULL)
        return TRUE;
    g_task_return_new_error(task, QMP_ERROR, QMP_ERROR_INVALID, "%s", reason);
    return FALSE;
}

void
qmp_transport_execute_async(QmpTransport *self, const char *command, JsonNode *arguments,
                            guint timeout_ms, GCancellable *cancellable,
                            GAsyncReadyCallback callback, gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(NULL, cancellable, callback, user_data);

    g_task_set_source_tag(task, qmp_transport_execute_async);
    g_task_set_task_data(task, qmp_transport_ref(self), (GDestroyNotify)qmp_transport_unref);
    if (g_task_return_error_if_cancelled(task))
        return;
    if (check_request(self, command, arguments, timeout_ms, task))
        self->ops->execute(self, command, arguments, timeout_ms, g_steal_pointer(&task));
}

JsonNode *
qmp_transport_execute_finish(GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_async_result_is_tagged(result, qmp_transport_execute_async), NULL);
    return g_task_propagate_pointer(G_TASK(result), error);
}

JsonNode *
qmp_transport_execute(QmpTransport *self, const char *command, JsonNode *arguments,
                      guint timeout_ms, GCancellable *cancellable, GError **error)
{
    g_autoptr(GAsyncResult) result = NULL;
    QmpWait wait;

    if (!qmp_wait_begin(&wait, self->context, error))
        return NULL;
    qmp_transport_execute_async(self, command, arguments, timeout_ms, cancellable,
                                qmp_wait_callback, &wait);
    result = qmp_wait_end(&wait);
    return qmp_transport_execute_finish(result, error);
}

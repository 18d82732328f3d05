/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A passthrough that hangs, fails or is asked nonsense. */
#include "qmp/qmp.h"

#define PATIENCE_MS 30000

/* A passthrough that hangs until it is let go. */
typedef struct {
    GMutex mutex;
    GCond cond;
    gboolean open;
    guint calls;
    gboolean freed;
} Gate;

static char *
answer_at_gate(const char *command, gpointer data, GError **error)
{
    Gate *gate = data;

    g_mutex_lock(&gate->mutex);
    gate->calls++;
    g_cond_broadcast(&gate->cond);
    while (!gate->open)
        g_cond_wait(&gate->cond, &gate->mutex);
    g_mutex_unlock(&gate->mutex);
    return g_strdup("{\"return\": []}");
}

static void
gate_freed(gpointer data)
{
    Gate *gate = data;

    g_mutex_lock(&gate->mutex);
    gate->freed = TRUE;
    g_cond_broadcast(&gate->cond);
    g_mutex_unlock(&gate->mutex);
}

/* Opens the gate and waits until nobody holds it any more. */
static void
gate_open(Gate *gate)
{
    g_mutex_lock(&gate->mutex);
    gate->open = TRUE;
    g_cond_broadcast(&gate->cond);
    while (!gate->freed)
        g_cond_wait(&gate->cond, &gate->mutex);
    g_mutex_unlock(&gate->mutex);
}

static void
gate_await_call(Gate *gate)
{
    g_mutex_lock(&gate->mutex);
    while (gate->calls == 0)
        g_cond_wait(&gate->cond, &gate->mutex);
    g_mutex_unlock(&gate->mutex);
}

static void
on_result(GObject *source, GAsyncResult *result, gpointer data)
{
    *(GAsyncResult **)data = g_object_ref(result);
}

static void
test_passthrough_hangs(void)
{
    Gate gate = {0};
    QmpTransport *transport = qmp_passthrough_new(answer_at_gate, &gate, gate_freed);
    GAsyncResult *result = NULL;
    g_autoptr(GError) error = NULL;

    qmp_query_cpus_async(transport, 50, NULL, on_result, &result);
    gate_await_call(&gate); /* the deadline cannot strike before: nobody turns the main loop */
    while (result == NULL)
        g_main_context_iteration(NULL, TRUE);
    g_assert_null(qmp_query_cpus_finish(result, &error));
    g_assert_error(error, QMP_ERROR, QMP_ERROR_TIMEOUT);
    g_object_unref(result);
    g_clear_error(&error);
    /* The second waits behind the first and gives up before its turn: it must never be asked. */
    g_assert_null(qmp_query_iothreads(transport, 50, NULL, &error));
    g_assert_error(error, QMP_ERROR, QMP_ERROR_TIMEOUT);
    qmp_transport_unref(transport);
    gate_open(&gate);
    g_assert_cmpuint(gate.calls, ==, 1);
}

static gboolean
cancel_soon(gpointer cancellable)
{
    g_cancellable_cancel(cancellable);
    return G_SOURCE_REMOVE;
}

static void
test_passthrough_cancelled(void)
{
    Gate gate = {0};
    QmpTransport *transport = qmp_passthrough_new(answer_at_gate, &gate, gate_freed);
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    GAsyncResult *result = NULL;
    g_autoptr(GError) error = NULL;

    qmp_query_version_async(transport, PATIENCE_MS, cancellable, on_result, &result);
    g_timeout_add(20, cancel_soon, cancellable);
    while (result == NULL)
        g_main_context_iteration(NULL, TRUE);
    g_assert_null(qmp_query_version_finish(result, &error));
    g_assert_error(error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    g_object_unref(result);
    qmp_transport_unref(transport);
    gate_open(&gate);
}

static char *
answer_nothing(const char *command, gpointer data, GError **error)
{
    return NULL;
}

static char *
answer_error(const char *command, gpointer data, GError **error)
{
    g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_NOT_CONNECTED, "libvirt is gone");
    return NULL;
}

static void
test_no_reply(void)
{
    g_autoptr(QmpTransport) silent = qmp_passthrough_new(answer_nothing, NULL, NULL);
    g_autoptr(QmpTransport) failing = qmp_passthrough_new(answer_error, NULL, NULL);
    g_autoptr(GError) error = NULL;

    g_assert_null(qmp_query_cpus(silent, PATIENCE_MS, NULL, &error));
    g_assert_error(error, QMP_ERROR, QMP_ERROR_CLOSED);
    g_clear_error(&error);
    g_assert_null(qmp_query_cpus(failing, PATIENCE_MS, NULL, &error));
    g_assert_error(error, G_IO_ERROR, G_IO_ERROR_NOT_CONNECTED);
}

static void
test_bad_requests(void)
{
    g_autoptr(QmpTransport) transport = qmp_passthrough_new(answer_nothing, NULL, NULL);
    g_autoptr(JsonNode) number = json_node_init_int(json_node_alloc(), 1);
    const struct {
        const char *command;
        JsonNode *arguments;
        guint timeout_ms;
    } requests[] = {
        {NULL, NULL, 1},  {"", NULL, 1},  {"\xff", NULL, 1},
        {"a", number, 1}, {"a", NULL, 0}, {"a", NULL, QMP_TIMEOUT_MAX_MS + 1},
    };

    for (guint i = 0; i < G_N_ELEMENTS(requests); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(qmp_transport_execute(transport, requests[i].command, requests[i].arguments,
                                            requests[i].timeout_ms, NULL, &error));
        g_assert_error(error, QMP_ERROR, QMP_ERROR_INVALID);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/qmp/passthrough/hangs", test_passthrough_hangs);
    g_test_add_func("/qmp/passthrough/cancelled", test_passthrough_cancelled);
    g_test_add_func("/qmp/passthrough/no-reply", test_no_reply);
    g_test_add_func("/qmp/passthrough/bad-requests", test_bad_requests);
    return g_test_run();
}

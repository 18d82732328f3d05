/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qmp/queries.h"

#include "qmp/error.h"
#include "qmp/parse.h"
#include "qmp/wait.h"

/* One row a query; its address tells the results of one query from those of another. */
typedef struct {
    const char *command;
    QmpParseFunc parse;
    GDestroyNotify free;
} Query;

static const Query cpus_query = {"query-cpus-fast", qmp_cpus_parse,
                                 (GDestroyNotify)g_ptr_array_unref};
static const Query iothreads_query = {"query-iothreads", qmp_iothreads_parse,
                                      (GDestroyNotify)g_ptr_array_unref};
static const Query memdevs_query = {"query-memdev", qmp_memdevs_parse,
                                    (GDestroyNotify)g_ptr_array_unref};
static const Query memory_devices_query = {"query-memory-devices", qmp_memory_devices_parse,
                                           (GDestroyNotify)g_ptr_array_unref};
static const Query version_query = {"query-version", qmp_version_parse,
                                    (GDestroyNotify)qmp_version_free};
static const Query gpa2hva_query = {"human-monitor-command", qmp_gpa2hva_parse,
                                    (GDestroyNotify)qmp_gpa2hva_free};

static void
on_reply(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(GTask) task = data;
    const Query *query = g_task_get_source_tag(task);
    GError *error = NULL;
    g_autoptr(JsonNode) reply = qmp_transport_execute_finish(result, &error);
    gpointer value = reply != NULL ? query->parse(reply, &error) : NULL;

    if (value != NULL)
        g_task_return_pointer(task, value, query->free);
    else
        g_task_return_error(task, error);
}

static GTask *
query_task(const Query *query, GCancellable *cancellable, GAsyncReadyCallback callback,
           gpointer user_data)
{
    GTask *task = g_task_new(NULL, cancellable, callback, user_data);

    g_task_set_source_tag(task, (gpointer)query);
    return task;
}

static void
start(const Query *query, QmpTransport *transport, guint timeout_ms, GCancellable *cancellable,
      GAsyncReadyCallback callback, gpointer user_data)
{
    qmp_transport_execute_async(transport, query->command, NULL, timeout_ms, cancellable, on_reply,
                                query_task(query, cancellable, callback, user_data));
}

static gpointer
finish(const Query *query, GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_async_result_is_tagged(result, (gpointer)query), NULL);
    return g_task_propagate_pointer(G_TASK(result), error);
}

static gpointer
run(const Query *query, QmpTransport *transport, guint timeout_ms, GCancellable *cancellable,
    GError **error)
{
    g_autoptr(GAsyncResult) result = NULL;
    QmpWait wait;

    if (!qmp_wait_begin(&wait, transport->context, error))
        return NULL;
    start(query, transport, timeout_ms, cancellable, qmp_wait_callback, &wait);
    result = qmp_wait_end(&wait);
    return finish(query, result, error);
}

void
qmp_query_cpus_async(QmpTransport *transport, guint timeout_ms, GCancellable *cancellable,
                     GAsyncReadyCallback callback, gpointer user_data)
{
    start(&cpus_query, transport, timeout_ms, cancellable, callback, user_data);
}

GPtrArray *
qmp_query_cpus_finish(GAsyncResult *result, GError **error)
{
    return finish(&cpus_query, result, error);
}

GPtrArray *
qmp_query_cpus(QmpTransport *transport, guint timeout_ms, GCancellable *cancellable, GError **error)
{
    return run(&cpus_query, transport, timeout_ms, cancellable, error);
}

void
qmp_query_iothreads_async(QmpTransport *transport, guint timeout_ms, GCancellable *cancellable,
                          GAsyncReadyCallback callback, gpointer user_data)
{
    start(&iothreads_query, transport, timeout_ms, cancellable, callback, user_data);
}

GPtrArray *
qmp_query_iothreads_finish(GAsyncResult *result, GError **error)
{
    return finish(&iothreads_query, result, error);
}

GPtrArray *
qmp_query_iothreads(QmpTransport *transport, guint timeout_ms, GCancellable *cancellable,
                    GError **error)
{
    return run(&iothreads_query, transport, timeout_ms, cancellable, error);
}

void
qmp_query_memdevs_async(QmpTransport *transport, guint timeout_ms, GCancellable *cancellable,
                        GAsyncReadyCallback callback, gpointer user_data)
{
    start(&memdevs_query, transport, timeout_ms, cancellable, callback, user_data);
}

GPtrArray *
qmp_query_memdevs_finish(GAsyncResult *result, GError **error)
{
    return finish(&memdevs_query, result, error);
}

GPtrArray *
qmp_query_memdevs(QmpTransport *transport, guint timeout_ms, GCancellable *cancellable,
                  GError **error)
{
    return run(&memdevs_query, transport, timeout_ms, cancellable, error);
}

void
qmp_query_memory_devices_async(QmpTransport *transport, guint timeout_ms, GCancellable *cancellable,
                               GAsyncReadyCallback callback, gpointer user_data)
{
    start(&memory_devices_query, transport, timeout_ms, cancellable, callback, user_data);
}

GPtrArray *
qmp_query_memory_devices_finish(GAsyncResult *result, GError **error)
{
    return finish(&memory_devices_query, result, error);
}

GPtrArray *
qmp_query_memory_devices(QmpTransport *transport, guint timeout_ms, GCancellable *cancellable,
                         GError **error)
{
    return run(&memory_devices_query, transport, timeout_ms, cancellable, error);
}

void
qmp_query_version_async(QmpTransport *transport, guint timeout_ms, GCancellable *cancellable,
                        GAsyncReadyCallback callback, gpointer user_data)
{
    start(&version_query, transport, timeout_ms, cancellable, callback, user_data);
}

QmpVersion *
qmp_query_version_finish(GAsyncResult *result, GError **error)
{
    return finish(&version_query, result, error);
}

QmpVersion *
qmp_query_version(QmpTransport *transport, guint timeout_ms, GCancellable *cancellable,
                  GError **error)
{
    return run(&version_query, transport, timeout_ms, cancellable, error);
}

static JsonNode *
gpa2hva_arguments(guint64 gpa)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();
    g_autofree char *line = g_strdup_printf("gpa2hva 0x%" G_GINT64_MODIFIER "x", gpa);

    json_builder_begin_object(builder);
    json_builder_set_member_name(builder, "command-line");
    json_builder_add_string_value(builder, line);
    json_builder_end_object(builder);
    return json_builder_get_root(builder);
}

void
qmp_query_gpa2hva_async(QmpTransport *transport, guint64 gpa, guint timeout_ms,
                        GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
    g_autoptr(JsonNode) arguments = gpa2hva_arguments(gpa);
    GTask *task = query_task(&gpa2hva_query, cancellable, callback, user_data);

    g_task_set_task_data(task, g_memdup2(&gpa, sizeof(gpa)), g_free);
    qmp_transport_execute_async(transport, gpa2hva_query.command, arguments, timeout_ms,
                                cancellable, on_reply, task);
}

QmpGpa2hva *
qmp_query_gpa2hva_finish(GAsyncResult *result, GError **error)
{
    g_autoptr(QmpGpa2hva) answer = finish(&gpa2hva_query, result, error);
    const guint64 *gpa = g_task_get_task_data(G_TASK(result));

    if (answer == NULL || answer->gpa == *gpa)
        return g_steal_pointer(&answer);
    g_set_error(error, QMP_ERROR, QMP_ERROR_BAD_REPLY,
                "gpa2hva: return: the answer is about 0x%" G_GINT64_MODIFIER
                "x, not 0x%" G_GINT64_MODIFIER "x",
                answer->gpa, *gpa);
    return NULL;
}

QmpGpa2hva *
qmp_query_gpa2hva(QmpTransport *transport, guint64 gpa, guint timeout_ms, GCancellable *cancellable,
                  GError **error)
{
    g_autoptr(GAsyncResult) result = NULL;
    QmpWait wait;

    if (!qmp_wait_begin(&wait, transport->context, error))
        return NULL;
    qmp_query_gpa2hva_async(transport, gpa, timeout_ms, cancellable, qmp_wait_callback, &wait);
    result = qmp_wait_end(&wait);
    return qmp_query_gpa2hva_finish(result, error);
}

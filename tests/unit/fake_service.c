/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake_service.h"
#include "bus/failure.h"
#include <gio/gunixfdlist.h>
#include <string.h>
#include <unistd.h>

#define JOB_PATH VB_BUS_PATH "/job/1"
#define JOB_STEP_MS 50

struct FakeService {
    GTestDBus *bus;
    GDBusConnection *connection;
    GMainContext *context;
    GMainLoop *loop;
    GThread *thread;
    VbBusHost *host;
    VbBusJob *job;
    guint step; /* of the job's states */
    FakeAnswers answers;
    GPtrArray *kept; /* calls that are never answered */
    GMutex lock;     /* guards what follows */
    GCond called;
    GString *asked;
    gboolean stuck;
};

/* --- what is asked -------------------------------------------------------------------------- */

static void
note(FakeService *service, const char *method, GVariant *parameters)
{
    g_autofree char *text = g_variant_print(parameters, FALSE);
    g_mutex_lock(&service->lock);
    g_string_append_printf(service->asked, "%s%s\n", method, text);
    g_cond_broadcast(&service->called);
    g_mutex_unlock(&service->lock);
}

/* On a thread of GIO's, before the method itself, which is only come to if this returns TRUE. */
static gboolean
on_call(GDBusInterfaceSkeleton *skeleton, GDBusMethodInvocation *call, gpointer user_data)
{
    FakeService *service = user_data;
    const FakeAnswers *answers = &service->answers;
    note(service, g_dbus_method_invocation_get_method_name(call),
         g_dbus_method_invocation_get_parameters(call));
    switch (answers->manner) {
    case FAKE_FAILS:
        g_dbus_method_invocation_return_dbus_error(call, answers->error_name,
                                                   answers->error_message);
        return FALSE;
    case FAKE_SILENT:
        g_ptr_array_add(service->kept, call);
        return FALSE;
    case FAKE_DIES:
        fake_service_leave(service);
        g_ptr_array_add(service->kept, call);
        return FALSE;
    default:
        return TRUE;
    }
}

/* --- the host's methods --------------------------------------------------------------------- */

static gboolean
on_snapshot(VbBusHost *host, GDBusMethodInvocation *call, GVariant *options, gpointer user_data)
{
    vb_bus_host_complete_get_snapshot(host, call, ((FakeService *)user_data)->answers.snapshot);
    return TRUE;
}

static gboolean
on_plan(VbBusHost *host, GDBusMethodInvocation *call, const char *const *guests, GVariant *options,
        gpointer user_data)
{
    const FakeAnswers *answers = &((FakeService *)user_data)->answers;
    vb_bus_host_complete_plan(host, call, answers->plan, answers->snapshot);
    return TRUE;
}

static gboolean
on_get_policy(VbBusHost *host, GDBusMethodInvocation *call, const char *guest, gpointer user_data)
{
    vb_bus_host_complete_get_policy(host, call, ((FakeService *)user_data)->answers.policy);
    return TRUE;
}

static gboolean
on_set_policy(VbBusHost *host, GDBusMethodInvocation *call, const char *guest, GVariant *wish,
              GVariant *options, gpointer user_data)
{
    const FakeAnswers *answers = &((FakeService *)user_data)->answers;
    vb_bus_host_complete_set_policy(host, call, answers->live, answers->config);
    return TRUE;
}

static gboolean
on_unset_policy(VbBusHost *host, GDBusMethodInvocation *call, const char *guest, GVariant *options,
                gpointer user_data)
{
    const FakeAnswers *answers = &((FakeService *)user_data)->answers;
    vb_bus_host_complete_unset_policy(host, call, answers->live, answers->config);
    return TRUE;
}

static gboolean
on_release(VbBusHost *host, GDBusMethodInvocation *call, const char *guest, gpointer user_data)
{
    vb_bus_host_complete_release(host, call, ((FakeService *)user_data)->answers.release);
    return TRUE;
}

static gboolean
on_pause(VbBusHost *host, GDBusMethodInvocation *call, gpointer user_data)
{
    vb_bus_host_complete_pause(host, call);
    return TRUE;
}

static gboolean
on_resume(VbBusHost *host, GDBusMethodInvocation *call, gpointer user_data)
{
    vb_bus_host_complete_resume(host, call);
    return TRUE;
}

/* It records a word, and ends when it is told to, or at once. */
static gboolean
on_start_recording(VbBusHost *host, GDBusMethodInvocation *call, GUnixFDList *files, GVariant *file,
                   GVariant *options, gpointer user_data)
{
    const FakeAnswers *answers = &((FakeService *)user_data)->answers;
    int fd = g_unix_fd_list_get(files, g_variant_get_handle(file), NULL);
    g_assert_cmpint(write(fd, "word", 4), ==, 4);
    close(fd);
    vb_bus_host_set_recording(host, !answers->recording_ends);
    vb_bus_host_complete_start_recording(host, call, NULL);
    return TRUE;
}

static gboolean
on_stop_recording(VbBusHost *host, GDBusMethodInvocation *call, gpointer user_data)
{
    vb_bus_host_set_recording(host, FALSE);
    vb_bus_host_complete_stop_recording(host, call);
    return TRUE;
}

/* --- the job -------------------------------------------------------------------------------- */

static void
set_job_state(FakeService *service, const char *state, gboolean last)
{
    const FakeAnswers *answers = &service->answers;
    static const char *const guests[] = {"web1", "db1", NULL};
    vb_bus_job_set_guests(service->job, guests);
    vb_bus_job_set_state(service->job, state);
    vb_bus_job_set_guests_planned(service->job, 2);
    vb_bus_job_set_guests_done(service->job, last ? 2 : service->step);
    vb_bus_job_set_bytes_planned(service->job, 3 << 20);
    vb_bus_job_set_bytes_moved(service->job, last ? 3 << 20 : (guint64)service->step << 20);
    vb_bus_job_set_result(service->job,
                          last && answers->job_result != NULL ? answers->job_result : "");
    vb_bus_job_set_error(service->job,
                         last && answers->job_error != NULL ? answers->job_error : "");
    vb_bus_job_set_error_message(
        service->job, last && answers->job_error_message != NULL ? answers->job_error_message : "");
    g_dbus_interface_skeleton_flush(G_DBUS_INTERFACE_SKELETON(service->job));
    if (last)
        vb_bus_job_emit_finished(service->job, state);
}

static gboolean
on_step(gpointer user_data)
{
    FakeService *service = user_data;
    const char *const *states = service->answers.job_states;
    const char *state = states[service->step];
    if (state == NULL || g_str_equal(vb_bus_job_get_state(service->job), "cancelled"))
        return G_SOURCE_REMOVE;
    gboolean ends = !g_str_equal(state, "looking") && !g_str_equal(state, "running");
    set_job_state(service, state, ends);
    service->step++;
    return G_SOURCE_CONTINUE;
}

static gboolean
on_rebalance(VbBusHost *host, GDBusMethodInvocation *call, const char *const *guests,
             GVariant *options, gpointer user_data)
{
    FakeService *service = user_data;
    service->step = 0;
    set_job_state(service, "looking", FALSE);
    g_autoptr(GSource) steps = g_timeout_source_new(JOB_STEP_MS);
    g_source_set_callback(steps, on_step, service, NULL);
    g_source_attach(steps, service->context);
    vb_bus_host_complete_rebalance(host, call, JOB_PATH);
    return TRUE;
}

static gboolean
on_cancel(VbBusJob *job, GDBusMethodInvocation *call, gpointer user_data)
{
    FakeService *service = user_data;
    vb_bus_job_complete_cancel(job, call);
    if (!service->answers.job_stays)
        set_job_state(service, "cancelled", TRUE);
    return TRUE;
}

/* --- life ----------------------------------------------------------------------------------- */

static void export(FakeService *service, gpointer skeleton, const char *path)
{
    g_autoptr(GError) error = NULL;
    g_signal_connect(skeleton, "g-authorize-method", G_CALLBACK(on_call), service);
    g_dbus_interface_skeleton_export(G_DBUS_INTERFACE_SKELETON(skeleton), service->connection, path,
                                     &error);
    g_assert_no_error(error);
}

static void
join_bus(FakeService *service)
{
    g_autoptr(GError) error = NULL;
    service->connection =
        g_dbus_connection_new_for_address_sync(g_test_dbus_get_bus_address(service->bus),
                                               G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                                                   G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                                               NULL, NULL, &error);
    g_assert_no_error(error);
    export(service, service->host, VB_BUS_PATH);
    export(service, service->job, JOB_PATH);
    g_autoptr(GVariant) reply = g_dbus_connection_call_sync(
        service->connection, "org.freedesktop.DBus", "/org/freedesktop/DBus",
        "org.freedesktop.DBus", "RequestName", g_variant_new("(su)", VB_BUS_NAME, 0), NULL,
        G_DBUS_CALL_FLAGS_NONE, -1, NULL, &error);
    g_assert_no_error(error);
    g_assert_nonnull(reply);
}

static gboolean
on_running(gpointer user_data)
{
    FakeService *service = user_data;
    g_mutex_lock(&service->lock);
    service->stuck = FALSE;
    g_cond_broadcast(&service->called);
    g_mutex_unlock(&service->lock);
    return G_SOURCE_REMOVE;
}

static gpointer
serve(gpointer user_data)
{
    FakeService *service = user_data;
    g_main_context_push_thread_default(service->context);
    join_bus(service);
    g_autoptr(GSource) running = g_idle_source_new();
    g_source_set_callback(running, on_running, service, NULL);
    g_source_attach(running, service->context);
    g_main_loop_run(service->loop);
    g_dbus_interface_skeleton_unexport(G_DBUS_INTERFACE_SKELETON(service->host));
    g_dbus_interface_skeleton_unexport(G_DBUS_INTERFACE_SKELETON(service->job));
    g_dbus_connection_close_sync(service->connection, NULL, NULL);
    g_main_context_pop_thread_default(service->context);
    return NULL;
}

static void
connect_methods(FakeService *service)
{
    const struct {
        gpointer object;
        const char *signal;
        GCallback callback;
    } methods[] = {
        {service->host, "handle-get-snapshot", G_CALLBACK(on_snapshot)},
        {service->host, "handle-plan", G_CALLBACK(on_plan)},
        {service->host, "handle-get-policy", G_CALLBACK(on_get_policy)},
        {service->host, "handle-set-policy", G_CALLBACK(on_set_policy)},
        {service->host, "handle-unset-policy", G_CALLBACK(on_unset_policy)},
        {service->host, "handle-release", G_CALLBACK(on_release)},
        {service->host, "handle-pause", G_CALLBACK(on_pause)},
        {service->host, "handle-start-recording", G_CALLBACK(on_start_recording)},
        {service->host, "handle-stop-recording", G_CALLBACK(on_stop_recording)},
        {service->host, "handle-resume", G_CALLBACK(on_resume)},
        {service->host, "handle-rebalance", G_CALLBACK(on_rebalance)},
        {service->job, "handle-cancel", G_CALLBACK(on_cancel)},
    };
    for (guint i = 0; i < G_N_ELEMENTS(methods); i++)
        g_signal_connect(methods[i].object, methods[i].signal, methods[i].callback, service);
}

FakeService *
fake_service_new(const char *uri)
{
    FakeService *service = g_new0(FakeService, 1);
    g_mutex_init(&service->lock);
    g_cond_init(&service->called);
    service->asked = g_string_new(NULL);
    service->kept = g_ptr_array_new();
    service->bus = g_test_dbus_new(G_TEST_DBUS_NONE);
    g_test_dbus_up(service->bus);
    g_setenv("DBUS_SYSTEM_BUS_ADDRESS", g_test_dbus_get_bus_address(service->bus), TRUE);
    service->host = vb_bus_host_skeleton_new();
    service->job = vb_bus_job_skeleton_new();
    vb_bus_host_set_uri(service->host, uri);
    vb_bus_host_set_version(service->host, "1");
    vb_bus_host_set_connected(service->host, TRUE);
    connect_methods(service);
    service->context = g_main_context_new();
    service->loop = g_main_loop_new(service->context, FALSE);
    service->stuck = TRUE;
    service->thread = g_thread_new("fake service", serve, service);
    g_mutex_lock(&service->lock);
    while (service->stuck)
        g_cond_wait(&service->called, &service->lock);
    g_mutex_unlock(&service->lock);
    return service;
}

void
fake_service_free(FakeService *service)
{
    if (service == NULL)
        return;
    fake_service_stick(service, FALSE);
    g_main_loop_quit(service->loop);
    g_thread_join(service->thread);
    g_ptr_array_unref(service->kept);
    g_object_unref(service->host);
    g_object_unref(service->job);
    g_object_unref(service->connection);
    g_main_loop_unref(service->loop);
    g_main_context_unref(service->context);
    g_test_dbus_down(service->bus);
    g_object_unref(service->bus);
    g_setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/dev/null/bus", TRUE);
    g_string_free(service->asked, TRUE);
    g_mutex_clear(&service->lock);
    g_cond_clear(&service->called);
    g_free(service);
}

/* --- for the test --------------------------------------------------------------------------- */

FakeAnswers *
fake_service_answers(FakeService *service)
{
    return &service->answers;
}

char *
fake_service_asked(FakeService *service)
{
    g_mutex_lock(&service->lock);
    char *asked = g_strdup(service->asked->str);
    g_string_truncate(service->asked, 0);
    g_mutex_unlock(&service->lock);
    return asked;
}

void
fake_service_wait(FakeService *service, const char *line)
{
    gint64 end = g_get_monotonic_time() + 20 * G_TIME_SPAN_SECOND;
    g_mutex_lock(&service->lock);
    while (strstr(service->asked->str, line) == NULL)
        if (!g_cond_wait_until(&service->called, &service->lock, end))
            g_error("\"%s\" was never called, but \"%s\"", line, service->asked->str);
    g_mutex_unlock(&service->lock);
}

static gboolean
stay_stuck(gpointer user_data)
{
    FakeService *service = user_data;
    g_mutex_lock(&service->lock);
    while (service->stuck)
        g_cond_wait(&service->called, &service->lock);
    g_mutex_unlock(&service->lock);
    return G_SOURCE_REMOVE;
}

void
fake_service_stick(FakeService *service, gboolean stuck)
{
    g_mutex_lock(&service->lock);
    service->stuck = stuck;
    g_cond_broadcast(&service->called);
    g_mutex_unlock(&service->lock);
    if (stuck)
        g_main_context_invoke(service->context, stay_stuck, service);
}

void
fake_service_leave(FakeService *service)
{
    g_dbus_connection_close_sync(service->connection, NULL, NULL);
}

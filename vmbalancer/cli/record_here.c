/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/record.h"
#include "cli/record_file.h"
#include "engine/loop_record.h"
#include <glib-unix.h>
#include <signal.h>
#include <unistd.h>
#include <vmbalancer/error.h>

/* A recording on its way: the daemon's own loop, but it only watches. */
typedef struct {
    const VbRecordOrder *order;
    VbRecordFile file;
    GMainLoop *main_loop;
    VbLoop *loop;
    VbRecorded *ret;
    GError *error;
    gboolean connected; /* or there are guests without */
    gboolean plain;     /* guests of plain QEMU are looked for: libvirt may be missing */
    gboolean stopping;
    gboolean troubled; /* the last look failed, and was told of */
} Record;

static void
stop(Record *record)
{
    vb_loop_stop(record->loop);
}

/* The second time it does not wait for what does not end. */
static gboolean
on_stop(gpointer data)
{
    Record *record = data;
    if (record->stopping)
        g_main_loop_quit(record->main_loop);
    record->stopping = TRUE;
    stop(record);
    return G_SOURCE_CONTINUE;
}

static void
on_trouble(const GError *error, gpointer data)
{
    Record *record = data;
    if (error != NULL && !record->troubled)
        vb_command_say("a look failed: %s", error->message);
    record->troubled = error != NULL;
}

static void
on_stopped(gpointer data)
{
    g_main_loop_quit(((Record *)data)->main_loop);
}

static void
on_recorded(VbRecorder *recorder, const char *reason, const GError *error, gpointer data)
{
    Record *record = data;
    record->ret->bytes = vb_recorder_bytes(recorder);
    record->ret->reason = g_strdup(reason);
    if (error != NULL && record->error == NULL)
        record->error =
            g_error_new(VB_ERROR, VB_ERROR_FAILED, "%s: %s", record->order->path, error->message);
    stop(record);
}

static const VbLoopWatcher watcher = {
    .trouble = on_trouble,
    .stopped = on_stopped,
    .recorded = on_recorded,
};

/* libvirt that was there once is waited for, as by the daemon. */
static void
on_event(const VbEvent *event, gpointer data)
{
    Record *record = data;
    gboolean missing = event->kind == VB_EVENT_DISCONNECTED;
    if ((event->kind == VB_EVENT_CONNECTED || (missing && record->plain)) && !record->connected) {
        record->connected = TRUE;
        if (!vb_record_file_keep(&record->file, record->error == NULL ? &record->error : NULL))
            stop(record);
    }
    if (!record->connected && missing && record->error == NULL) {
        record->error = g_error_new_literal(VB_ERROR, VB_ERROR_UNREACHABLE, event->name);
        stop(record);
    }
    vb_loop_event(record->loop, event);
}

static gboolean
begin(Record *record, const VbCli *cli, VbReach *reach, VbConfig *config, GError **error)
{
    const VbRecordOrder *order = record->order;
    record->loop = vb_loop_new(reach, config, &watcher, record);
    vb_loop_watch(record->loop);
    VbRecorderOptions options = {
        .fd = vb_record_file_open(&record->file, order->path, order->force, error),
        .name = order->path,
        .uri = cli->uri,
        .limit_bytes = order->limit_bytes};
    return options.fd >= 0 && vb_loop_record(record->loop, &options, error);
}

static void
listen_for_end(Record *record)
{
    g_unix_signal_add(SIGINT, on_stop, record);
    g_unix_signal_add(SIGTERM, on_stop, record);
    g_unix_signal_add(SIGHUP, on_stop, record);
    if (record->order->seconds > 0)
        g_timeout_add_seconds((guint)record->order->seconds, on_stop, record);
}

gboolean
vb_record_here(const VbCli *cli, const VbRecordOrder *order, VbRecorded *ret, GError **error)
{
    /* Late answers may still come to it as the process ends. */
    static Record the_one;
    Record *record = &the_one;
    g_autoptr(VbConfig) config = vb_command_configure(cli, error);
    if (config == NULL)
        return FALSE;
    signal(SIGXFSZ, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    record->order = order;
    record->plain = config->qemu_sockets != NULL;
    record->ret = ret;
    record->main_loop = g_main_loop_new(NULL, FALSE);
    if (!begin(record, cli, vb_reach_new(cli->uri, config, NULL), config, error))
        return FALSE;
    vb_events_new(vb_event_link_ops(), cli->uri, NULL, on_event, record);
    gint64 began_us = g_get_monotonic_time();
    listen_for_end(record);
    if (isatty(STDERR_FILENO))
        vb_command_say("recording; interrupt to end");
    /* Nothing is freed after it: libvirt's late answers and threads may still be under way. */
    g_main_loop_run(record->main_loop);
    ret->elapsed_us = g_get_monotonic_time() - began_us;
    if (record->error == NULL)
        return TRUE;
    /* Of nothing there is no recording, and the next attempt finds its place free. */
    if (!record->connected)
        vb_record_file_drop(&record->file);
    g_propagate_error(error, record->error);
    return FALSE;
}

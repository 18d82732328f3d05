/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/record.h"
#include "cli/record_file.h"
#include <gio/gunixfdlist.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vmbalancer/error.h>

/* How often the daemon is asked whether it records on, and how long it may take to end. */
#define ASK_MS 1000
#define END_US (30 * G_USEC_PER_SEC)

static GVariant *
options_of(const VbRecordOrder *order)
{
    GVariantDict options;
    g_variant_dict_init(&options, NULL);
    if (order->limit_bytes > 0)
        g_variant_dict_insert(&options, "limit", "t", order->limit_bytes);
    return g_variant_dict_end(&options);
}

/* The daemon gets the file, not its name: it may have no right to come to it. */
static gboolean
start(VbBusHost *host, int fd, const VbRecordOrder *order, GCancellable *cancellable,
      GError **error)
{
    g_autoptr(GUnixFDList) files = g_unix_fd_list_new();
    gint32 handle = g_unix_fd_list_append(files, fd, error);
    if (handle < 0)
        return FALSE;
    if (vb_bus_host_call_start_recording_sync(host, g_variant_new_handle(handle), options_of(order),
                                              VB_SERVICE_FLAGS, VB_SERVICE_WRITE_MS, files, NULL,
                                              cancellable, error))
        return TRUE;
    return vb_service_explain(error);
}

static gboolean
on_due(gpointer loop)
{
    g_main_loop_quit(loop);
    return G_SOURCE_REMOVE;
}

static gboolean
on_cancelled(GCancellable *cancellable, gpointer loop)
{
    return on_due(loop);
}

/* Waits @ms, or until it is cancelled. */
static void
pause_for(guint ms, GCancellable *cancellable)
{
    g_autoptr(GMainContext) context = g_main_context_new();
    g_autoptr(GMainLoop) loop = g_main_loop_new(context, FALSE);
    g_autoptr(GSource) due = g_timeout_source_new(ms);
    g_autoptr(GSource) cancel = g_cancellable_source_new(cancellable);
    g_source_set_callback(due, on_due, loop, NULL);
    g_source_set_callback(cancel, G_SOURCE_FUNC(on_cancelled), loop, NULL);
    g_source_attach(due, context);
    g_source_attach(cancel, context);
    g_main_loop_run(loop);
    g_source_destroy(due);
    g_source_destroy(cancel);
}

/* Until the order's end or @until_us, whichever is first; 0: none. Returns: FALSE if the daemon is
 * lost. */
static gboolean
follow(VbBusHost *host, gint64 until_us, GCancellable *cancellable, GError **error)
{
    while (vb_bus_host_get_recording(host) && !g_cancellable_is_cancelled(cancellable)) {
        gint64 left_us = until_us > 0 ? until_us - g_get_monotonic_time() : G_MAXINT64;
        if (left_us <= 0)
            return TRUE;
        pause_for((guint)MIN(ASK_MS, left_us / 1000 + 1), cancellable);
        /* Not to be cancelled: the daemon's answer is still wanted then. */
        if (!vb_service_load(G_DBUS_PROXY(host), NULL, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
stop(VbBusHost *host, GError **error)
{
    if (!vb_bus_host_call_stop_recording_sync(host, VB_SERVICE_FLAGS, VB_SERVICE_WRITE_MS, NULL,
                                              error))
        return vb_service_explain(error);
    return follow(host, g_get_monotonic_time() + END_US, NULL, error);
}

static gboolean
record(VbBusHost *host, int fd, const VbRecordOrder *order, VbRecorded *ret,
       GCancellable *cancellable, GError **error)
{
    struct stat status;
    gint64 began_us = g_get_monotonic_time();
    gint64 until_us = order->seconds > 0 ? began_us + (gint64)order->seconds * G_USEC_PER_SEC : 0;
    gboolean followed = vb_service_load(G_DBUS_PROXY(host), NULL, error) &&
                        follow(host, until_us, cancellable, error);
    if (followed && !vb_bus_host_get_recording(host))
        ret->reason = g_strdup("the daemon ended it: vmbalancer replay tells why");
    else if (followed)
        followed = stop(host, error);
    ret->elapsed_us = g_get_monotonic_time() - began_us;
    ret->bytes = fstat(fd, &status) == 0 ? (guint64)status.st_size : 0;
    return followed;
}

gboolean
vb_record_daemon(VbBusHost *host, const VbRecordOrder *order, VbRecorded *ret,
                 GCancellable *cancellable, GError **error)
{
    g_auto(VbRecordFile) file = {0};
    int fd = vb_record_file_open(&file, order->path, order->force, error);
    if (fd < 0)
        return FALSE;
    gboolean begun = start(host, fd, order, cancellable, error);
    if (!begun)
        vb_record_file_drop(&file);
    gboolean done = begun && vb_record_file_keep(&file, error) &&
                    record(host, fd, order, ret, cancellable, error);
    close(fd);
    return done;
}

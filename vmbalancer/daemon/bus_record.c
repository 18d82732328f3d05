/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/bus_private.h"
#include "engine/loop_record.h"
#include <gio/gunixfdlist.h>
#include <vmbalancer/error.h>

/* The caller's file. Returns: -1 with an error; else to be closed */
static int
take_file(const VbCall *call, gint32 handle, GError **error)
{
    GDBusMessage *message = g_dbus_method_invocation_get_message(call->invocation);
    GUnixFDList *files = g_dbus_message_get_unix_fd_list(message);
    if (files != NULL && handle >= 0 && handle < g_unix_fd_list_get_length(files))
        return g_unix_fd_list_get(files, handle, error);
    g_set_error(error, VB_ERROR, VB_ERROR_INVALID, "no file came with the call");
    return -1;
}

static gboolean
record(VbCall *call, gint32 handle, GVariant *options, GError **error)
{
    const VbBus *bus = call->bus;
    VbRecorderOptions asked = {.name = "the file that was handed over",
                               .uri = vb_bus_host_get_uri(bus->host)};
    const VbBusOption known[] = {{"limit", "t", &asked.limit_bytes}, {NULL}};
    if (!vb_bus_options_read(options, known, error))
        return FALSE;
    asked.fd = take_file(call, handle, error);
    return asked.fd >= 0 && vb_loop_record(bus->loop, &asked, error);
}

void
vb_bus_start_recording(VbCall *call)
{
    g_autoptr(GVariant) options = NULL;
    g_autoptr(GError) error = NULL;
    gint32 handle = -1;
    g_variant_get(vb_call_arguments(call), "(h@a{sv})", &handle, &options);
    gboolean begun = record(call, handle, options, &error);
    vb_bus_recorded(call->bus);
    if (begun)
        vb_call_return(call, NULL);
    else
        vb_call_fail(call, error);
}

void
vb_bus_stop_recording(VbCall *call)
{
    vb_loop_end_recording(call->bus->loop);
    vb_call_return(call, NULL);
}

void
vb_bus_recorded(VbBus *bus)
{
    vb_bus_host_set_recording(bus->host, vb_loop_is_recording(bus->loop));
}

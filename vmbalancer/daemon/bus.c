/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/bus_private.h"

#define RETRY_MAX_S 30

static void connect_bus(VbBus *bus);

/* Once, until it works. */
static void
complain(VbBus *bus, const char *what, const char *why)
{
    if (!bus->told)
        g_warning("%s: %s; going on without it", what, why);
    bus->told = TRUE;
}

static gboolean
on_retry(gpointer data)
{
    VbBus *bus = data;
    bus->retry = 0;
    connect_bus(bus);
    return G_SOURCE_REMOVE;
}

static void
retry_later(VbBus *bus)
{
    bus->retry = g_timeout_add_seconds(bus->retry_s, on_retry, bus);
    bus->retry_s = MIN(bus->retry_s * 2, RETRY_MAX_S);
}

static void
on_name(GDBusConnection *connection, const char *name, gpointer data)
{
    VbBus *bus = data;
    if (bus->told)
        g_message("on the system bus as %s", name);
    bus->told = FALSE;
}

static void
on_name_lost(GDBusConnection *connection, const char *name, gpointer data)
{
    if (connection != NULL && !g_dbus_connection_is_closed(connection))
        complain(data, "the name " VB_BUS_NAME " on the system bus is not to be had",
                 "the bus does not let this user own it (is org.vmbalancer1.conf installed?), or "
                 "another process has it");
}

/* Nothing of a bus that is gone must be held: GIO makes a new connection only then. */
static void
leave(VbBus *bus)
{
    if (bus->connection == NULL)
        return;
    g_clear_signal_handler(&bus->closed_handler, bus->connection);
    if (bus->name != 0)
        g_bus_unown_name(bus->name);
    bus->name = 0;
    g_dbus_object_manager_server_set_connection(bus->objects, NULL);
    g_dbus_interface_skeleton_unexport(G_DBUS_INTERFACE_SKELETON(bus->host));
    bus->authority->ops->reset(bus->authority);
    g_clear_object(&bus->connection);
}

static void
on_closed(GDBusConnection *connection, gboolean remote, GError *error, gpointer data)
{
    VbBus *bus = data;
    complain(bus, "the system bus is gone", error != NULL ? error->message : "closed");
    leave(bus);
    retry_later(bus);
}

static gboolean
take_up(VbBus *bus, GError **error)
{
    if (g_dbus_connection_is_closed(bus->connection)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_CLOSED, "it has just gone away");
        return FALSE;
    }
    /* Else GIO would end the process when the bus is. */
    g_dbus_connection_set_exit_on_close(bus->connection, FALSE);
    bus->closed_handler =
        g_signal_connect(bus->connection, "closed", G_CALLBACK(on_closed), bus);
    if (!g_dbus_interface_skeleton_export(G_DBUS_INTERFACE_SKELETON(bus->host), bus->connection,
                                          VB_BUS_PATH, error))
        return FALSE;
    g_dbus_object_manager_server_set_connection(bus->objects, bus->connection);
    bus->name = g_bus_own_name_on_connection(bus->connection, VB_BUS_NAME,
                                             G_BUS_NAME_OWNER_FLAGS_NONE, on_name, on_name_lost,
                                             bus, NULL);
    return TRUE;
}

static void
on_bus(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(GError) error = NULL;
    GDBusConnection *connection = g_bus_get_finish(result, &error);
    /* Cancelled: there may be nobody left to tell. */
    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return;
    VbBus *bus = data;
    bus->connection = connection;
    if (connection != NULL && take_up(bus, &error)) {
        bus->retry_s = 1;
        return;
    }
    complain(bus, "the system bus cannot be reached", error->message);
    leave(bus);
    retry_later(bus);
}

static void
connect_bus(VbBus *bus)
{
    g_bus_get(G_BUS_TYPE_SYSTEM, bus->cancellable, on_bus, bus);
}

VbBus *
vb_bus_new(VbLoop *loop, VbReach *reach, VbAuthority *authority, const char *uri)
{
    VbBus *bus = g_new0(VbBus, 1);
    vb_bus_errors_register();
    bus->loop = loop;
    bus->reach = reach;
    bus->authority = authority;
    bus->retry_s = 1;
    bus->cancellable = g_cancellable_new();
    bus->objects = g_dbus_object_manager_server_new(VB_BUS_PATH);
    bus->guests = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_object_unref);
    bus->jobs = g_ptr_array_new_with_free_func((GDestroyNotify)vb_bus_job_free);
    bus->host = vb_bus_host_new(bus, uri);
    connect_bus(bus);
    return bus;
}

void
vb_bus_turned(VbBus *bus, const VbLoopState *state)
{
    vb_bus_host_turned(bus, state);
    vb_bus_guests_sync(bus);
}

void
vb_bus_free(VbBus *bus)
{
    if (bus == NULL)
        return;
    g_cancellable_cancel(bus->cancellable);
    if (bus->retry != 0)
        g_source_remove(bus->retry);
    g_ptr_array_unref(bus->jobs);
    leave(bus);
    g_hash_table_unref(bus->guests);
    g_object_unref(bus->objects);
    g_object_unref(bus->host);
    g_object_unref(bus->cancellable);
    g_free(bus);
}

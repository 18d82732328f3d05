/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/service.h"
#include "bus/failure.h"
#include "core/codec.h"
#include "core/json_text.h"
#include <string.h>
#include <vmbalancer/error.h>

/* Of what the bus and the daemon answer at once, or never: no look at the host is behind it. */
#define HELLO_MS 5000

#define SEE_DAEMON "see systemctl status vmbalancerd"

/* --- errors --------------------------------------------------------------------------------- */

#define ENDED "vmbalancerd ended while it was asked: " SEE_DAEMON
#define UNKNOWN                                                                                    \
    "the vmbalancerd that runs knows no such thing: restart it if it is older than this command"
#define DENIED "you may not ask this of vmbalancerd: run it as root, or as a user whom polkit lets"

/* What GIO met itself. */
static const struct {
    int from;
    VbError to;
    const char *says;
} local_errors[] = {
    {G_IO_ERROR_CANCELLED, VB_ERROR_CANCELLED, "cancelled while vmbalancerd was asked"},
    {G_IO_ERROR_TIMED_OUT, VB_ERROR_TIMEOUT,
     "vmbalancerd does not answer: " SEE_DAEMON ", or do without it by --no-daemon"},
    {G_IO_ERROR_CLOSED, VB_ERROR_UNREACHABLE,
     "the system bus went away while vmbalancerd was asked: " SEE_DAEMON},
};

/* What the bus said; what the daemon says is known by its own names (bus/failure.h). */
static const struct {
    const char *from; /* after org.freedesktop.DBus.Error. */
    VbError to;
    const char *says;
} bus_errors[] = {
    {"NoReply", VB_ERROR_UNREACHABLE, ENDED},
    {"ServiceUnknown", VB_ERROR_UNREACHABLE, ENDED},
    {"NameHasNoOwner", VB_ERROR_UNREACHABLE, ENDED},
    {"UnknownMethod", VB_ERROR_UNSUPPORTED, UNKNOWN},
    {"UnknownInterface", VB_ERROR_UNSUPPORTED, UNKNOWN},
    {"AccessDenied", VB_ERROR_DENIED, DENIED},
    {"AuthFailed", VB_ERROR_DENIED, DENIED},
    {"InteractiveAuthorizationRequired", VB_ERROR_DENIED, DENIED},
};

static void
replace(GError **error, VbError code, const char *says)
{
    GError *other = g_error_new_literal(VB_ERROR, code, says);
    g_clear_error(error);
    *error = other;
}

static gboolean
explain_local(GError **error)
{
    for (guint i = 0; i < G_N_ELEMENTS(local_errors); i++)
        if (g_error_matches(*error, G_IO_ERROR, local_errors[i].from)) {
            replace(error, local_errors[i].to, local_errors[i].says);
            return TRUE;
        }
    return FALSE;
}

static gboolean
explain_bus(const char *name, GError **error)
{
    static const char prefix[] = "org.freedesktop.DBus.Error.";
    for (guint i = 0; i < G_N_ELEMENTS(bus_errors); i++)
        if (name != NULL && g_str_has_prefix(name, prefix) &&
            g_str_equal(name + strlen(prefix), bus_errors[i].from)) {
            replace(error, bus_errors[i].to, bus_errors[i].says);
            return TRUE;
        }
    return FALSE;
}

gboolean
vb_service_explain(GError **error)
{
    if (error == NULL || *error == NULL)
        return FALSE;
    g_autofree char *name = g_dbus_error_get_remote_error(*error);
    g_dbus_error_strip_remote_error(*error);
    if ((*error)->domain == VB_ERROR || explain_local(error) || explain_bus(name, error))
        return FALSE;
    g_autofree char *says = g_strdup_printf("vmbalancerd: %s", (*error)->message);
    replace(error, VB_ERROR_FAILED, says);
    return FALSE;
}

gboolean
vb_service_garbled(GError **error)
{
    if (error == NULL || *error == NULL)
        return FALSE;
    g_autofree char *says = g_strdup_printf("the answer of vmbalancerd makes no sense: %s; restart "
                                            "it if it is not of this version, or use --no-daemon",
                                            (*error)->message);
    replace(error, VB_ERROR_FAILED, says);
    return FALSE;
}

/* --- the bus -------------------------------------------------------------------------------- */

/* A connection that is being made. */
typedef struct {
    GDBusConnection *connection;
    gboolean done;
    gboolean late;
} Connecting;

static void
on_connected(GObject *source, GAsyncResult *result, gpointer user_data)
{
    Connecting *connecting = user_data;
    g_autoptr(GError) error = NULL;
    connecting->connection = g_bus_get_finish(result, &error);
    connecting->done = TRUE;
    if (error != NULL)
        g_debug("no system bus: %s", error->message);
}

static gboolean
on_late(gpointer user_data)
{
    ((Connecting *)user_data)->late = TRUE;
    return G_SOURCE_REMOVE;
}

static void
wait_for_bus(GMainContext *context, Connecting *connecting, GCancellable *cancellable)
{
    g_autoptr(GSource) timer = g_timeout_source_new(HELLO_MS);
    g_autoptr(GSource) cancel = g_cancellable_source_new(cancellable);
    g_source_set_callback(timer, on_late, connecting, NULL);
    g_source_set_dummy_callback(cancel);
    g_source_attach(timer, context);
    g_source_attach(cancel, context);
    g_bus_get(G_BUS_TYPE_SYSTEM, cancellable, on_connected, connecting);
    while (!connecting->done && !connecting->late && !g_cancellable_is_cancelled(cancellable))
        g_main_context_iteration(context, TRUE);
    g_source_destroy(timer);
    g_source_destroy(cancel);
}

/*
 * With a deadline, which GIO has none for: a bus that takes connections and says nothing must not
 * hold the command. What is late is called back in a context that nobody turns any more.
 * @ret: NULL: there is no bus
 */
static gboolean
connect_bus(GCancellable *cancellable, GDBusConnection **ret, GError **error)
{
    g_autoptr(GMainContext) context = g_main_context_new();
    Connecting connecting = {0};
    g_main_context_push_thread_default(context);
    wait_for_bus(context, &connecting, cancellable);
    g_main_context_pop_thread_default(context);
    if (connecting.done && !g_cancellable_is_cancelled(cancellable)) {
        *ret = connecting.connection;
        /* Else the program would be ended by SIGTERM when the bus is. */
        if (*ret != NULL)
            g_dbus_connection_set_exit_on_close(*ret, FALSE);
        return TRUE;
    }
    g_clear_object(&connecting.connection);
    if (g_cancellable_set_error_if_cancelled(cancellable, error))
        return vb_service_explain(error);
    g_set_error(error, VB_ERROR, VB_ERROR_TIMEOUT,
                "the system bus does not answer, so nobody knows whether vmbalancerd runs: see "
                "systemctl status dbus, or do without it by --no-daemon");
    return FALSE;
}

/* Returns: (transfer full): the daemon's unique name, NULL without an error if none runs. */
static char *
find_owner(GDBusConnection *bus, GCancellable *cancellable, GError **error)
{
    g_autoptr(GError) why = NULL;
    g_autoptr(GVariant) reply = g_dbus_connection_call_sync(
        bus, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
        "GetNameOwner", g_variant_new("(s)", VB_BUS_NAME), G_VARIANT_TYPE("(s)"), VB_SERVICE_FLAGS,
        HELLO_MS, cancellable, &why);
    char *owner = NULL;
    if (reply != NULL)
        g_variant_get(reply, "(s)", &owner);
    else if (!g_error_matches(why, G_DBUS_ERROR, G_DBUS_ERROR_NAME_HAS_NO_OWNER))
        g_propagate_error(error, g_steal_pointer(&why));
    return owner;
}

gboolean
vb_service_load(GDBusProxy *proxy, GCancellable *cancellable, GError **error)
{
    g_autoptr(GVariantIter) properties = NULL;
    g_autoptr(GVariant) reply = g_dbus_connection_call_sync(
        g_dbus_proxy_get_connection(proxy), g_dbus_proxy_get_name(proxy),
        g_dbus_proxy_get_object_path(proxy), "org.freedesktop.DBus.Properties", "GetAll",
        g_variant_new("(s)", g_dbus_proxy_get_interface_name(proxy)), G_VARIANT_TYPE("(a{sv})"),
        VB_SERVICE_FLAGS, HELLO_MS, cancellable, error);
    const char *name;
    GVariant *value;
    if (reply == NULL)
        return vb_service_explain(error);
    g_variant_get(reply, "(a{sv})", &properties);
    while (g_variant_iter_loop(properties, "{&sv}", &name, &value))
        g_dbus_proxy_set_cached_property(proxy, name, value);
    return TRUE;
}

/* --- the daemon ----------------------------------------------------------------------------- */

/* By its unique name: another one that comes after it is not the one that was asked. */
static VbBusHost *
find_owner_of_name(GCancellable *cancellable, GError **error)
{
    g_autoptr(GDBusConnection) bus = NULL;
    vb_bus_errors_register();
    if (!connect_bus(cancellable, &bus, error) || bus == NULL)
        return NULL;
    g_autofree char *owner = find_owner(bus, cancellable, error);
    g_autoptr(VbBusHost) host =
        owner == NULL ? NULL
                      : vb_bus_host_proxy_new_sync(bus,
                                                   G_DBUS_PROXY_FLAGS_DO_NOT_AUTO_START |
                                                       G_DBUS_PROXY_FLAGS_DO_NOT_CONNECT_SIGNALS |
                                                       G_DBUS_PROXY_FLAGS_DO_NOT_LOAD_PROPERTIES,
                                                   owner, VB_BUS_PATH, cancellable, error);
    if (host == NULL) {
        vb_service_explain(error);
        return NULL;
    }
    if (!vb_service_load(G_DBUS_PROXY(host), cancellable, error))
        return NULL;
    return g_steal_pointer(&host);
}

/* There may be none, so whoever cancels it hears what he would hear without a bus. */
static VbBusHost *
find_daemon(GCancellable *cancellable, GError **error)
{
    VbBusHost *host = find_owner_of_name(cancellable, error);
    if (host == NULL && g_error_matches(*error, VB_ERROR, VB_ERROR_CANCELLED))
        replace(error, VB_ERROR_CANCELLED, "cancelled while looking");
    return host;
}

/* The libvirt connection that was named; NULL: the daemon's is as good as any. */
static const char *
named_uri(const VbCli *cli)
{
    const char *uri = cli->uri;
    if (uri == NULL || *uri == '\0')
        uri = g_getenv("LIBVIRT_DEFAULT_URI");
    return uri != NULL && *uri != '\0' ? uri : NULL;
}

static gboolean
serves(VbBusHost *host, const VbCli *cli)
{
    const char *uri = named_uri(cli);
    return uri == NULL || g_strcmp0(uri, vb_bus_host_get_uri(host)) == 0;
}

static gboolean
wants_process(const VbCli *cli)
{
    return cli->no_daemon || cli->config != NULL || cli->passthrough;
}

gboolean
vb_service_find(const VbCli *cli, GCancellable *cancellable, VbBusHost **ret, GError **error)
{
    g_autoptr(GError) why = NULL;
    *ret = NULL;
    if (wants_process(cli))
        return TRUE;
    g_autoptr(VbBusHost) host = find_daemon(cancellable, &why);
    if (why != NULL) {
        g_propagate_error(error, g_steal_pointer(&why));
        return FALSE;
    }
    if (host != NULL && serves(host, cli))
        *ret = g_steal_pointer(&host);
    return TRUE;
}

VbBusHost *
vb_service_open(const VbCli *cli, GCancellable *cancellable, GError **error)
{
    g_autoptr(GError) why = NULL;
    if (wants_process(cli)) {
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID,
                    "this is for vmbalancerd to do: leave --no-daemon, --config and "
                    "--qmp-passthrough out");
        return NULL;
    }
    g_autoptr(VbBusHost) host = find_daemon(cancellable, &why);
    if (why != NULL)
        g_propagate_error(error, g_steal_pointer(&why));
    else if (host == NULL)
        g_set_error(error, VB_ERROR, VB_ERROR_UNREACHABLE,
                    "vmbalancerd does not run, and this is for it to do: start it with systemctl "
                    "start vmbalancerd");
    else if (!serves(host, cli))
        g_set_error(error, VB_ERROR, VB_ERROR_UNREACHABLE,
                    "vmbalancerd serves %s, not %s: leave -c and LIBVIRT_DEFAULT_URI out, or start "
                    "one for it",
                    vb_bus_host_get_uri(host), named_uri(cli));
    else
        return g_steal_pointer(&host);
    return NULL;
}

gboolean
vb_service_print_json(const char *text, const char *schema, GError **error)
{
    g_autoptr(JsonNode) node =
        vb_json_text_parse(text, -1, schema, VB_CODEC_DEPTH_MAX, VB_CODEC_SIZE_MAX, error);
    if (node == NULL)
        return vb_service_garbled(error);
    vb_command_print_json(node);
    return TRUE;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libvirt/events.h"

#include "libvirt/failure.h"
#include "libvirt/marks.h"
#include "libvirt/sigpipe.h"
#include "libvirt/uri.h"
#include <libvirt-glib/libvirt-glib-event.h>
#include <libvirt/libvirt.h>

/*
 * libvirt's loop is libvirt-glib's, in the default context. A thread that runs libvirt's own default
 * loop would be no way out: since 6.1 that one iterates the default context too, and would fight
 * with the program's main loop for it.
 */

/* A libvirtd that is silent for 25 s is gone; a busy host's may well take some. */
#define KEEPALIVE_SECONDS 5
#define KEEPALIVE_COUNT 5

#define SUBSCRIPTIONS_MAX 16

typedef struct {
    virConnectPtr connection;
    int subscription[SUBSCRIPTIONS_MAX];
    guint n_subscriptions;
} Link;

static void
push(VbEventSink *sink, VbEventKind kind, virDomainPtr domain)
{
    char uuid[VIR_UUID_STRING_BUFLEN] = "";
    if (virDomainGetUUIDString(domain, uuid) == 0)
        vb_event_sink_push(sink, kind, uuid, virDomainGetName(domain));
}

static int
on_lifecycle(virConnectPtr connection, virDomainPtr domain, int event, int detail, void *sink)
{
    static const VbEventKind kinds[] = {
        [VIR_DOMAIN_EVENT_DEFINED] = VB_EVENT_DEFINED,
        [VIR_DOMAIN_EVENT_UNDEFINED] = VB_EVENT_DEFINED,
        [VIR_DOMAIN_EVENT_STARTED] = VB_EVENT_STARTED,
        [VIR_DOMAIN_EVENT_SUSPENDED] = VB_EVENT_PAUSED,
        [VIR_DOMAIN_EVENT_RESUMED] = VB_EVENT_RESUMED,
        [VIR_DOMAIN_EVENT_STOPPED] = VB_EVENT_STOPPED,
        [VIR_DOMAIN_EVENT_SHUTDOWN] = VB_EVENT_PAUSED,
        [VIR_DOMAIN_EVENT_PMSUSPENDED] = VB_EVENT_PAUSED,
        [VIR_DOMAIN_EVENT_CRASHED] = VB_EVENT_PAUSED,
    };
    if (event >= 0 && (guint)event < G_N_ELEMENTS(kinds))
        push(sink, kinds[event], domain);
    return 0;
}

static void
on_metadata(virConnectPtr connection, virDomainPtr domain, int type, const char *uri, void *sink)
{
    /* Our own note of our own pins is no news. */
    if (g_strcmp0(uri, VB_MARKS_NAMESPACE) != 0)
        push(sink, VB_EVENT_METADATA, domain);
}

static void
on_tunable(virConnectPtr connection, virDomainPtr domain, virTypedParameterPtr parameters,
           int n_parameters, void *sink)
{
    push(sink, VB_EVENT_TUNABLE, domain);
}

static void
on_device(virConnectPtr connection, virDomainPtr domain, const char *alias, void *sink)
{
    push(sink, VB_EVENT_DEVICE, domain);
}

static void
on_migration(virConnectPtr connection, virDomainPtr domain, int iteration, void *sink)
{
    push(sink, VB_EVENT_MIGRATING, domain);
}

static void
on_job(virConnectPtr connection, virDomainPtr domain, virTypedParameterPtr parameters,
       int n_parameters, void *sink)
{
    push(sink, VB_EVENT_JOB_DONE, domain);
}

static const struct {
    int id;
    virConnectDomainEventGenericCallback func;
    gboolean needed; /* without it guests would be missed; drivers lack some of the others */
} subscriptions[] = {
    {VIR_DOMAIN_EVENT_ID_LIFECYCLE, VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle), TRUE},
    {VIR_DOMAIN_EVENT_ID_METADATA_CHANGE, VIR_DOMAIN_EVENT_CALLBACK(on_metadata), FALSE},
    {VIR_DOMAIN_EVENT_ID_TUNABLE, VIR_DOMAIN_EVENT_CALLBACK(on_tunable), FALSE},
    {VIR_DOMAIN_EVENT_ID_DEVICE_ADDED, VIR_DOMAIN_EVENT_CALLBACK(on_device), FALSE},
    {VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, VIR_DOMAIN_EVENT_CALLBACK(on_device), FALSE},
    {VIR_DOMAIN_EVENT_ID_MIGRATION_ITERATION, VIR_DOMAIN_EVENT_CALLBACK(on_migration), FALSE},
    {VIR_DOMAIN_EVENT_ID_JOB_COMPLETED, VIR_DOMAIN_EVENT_CALLBACK(on_job), FALSE},
};

static void
on_closed(virConnectPtr connection, int reason, void *sink)
{
    vb_event_sink_push(sink, VB_EVENT_DISCONNECTED, NULL,
                       reason == VIR_CONNECT_CLOSE_REASON_KEEPALIVE
                           ? "libvirtd has not answered for half a minute"
                           : "libvirtd closed the connection");
}

static void
unref_sink(void *sink)
{
    vb_event_sink_unref(sink);
}

static void
link_close(gpointer data)
{
    Link *link = data;
    VbSigpipe held = vb_sigpipe_hold();
    virConnectUnregisterCloseCallback(link->connection, on_closed);
    for (guint i = 0; i < link->n_subscriptions; i++)
        virConnectDomainEventDeregisterAny(link->connection, link->subscription[i]);
    virConnectClose(link->connection);
    vb_sigpipe_release(&held);
    g_free(link);
}

static gboolean
subscribe(Link *link, VbEventSink *sink, GError **error)
{
    for (guint i = 0; i < G_N_ELEMENTS(subscriptions); i++) {
        int id = virConnectDomainEventRegisterAny(link->connection, NULL, subscriptions[i].id,
                                                  subscriptions[i].func, vb_event_sink_ref(sink),
                                                  unref_sink);
        if (id >= 0) {
            link->subscription[link->n_subscriptions++] = id;
            continue;
        }
        vb_event_sink_unref(sink);
        if (subscriptions[i].needed) {
            vb_failure_set(error, link->connection, NULL, "subscribing to events");
            return FALSE;
        }
    }
    return TRUE;
}

static gpointer
connect_link(const char *uri, VbEventSink *sink, GError **error)
{
    virConnectPtr connection = virConnectOpen(uri);
    if (connection == NULL) {
        vb_failure_set_connect(error, uri);
        return NULL;
    }
    Link *link = g_new0(Link, 1);
    link->connection = connection;
    /* The test driver has neither; it does not break either. */
    virConnectSetKeepAlive(connection, KEEPALIVE_SECONDS, KEEPALIVE_COUNT);
    if (virConnectRegisterCloseCallback(connection, on_closed, vb_event_sink_ref(sink),
                                        unref_sink) < 0)
        vb_event_sink_unref(sink);
    if (subscribe(link, sink, error))
        return link;
    link_close(link);
    return NULL;
}

static gpointer
link_open(const char *uri, VbEventSink *sink, GError **error)
{
    if (!vb_uri_check_local(uri, error))
        return NULL;
    VbSigpipe held = vb_sigpipe_hold();
    gpointer link = connect_link(uri, sink, error);
    vb_sigpipe_release(&held);
    return link;
}

const VbEventLinkOps *
vb_event_link_ops(void)
{
    static const VbEventLinkOps ops = {.open = link_open, .close = link_close};
    vb_failure_silence_libvirt();
    gvir_event_register();
    return &ops;
}

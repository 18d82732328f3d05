/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libvirt/requests.h"

#include "libvirt/domain_look.h"
#include "libvirt/failure.h"
#include "libvirt/pin.h"
#include <libvirt/libvirt-qemu.h>
#include <vmbalancer/error.h>

/* For calls that have nothing to say but that it worked. */
#define DONE GINT_TO_POINTER(1)

/* libvirt's own types under a name that autoptr can take. */
typedef virDomain Domain;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Domain, virDomainFree)

VbRequest *
vb_request_new(VbRequestFunc func, VbLinks *links, const char *uuid)
{
    VbRequest *request = g_new0(VbRequest, 1);
    request->func = func;
    request->links = vb_links_ref(links);
    request->uuid = g_strdup(uuid);
    return request;
}

void
vb_request_free(VbRequest *request)
{
    if (request == NULL)
        return;
    vb_links_unref(request->links);
    g_free(request->uuid);
    g_free(request->thread);
    g_free(request->command);
    g_free(request->xml);
    g_free(request);
}

gpointer
vb_request_run(gpointer data, GCancellable *cancellable, GError **error)
{
    const VbRequest *request = data;
    virConnectPtr link = vb_links_take(request->links, error);
    if (link == NULL)
        return NULL;
    gpointer result = request->func(request, link, cancellable, error);
    vb_links_give(request->links, link);
    return result;
}

gpointer
vb_request_touch(const VbRequest *request, virConnectPtr link, GCancellable *cancellable,
                 GError **error)
{
    return DONE;
}

static void
free_domains(virDomainPtr *domains, int n)
{
    for (int i = 0; i < n; i++)
        virDomainFree(domains[i]);
    free(domains);
}

/* Returns: FALSE with an error if going on is of no use. */
static gboolean
add_look(GPtrArray *looks, virDomainPtr domain, GError **error)
{
    g_autoptr(GError) failure = NULL;
    VbDomainLook *look = vb_domain_look_read(domain, &failure);
    if (look != NULL)
        g_ptr_array_add(looks, look);
    if (look != NULL || g_error_matches(failure, VB_ERROR, VB_ERROR_NO_GUEST))
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&failure));
    return FALSE;
}

gpointer
vb_request_list(const VbRequest *request, virConnectPtr link, GCancellable *cancellable,
                GError **error)
{
    virDomainPtr *domains = NULL;
    int n = virConnectListAllDomains(link, &domains, VIR_CONNECT_LIST_DOMAINS_ACTIVE);
    if (n < 0) {
        vb_failure_set(error, link, NULL, "listing guests");
        return NULL;
    }
    g_autoptr(GPtrArray) looks =
        g_ptr_array_new_with_free_func((GDestroyNotify)vb_domain_look_free);
    gboolean good = TRUE;
    for (int i = 0; good && i < n; i++)
        good = !g_cancellable_set_error_if_cancelled(cancellable, error) &&
               add_look(looks, domains[i], error);
    free_domains(domains, n);
    return good ? g_steal_pointer(&looks) : NULL;
}

static virDomainPtr
find_domain(const VbRequest *request, virConnectPtr link, GError **error)
{
    virDomainPtr domain = virDomainLookupByUUIDString(link, request->uuid);
    if (domain == NULL)
        vb_failure_set(error, link, NULL, "guest %s", request->uuid);
    return domain;
}

gpointer
vb_request_look(const VbRequest *request, virConnectPtr link, GCancellable *cancellable,
                GError **error)
{
    g_autoptr(Domain) domain = find_domain(request, link, error);
    return domain == NULL ? NULL : vb_domain_look_read(domain, error);
}

gpointer
vb_request_job(const VbRequest *request, virConnectPtr link, GCancellable *cancellable,
               GError **error)
{
    g_autoptr(Domain) domain = find_domain(request, link, error);
    g_autofree VbDomainJob *job = g_new0(VbDomainJob, 1);
    if (domain == NULL || !vb_domain_look_job(domain, job, error))
        return NULL;
    return g_steal_pointer(&job);
}

gpointer
vb_request_pin(const VbRequest *request, virConnectPtr link, GCancellable *cancellable,
               GError **error)
{
    g_autoptr(Domain) domain = find_domain(request, link, error);
    if (domain == NULL || !vb_pin_thread(domain, request->thread, &request->cpus, error))
        return NULL;
    return DONE;
}

gpointer
vb_request_monitor(const VbRequest *request, virConnectPtr link, GCancellable *cancellable,
                   GError **error)
{
    g_autoptr(Domain) domain = find_domain(request, link, error);
    if (domain == NULL)
        return NULL;
    char *reply = NULL;
    if (virDomainQemuMonitorCommand(domain, request->command, &reply,
                                    VIR_DOMAIN_QEMU_MONITOR_COMMAND_DEFAULT) < 0) {
        vb_failure_set(error, link, domain, "asking QEMU's monitor");
        return NULL;
    }
    char *copy = g_strdup(reply != NULL ? reply : "");
    free(reply);
    return copy;
}

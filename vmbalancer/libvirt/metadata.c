/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libvirt/failure.h"
#include "libvirt/marks.h"
#include "libvirt/metadata_element.h"
#include "libvirt/requests.h"

#include <libvirt/virterror.h>

/* Reading and writing the element through libvirt: the requests of requests.h that are about it. */

typedef virDomain Domain;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Domain, virDomainFree)

/* The guest of that UUID, else of that name, running or not. */
static virDomainPtr
find_domain(virConnectPtr link, const char *guest, GError **error)
{
    virDomainPtr domain =
        g_uuid_string_is_valid(guest) ? virDomainLookupByUUIDString(link, guest) : NULL;
    if (domain == NULL)
        domain = virDomainLookupByName(link, guest);
    if (domain == NULL)
        vb_failure_set(error, link, NULL, "guest %s", guest);
    return domain;
}

/* Returns: FALSE with an error; @ret is NULL if there is no such element. */
static gboolean
read_one(virDomainPtr domain, unsigned flags, char **ret, GError **error)
{
    char *text = virDomainGetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, VB_METADATA_NAMESPACE,
                                      flags);
    if (text == NULL && virGetLastErrorCode() != VIR_ERR_NO_DOMAIN_METADATA) {
        vb_failure_set(error, NULL, domain, "reading its metadata");
        return FALSE;
    }
    *ret = text != NULL ? g_utf8_make_valid(text, -1) : NULL;
    free(text);
    return TRUE;
}

gpointer
vb_request_read_metadata(const VbRequest *request, virConnectPtr link, GCancellable *cancellable,
                         GError **error)
{
    g_autoptr(Domain) domain = find_domain(link, request->uuid, error);
    if (domain == NULL)
        return NULL;
    g_autoptr(VbMetadata) metadata = g_new0(VbMetadata, 1);
    char uuid[VIR_UUID_STRING_BUFLEN] = "";
    virDomainGetUUIDString(domain, uuid);
    metadata->uuid = g_strdup(uuid);
    metadata->name = g_utf8_make_valid(virDomainGetName(domain), -1);
    int running = virDomainIsActive(domain), persistent = virDomainIsPersistent(domain);
    if (running < 0 || persistent < 0) {
        vb_failure_set(error, NULL, domain, "asking whether it runs and is persistent");
        return NULL;
    }
    metadata->running = running > 0;
    metadata->persistent = persistent > 0;
    if ((metadata->running &&
         !read_one(domain, VIR_DOMAIN_AFFECT_LIVE, &metadata->live, error)) ||
        (metadata->persistent &&
         !read_one(domain, VIR_DOMAIN_AFFECT_CONFIG, &metadata->config, error)))
        return NULL;
    return g_steal_pointer(&metadata);
}

gpointer
vb_request_write_metadata(const VbRequest *request, virConnectPtr link, GCancellable *cancellable,
                          GError **error)
{
    g_autoptr(Domain) domain = find_domain(link, request->uuid, error);
    unsigned flags = (request->live ? VIR_DOMAIN_AFFECT_LIVE : 0) |
                     (request->config ? VIR_DOMAIN_AFFECT_CONFIG : 0);
    if (domain == NULL)
        return NULL;
    if (virDomainSetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, request->xml,
                             request->xml != NULL ? VB_METADATA_PREFIX : NULL,
                             VB_METADATA_NAMESPACE, flags) == 0)
        return GINT_TO_POINTER(1);
    vb_failure_set(error, NULL, domain, "writing its metadata");
    return NULL;
}

gpointer
vb_request_write_marks(const VbRequest *request, virConnectPtr link, GCancellable *cancellable,
                       GError **error)
{
    g_autoptr(Domain) domain = find_domain(link, request->uuid, error);
    if (domain == NULL)
        return NULL;
    if (virDomainSetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, request->xml,
                             request->xml != NULL ? VB_MARKS_PREFIX : NULL, VB_MARKS_NAMESPACE,
                             VIR_DOMAIN_AFFECT_LIVE) == 0)
        return GINT_TO_POINTER(1);
    vb_failure_set(error, NULL, domain, "noting its pins in its metadata");
    return NULL;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libvirt/domain_look.h"

#include "libvirt/domain_state.h"
#include "libvirt/failure.h"
#include <libvirt/virterror.h>
#include <string.h>
#include <vmbalancer/error.h>

/* Any client's statistics query occupies the monitor for some milliseconds: that is not busy yet.
 */
#define OCCUPIED_MS 1000

typedef virTypedParameter TypedParameters;

/* Returns: NULL with an error; VB_ERROR_INVALID if libvirt's XML is not what it should be. */
static VbDomain *
read_xml(virDomainPtr domain, unsigned flags, const char *words, GError **error)
{
    char *xml = virDomainGetXMLDesc(domain, flags);
    if (xml == NULL) {
        vb_failure_set(error, NULL, domain, "reading its %s XML", words);
        return NULL;
    }
    VbDomain *read = vb_domain_xml_parse(xml, strlen(xml), error);
    free(xml);
    if (read == NULL)
        g_prefix_error(error, "guest %s: its %s XML: ", virDomainGetName(domain), words);
    return read;
}

/* A guest that is known by name alone, so that there is something to report the error on. */
static VbDomain *
nameless_facts(virDomainPtr domain)
{
    VbDomain *facts = vb_domain_new();
    char uuid[VIR_UUID_STRING_BUFLEN] = "";
    virDomainGetUUIDString(domain, uuid);
    facts->uuid = g_strdup(uuid);
    facts->name = g_utf8_make_valid(virDomainGetName(domain), -1);
    g_ptr_array_add(facts->cells, g_new0(VbDomainCell, 1));
    return facts;
}

/* The nodes that numad chose are in no XML; the effective nodeset of the live guest has them. */
static void
read_auto_nodeset(virDomainPtr domain, VbDomain *live)
{
    int n = 0;
    if (virDomainGetNumaParameters(domain, NULL, &n, VIR_DOMAIN_AFFECT_LIVE) < 0 || n <= 0)
        return;
    g_autofree TypedParameters *parameters = g_new0(TypedParameters, n);
    if (virDomainGetNumaParameters(domain, parameters, &n,
                                   VIR_DOMAIN_AFFECT_LIVE | VIR_TYPED_PARAM_STRING_OKAY) < 0)
        return;
    const char *nodeset = NULL;
    virTypedParamsGetString(parameters, n, VIR_DOMAIN_NUMA_NODESET, &nodeset);
    if (nodeset != NULL && *nodeset != '\0')
        live->numatune_nodeset = g_strdup(nodeset);
    virTypedParamsClear(parameters, n);
}

/* Notes the first thing that could not be read; a guest or connection that is gone ends the look.
 */
static gboolean
note(VbDomainLook *look, GError *failure, GError **error)
{
    if (g_error_matches(failure, VB_ERROR, VB_ERROR_NO_GUEST) ||
        g_error_matches(failure, VB_ERROR, VB_ERROR_UNREACHABLE)) {
        g_propagate_error(error, failure);
        return FALSE;
    }
    if (look->error == NULL)
        look->error = g_strdup(failure->message);
    g_error_free(failure);
    return TRUE;
}

static gboolean
read_facts(virDomainPtr domain, VbDomainLook *look, GError **error)
{
    GError *failure = NULL;
    look->live = read_xml(domain, 0, "live", &failure);
    if (look->live == NULL) {
        look->live = nameless_facts(domain);
        return note(look, failure, error);
    }
    if (look->live->placement_auto && look->live->numatune_nodeset == NULL)
        read_auto_nodeset(domain, look->live);
    int persistent = virDomainIsPersistent(domain);
    if (persistent == 0)
        return TRUE;
    if (persistent > 0)
        look->inactive = read_xml(domain, VIR_DOMAIN_XML_INACTIVE, "inactive", &failure);
    else
        vb_failure_set(&failure, NULL, domain, "asking whether it is persistent");
    return look->inactive != NULL || note(look, failure, error);
}

static gboolean
read_state(virDomainPtr domain, VbDomainLook *look, GError **error)
{
    int state;
    int reason;
    look->state = VB_GUEST_UNKNOWN;
    if (virDomainGetState(domain, &state, &reason, 0) < 0) {
        GError *failure = NULL;
        vb_failure_set(&failure, NULL, domain, "reading its state");
        return note(look, failure, error);
    }
    const char *busy;
    look->state = vb_domain_state_read(state, reason, &busy);
    look->busy = g_strdup(busy);
    if (look->state != VB_GUEST_OFF)
        return TRUE;
    g_set_error(error, VB_ERROR, VB_ERROR_NO_GUEST, "guest %s is not running",
                virDomainGetName(domain));
    return FALSE;
}

/* How libvirt's own threads see the guest; unlike its job, this is told without waiting. */
static void
read_control(virDomainPtr domain, VbDomainLook *look)
{
    virDomainControlInfo info;
    if (look->busy != NULL || virDomainGetControlInfo(domain, &info, 0) < 0 ||
        info.state == VIR_DOMAIN_CONTROL_OK)
        return;
    if (info.state == VIR_DOMAIN_CONTROL_OCCUPIED && info.stateTime < OCCUPIED_MS)
        return;
    look->state = VB_GUEST_BUSY;
    look->busy = g_strdup(info.state == VIR_DOMAIN_CONTROL_ERROR      ? "broken monitor"
                          : info.state == VIR_DOMAIN_CONTROL_OCCUPIED ? "monitor"
                                                                      : "job");
}

VbDomainLook *
vb_domain_look_read(virDomainPtr domain, GError **error)
{
    g_autoptr(VbDomainLook) look = g_new0(VbDomainLook, 1);
    if (!read_state(domain, look, error) || !read_facts(domain, look, error))
        return NULL;
    read_control(domain, look);
    return g_steal_pointer(&look);
}

gboolean
vb_domain_look_job(virDomainPtr domain, VbDomainJob *ret, GError **error)
{
    int type = VIR_DOMAIN_JOB_NONE;
    int n = 0;
    TypedParameters *parameters = NULL;
    *ret = (VbDomainJob){NULL};
    if (virDomainGetJobStats(domain, &type, &parameters, &n, 0) < 0) {
        vb_failure_set(error, NULL, domain, "reading its job");
        return FALSE;
    }
    int operation = VIR_DOMAIN_JOB_OPERATION_UNKNOWN;
    virTypedParamsGetInt(parameters, n, VIR_DOMAIN_JOB_OPERATION, &operation);
    virTypedParamsFree(parameters, n);
    if (type != VIR_DOMAIN_JOB_NONE)
        ret->busy = vb_domain_state_job(operation);
    return TRUE;
}

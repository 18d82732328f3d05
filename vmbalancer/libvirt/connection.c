/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libvirt/domain_look.h"
#include "libvirt/failure.h"
#include "libvirt/hypervisor.h"
#include "libvirt/marks.h"
#include "libvirt/requests.h"
#include "libvirt/uri.h"
#include "libvirt/worker.h"
#include <vmbalancer/error.h>

/* How long one guest may take to tell its job; a guest in none answers within a millisecond. */
#define JOB_DEADLINE_MS 250
/* How long a goodbye to libvirtd may take. */
#define CLOSE_DEADLINE_MS 1000
#define CLOSE_LANE "close"

typedef struct {
    VbHypervisor hypervisor;
    VbLinks *links;
    VbWorker *worker;
} Connection;

static VbCall
make_call(const char *lane, const char *words, VbRequest *request, GDestroyNotify free_result)
{
    return (VbCall){
        .lane = lane,
        .words = words,
        .func = vb_request_run,
        .data = request,
        .free_data = (GDestroyNotify)vb_request_free,
        .free_result = free_result,
    };
}

static guint
remaining_ms(gint64 deadline_us)
{
    gint64 left = (deadline_us - g_get_monotonic_time()) / 1000;
    return (guint)CLAMP(left, 0, G_MAXUINT);
}

static gint64
deadline_from_now(guint deadline_ms)
{
    return g_get_monotonic_time() + (gint64)deadline_ms * 1000;
}

static void
set_busy(VbDomainLook *look, const char *busy)
{
    look->state = VB_GUEST_BUSY;
    g_free(look->busy);
    look->busy = g_strdup(busy);
}

/*
 * Adds the guest's job to a look. That question alone waits for the guest, so it goes in the
 * guest's own lane and only where the answers before do not tell enough. A guest that does not
 * answer is busy. Returns: FALSE if the guest is gone or the connection lost
 */
static gboolean
add_job(Connection *self, VbDomainLook *look, gint64 deadline_us, GError **error)
{
    if (look->state != VB_GUEST_RUNNING && look->state != VB_GUEST_PAUSED)
        return TRUE;
    const char *uuid = look->live->uuid;
    g_autofree char *words = g_strdup_printf("guest %s: reading its job", look->live->name);
    VbCall call = make_call(uuid, words, vb_request_new(vb_request_job, self->links, uuid), g_free);
    guint deadline_ms = MIN(JOB_DEADLINE_MS, remaining_ms(deadline_us));
    g_autoptr(GError) failure = NULL;
    g_autofree VbDomainJob *job = vb_worker_run(self->worker, &call, deadline_ms, &failure);
    if (job != NULL) {
        if (job->busy != NULL)
            set_busy(look, job->busy);
        return TRUE;
    }
    if (g_error_matches(failure, VB_ERROR, VB_ERROR_NO_GUEST) ||
        g_error_matches(failure, VB_ERROR, VB_ERROR_UNREACHABLE)) {
        g_propagate_error(error, g_steal_pointer(&failure));
        return FALSE;
    }
    /* Refused for other guests' sake, or the driver has no jobs: then what is known must do. */
    if (vb_worker_is_late(self->worker, uuid))
        set_busy(look, "job");
    return TRUE;
}

static GPtrArray *
connection_list(VbHypervisor *hypervisor, guint deadline_ms, GError **error)
{
    Connection *self = (Connection *)hypervisor;
    gint64 deadline_us = deadline_from_now(deadline_ms);
    VbCall call = make_call(VB_LANE_CONNECTION, "listing guests",
                            vb_request_new(vb_request_list, self->links, NULL),
                            (GDestroyNotify)g_ptr_array_unref);
    g_autoptr(GPtrArray) looks = vb_worker_run(self->worker, &call, deadline_ms, error);
    if (looks == NULL)
        return NULL;
    for (guint i = 0; i < looks->len;) {
        g_autoptr(GError) failure = NULL;
        if (add_job(self, g_ptr_array_index(looks, i), deadline_us, &failure)) {
            i++;
        } else if (g_error_matches(failure, VB_ERROR, VB_ERROR_NO_GUEST)) {
            g_ptr_array_remove_index(looks, i);
        } else {
            g_propagate_error(error, g_steal_pointer(&failure));
            return NULL;
        }
    }
    return g_steal_pointer(&looks);
}

static VbDomainLook *
connection_look(VbHypervisor *hypervisor, const char *uuid, guint deadline_ms, GError **error)
{
    Connection *self = (Connection *)hypervisor;
    gint64 deadline_us = deadline_from_now(deadline_ms);
    g_autofree char *words = g_strdup_printf("guest %s: reading it", uuid);
    VbCall call =
        make_call(VB_LANE_CONNECTION, words, vb_request_new(vb_request_look, self->links, uuid),
                  (GDestroyNotify)vb_domain_look_free);
    g_autoptr(VbDomainLook) look = vb_worker_run(self->worker, &call, deadline_ms, error);
    if (look == NULL || !add_job(self, look, deadline_us, error))
        return NULL;
    return g_steal_pointer(&look);
}

static gboolean
connection_pin(VbHypervisor *hypervisor, const char *uuid, const char *thread, const VbCpuSet *cpus,
               guint deadline_ms, GError **error)
{
    Connection *self = (Connection *)hypervisor;
    g_autofree char *words = g_strdup_printf("guest %s: pinning %s", uuid, thread);
    VbRequest *request = vb_request_new(vb_request_pin, self->links, uuid);
    request->thread = g_strdup(thread);
    request->cpus = *cpus;
    VbCall call = make_call(uuid, words, request, NULL);
    return vb_worker_run(self->worker, &call, deadline_ms, error) != NULL;
}

static gboolean
connection_mark(VbHypervisor *hypervisor, const char *uuid, const GPtrArray *marks,
                guint deadline_ms, GError **error)
{
    Connection *self = (Connection *)hypervisor;
    g_autofree char *words = g_strdup_printf("guest %s: noting its pins in its metadata", uuid);
    VbRequest *request = vb_request_new(vb_request_write_marks, self->links, uuid);
    request->xml = marks->len > 0 ? vb_marks_format(marks) : NULL;
    VbCall call = make_call(uuid, words, request, NULL);
    return vb_worker_run(self->worker, &call, deadline_ms, error) != NULL;
}

static char *
connection_monitor(VbHypervisor *hypervisor, const char *uuid, const char *command,
                   guint deadline_ms, GError **error)
{
    Connection *self = (Connection *)hypervisor;
    g_autofree char *words = g_strdup_printf("guest %s: asking QEMU's monitor", uuid);
    VbRequest *request = vb_request_new(vb_request_monitor, self->links, uuid);
    request->command = g_strdup(command);
    VbCall call = make_call(uuid, words, request, g_free);
    return vb_worker_run(self->worker, &call, deadline_ms, error);
}

static VbMetadata *
connection_read_metadata(VbHypervisor *hypervisor, const char *guest, guint deadline_ms,
                         GError **error)
{
    Connection *self = (Connection *)hypervisor;
    g_autofree char *words = g_strdup_printf("guest %s: reading its metadata", guest);
    VbCall call = make_call(VB_LANE_CONNECTION, words,
                            vb_request_new(vb_request_read_metadata, self->links, guest),
                            (GDestroyNotify)vb_metadata_free);
    return vb_worker_run(self->worker, &call, deadline_ms, error);
}

static gboolean
connection_write_metadata(VbHypervisor *hypervisor, const char *uuid, const char *xml,
                          gboolean live, gboolean config, guint deadline_ms, GError **error)
{
    Connection *self = (Connection *)hypervisor;
    g_autofree char *words = g_strdup_printf("guest %s: writing its metadata", uuid);
    VbRequest *request = vb_request_new(vb_request_write_metadata, self->links, uuid);
    request->xml = g_strdup(xml);
    request->live = live;
    request->config = config;
    VbCall call = make_call(uuid, words, request, NULL);
    return vb_worker_run(self->worker, &call, deadline_ms, error) != NULL;
}

static gpointer
close_links(gpointer links, GCancellable *cancellable, GError **error)
{
    vb_links_close(links);
    return links;
}

static void
unref_links(gpointer links)
{
    vb_links_unref(links);
}

/* Closing speaks to libvirtd too; if that does not answer, the worker's thread waits, not we. */
static void
connection_free(VbHypervisor *hypervisor)
{
    Connection *self = (Connection *)hypervisor;
    VbCall call = {
        .lane = CLOSE_LANE,
        .words = "closing the connection",
        .func = close_links,
        .data = self->links,
        .free_data = unref_links,
    };
    vb_worker_run(self->worker, &call, CLOSE_DEADLINE_MS, NULL);
    vb_worker_free(self->worker);
    g_free(self);
}

static const VbHypervisorOps connection_ops = {
    .list = connection_list,
    .look = connection_look,
    .pin = connection_pin,
    .monitor = connection_monitor,
    .read_metadata = connection_read_metadata,
    .write_metadata = connection_write_metadata,
    .mark = connection_mark,
    .free = connection_free,
};

VbHypervisor *
vb_hypervisor_connect(const char *uri, guint deadline_ms, GError **error)
{
    g_autofree char *chosen = vb_uri_choose(uri);
    if (!vb_uri_check_local(chosen, error))
        return NULL;
    vb_failure_silence_libvirt();
    Connection *self = g_new0(Connection, 1);
    self->hypervisor.ops = &connection_ops;
    self->links = vb_links_new(chosen);
    self->worker = vb_worker_new();
    g_autoptr(VbHypervisor) hypervisor = &self->hypervisor;
    g_autofree char *words = g_strdup_printf("connecting to %s", chosen);
    VbCall call = make_call(VB_LANE_CONNECTION, words,
                            vb_request_new(vb_request_touch, self->links, NULL), NULL);
    if (vb_worker_run(self->worker, &call, deadline_ms, error) == NULL)
        return NULL;
    return g_steal_pointer(&hypervisor);
}

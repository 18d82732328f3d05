/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libvirt/hypervisor.h"
#include "libvirt/links.h"
#include "libvirt/worker.h"
#include <libvirt/libvirt.h>

G_BEGIN_DECLS

typedef struct VbRequest VbRequest;
/** Does a request over @link; blocks as long as libvirt does. Returns: a result, NULL with @error.
 */
typedef gpointer (*VbRequestFunc)(const VbRequest *request, virConnectPtr link,
                                  GCancellable *cancellable, GError **error);

/** What one call to libvirt needs. */
struct VbRequest {
    VbRequestFunc func;
    VbLinks *links; /**< a reference */
    char *uuid;
    char *thread;
    VbCpuSet cpus;
    char *command;
    char *xml;
    gboolean live;
    gboolean config;
};

/** @uuid: (nullable): the guest. */
VbRequest *vb_request_new(VbRequestFunc func, VbLinks *links, const char *uuid);
void vb_request_free(VbRequest *request);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbRequest, vb_request_free)

/** The VbWorkerFunc for every request: takes a link, does it, gives the link back. */
gpointer vb_request_run(gpointer request, GCancellable *cancellable, GError **error);

/** Nothing but a link: proves that libvirt can be reached. Returns: any. */
gpointer vb_request_touch(const VbRequest *request, virConnectPtr link, GCancellable *cancellable,
                          GError **error);
/** Never waits for a guest. Returns: GPtrArray of VbDomainLook. */
gpointer vb_request_list(const VbRequest *request, virConnectPtr link, GCancellable *cancellable,
                         GError **error);
/** Never waits for a guest. Returns: VbDomainLook. */
gpointer vb_request_look(const VbRequest *request, virConnectPtr link, GCancellable *cancellable,
                         GError **error);
/** Waits for the guest's job. Returns: VbDomainJob (g_free). */
gpointer vb_request_job(const VbRequest *request, virConnectPtr link, GCancellable *cancellable,
                        GError **error);
/** Waits for the guest's job. Returns: any. */
gpointer vb_request_pin(const VbRequest *request, virConnectPtr link, GCancellable *cancellable,
                        GError **error);
/** Never waits for a guest; uuid may be a name. Returns: VbMetadata. */
gpointer vb_request_read_metadata(const VbRequest *request, virConnectPtr link,
                                  GCancellable *cancellable, GError **error);
/** Waits for the guest's job. Returns: any. */
gpointer vb_request_write_metadata(const VbRequest *request, virConnectPtr link,
                                   GCancellable *cancellable, GError **error);
/** As vb_request_write_metadata(), for the note of our pins. */
gpointer vb_request_write_marks(const VbRequest *request, virConnectPtr link,
                                GCancellable *cancellable, GError **error);
/** Waits for QEMU. Returns: char* (g_free). */
gpointer vb_request_monitor(const VbRequest *request, virConnectPtr link, GCancellable *cancellable,
                            GError **error);

G_END_DECLS

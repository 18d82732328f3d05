/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libvirt/hypervisor.h"
#include "libvirt/worker.h"
#include <libvirt/libvirt.h>

G_BEGIN_DECLS

/** What one call to libvirt needs; holds the connection open until it returned. */
typedef struct {
    virConnectPtr connection; /**< a reference; NULL to open one */
    char *uri;
    char *uuid;
    char *thread;
    VbCpuSet cpus;
    char *command;
} VbRequest;

/** @connection: (nullable): referenced. @uuid: (nullable). */
VbRequest *vb_request_new(virConnectPtr connection, const char *uuid);
/** May be the last to hold the connection, and then speaks to libvirtd to close it. */
void vb_request_free(VbRequest *request);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbRequest, vb_request_free)

/*
 * VbWorkerFuncs; data is a VbRequest. Each blocks as long as libvirt does.
 */

/** Returns: virConnectPtr (virConnectClose). */
gpointer vb_request_open(gpointer data, GCancellable *cancellable, GError **error);
/** Gives the request's reference of the connection up. Returns: any. */
gpointer vb_request_close(gpointer data, GCancellable *cancellable, GError **error);
/** Returns: GPtrArray of VbDomainLook. Never waits for a guest. */
gpointer vb_request_list(gpointer data, GCancellable *cancellable, GError **error);
/** Returns: VbDomainLook. Never waits for a guest. */
gpointer vb_request_look(gpointer data, GCancellable *cancellable, GError **error);
/** Waits for the guest's job. Returns: VbDomainJob (g_free). */
gpointer vb_request_job(gpointer data, GCancellable *cancellable, GError **error);
/** Waits for the guest's job. Returns: any. */
gpointer vb_request_pin(gpointer data, GCancellable *cancellable, GError **error);
/** Waits for QEMU. Returns: char* (g_free). */
gpointer vb_request_monitor(gpointer data, GCancellable *cancellable, GError **error);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libvirt/hypervisor.h"
#include "qmp/transport.h"

G_BEGIN_DECLS

/**
 * QMP to a guest through libvirt's own monitor, for libqmp's typed queries. It taints the guest:
 * libvirt marks it "custom-monitor" from the first command on, be it a mere query, until the guest
 * is started anew. So nothing uses it unless the administrator asked for it.
 * @hypervisor: must outlive the transport and its commands; each command ends with @deadline_ms, so
 * one that is given at least that much time leaves nothing behind
 * @deadline_ms: of each call to the hypervisor
 * Returns: (transfer full): qmp_transport_unref()
 */
QmpTransport *vb_qmp_passthrough_new(VbHypervisor *hypervisor, const char *uuid, guint deadline_ms);

G_END_DECLS

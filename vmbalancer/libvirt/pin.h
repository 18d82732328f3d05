/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libvirt/libvirt.h>
#include <vmbalancer/topology.h>

G_BEGIN_DECLS

/**
 * Pins a thread of a running guest through libvirt; its configuration stays as it is. Blocks until
 * the guest's job is free: for a worker.
 * @thread: "vcpuN", "emulator" or "iothreadN"
 * @cpus: not empty, CPUs that the host has
 * Errors: VB_ERROR_INVALID for another thread or CPU set, VB_ERROR_NO_GUEST, those of
 * vb_failure_set().
 */
gboolean vb_pin_thread(virDomainPtr domain, const char *thread, const VbCpuSet *cpus,
                       GError **error);

G_END_DECLS

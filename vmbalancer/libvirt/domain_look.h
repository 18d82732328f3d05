/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libvirt/hypervisor.h"
#include <libvirt/libvirt.h>

G_BEGIN_DECLS

/*
 * Reading one guest from libvirt. Both functions block: for a worker.
 */

/**
 * Reads XMLs and state with calls that never wait for the guest's job, so that one that migrates
 * or hangs holds nobody up.
 * Returns: (transfer full): with `error` set where something could not be read. NULL with
 * VB_ERROR_NO_GUEST if it is not running, VB_ERROR_UNREACHABLE if the connection is lost.
 */
VbDomainLook *vb_domain_look_read(virDomainPtr domain, GError **error);

/** What libvirt does with a guest. */
typedef struct {
    const char *busy; /**< a constant; NULL if it leaves the guest's threads and RAM alone */
} VbDomainJob;

/**
 * Asks which job the guest is in: a live migration out of a running guest shows nowhere else. Waits
 * for the guest's query job: up to 30 s (libvirt's own limit) while another call changes it,
 * without limit while QEMU hangs. Returns: FALSE with an error if that could not be learnt.
 */
gboolean vb_domain_look_job(virDomainPtr domain, VbDomainJob *ret, GError **error);

G_END_DECLS

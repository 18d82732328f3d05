/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "observe/observe.h"
#include "observe/process.h"

G_BEGIN_DECLS

/**
 * All that can be seen of one guest that the hypervisor listed. What was read belongs to its process only if that
 * is still there afterwards: vb_threads_count() tells.
 * @processes: where its process is looked for
 * @before: (nullable): the same guest in the observer's last full look
 * Returns: (transfer full), NULL if the guest is to be left out: it ended while it was looked at,
 * or the hypervisor could not even name it
 */
VbGuestSight *vb_guest_look(const VbObserver *observer, const VbDomainLook *look,
                            const VbTopology *topology, VbProcesses *processes,
                            const VbGuestSight *before);

G_END_DECLS

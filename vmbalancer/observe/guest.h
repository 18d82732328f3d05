/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "observe/observe.h"

G_BEGIN_DECLS

/**
 * All that can be seen of one guest that the hypervisor listed.
 * Returns: (transfer full), NULL if the guest is to be left out: it ended or restarted while it
 * was looked at, or the hypervisor could not even name it
 */
VbGuestSight *vb_guest_look(const VbObserver *observer, const VbDomainLook *look,
                            const VbTopology *topology);

G_END_DECLS

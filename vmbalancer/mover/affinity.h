/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "mover/identity.h"

G_BEGIN_DECLS

/**
 * Lets one thread of the process, or of the kernel's that serve it (sys/vhost.h), run on @cpus alone.
 * Errors: VB_ERROR_FAILED if the process has no such thread; VB_ERROR_NO_GUEST if it ended;
 * VB_ERROR_INVALID if the thread may use none of them; VB_ERROR_DENIED.
 */
gboolean vb_affinity_set(const VbIdentity *identity, int tid, const VbCpuSet *cpus,
                         GError **error);

G_END_DECLS

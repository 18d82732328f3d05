/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "mover/client.h"

G_BEGIN_DECLS

/**
 * Lets a thread run on @cpus alone (sched_setaffinity). Of them those count that the thread's cpuset
 * has. Not for a guest of libvirt's, which keeps a record of its pins.
 * @tid: of a thread of that very process, or of a vhost worker that is the kernel's own and serves it
 * Errors: VB_ERROR_UNREACHABLE, VB_ERROR_INVALID (no CPU that it may use), VB_ERROR_NO_GUEST,
 * VB_ERROR_CHANGED (another process), VB_ERROR_DENIED (no QEMU guest, no right), VB_ERROR_FAILED (no
 * such thread).
 */
gboolean vb_mover_pin(VbMover *mover, const VbProcess *process, int tid, const VbCpuSet *cpus,
                      GError **error);

G_END_DECLS

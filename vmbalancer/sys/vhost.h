/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sys/kernel.h"

G_BEGIN_DECLS

/*
 * Before Linux 6.4 what the kernel does for a guest's virtio devices (vhost-net, vhost-vsock, vhost-scsi) is
 * done by processes of the kernel's own, called "vhost-ID" after the thread that made them
 * (drivers/vhost/vhost.c, vhost_worker); from 6.4 on by threads of the guest's process.
 */

/**
 * Is @tid a process of the kernel's that serves @pid? By its name alone anybody could say so: it has to be
 * the kernel's, and no older than @pid, as that may have been another process's PID before.
 * @ret_start: when it began, clock ticks since boot
 */
gboolean vb_vhost_serves(VbKernel *kernel, int tid, int pid, guint64 *ret_start);

/** Ids of those that serve @pid. Returns: (transfer full) (element-type int). */
GArray *vb_vhost_list(VbKernel *kernel, int pid);

G_END_DECLS

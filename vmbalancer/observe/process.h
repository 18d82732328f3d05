/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sys/kernel.h"

G_BEGIN_DECLS

/** The guests' processes at one time: /proc is looked through once, at the first need. */
typedef struct VbProcesses VbProcesses;

/** Returns: (transfer full): without a look yet. @kernel must outlive it. */
VbProcesses *vb_processes_new(VbKernel *kernel);
/** @processes: (transfer full) (nullable) */
void vb_processes_free(VbProcesses *processes);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbProcesses, vb_processes_free)

/**
 * Finds the QEMU process of a guest: by libvirt's pid file of that name, else by looking through
 * /proc. Either way the command line must have the exact arguments "-uuid", @uuid.
 * @name: the owner's text; never used as a path unless it is a plain file name
 * Errors: VB_ERROR_NO_GUEST if there is none, VB_ERROR_FAILED if several processes claim the UUID.
 */
gboolean vb_processes_find(VbProcesses *processes, const char *name, const char *uuid,
                           VbProcess *ret, GError **error);

/** The same for a single guest. */
gboolean vb_guest_process_find(VbKernel *kernel, const char *name, const char *uuid,
                               VbProcess *ret, GError **error);

/**
 * The cgroup path of a process: that of the unified hierarchy, or of cpuset or memory on a host
 * with the old ones. Returns: (transfer full), NULL if it cannot be told.
 */
char *vb_process_cgroup(VbKernel *kernel, int pid);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "mover/client.h"

G_BEGIN_DECLS

/*
 * Which parts of a guest's RAM are accessed, as the kernel's DAMON sees it (Linux
 * Documentation/admin-guide/mm/damon/usage.rst, the sysfs interface; CONFIG_DAMON_SYSFS, CONFIG_DAMON_VADDR). The host has one
 * list of its threads, and to set its length ends them all: where somebody has one, nobody else can. One that a killed
 * run of ours left behind is known by its intervals, and ended.
 */
typedef struct {
    VbKernel *kernel;
    const char *state_dir; /**< where the lock is */
} VbDamon;

/** A part of it. */
typedef struct {
    guint64 start, end;
    guint64 accesses; /**< of some twenty times that it was looked at */
} VbHeat;

/**
 * Watches @ranges of a process for @duration_ns; blocks. What is left of it in the kernel is taken away however it ends.
 * @ranges: ascending
 * Returns: (transfer full) (element-type VbHeat): ascending
 * Errors: VB_ERROR_UNSUPPORTED if this kernel has no DAMON, VB_ERROR_DENIED if it may not be used,
 * VB_ERROR_CANCELLED, VB_ERROR_FAILED if somebody else uses it, or the kernel would not
 */
GArray *vb_damon_watch(const VbDamon *damon, int pid, const VbRange *ranges, guint n_ranges,
                       gint64 duration_ns, GCancellable *cancellable, GError **error);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libvirt/hypervisor.h"
#include "sys/kernel.h"

G_BEGIN_DECLS

/** Told on any thread, once for each thing that is wrong. */
typedef void (*VbPlainWarn)(const char *text);

/**
 * Guests of plain QEMU, found by their QMP sockets. Each call connects, asks and hangs up, and gives
 * one socket two seconds at most. A guest that has answered once and is silent now, as another client
 * holds its monitor, is busy with "monitor". Threads are pinned by sched_setaffinity(2) through a
 * mover, which is opened at the first pin. The guests have no metadata: `mark` does nothing,
 * `write_metadata` is VB_ERROR_UNSUPPORTED, and what is asked for them is in the host's files.
 *
 * A socket that nobody listens on any more, and a pattern that fits nothing, are no trouble. Of guests
 * that claim the same UUID none is told.
 * @kernel: outlives it
 * @patterns: as glob(7) has them, ends with NULL; copied
 * @warn: (nullable)
 */
VbHypervisor *vb_plain_new(VbKernel *kernel, const char *const *patterns, VbPlainWarn warn);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/observation.h"
#include "sys/kernel.h"

G_BEGIN_DECLS

/*
 * The kernel's NUMA faults: where kernel.numa_balancing is on, it takes away a thread's access to
 * some of its pages at a time and counts, by node, those that it touches again. They are in
 * /proc/PID/task/TID/sched (kernel/sched/debug.c, print_numa_stats), where the kernel was built
 * with CONFIG_NUMA_BALANCING and, before Linux 6.15, CONFIG_SCHED_DEBUG. Seen in text of Linux 6.1
 * and 6.18. Up to Linux 4.18 private and shared are the wrong way round (67d9f6c256cd).
 */

/** What a sched file says, in pages, halved at each of the kernel's scans before the new are added. */
typedef struct {
    guint64 private_pages[VB_NODES_MAX]; /**< by node: touched last by this thread, too */
    guint64 shared_pages[VB_NODES_MAX];  /**< touched last by another */
    VbNodeSet nodes;                     /**< that it says something of; 0: it has no such counts */
} VbFaults;

/**
 * Parses the whole text of a sched file. Lines of other things and words that it does not know are
 * passed over.
 * Returns: FALSE with VB_ERROR_INVALID naming the line if it lacks a number, has one that is none,
 * does not fit or comes twice, or names a node that cannot be; @ret is then untouched.
 */
gboolean vb_faults_parse(const char *text, gsize length, VbFaults *ret, GError **error);

/** Tries the caller's own file. Returns: never VB_FAULTS_UNASKED. */
VbFaultsProbe vb_faults_probe(VbKernel *kernel);

/**
 * Reads the faults of a guest's known vCPU threads; unknown where they cannot be read. Each file
 * costs some 11 microseconds of CPU time, a schedstat file 5, so this is for full looks, and where
 * the probe and the kernel's switch say that it is of use.
 * @nodes: the host's; what is counted for others is dropped
 */
void vb_faults_read(VbKernel *kernel, VbNodeSet nodes, VbGuestSight *sight);

G_END_DECLS

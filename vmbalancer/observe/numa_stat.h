/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sys/kernel.h"
#include <vmbalancer/topology.h>

G_BEGIN_DECLS

/**
 * The guest's own memory cgroup (v2), of which its threads are in children: with systemd
 * ".../machine-qemu\x2d1\x2dweb.scope", without ".../qemu-1-web.libvirt-qemu".
 * @cgroup: of the process, as /proc/PID/cgroup names it
 * Returns: (transfer full): as @cgroup; NULL if none of its folders is a guest's own
 */
char *vb_numa_stat_group(const char *cgroup);

/** What a guest's cgroup holds, in bytes. */
typedef struct {
    guint64 held_bytes[VB_NODES_MAX]; /**< "anon" and "file", by node */
    guint64 huge_bytes;               /**< of "anon", on all nodes: mapped as transparent hugepages ("anon_thp") */
    guint64 small_bytes;              /**< and the rest */
} VbNumaStat;

/**
 * Sums a memory.numa_stat.
 * Returns: FALSE if it is no such text, or names a node that cannot be; @ret is then untouched.
 */
gboolean vb_numa_stat_parse(const char *text, VbNumaStat *ret);

/**
 * What the guest's cgroup holds: its RAM but hugetlb, QEMU's own memory, and the files that it reads through the page cache.
 * Cheap, and exact to 64 pages a CPU; the kernel brings it up to date every two seconds. A sign that something changed,
 * not where the RAM is.
 * @cgroup: (nullable): of the process
 * Returns: FALSE if it is not known: no cgroup of its own, cgroup v1
 */
gboolean vb_numa_stat_read(VbKernel *kernel, const char *cgroup, VbNumaStat *ret);

G_END_DECLS

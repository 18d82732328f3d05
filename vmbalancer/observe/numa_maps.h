/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <vmbalancer/topology.h>

G_BEGIN_DECLS

/** A line of /proc/PID/numa_maps: a mapping, known by its start only. */
typedef struct {
    guint64 start;
    guint64 page_size;             /**< kernelpagesize_kB in bytes; 0 if no page is present */
    guint64 bytes[VB_NODES_MAX];   /**< present, by node */
    gboolean huge;                 /**< hugetlb */
    char *policy;                  /**< "default", "bind:0", "prefer", ...; the first word of it */
} VbNumaMapping;

void vb_numa_mapping_free(VbNumaMapping *mapping);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbNumaMapping, vb_numa_mapping_free)

/**
 * Parses the whole text of a numa_maps file (Linux, Documentation/filesystems/proc.rst). Words that
 * it does not know are passed over, so a newer kernel does no harm; a number that is none, does
 * not fit, comes twice or names a node that cannot be is an error. Starts ascend.
 * Returns: (transfer full) (element-type VbNumaMapping), NULL with VB_ERROR_INVALID naming the
 * line.
 */
GPtrArray *vb_numa_maps_parse(const char *text, gsize length, GError **error);

/**
 * Adds up what lies in [@start, @end), which must be whole mappings: one begins at @start.
 * Returns: FALSE if none begins there or a sum does not fit; @by_node is then untouched.
 */
gboolean vb_numa_maps_sum(const GPtrArray *numa_maps, guint64 start, guint64 end,
                          guint64 by_node[VB_NODES_MAX]);

G_END_DECLS

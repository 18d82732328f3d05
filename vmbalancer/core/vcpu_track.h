/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/observation.h"
#include <vmbalancer/plan.h>

G_BEGIN_DECLS

/* A vCPU thread over time: what the model remembers of it beside its last sight. */
typedef struct {
    gboolean run_known;
    guint64 run_ns; /**< counter at the last look */
    int last_cpu;
    guint64 window_ns[VB_NODES_MAX]; /**< run time by node since the window began */
    guint64 ran_ns;                  /**< the same, on unknown CPUs too */
    gint64 elapsed_ns;
    guint access[VB_NODES_MAX]; /**< accesses by node, decayed: half of the old and the new */
    int intent;                 /**< node that the last decision would send it to */
    guint intent_seen;          /**< decisions in a row that would */
} VbVcpuTrack;

/**
 * The thread after another look. Run time since the last look counts for the node of the CPU that
 * the thread was last seen on.
 * @before: (nullable)
 */
VbVcpuTrack vb_vcpu_track_advance(const VbVcpuTrack *before, const VbVcpuSight *sight,
                                  gint64 elapsed_ns, const VbTopology *topology);
/** Run time and demand count from now on. */
void vb_vcpu_track_begin_window(VbVcpuTrack *track);
/** Takes in where its accesses went since the last full look: evenly to all RAM of @cell. */
void vb_vcpu_track_access(VbVcpuTrack *track, const VbCell *cell);
/** A decision would send it to @node, or, with VB_NO_NODE, leave it. */
void vb_vcpu_track_lean(VbVcpuTrack *track, int node);
/** Returns: (transfer full): the vCPU as a snapshot shows it. One that did not run in the window is
 * where it last ran. */
VbVcpu *vb_vcpu_track_show(const VbVcpuTrack *track, const VbVcpuSight *sight,
                           const VbTopology *topology);

G_END_DECLS

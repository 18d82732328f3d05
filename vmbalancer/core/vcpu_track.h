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
    gboolean wait_known;
    guint64 wait_ns;   /**< counter at the last look */
    guint64 waited_ns; /**< since the window began, */
    gint64 wait_elapsed_ns; /**< in so much time */
    guint access[VB_NODES_MAX]; /**< accesses by node, decayed: half of the old and the new */
    gboolean faults_known;      /**< the last look found them */
    guint private_bp;           /**< of those, the share on pages of its own */
    guint cell[VB_CELLS_MAX];   /**< accesses by cell, decayed likewise; all 0: not known */
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
/**
 * Takes in where its accesses went of late, at a full look at @guest. Where the kernel's NUMA faults
 * tell (POLICIES), these are taken as they are: the kernel itself halves them at each of its scans
 * and adds the new (kernel/sched/fair.c, task_numa_placement), so that to fold them once more would
 * only make them later. They are no counters either, to take differences of. Which cell they went to
 * is not told: those to a node are shared out to the cells by what they have there, and what that
 * comes to is folded by half. Without faults a vCPU uses all RAM of its own cell evenly.
 */
void vb_vcpu_track_access(VbVcpuTrack *track, const VbVcpuSight *sight, const VbGuest *guest);
/** A decision would send it to @node, or, with VB_NO_NODE, leave it. */
void vb_vcpu_track_lean(VbVcpuTrack *track, int node);
/** Returns: (transfer full): the vCPU as a snapshot shows it. One that did not run in the window is
 * where it last ran. */
VbVcpu *vb_vcpu_track_show(const VbVcpuTrack *track, const VbVcpuSight *sight,
                           const VbTopology *topology);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <vmbalancer/snapshot.h>

G_BEGIN_DECLS

/*
 * Everything that one look at the host saw, raw: counters, not rates. Folding it into the model is
 * pure, so a recorded stream of observations replays bit for bit.
 */

/** A vCPU thread at one look. */
typedef struct {
    guint id;
    int tid;                 /**< 0 if the thread could not be found */
    gboolean run_known;
    guint64 run_ns;          /**< time on a CPU since the thread began (schedstat) */
    gboolean wait_known;
    guint64 wait_ns;         /**< time that it was ready but waited for a CPU since it began (schedstat) */
    int last_cpu;            /**< CPU that it last ran on; -1 if unknown */
    gboolean affinity_known;
    VbCpuSet affinity;
    int cell;                /**< index into the guest's cells */
    gboolean faults_known;   /**< full looks, where the kernel balances: its NUMA faults, in pages, */
    guint64 private_faults[VB_NODES_MAX]; /**< by node, on pages that it alone touched */
    guint64 shared_faults[VB_NODES_MAX];  /**< and on pages that others touched too; both decayed */
} VbVcpuSight;

/** A guest at one look. */
typedef struct {
    VbGuest *facts;          /**< all but its vcpus (left empty) and its state (homes, counts) */
    GPtrArray *vcpus;        /**< (element-type VbVcpuSight) */
    gboolean held_known;     /**< full looks, cgroup v2: */
    guint64 held_bytes[VB_NODES_MAX]; /**< what its cgroup holds (anon and file), by node */
    guint64 huge_bytes;      /**< of what is anon there: in transparent hugepages, */
    guint64 small_bytes;     /**< and the rest; neither is recorded */
    gint64 asked_ns;         /**< full looks: when its pages were asked for; 0 if they were not. Before this
                                  look's time: nothing was seen to change since */
    gboolean asked_held_known; /**< @held_bytes as it was then: */
    guint64 asked_held_bytes[VB_NODES_MAX];
    gint64 unmapped_ns;      /**< full looks: when it was asked of the first of its cells what is there but not mapped; 0 if it
                                  was not. Not in a recording */
    char *notes;             /**< what of its wishes does not count, and why; NULL if all does */
} VbGuestSight;

/** How much a look took in. */
typedef enum {
    VB_LOOK_THREADS,         /**< only the vCPU threads' counters; all else as before */
    VB_LOOK_FULL,
} VbLookDepth;

/** Does this kernel tell of NUMA faults? Whether it counts them now is @kernel_balancing. */
typedef enum {
    VB_FAULTS_UNASKED,
    VB_FAULTS_TOLD,
    VB_FAULTS_NO_FILE,   /**< there are no sched files, or they may not be read */
    VB_FAULTS_NO_COUNTS, /**< they have no such counts */
    VB_FAULTS_STRANGE,   /**< they have, but not in a way that is known */
} VbFaultsProbe;

/** A look at the host. */
typedef struct {
    gint64 time_ns;          /**< monotonic */
    VbLookDepth depth;
    VbTopology topology;     /**< full looks */
    guint64 reserve_bytes[VB_NODES_MAX];
    char *rival;             /**< another balancer that runs, e.g. "numad"; NULL if none */
    gboolean kernel_balancing;
    VbFaultsProbe faults;
    char *thp;               /**< "always", "madvise", "never"; NULL if unknown */
    GPtrArray *guests;       /**< (element-type VbGuestSight) */
} VbObservation;

VbVcpuSight *vb_vcpu_sight_new(void);
void vb_vcpu_sight_free(VbVcpuSight *sight);
/** A sight with empty facts. */
VbGuestSight *vb_guest_sight_new(void);
void vb_guest_sight_free(VbGuestSight *sight);
VbObservation *vb_observation_new(VbLookDepth depth);
void vb_observation_free(VbObservation *observation);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbVcpuSight, vb_vcpu_sight_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbGuestSight, vb_guest_sight_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbObservation, vb_observation_free)

G_END_DECLS

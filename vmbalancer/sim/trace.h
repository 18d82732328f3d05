/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <vmbalancer/topology.h>

G_BEGIN_DECLS

/*
 * What became of a simulated host: the truth of it every few seconds, not what looks showed.
 * Scores are made of it (the league), and plots.
 */

/** In VbTraceGuest.local_bp: the guest was not there, or made no access. */
#define VB_TRACE_ABSENT G_MAXUINT16

/** Ground truth at one moment; they are as often whoever keeps the guests. Sums are since the run began. */
typedef struct {
    gint64 time_ns;     /**< since the run began */
    guint64 accesses;   /**< memory accesses made */
    guint64 local;      /**< those of them to the vCPU's own node */
    guint worst_bp;     /**< local share since the moment before, of the guest where it was least; 10000 if none ran */
    guint64 wanted_ns;  /**< CPU time that vCPUs asked for */
    guint64 given_ns;   /**< that they got */
    guint64 work_ns;    /**< what they got done in it, in ns of a CPU with all memory local and unloaded: slowdown = wanted / work */
    guint64 moved_bytes;
    guint moves;        /**< trips of guests that moved pages */
    guint pins;         /**< trips that changed pins */
    guint ping_pongs;   /**< trips that brought a cell's pages, or a vCPU, back to a node that a trip took them
                             from less than 5 minutes before */
} VbMoment;

/** A guest, from its arrival on this host to its end here. */
typedef struct {
    char *name;
    char *uuid;
    gint64 arrived_ns;
    gint64 left_ns;              /**< -1: it stayed */
    guint64 begin[VB_NODES_MAX]; /**< bytes by node as it arrived */
    guint64 end[VB_NODES_MAX];   /**< the same as it left, or as the run ended */
    GArray *local_bp;            /**< (element-type guint16) by moment: local share since the moment before,
                                      or VB_TRACE_ABSENT; NULL without VB_TRACE_GUESTS */
} VbTraceGuest;

typedef struct {
    char *scenario;
    char *policy;
    guint64 seed;
    guint nodes;                 /**< of the host */
    guint64 ticks;               /**< how often the daemon looked at all guests and decided */
    GArray *moments;             /**< (element-type VbMoment), ascending in time */
    GPtrArray *guests;           /**< (element-type VbTraceGuest), by arrival, then UUID */
} VbTrace;

/** How much a trace keeps. */
typedef enum {
    VB_TRACE_MOMENTS, /**< the host's sums alone */
    VB_TRACE_GUESTS,  /**< each guest's locality over time, too */
} VbTraceDetail;

/** @scenario, @policy: copied */
VbTrace *vb_trace_new(const char *scenario, const char *policy, guint64 seed, guint nodes);
void vb_trace_free(VbTrace *trace);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbTrace, vb_trace_free)

/** Adds a guest. Returns: (transfer none) */
VbTraceGuest *vb_trace_add_guest(VbTrace *trace, const char *name, const char *uuid,
                                 gint64 arrived_ns, VbTraceDetail detail);
/** Returns: (transfer none): the last moment, NULL if there is none. */
const VbMoment *vb_trace_last(const VbTrace *trace);

G_END_DECLS

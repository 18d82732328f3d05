/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sim/dice.h"
#include "sim/world.h"

G_BEGIN_DECLS

/** RAM that is used alike. Sums are over the nodes. */
typedef struct {
    guint64 size_bytes;
    guint64 present_bytes;
    guint64 by_node[VB_NODES_MAX];
    guint64 stuck[VB_NODES_MAX]; /**< of by_node: does not move */
} VbPart;

typedef struct {
    int node;                /**< where it runs */
    guint cell;
    VbPart own;
    VbCpuSet affinity;
    VbNodeSet allowed;       /**< the nodes of that */
    guint64 run_ns;          /**< since it began */
    guint64 wait_ns;         /**< for a CPU, since it began */
    guint64 wanted_ns;       /**< in this step */
    guint64 given_ns;
    guint64 due_bytes;       /**< to be touched by its phase */
    guint32 spread[VB_NODES_MAX]; /**< of its accesses, of VB_WORLD_ALL; all 0 if it makes none */
    guint32 memory_bp;       /**< of its phase */
    gint64 left_ns[VB_NODES_MAX]; /**< when a pin took it from a node; 0 = never */
} VbWorldVcpu;

typedef struct {
    VbPart shared;
    guint64 page_size;
    gint64 left_ns[VB_NODES_MAX]; /**< when a move took pages from a node; 0 = never */
} VbWorldCell;

/** A static placement, see vb_world_seat(). */
typedef struct {
    int *vcpus;
    VbNodeSet *cells;
} VbWorldSeat;

typedef struct {
    const VbScenarioGuest *plot;
    guint number;
    char *uuid;
    gboolean here;
    gboolean was_here;
    gboolean busy;           /**< about to leave by migration */
    gboolean ours;           /**< a plan pinned it */
    GArray *vcpus;           /**< (element-type VbWorldVcpu) */
    GArray *cells;           /**< (element-type VbWorldCell) */
    VbCpuSet emulator;       /**< affinity of its one other thread */
    guint64 accesses;        /**< since the last moment */
    guint64 local;
    VbWorldSeat seat;
    VbTraceGuest *trace;
} VbWorldGuest;

/** What is being done to a guest. */
typedef struct {
    VbWorldGuest *guest;
    VbPlan *plan;
    guint action;            /**< that is under way */
    gboolean begun;          /**< and has begun */
    gint64 credit_ns;        /**< time that has passed, and was not yet used for anything */
    guint64 credit_bytes;    /**< that the rate allows by now */
    guint64 left_bytes;      /**< of it, to be tried */
    guint64 moved_bytes;
    guint64 stuck_bytes;     /**< that would not move */
    gint64 since_ns;         /**< when the action began; 0: it has not set out yet */
    guint64 rate_bytes_per_s;
    guint64 reserve_bytes[VB_NODES_MAX];
    gboolean moved;          /**< pages, at all */
    gboolean pinned, ping_pong;
    GPtrArray *outcomes;
} VbWorldTrip;

struct VbWorld {
    const VbScenario *scenario;
    guint64 seed;
    gint64 now_ns;
    guint64 step;            /**< since the run began */
    VbTopology topology;     /**< free memory and pools as they are now */
    GPtrArray *guests;       /**< (element-type VbWorldGuest), as in the scenario */
    GPtrArray *trips;        /**< (element-type VbWorldTrip) */
    GArray *news;            /**< (element-type VbNews) */
    GPtrArray *outcomes;     /**< of the news: (element-type GPtrArray) */
    VbMoment sums;
    VbTrace *trace;
    VbTraceDetail detail;
};

/** The whole, for fractions that basis points are too coarse for. */
#define VB_WORLD_ALL (1u << 20)

/** How vCPU @i of @guest counts for dice. */
#define VB_WORLD_WHO(guest, i) (((guint64)(guest)->number << 16) | (i))

static inline VbWorldGuest *
vb_world_guest(const VbWorld *world, guint number)
{
    return g_ptr_array_index(world->guests, number);
}

static inline VbWorldVcpu *
vb_world_vcpu(const VbWorldGuest *guest, guint i)
{
    return &g_array_index(guest->vcpus, VbWorldVcpu, i);
}

static inline VbWorldCell *
vb_world_cell(const VbWorldGuest *guest, guint i)
{
    return &g_array_index(guest->cells, VbWorldCell, i);
}

G_END_DECLS

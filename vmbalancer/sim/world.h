/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/observation.h"
#include "sim/scenario.h"
#include "sim/trace.h"
#include <vmbalancer/plan.h>

G_BEGIN_DECLS

/*
 * A made-up host that lives: the truth, of which looks show what the daemon could see. All in integers, in
 * steps of VB_WORLD_STEP_NS; the same scenario, seed and calls give the same world.
 *
 * What it takes for granted:
 * - CPUs. The kernel keeps a thread on its node and knows nothing of memory. Once a second it takes one
 *   vCPU from the node with the most CPU time wanted per CPU to the one with the least, if pins allow it,
 *   it evens them out, and the first is overloaded or has a quarter of its CPUs (two at least) less
 *   to spare. A vCPU that no pin holds drifts elsewhere now and then (drift_per_hour). Inside a node the
 *   load is even: who wants more than there is gets its part of it.
 * - RAM. A cell is a part that its vCPUs share and one for each of them ("own"). What is touched first lies
 *   on the node of who touches it; where that is full on the nearest that is not; where all are, it is
 *   not touched. A node keeps VB_WORLD_FREE_BYTES. Nothing but a plan moves RAM afterwards.
 * - Speed. A vCPU waits for memory for a share m of its time when all is local and unloaded. With its
 *   accesses spread as s(k) over the nodes, its time stretches by (1 - m) + m x sum of s(k) x
 *   distance(k) / 10 x load(k); load(k) is what all want of k's bandwidth over four fifths of it, at
 *   least 1. A vCPU that waits for nothing else makes VB_WORLD_ACCESSES_PER_US of 64 bytes.
 * - Moves. A pin takes effect at the end of its time ("pin_ms", none if not said). Pages move at the least of the mover's and the configured rate, one
 *   action of a trip after the other, the parts of a cell in proportion. Some do not move ("unmovable"), of
 *   others some are busy ("busy_pages"). A trip is refused whole if its target lacks the room.
 * - Looks. They show what is there at that moment; the daemon has a full one "look_ms" later. CPU counters are exact. Residency shares are off by up to half of the stated error.
 */
typedef struct VbWorld VbWorld;

#define VB_WORLD_STEP_NS G_GINT64_CONSTANT(250000000)
#define VB_WORLD_FREE_BYTES (G_GUINT64_CONSTANT(64) << 20)
#define VB_WORLD_ACCESSES_PER_US 100
#define VB_WORLD_PING_PONG_NS (300 * G_GINT64_CONSTANT(1000000000))

/** What happened in a step that libvirt would tell of. */
typedef enum {
    VB_NEWS_STARTED,
    VB_NEWS_MIGRATED_IN,
    VB_NEWS_MIGRATING,   /**< it is about to leave: must be left alone */
    VB_NEWS_STOPPED,
    VB_NEWS_LANDED,      /**< a trip is over */
} VbNewsKind;

typedef struct {
    VbNewsKind kind;
    guint guest;         /**< its number in the scenario */
    GPtrArray *outcomes; /**< landed: (element-type VbOutcome), the world's */
    gboolean failed;     /**< landed: something of it did not go as it should */
} VbNews;

/** @scenario: must outlive the world */
VbWorld *vb_world_new(const VbScenario *scenario, guint64 seed, VbTrace *trace,
                      VbTraceDetail detail);
void vb_world_free(VbWorld *world);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbWorld, vb_world_free)

/**
 * A static placement of a guest, before the world begins: it comes with its vCPUs pinned and its RAM bound
 * like this, and what it touches later lies there, too.
 * @vcpus: a node for each vCPU
 * @cells: a set of nodes for each cell, not empty; its RAM lies on them evenly, but what a vCPU has for
 * itself lies where that runs, if it is one of them
 */
void vb_world_seat(VbWorld *world, guint guest, const int *vcpus, const VbNodeSet *cells);

/** Who is there from the beginning comes. */
void vb_world_begin(VbWorld *world);
/** Lets a step pass. Returns: (transfer none) (element-type VbNews): what happened, until the next step */
const GArray *vb_world_step(VbWorld *world);
/** Writes a moment into the trace: what happened since the last one. */
void vb_world_note(VbWorld *world);
/** The run is over: the guests' ends are written into the trace. */
void vb_world_end(VbWorld *world);

/** Clock of looks and outcomes, ns; the run begins at VB_WORLD_BEGIN_NS. */
gint64 vb_world_now_ns(const VbWorld *world);
#define VB_WORLD_BEGIN_NS (1000 * G_GINT64_CONSTANT(1000000000))
/** UUID of a guest. */
const char *vb_world_uuid(const VbWorld *world, guint guest);

/** Looks as the daemon's observer does. @uuid: (nullable): of the one guest. Returns: (transfer full) */
VbObservation *vb_world_look(VbWorld *world, VbLookDepth depth, const char *uuid);
/** A guest's trip begins; VB_NEWS_LANDED ends it. @plan: its actions, copied */
void vb_world_depart(VbWorld *world, const char *uuid, const VbPlan *plan, guint64 rate_bytes_per_s,
                     const guint64 *reserve_bytes);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sim/world_private.h"

G_BEGIN_DECLS

/* What the world's parts ask of each other. */

/* world_cpu.c: where threads run */

/** The kernel's choice for a thread that begins: the allowed node with the most CPU time to spare. */
int vb_world_spread(VbWorld *world, VbNodeSet allowed, guint64 who);
/** Pins a vCPU, or frees it. */
void vb_world_bind(VbWorld *world, VbWorldGuest *guest, guint vcpu, const VbCpuSet *cpus);
/** Lets the kernel's scheduler think, and shares out the CPUs for a step. */
void vb_world_schedule(VbWorld *world);
/** What a guest does now, NULL if it is not there. */
const VbPhase *vb_world_phase(const VbWorld *world, const VbWorldGuest *guest);

/* world_memory.c: where RAM lies */

/** Bytes of that page size that a node could still take. */
guint64 vb_world_room(const VbWorld *world, int node, guint64 page_size);
/** Takes (or with a negative count gives back) bytes of a node's memory or pool. */
void vb_world_take(VbWorld *world, int node, guint64 page_size, gint64 bytes);
/** Touches up to @bytes more of @part for the first time from @node. Returns: how many it got. */
guint64 vb_world_touch(VbWorld *world, VbWorldGuest *guest, VbPart *part, int node, guint64 bytes);
/** The same, on just that node, as far as there is room. */
guint64 vb_world_place(VbWorld *world, VbWorldGuest *guest, VbPart *part, int node, guint64 bytes);
/** Bytes that the cell has on @node, with its vCPUs' own parts; stuck ones alone if @stuck. */
guint64 vb_world_on(const VbWorldGuest *guest, guint cell, int node, gboolean stuck);
/** Each vCPU that ran touches what its phase says. */
void vb_world_grow(VbWorld *world);
/** Gives all back. */
void vb_world_drop(VbWorld *world, VbWorldGuest *guest);

/* world_speed.c: what threads get done */

/** Accesses and work of a step, by where threads ran and RAM lies. */
void vb_world_work(VbWorld *world);

/* world_trip.c: what plans do */

/** Goes on with all trips for a step. */
void vb_world_travel(VbWorld *world);
/** Ends the trip of a guest that is going. */
void vb_world_call_off(VbWorld *world, const VbWorldGuest *guest, const char *reason);
void vb_world_trip_free(gpointer trip);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/observation.h"
#include <vmbalancer/plan.h>

G_BEGIN_DECLS

/*
 * Builds small worlds for tests: hosts and guests in a line each. What a test does not mention is
 * plain: nodes are empty, guests run, are free, selected, and everything about them is known.
 */

#define MIB (G_GUINT64_CONSTANT(1) << 20)
#define GIB (G_GUINT64_CONSTANT(1) << 30)
#define SECOND G_GINT64_CONSTANT(1000000000)

/** The canonical UUID of the @n-th guest; they sort as the numbers do. Returns: (transfer full). */
char *world_uuid(guint n);

/**
 * Nodes 0..@nodes-1 of @cpus CPUs each, ascending, and @memory bytes, all free; every distance 21;
 * reserves of none.
 */
VbTopology *world_topology(guint nodes, guint cpus, guint64 memory);
/** A snapshot of such a host without guests, at second 1,000. */
VbSnapshot *world_host(guint nodes, guint cpus, guint64 memory);
/** Sets all distances: rows apart by ':', as in "10,21:21,10". */
void world_distances(VbTopology *topology, const char *rows);
/** Renames node @from to the free id @to, as hosts with sparse ids have them. */
void world_rename_node(VbTopology *topology, int from, int to);
/** Gives a node a pool of @total pages of @page_size, of which @free are free. */
void world_pool(VbTopology *topology, int node, guint64 page_size, guint64 total, guint64 free);

/**
 * Adds a guest with one cell and a vCPU for each node of @ran ("0,0,1" ran on nodes 0, 0 and 1),
 * fully busy and free to run anywhere; its UUID is world_uuid() of how many guests there were.
 */
VbGuest *world_guest(VbSnapshot *snapshot, const char *name, const char *ran);
/** The same outside of a snapshot: @n is the number for the UUID. */
VbGuest *world_guest_new(const VbTopology *topology, guint n, const char *name, const char *ran);
/** Adds a cell (the next id) with nothing present. */
VbCell *world_cell(VbGuest *guest);
/** Puts @bytes more of the guest's @cell-th cell on @node. The host's free memory stays. */
void world_put(VbGuest *guest, guint cell, int node, guint64 bytes);
/** As world_put(), and takes it from the host's free memory. */
void world_fill(VbSnapshot *snapshot, VbGuest *guest, guint cell, int node, guint64 bytes);
VbCell *world_cell_of(const VbGuest *guest, guint cell);
VbVcpu *world_vcpu_of(const VbGuest *guest, guint vcpu);
/** The guest's home is @node and all its threads are pinned there. */
void world_settle(const VbTopology *topology, VbGuest *guest, int node);

/** A look at a host of that shape. */
VbObservation *world_look(VbLookDepth depth, gint64 time_ns, const VbTopology *topology);
/** Adds a sight of the guest @n, PID 100 + @n, of one cell of which nothing is present. */
VbGuestSight *world_sight(VbObservation *look, guint n);
/** Adds a vCPU thread to a sight: it ran for @run_ns so far and was last seen on @cpu. */
VbVcpuSight *world_thread(VbGuestSight *sight, guint id, guint64 run_ns, int cpu);

/** "move 0: 1>0 512M; pin vcpu0 >0", sorted by text: what a plan does to @guest. (transfer full) */
char *world_describe(const VbPlan *plan, const VbGuest *guest);

G_END_DECLS

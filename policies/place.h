/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <vmbalancer/policy.h>

G_BEGIN_DECLS

/* What policies that bring a whole guest to one node share. */

/** What a guest costs a node's memory if it came there: bytes of small pages, and hugepages by pool. */
typedef struct {
    guint64 small_bytes;
    guint64 pool_bytes[VB_POOLS_MAX]; /**< by the target node's pools */
    gboolean no_pool;                 /**< the node has no pool of a page size that it needs */
} VbArrival;

/** The CPUs of @node that @guest may be pinned to. */
VbCpuSet vb_place_cpus(const VbTopology *topology, const VbGuest *guest, int node);
/** Movable bytes of @guest that are not on @node. */
guint64 vb_place_bytes_off(const VbGuest *guest, int node);
/** What would have to arrive on @node. */
VbArrival vb_place_arrival(const VbGuest *guest, const VbTopology *topology, int node);
/** TRUE if @node takes that and keeps its reserve. @topology carries what is free now. */
gboolean vb_place_fits(const VbSnapshot *snapshot, const VbTopology *topology,
                       const VbGuest *guest, int node);
/** Books the guest's arrival on @node and its leaving of the others in @topology. */
void vb_place_book(VbTopology *topology, const VbGuest *guest, int node);
/**
 * Adds what brings @guest to @node: pins of threads that may run elsewhere, then moves of cells that
 * have more than @tolerance_bp of their RAM elsewhere.
 * Returns: how many actions.
 */
guint vb_place_guest(VbPlan *plan, const VbSnapshot *snapshot, const VbGuest *guest, int node,
                     guint tolerance_bp, const char *reason);

G_END_DECLS

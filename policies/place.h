/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <vmbalancer/policy.h>

G_BEGIN_DECLS

/*
 * What policies that bring a whole guest to one node share. A cell that has no more than
 * @tolerance_bp of its RAM elsewhere is left as it is. Of pages that stayed when they were to move it is
 * known where they are, of others that cannot move the sum only: those away from the home are taken for unmovable first, so that who moves the rest is
 * done, and does not find it easier to come back than it was to go.
 */

/** What a guest costs a node's memory if it came there: small pages, and hugepages by pool. */
typedef struct {
    guint64 small_bytes;
    guint64 pool_pages[VB_POOLS_MAX]; /**< by the target node's pools */
    gboolean no_pool;                 /**< the node has no pool of a page size that it needs */
} VbArrival;

/** The node where a vCPU ran most; VB_NO_NODE if that is unknown. */
int vb_place_main_node(const VbVcpu *vcpu);
/** The CPUs of @node that @guest may be pinned to. */
VbCpuSet vb_place_cpus(const VbTopology *topology, const VbGuest *guest, int node);
/**
 * Distance beyond local from @node to the host devices that serve @guest, in hundredths, the mean of all
 * whose node is known; 0 if none is.
 */
gint64 vb_place_device_distance(const VbTopology *topology, const VbGuest *guest, int node);
/** Bytes of @cell on @node that are not known to have stayed there when they were to move. */
guint64 vb_place_loose(const VbCell *cell, int node);
/** Bytes of @cell that cannot move, but of which it is not known where they are. */
guint64 vb_place_fixed(const VbCell *cell);
/** Bytes of @cell that would move to @node. */
guint64 vb_place_cell_bytes(const VbCell *cell, int node, guint tolerance_bp);
/** Bytes of all of @guest's cells that would move to @node. */
guint64 vb_place_bytes(const VbGuest *guest, int node, guint tolerance_bp);
/** What would have to arrive on @node. */
VbArrival vb_place_arrival(const VbGuest *guest, const VbTopology *topology, int node,
                           guint tolerance_bp);
/** TRUE if @node takes that and keeps its reserve. @topology carries what is free now. */
gboolean vb_place_fits(const VbSnapshot *snapshot, const VbTopology *topology,
                       const VbGuest *guest, int node, guint tolerance_bp);
/** Declines the guest for want of @pages on @node, where @free of @pool's are left. */
void vb_place_decline_pool(VbPlan *plan, const VbGuest *guest, int node, const VbHugePool *pool,
                           guint64 free, guint64 pages);
/** Books the guest's arrival on @node and its leaving of the others in @topology. */
void vb_place_book(VbTopology *topology, const VbGuest *guest, int node, guint tolerance_bp);
/** Takes such a booking back. */
void vb_place_unbook(VbTopology *topology, const VbGuest *guest, int node, guint tolerance_bp);
/**
 * The guest's locality once it is on @node: as vb_guest_locality().
 */
gboolean vb_place_locality(const VbGuest *guest, int node, guint tolerance_bp,
                           guint *ret_locality_bp);
/**
 * Adds what brings @guest to @node: pins of threads that may run elsewhere, then moves of cells. A
 * thread whose affinity could not be read is pinned only if that home is new to the guest, or if it
 * was seen to run elsewhere.
 * Returns: how many actions.
 */
guint vb_place_guest(VbPlan *plan, const VbSnapshot *snapshot, const VbGuest *guest, int node,
                     guint tolerance_bp, const char *reason);

G_END_DECLS

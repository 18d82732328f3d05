/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "balance.h"

G_BEGIN_DECLS

/*
 * Guests, or cells of their own, that no node holds: that have more vCPUs than any node has CPUs, or more RAM than
 * it has. They lie on several nodes, the fewest that hold them: on each vCPUs by the
 * CPUs that it has, a range in the order of their ids, and RAM by its vCPUs. The party of such a one has a
 * spread with each node as its centre where others have that node; which is the closest is left to
 * what they cost. `interleave` asks for the same of a guest without cells that one node would hold.
 */

/** Parts of a guest by node, by the nodes' numbers in the balance. */
struct VbSpread {
    guint64 set;                 /**< bit i: node i has a part; 0: it cannot be so, or is as of another centre */
    guint64 seats;               /**< bit i: node i has vCPUs */
    guint64 vcpus[VB_NODES_MAX];
    guint first[VB_NODES_MAX];   /**< of these, in the order of their ids; ranges go where most of them run */
    gint64 demand_bp[VB_NODES_MAX]; /**< of these */
    guint64 pages[VB_NODES_MAX]; /**< of RAM, where it is to lie; all 0: it is left where it is */
};

/** What is to go from node @from to node @to, both by number. */
typedef void (*VbSpreadFlow)(guint from, guint to, gint64 bytes, gpointer data);

/** The sum of what @amounts has for the nodes of @set. */
guint64 vb_spread_sum(const guint64 *amounts, guint64 set);
/**
 * Which nodes, and how many vCPUs and pages on each: all of vb_spread_all() but which vCPUs these are.
 * Returns: (transfer full) (nullable): as that
 */
VbSpread *vb_spread_part(const VbBalance *balance, const VbParty *party);
/**
 * The spreads of a party whose kin, cell, demand, vCPUs and CPUs are set.
 * Of a guest that has touched nothing yet all that it may touch counts, and one that is spread keeps as many nodes as
 * that asks for.
 * Returns: (transfer full) (nullable): one a node, by number; NULL if one node holds it, all together do not,
 * or where its RAM is is not known
 */
VbSpread *vb_spread_all(const VbBalance *balance, const VbParty *party);
/**
 * The centre of the spread that its vCPUs have already, those held or at home; of several that with most of its RAM.
 * Returns: -1 if they have none
 */
int vb_spread_origin(const VbBalance *balance, const VbParty *party);
/**
 * What has to leave and to arrive, in bytes by node, for RAM to lie as that spread has it.
 * Returns: the sum; 0 and nothing is written if no more is out of place than @tolerance_bp of it, the
 * error of the look and 2 MiB, by which a move may miss
 */
guint64 vb_spread_shift(const VbBalance *balance, const VbParty *party, guint centre,
                        guint tolerance_bp, gint64 *from, gint64 *to);
/**
 * The cost of @weight_bp of accesses with the RAM as @then has it, if they were made from where RAM
 * should lie. Which vCPU uses which RAM is not known of a guest without cells: half of them go to
 * the nearest RAM that there is enough of for all (the earth mover's distance, by nearest pairs), half to all
 * of it alike. RAM that nobody touched yet counts as if it lay where it should. So RAM that lies as it should costs least, and less on nodes that are close.
 */
gint64 vb_spread_access(const VbBalance *balance, const VbParty *party, guint centre,
                        const VbCell *then, gint64 weight_bp);
/** Calls @found for all that moves if @party sits so, from the nearest pairs of nodes on. */
void vb_spread_flows(const VbBalance *balance, const VbParty *party, int way, VbSpreadFlow found,
                     gpointer data);
/** CPU time that @party, wide or not, asks of @node, if it sits so. */
gint64 vb_way_demand(const VbParty *party, int way, guint node);
/** Bit i: it would have vCPUs on node i. */
guint64 vb_way_nodes(const VbParty *party, int way);
/**
 * The nodes, by id, to which @party's seat brings the vCPUs of its guest.
 * Returns: (transfer full): by index of the vCPU; VB_NO_NODE for those of other parties
 */
int *vb_balance_seats(const VbBalance *balance, const VbParty *party);

G_END_DECLS

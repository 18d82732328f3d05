/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "space.h"

G_BEGIN_DECLS

/*
 * What policies share that place vCPUs one by one: who runs where, what each node is asked for, and
 * the plan that it comes to. vCPUs of guests that are not decided on are load that stays.
 */

/** A vCPU that may be sent elsewhere. */
typedef struct {
    const VbGuest *guest;
    const VbVcpu *vcpu;
    guint index;        /**< of it in the guest */
    const VbCell *cell; /**< that it uses */
    VbNodeSet allowed;  /**< nodes that it may be sent to */
    gint64 demand_bp;
    int from;      /**< where it ran most; VB_NO_NODE if it may not stay there */
    gboolean held; /**< it can run on @from only */
    int node;      /**< where it is to run; VB_NO_NODE: it stays as it is */
} VbSeated;

typedef struct {
    const VbPolicy *policy;
    const VbSnapshot *snapshot;
    VbPlan *plan;
    GArray *seated;               /**< (element-type VbSeated), by UUID and vCPU */
    gint64 load_bp[VB_NODES_MAX]; /**< CPU time asked of each node, the seated included */
} VbSeating;

/**
 * Everybody is where they run. Guests in their cooldown are declined for it.
 * @cooldown: name of the policy's parameter
 */
VbSeating *vb_seating_new(const VbPolicy *policy, const VbSnapshot *snapshot, const char *cooldown,
                          VbPlan *plan);
void vb_seating_free(VbSeating *seating);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbSeating, vb_seating_free)

/** Where it will run: where it is sent to, else where it ran; or VB_NO_NODE. */
int vb_seated_node(const VbSeated *seated);
VbSeated *vb_seating_at(const VbSeating *seating, guint index);
/** Sends a vCPU to @node. */
void vb_seating_send(VbSeating *seating, VbSeated *seated, int node);
/**
 * TRUE if @node has a CPU for each vCPU of that guest and CPU time for all, with @seated there and
 * @leaving (nullable) where @seated is.
 */
gboolean vb_seating_has_room(const VbSeating *seating, const VbSeated *seated, int node,
                             const VbSeated *leaving);

/** Lets one look for a better place. Returns: TRUE if it, or one in exchange, was sent elsewhere. */
typedef gboolean (*VbSeatingStep)(VbSeating *seating, VbSeated *seated);
/**
 * Asks each in turn until nobody finds a better place. What each gains should keep a policy's steps
 * from going round in circles; that one which errs ends, too, it asks 64 times at most.
 */
void vb_seating_settle(VbSeating *seating, VbSeatingStep step);

/** How RAM follows vCPUs. */
typedef struct {
    const char
        *confirm; /**< parameter: looks in a row that must find RAM remote; NULL: it never moves */
    const char *tolerance; /**< parameter: share of a cell, in bp, that may lie elsewhere */
    const char *reason;    /**< why vCPUs are sent where they are, in words */
} VbFollow;

/**
 * Adds what brings each vCPU where it is to run, and RAM that lies where no vCPU of its cell runs
 * to where they do, in proportion to their demand, as far as there is room. A guest that is changed
 * gets all its vCPUs pinned.
 */
void vb_seating_emit(VbSeating *seating, const VbFollow *follow);

G_END_DECLS

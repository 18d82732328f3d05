/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <vmbalancer/policy.h>

G_BEGIN_DECLS

/*
 * The host as `balance` weighs it: parties that are to be seated, what each way of seating one costs,
 * and what is taken so far. Costs are in sixteenths of a basis point of a CPU times SLIT distance
 * beyond local. Nodes are numbered from 0 here, in the order of their ids.
 */

/** A party that has no seat yet, or got up. */
#define VB_BALANCE_UP (-1)
/** Comparisons of two guests before a search gives up: some milliseconds. */
#define VB_BALANCE_PATIENCE 10000
/** What a barred way costs on top: more than all else together. */
#define VB_BALANCE_BARRED (G_GINT64_CONSTANT(1) << 48)
#define VB_BALANCE_UNIT 16 /**< a unit of distance in costs */
typedef struct VbSpread VbSpread; /**< see balance_wide.h */

/** A part of something that lies on several nodes. */
typedef struct {
    guint node;
    gint64 amount;
} VbPortion;

/** To live on a node, with its RAM brought there or left where it is. */
typedef struct {
    gboolean open;     /**< it may be seated so */
    gboolean shut;     /**< it could not be gone to in any order */
    gboolean barred;   /**< the RAM that is to come along would stay outside of the boundary */
    gint64 own;        /**< cost that rests on nobody else: access, bytes, leaving */
    gint64 access;     /**< of it: the distance of its accesses */
    guint64 bytes;     /**< that move */
    guint flow, flows; /**< first and number of portions: its accesses by node of RAM, in bp */
    guint from, froms, to, tos; /**< the same: bytes by node that they leave, and that they come to */
} VbWay;

/** The vCPUs of one guest cell, and its RAM: they are seated together. */
typedef struct {
    const VbGuest *guest;
    const VbCell *cell;
    guint index;        /**< of the cell in the guest */
    guint first, end;   /**< parties of the same guest */
    guint vcpus;
    gint64 demand_bp;
    gint64 weight_bp;   /**< what its accesses count: its demand, or all its vCPUs if it is asked for */
    int origin;         /**< node that it is held to, or its home; -1: none */
    guint64 lies;       /**< bit i: some of its RAM is on node i */
    guint *cpus;        /**< one a node: CPUs that the guest may be pinned to */
    VbWay *ways;        /**< two a node: RAM left, RAM brought */
    VbSpread *spreads;  /**< one a node, if none holds it: what its ways mean then; else NULL */
    int way;            /**< its seat; VB_BALANCE_UP */
    gboolean out;       /**< its guest fits nowhere: it stays as it is */
    gboolean held;      /**< the search leaves it where it sits */
} VbParty;

typedef struct {
    int id;
    gint64 cpu_bp;      /**< CPU time that it has */
    gint64 flow_bp;     /**< accesses that its RAM serves at full speed */
    gint64 load, flow;  /**< what is asked of both so far */
    gint64 before;      /**< the load as it is now */
    gint64 reserve, least, free, arrived;
    gint64 pool[VB_POOLS_MAX]; /**< free pages */
} VbBench;

typedef struct {
    const VbPolicy *policy;
    const VbSnapshot *snapshot;
    VbPlan *plan;
    gint64 overload, bandwidth, closeness; /**< parameters */
    guint nodes;
    VbBench bench[VB_NODES_MAX];
    int number[VB_NODES_MAX]; /**< of a node id */
    GArray *portions;         /**< (element-type VbPortion) */
    GArray *parties;          /**< (element-type VbParty), by UUID and cell id */
    guint patience;           /**< comparisons that the search may still make */
} VbBalance;

/** Everybody who may be placed is a party, and up; the rest of the host is load. */
VbBalance *vb_balance_new(const VbPolicy *policy, const VbSnapshot *snapshot, VbPlan *plan);
void vb_balance_free(VbBalance *balance);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbBalance, vb_balance_free)

/** Makes the ways of a party whose guest, cell, demand, CPUs, spreads and origin are set. */
void vb_balance_open_ways(VbBalance *balance, VbParty *party);
/** Adds (or takes back: @sign -1) what a guest that is no party asks of the host where it is. */
void vb_balance_add_guest(VbBalance *balance, const VbGuest *guest, gint64 sign);
/** What a vCPU counts: the CPU time that it used and waited for; of a sleeping guest a little, so that it has a place. */
gint64 vb_balance_demand(const VbGuest *guest, const VbVcpu *vcpu);
/** The one node that a vCPU is held to, or VB_NO_NODE. */
int vb_balance_holder(const VbTopology *topology, const VbVcpu *vcpu);
VbParty *vb_balance_party(const VbBalance *balance, guint index);
/** SLIT distance beyond local, between nodes by their numbers here; at least 0. */
gint64 vb_balance_beyond(const VbBalance *balance, guint from, guint to);
/** The node of a way, by its number here; or the centre of its spread. */
guint vb_way_node(int way);
/** What all costs grow by if @party, which is up, sits down so. */
gint64 vb_balance_price(const VbBalance *balance, const VbParty *party, int way);
/** TRUE if there are CPUs and memory for that. */
gboolean vb_balance_fits(VbBalance *balance, const VbParty *party, int way);
void vb_balance_sit(VbBalance *balance, VbParty *party, int way);
/** Returns: the way that it sat, to sit down again. */
int vb_balance_rise(VbBalance *balance, VbParty *party);
/** The sum that the search makes small; of the seated. */
gint64 vb_balance_cost(const VbBalance *balance);
/** Books what moves, or takes that back. */
void vb_balance_book(VbBalance *balance, const VbParty *party, int way, gint64 sign);
/** TRUE if the nodes that a party touches keep what they must, with it sitting so. */
gboolean vb_balance_sound(const VbBalance *balance, const VbParty *party, int way);
/** TRUE if all vCPUs of the guest would have a CPU each where @party would sit. */
gboolean vb_balance_has_cpus(const VbBalance *balance, const VbParty *party, int way);
/** Nothing has moved yet. */
void vb_balance_clear_room(VbBalance *balance);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sim/run.h"

G_BEGIN_DECLS

/** Most hosts of a fleet. */
#define VB_FLEET_HOSTS_MAX 1000000

/** What is asked for. */
typedef struct {
    const VbScenario *scenario; /**< of every host, each with chance of its own; or NULL, then: */
    const char *kind;           /**< what each host is made up as, see vb_generate() */
    const char *policy;
    guint64 seed;
    guint hosts;
    guint threads;              /**< that run hosts; one holds one host at a time */
} VbFleetPlan;

/** Sums over the hosts, the same however many threads there were. */
typedef struct {
    guint hosts;
    guint64 guests;
    guint64 ticks;              /**< looks with a decision */
    guint64 accesses, local;    /**< as in VbMoment, from here on */
    guint64 wanted_us, given_us, work_us;
    guint64 moved_bytes;
    guint64 moves, pins, ping_pongs;
    guint by_local[10];         /**< hosts by their local share, from 0 to 10 % up to 90 to 100 % */
    guint worst_bp;             /**< local share of the host that had it worst */
    guint64 worst_seed;         /**< of it: makes the same host again */
} VbFleet;

/**
 * Runs all hosts.
 * Returns: FALSE with the error of the first host, by number, that could not be run; @ret is then untouched
 */
gboolean vb_fleet_run(const VbFleetPlan *plan, VbFleet *ret, GError **error);

G_END_DECLS

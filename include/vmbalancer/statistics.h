/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** Why a guest is placed, as ESXi counts its moves (POLICIES: statistics). */
typedef enum {
    VB_CAUSE_NONE,     /**< nobody said; a decision leaves none so */
    VB_CAUSE_BALANCE,  /**< for the host as a whole: to make room for others, or in exchange with one */
    VB_CAUSE_LOAD,     /**< away from a node whose CPUs or memory are busier than others' */
    VB_CAUSE_LOCALITY, /**< to bring its threads and its RAM together */
    VB_CAUSE_MANUAL,   /**< an administrator asked for it */
    VB_CAUSE_INITIAL,  /**< its first home, as it started */
    VB_CAUSES,         /**< how many there are */
} VbCause;

/** "none", "balance", "load", "locality", "manual", "initial". */
const char *vb_cause_name(VbCause cause);

/**
 * What was seen of a guest's process and done to it since it was first looked at. All zero: nothing.
 * A process that the guest got since (a restart, a migration) starts afresh.
 */
typedef struct {
    gint64 since_ns;         /**< monotonic time of the first look */
    guint64 watched_us;      /**< time over which its locality was known */
    guint64 local_bp_us;     /**< sum over that time of locality x time */
    guint placed[VB_CAUSES]; /**< how often a plan changed something of it, by cause */
    guint64 moved_bytes;
    gint64 moving_ns;        /**< time that its moves took */
} VbStatistics;

/** Pace of its moves, bytes a second; 0 if nothing was moved. */
guint64 vb_statistics_move_rate(const VbStatistics *statistics);

G_END_DECLS

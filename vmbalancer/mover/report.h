/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <vmbalancer/plan.h>

G_BEGIN_DECLS

/** Why a move ended. */
typedef enum {
    VB_MOVE_COMPLETE,   /**< every movable page that was to move is there */
    VB_MOVE_LIMIT,      /**< limit_bytes reached */
    VB_MOVE_NO_SPACE,   /**< the target node (or its hugepage pool) is full */
    VB_MOVE_STUCK,      /**< pages left that do not move after retries (pinned, busy) */
    VB_MOVE_GONE,       /**< the process ended or is another one */
    VB_MOVE_CANCELLED,
    VB_MOVE_DENIED,     /**< the kernel refused: a capability, or the guest's cpuset (or the mover's) lacks the node */
    VB_MOVE_STOPPED,    /**< the guest's process is stopped (SIGSTOP): pages could go, the guest is held */
} VbMoveEnd;

/** How far a move is, or was at its end. */
typedef struct {
    VbMoveEnd end;                /**< final reports only */
    guint64 bytes_moved;          /**< as the kernel says when asked again; may pass limit_bytes by less than 2 MiB */
    guint64 bytes_left;           /**< still off target, movable as far as known; estimated from 4096 pages
                                       where the move has not come to yet */
    guint64 bytes_unmovable;      /**< gave up on these */
    guint64 bytes_shared;         /**< of these: as other processes map them (KSM, helpers) */
    guint64 batches;
    gint64 duration_ns;
    gint64 longest_batch_ns;
    VbRested rested;              /**< of the duration */
} VbMoveReport;

/** Told of a move under way, some times a second. */
typedef void (*VbMoveProgress)(const VbMoveReport *report, gpointer user_data);

G_END_DECLS

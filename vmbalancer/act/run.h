/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "act/broker.h"
#include "act/placement.h"
#include "mover/client.h"
#include <vmbalancer/plan.h>

G_BEGIN_DECLS

/*
 * Plan -> one queue a guest -> outcomes. A guest's actions run in order, pins first, then pages;
 * guests run beside each other on a few workers, each with a mover of its own. A guest is not
 * pinned before its RAM has room where it is to go; where another guest of the plan has to leave
 * first, it waits.
 */

/** How far a running plan is. */
typedef struct {
    guint64 bytes_planned;
    guint64 bytes_moved;
    guint guests_planned;
    guint guests_done;
} VbRunProgress;

/** Moves pages. Real: vb_run_real_moves(); tests put a fake in its place. */
typedef struct {
    gpointer (*open)(GError **error);
    gboolean (*move)(gpointer mover, const VbProcess *process, const VbRange *ranges,
                     guint n_ranges, int target, const VbMoveBudget *budget,
                     VbMoveProgress progress, gpointer user_data, GCancellable *cancellable,
                     VbMoveReport *ret, GError **error);
    void (*close)(gpointer mover);
} VbMoves;

/** Returns: (transfer none): moves through vmbalancer-mover. */
const VbMoves *vb_run_real_moves(void);

/** Whose RAM, which, and how it is mapped. */
typedef struct {
    VbProcess process;
    GArray *ranges;  /**< (element-type VbRange), owned */
    gboolean shared; /**< mapped by other processes too */
} VbMoveSource;

/** What running a plan needs. Callbacks run on worker threads, several at a time. */
typedef struct {
    const VbPlacement *placement;
    const VbMoves *moves;
    guint workers;                  /**< guests at a time, at least 1 */
    guint64 rate_bytes_per_s;       /**< all together; 0 = no limit */
    VbBucket *common;               /**< (nullable): keeps that rate, others' moves too that have it; NULL: each
                                         worker has its part, at work or not */
    guint64 guest_rate_bytes_per_s; /**< each guest; 0 = no limit */
    /** (nullable): a guest's own rate, in place of that. FALSE: it has none; @ret is untouched. */
    gboolean (*own_rate)(const char *uuid, guint64 *ret, gpointer user_data);
    /** Finds the RAM of a cell as it is mapped now. @ret's ranges are the caller's to free. */
    gboolean (*find_ram)(const VbAction *action, VbMoveSource *ret, gpointer user_data,
                         GError **error);
    /**
     * (nullable): which parts of a cell's RAM are to go first; asked once for each. Returns: (transfer full) (element-type VbRange) (nullable): as
     * vb_hot_ranges()
     */
    GArray *(*find_hot)(const VbAction *action, const VbMoveSource *source, GCancellable *stop,
                        gpointer user_data);
    /** (nullable): the size in bytes of the pages that a move takes. NULL: all are small. */
    guint64 (*page_size)(const VbAction *action, gpointer user_data);
    /**
     * FALSE with VB_ERROR_NO_SPACE and the numbers if the target has no room for it now.
     * @coming_bytes: what other moves of that page size will still bring there, less what leaves before
     */
    gboolean (*has_room)(const VbAction *action, gint64 coming_bytes, gpointer user_data,
                         GError **error);
    /**
     * (nullable): makes room that has_room() only promised, right before the move: errors as there.
     * @ret: zeroed; what was borrowed for it
     */
    gboolean (*make_room)(const VbAction *action, gint64 coming_bytes, VbBorrow *ret,
                          gpointer user_data, GError **error);
    /** Gives back what make_room() borrowed, as the move is over. */
    void (*end_room)(const VbBorrow *borrow, guint64 bytes_moved, gpointer user_data);
    /**
     * FALSE with the reason if the guest must be left alone now: VB_ERROR_CANCELLED (paused,
     * migrating, placed by somebody else), VB_ERROR_NO_GUEST (gone), else could not be told.
     */
    gboolean (*may_go_on)(const char *uuid, gpointer user_data, GError **error);
    /** (nullable): called a few times a second, one call at a time; its numbers never go back. */
    void (*progress)(const VbRunProgress *progress, gpointer user_data);
    /** (nullable): a guest's actions are over. @outcomes: as vb_run(); other guests' may be in the making. */
    void (*guest_done)(const char *uuid, const GPtrArray *outcomes, gpointer user_data);
    gpointer user_data;
} VbRunner;

/**
 * Runs @plan; blocks until all is done or cancelled. What was not begun when it was cancelled is
 * not begun; a move ends with its batch, so a guest may stay pinned with RAM left behind: its
 * record is on disk for `release`, and the next plan carries on. Returns: (transfer full)
 * (element-type VbOutcome): one for each action, in their order.
 */
GPtrArray *vb_run(const VbRunner *runner, const VbPlan *plan, GCancellable *cancellable);

G_END_DECLS

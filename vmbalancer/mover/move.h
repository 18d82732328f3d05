/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "mover/client.h"
#include "mover/identity.h"
#include "mover/sample.h"

G_BEGIN_DECLS

/** What to move. Everything is borrowed for the run. */
typedef struct {
    const VbIdentity *identity;
    const VbRange *ranges;   /**< checked: ascending, disjoint, aligned */
    guint n_ranges;
    int target;              /**< 0 .. VB_NODES_MAX - 1 */
    VbMoveBudget budget;
    VbStop stop;             /**< (nullable): polled before each batch and every 100 ms of a wait */
    VbMoveProgress progress; /**< (nullable): called at most four times a second */
    gpointer user_data;      /**< of both */
} VbMoveTask;

/**
 * Moves pages as vb_mover_move() promises: asks first, submits only pages that are to move, each to
 * the one target, in batches; asks again after each. Pages that do not go are tried in three passes over the
 * ranges, then given up as unmovable. The identity is looked at before and after each batch. While the host is
 * short of memory (mover/pressure.h) batches take a tenth of the time, where the guest waits for CPUs (mover/steal.h) a quarter.
 * Errors: VB_ERROR_UNSUPPORTED (no NUMA), VB_ERROR_INVALID (no such target), VB_ERROR_FAILED.
 */
gboolean vb_move_run(const VbMoveTask *task, VbMoveReport *ret, GError **error);

G_END_DECLS

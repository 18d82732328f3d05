/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "act/run.h"

static gpointer
open_mover(GError **error)
{
    return vb_mover_open(error);
}

static gboolean
move(gpointer mover, const VbProcess *process, const VbRange *ranges, guint n_ranges, int target,
     const VbMoveBudget *budget, VbMoveProgress progress, gpointer user_data,
     GCancellable *cancellable, VbMoveReport *ret, GError **error)
{
    return vb_mover_move(mover, process, ranges, n_ranges, target, budget, progress, user_data,
                         cancellable, ret, error);
}

static void
close_mover(gpointer mover)
{
    vb_mover_close(mover);
}

const VbMoves *
vb_run_real_moves(void)
{
    static const VbMoves moves = {open_mover, move, close_mover};
    return &moves;
}

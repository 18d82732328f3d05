/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Running a plan whose hot parts go first: their order, how often a cell is watched, and what ends both.
 */
#include "run_stage.h"

static guint n_watched;

static GArray *
find_hot(const VbAction *action, const VbMoveSource *source, GCancellable *stop, gpointer user_data)
{
    VbRange hot = g_array_index(source->ranges, VbRange, 0);
    GArray *ranges = g_array_new(FALSE, FALSE, sizeof hot);
    g_assert_nonnull(stop);
    n_watched++;
    hot.end = hot.start + 4 * MIB;
    g_array_append_val(ranges, hot);
    return ranges;
}

/* The stage's mover moves what it is told, also what it has moved already. */
static void
test_hot_parts_go_before_all(RunStage *f, gconstpointer unused)
{
    f->runner.find_hot = find_hot;
    run_stage_plan_move(f, 0, 1, 0, 8 * MIB);
    run_stage_assert_run(f, "done 12");
    g_assert_cmpuint(f->steps, ==, 3);
    g_assert_cmpuint(f->last.bytes_moved, ==, 12 * MIB);
}

static void
test_a_cell_is_watched_once(RunStage *f, gconstpointer unused)
{
    n_watched = 0;
    f->runner.find_hot = find_hot;
    run_stage_plan_move(f, 0, 1, 0, 8 * MIB);
    run_stage_plan_move(f, 0, 1, 0, 8 * MIB);
    run_stage_assert_run(f, "done 12 | done 12");
    g_assert_cmpuint(n_watched, ==, 1);
}

static void
test_what_stops_the_hot_parts_stops_all(RunStage *f, gconstpointer unused)
{
    f->runner.find_hot = find_hot;
    f->end = VB_MOVE_STOPPED;
    run_stage_plan_move(f, 0, 1, 0, 8 * MIB);
    g_autoptr(GPtrArray) outcomes = vb_run(&f->runner, f->plan, f->cancellable);
    const VbOutcome *outcome = g_ptr_array_index(outcomes, 0);
    g_assert_cmpint(outcome->result, ==, VB_RESULT_PARTIAL);
    g_assert_cmpuint(outcome->bytes_moved, ==, 4 * MIB);
    g_assert_cmpuint(f->steps, ==, 1);
}

#define ADD(path, test) g_test_add("/run-hot/" path, RunStage, NULL, run_stage_set_up, test, run_stage_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("first", test_hot_parts_go_before_all);
    ADD("watched-once", test_a_cell_is_watched_once);
    ADD("stops-all", test_what_stops_the_hot_parts_stops_all);
    return g_test_run();
}

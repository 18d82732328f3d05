/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Running a plan: order, room, rates, progress, cancelling, and every way in which it can end.
 */
#include "run_stage.h"
#include "act/lock.h"
#include "act/undo.h"
#include <string.h>
#include <vmbalancer/error.h>

/* --- order --------------------------------------------------------------------------------- */

static void
test_an_empty_plan_has_no_outcomes(RunStage *f, gconstpointer unused)
{
    run_stage_assert_run(f, "");
    g_assert_cmpstr(f->log->str, ==, "");
}

static void
test_a_guest_is_pinned_then_moved_by_one_mover(RunStage *f, gconstpointer unused)
{
    run_stage_plan_move(f, 0, 1, 0, 8 * MIB);
    run_stage_plan_pin(f, 0, 0);
    run_stage_plan_move(f, 0, 1, 0, 4 * MIB);
    run_stage_assert_run(f, "done 8 | done 0 | done 4");
    g_assert_cmpstr(f->log->str, ==, "open; move 0 to 0; move 0 to 0; close");
    run_stage_assert_pinned(f, 0, "0-3");
}

static gpointer
pinned_when_moved(RunStage *f)
{
    return fake_hypervisor_pinned(f->fake, f->uuids[0], "vcpu0");
}

static gboolean
find_ram_after_pins(const VbAction *action, VbMoveSource *ret, gpointer user_data, GError **error)
{
    g_autofree char *cpus = pinned_when_moved(user_data);
    g_assert_cmpstr(cpus, ==, "0-3");
    return run_stage_find_ram(action, ret, user_data, error);
}

static void
test_pages_move_after_the_pins(RunStage *f, gconstpointer unused)
{
    f->runner.find_ram = find_ram_after_pins;
    run_stage_plan_move(f, 0, 1, 0, 8 * MIB);
    run_stage_plan_pin(f, 0, 0);
    run_stage_assert_run(f, "done 8 | done 0");
}

static void
test_pins_alone_need_no_mover(RunStage *f, gconstpointer unused)
{
    run_stage_plan_pin(f, 0, 1);
    run_stage_assert_run(f, "done 0");
    g_assert_cmpstr(f->log->str, ==, "");
}

static void
test_guests_do_not_hinder_each_other(RunStage *f, gconstpointer unused)
{
    fake_hypervisor_remove(f->fake, f->uuids[1]);
    for (guint i = 0; i < 3; i++) {
        run_stage_plan_pin(f, i, 0);
        run_stage_plan_move(f, i, 1, 0, 8 * MIB);
    }
    g_autofree char *text = run_stage_run(f);
    g_assert_true(g_str_has_prefix(text, "done 0 | done 8 | failed 0 "));
    g_assert_true(g_str_has_suffix(text, "could not be pinned | done 0 | done 8"));
}

static void
note_done(const char *uuid, const GPtrArray *outcomes, gpointer user_data)
{
    RunStage *f = user_data;
    for (guint i = 0; i < f->plan->actions->len; i++) {
        const VbAction *action = g_ptr_array_index(f->plan->actions, i);
        if (g_str_equal(action->uuid, uuid))
            g_assert_nonnull(g_ptr_array_index(outcomes, i));
    }
    g_mutex_lock(&f->lock);
    g_string_append_printf(f->log, "%s done;", uuid);
    g_mutex_unlock(&f->lock);
}

static void
test_the_end_of_each_guest_is_told(RunStage *f, gconstpointer unused)
{
    f->runner.guest_done = note_done;
    fake_hypervisor_remove(f->fake, f->uuids[1]);
    run_stage_plan_pin(f, 0, 0);
    run_stage_plan_pin(f, 1, 0);
    g_autoptr(GPtrArray) outcomes = run_stage_run_plan(f);
    g_autofree char *good = g_strdup_printf("%s done", f->uuids[0]);
    g_autofree char *bad = g_strdup_printf("%s done", f->uuids[1]);
    g_assert_nonnull(strstr(f->log->str, good));
    g_assert_nonnull(strstr(f->log->str, bad));
}

/* --- ends ---------------------------------------------------------------------------------- */

static void
test_each_end_of_a_move_has_its_outcome(RunStage *f, gconstpointer unused)
{
    static const struct {
        VbMoveEnd end;
        VbResult result;
        int code;
        const char *says;
        gboolean goes_on; /* with the guest's next move */
    } cases[] = {
        {VB_MOVE_COMPLETE, VB_RESULT_DONE, 0, NULL, TRUE},
        {VB_MOVE_LIMIT, VB_RESULT_DONE, 0, NULL, TRUE},
        {VB_MOVE_STUCK, VB_RESULT_PARTIAL, 0, "do not move", TRUE},
        {VB_MOVE_NO_SPACE, VB_RESULT_PARTIAL, VB_ERROR_NO_SPACE, "node 0 is full", FALSE},
        {VB_MOVE_STOPPED, VB_RESULT_PARTIAL, 0, "SIGSTOP", FALSE},
        {VB_MOVE_DENIED, VB_RESULT_PARTIAL, VB_ERROR_DENIED, "CAP_SYS_NICE", FALSE},
        {VB_MOVE_GONE, VB_RESULT_FAILED, VB_ERROR_NO_GUEST, "ended", FALSE},
        {VB_MOVE_CANCELLED, VB_RESULT_CANCELLED, VB_ERROR_CANCELLED, "stopped after", FALSE},
    };
    run_stage_plan_move(f, 0, 1, 0, 16 * MIB);
    run_stage_plan_move(f, 0, 1, 0, 16 * MIB);
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_test_message("%s", vb_move_end_name(cases[i].end));
        f->end = cases[i].end;
        g_autoptr(GPtrArray) outcomes = run_stage_run_plan(f);
        const VbOutcome *first = g_ptr_array_index(outcomes, 0);
        const VbOutcome *second = g_ptr_array_index(outcomes, 1);
        g_assert_cmpint(first->result, ==, cases[i].result);
        g_assert_cmpint(first->code, ==, cases[i].code);
        g_assert_cmpuint(first->bytes_moved, ==,
                         cases[i].end == VB_MOVE_COMPLETE ? 16 * MIB : 8 * MIB);
        if (cases[i].says == NULL)
            g_assert_null(first->error);
        else
            g_assert_nonnull(strstr(first->error, cases[i].says));
        g_assert_cmpint(second->bytes_moved > 0, ==, cases[i].goes_on);
        if (!cases[i].goes_on)
            g_assert_cmpint(second->result, ==, VB_RESULT_CANCELLED);
    }
}

static void
test_a_mover_that_died_had_moved_what_it_told(RunStage *f, gconstpointer unused)
{
    f->mover_dies = TRUE;
    run_stage_plan_move(f, 0, 1, 0, 8 * MIB);
    run_stage_assert_run(f, "partial 8 the mover was killed");
    g_assert_cmpuint(f->last.bytes_moved, ==, 8 * MIB);
}

static gboolean
borrow_two(const VbAction *action, gint64 coming_bytes, VbBorrow *ret, gpointer user_data,
           GError **error)
{
    *ret = (VbBorrow){.uuid = action->uuid, .page_size = 2 * MIB, .borrowed = 2};
    return TRUE;
}

static void
note_given_back(const VbBorrow *borrow, guint64 bytes_moved, gpointer user_data)
{
    RunStage *f = user_data;
    g_assert_cmpuint(borrow->borrowed, ==, 2);
    g_string_append_printf(f->log, "; given back after %" G_GUINT64_FORMAT, bytes_moved / MIB);
}

/* However a move ends, what was borrowed for it is given back. */
static void
test_what_was_borrowed_is_given_back(RunStage *f, gconstpointer unused)
{
    f->runner.make_room = borrow_two;
    f->runner.end_room = note_given_back;
    f->mover_dies = TRUE;
    run_stage_plan_move(f, 0, 1, 0, 8 * MIB);
    run_stage_assert_run(f, "partial 8 the mover was killed");
    g_assert_cmpstr(f->log->str, ==, "open; move 0 to 0; given back after 8; close");
}

static gboolean
lend_nothing(const VbAction *action, gint64 coming_bytes, VbBorrow *ret, gpointer user_data,
             GError **error)
{
    g_set_error(error, VB_ERROR, VB_ERROR_NO_SPACE, "the kernel gave 3 of 4");
    return FALSE;
}

static void
test_what_cannot_be_borrowed_is_said(RunStage *f, gconstpointer unused)
{
    f->runner.make_room = lend_nothing;
    f->runner.end_room = note_given_back;
    run_stage_plan_move(f, 0, 1, 0, 8 * MIB);
    run_stage_assert_run(f, "failed 0 the kernel gave 3 of 4");
    g_assert_cmpstr(f->log->str, ==, "open; close");
}

/* As with `timeout`, whose signal reaches the mover too. */
static void
test_a_mover_that_died_of_the_cancel_is_cancelled(RunStage *f, gconstpointer unused)
{
    f->mover_dies = TRUE;
    f->cancel_after_steps = 1;
    run_stage_plan_move(f, 0, 1, 0, 8 * MIB);
    run_stage_assert_run(f, "cancelled 4 the mover was killed");
}

static void
test_without_a_mover_nothing_is_pinned(RunStage *f, gconstpointer unused)
{
    f->no_mover = TRUE;
    run_stage_plan_pin(f, 0, 0);
    run_stage_plan_move(f, 0, 1, 0, 8 * MIB);
    run_stage_assert_run(f, "failed 0 the mover cannot be started | failed 0 the mover cannot be started");
    run_stage_assert_pinned(f, 0, NULL);
}

static void
test_pages_stay_where_pins_failed(RunStage *f, gconstpointer unused)
{
    fake_hypervisor_fail(f->fake, "pin", 0, 1, VB_ERROR_FAILED, "no");
    run_stage_plan_pin(f, 0, 0);
    run_stage_plan_move(f, 0, 1, 0, 8 * MIB);
    run_stage_assert_run(f, "failed 0 vcpu0 could not be pinned: no | cancelled 0 not tried, as its threads "
                  "could not be pinned");
    g_assert_cmpuint(f->steps, ==, 0);
}

/* --- the guest's own affairs --------------------------------------------------------------- */

static void
test_a_guest_that_must_be_left_alone_is_not_touched(RunStage *f, gconstpointer unused)
{
    f->refuse_from = 1;
    f->refuse_mid = "the guest is paused by now";
    f->refuse_code = VB_ERROR_CANCELLED;
    run_stage_plan_pin(f, 0, 0);
    run_stage_plan_move(f, 0, 1, 0, 8 * MIB);
    run_stage_assert_run(f, "cancelled 0 the guest is paused by now | cancelled 0 the guest is paused by now");
    run_stage_assert_pinned(f, 0, NULL);
    g_assert_cmpstr(f->log->str, ==, "");
}

static void
test_a_guest_that_cannot_be_asked_failed(RunStage *f, gconstpointer unused)
{
    f->refuse_from = 1;
    f->refuse_mid = "libvirt does not answer";
    f->refuse_code = VB_ERROR_TIMEOUT;
    run_stage_plan_pin(f, 0, 0);
    g_autoptr(GPtrArray) outcomes = vb_run(&f->runner, f->plan, NULL);
    const VbOutcome *outcome = g_ptr_array_index(outcomes, 0);
    g_assert_cmpint(outcome->result, ==, VB_RESULT_FAILED);
    g_assert_cmpint(outcome->code, ==, VB_ERROR_TIMEOUT);
}

/* Asked twice before it is touched, then at the first progress and every two seconds. */
static void
test_a_guest_that_pauses_in_mid_move_ends_it(RunStage *f, gconstpointer unused)
{
    f->refuse_from = 3;
    f->refuse_mid = "the guest is paused by now";
    f->refuse_code = VB_ERROR_CANCELLED;
    run_stage_plan_move(f, 0, 1, 0, 8 * MIB);
    run_stage_plan_move(f, 0, 1, 0, 8 * MIB);
    g_autofree char *text = run_stage_run(f);
    g_assert_true(g_str_has_prefix(text, "cancelled 4 stopped after the current batch, 4 MiB left: "
                                         "the guest is paused by now | cancelled 0 not tried"));
}

static void
test_libvirtd_may_restart_in_mid_move(RunStage *f, gconstpointer unused)
{
    f->refuse_from = 3;
    f->refuse_times = 1;
    f->refuse_mid = "connection refused";
    f->refuse_code = VB_ERROR_UNREACHABLE;
    run_stage_plan_move(f, 0, 1, 0, 8 * MIB);
    run_stage_assert_run(f, "done 8");
}

static void
test_one_command_at_a_time_acts_on_a_guest(RunStage *f, gconstpointer unused)
{
    g_autoptr(VbLock) lock = vb_lock_take(f->dir, f->uuids[0], "guest0", NULL);
    run_stage_plan_pin(f, 0, 0);
    run_stage_plan_pin(f, 1, 0);
    run_stage_assert_run(f, "failed 0 another vmbalancer command is at work on guest guest0: wait until it is "
                  "done, or end it | done 0");
    run_stage_assert_pinned(f, 0, NULL);
}

/* --- room ---------------------------------------------------------------------------------- */

static void
test_a_guest_without_room_is_not_pinned(RunStage *f, gconstpointer unused)
{
    f->free[0] = 4 * MIB;
    run_stage_plan_pin(f, 0, 0);
    run_stage_plan_move(f, 0, 1, 0, 8 * MIB);
    run_stage_assert_run(f, "failed 0 node 0 is full | failed 0 node 0 is full");
    run_stage_assert_pinned(f, 0, NULL);
}

static void
test_a_guest_waits_for_what_another_leaves(RunStage *f, gconstpointer unused)
{
    f->free[0] = f->lowest[0] = 0;
    f->slow_ms = 20;
    run_stage_plan_move(f, 0, 0, 1, 32 * MIB);
    run_stage_plan_pin(f, 1, 0);
    run_stage_plan_move(f, 1, 1, 0, 32 * MIB);
    run_stage_assert_run(f, "done 32 | done 0 | done 32");
    g_assert_cmpint(f->lowest[0], >=, 0);
}

/* More that wait than there are workers: those that will never have room end it, not a deadlock. */
static void
test_waiting_ends_when_nobody_is_left_to_leave(RunStage *f, gconstpointer unused)
{
    f->free[0] = 0;
    for (guint i = 0; i < RUN_STAGE_GUESTS; i++)
        run_stage_plan_move(f, i, 1, 0, 32 * MIB);
    run_stage_assert_run(f, "failed 0 node 0 is full | failed 0 node 0 is full | failed 0 node 0 is full | "
                  "failed 0 node 0 is full");
}

/* Two that fit one by one, but not both, and ask before anything has arrived. */
static void
test_room_is_promised_once(RunStage *f, gconstpointer unused)
{
    f->free[0] = f->lowest[0] = 40 * (gint64)MIB;
    f->hold_until_asked = 3; /* twice by the first, once by the second */
    run_stage_plan_move(f, 0, 1, 0, 32 * MIB);
    run_stage_plan_move(f, 1, 1, 0, 32 * MIB);
    g_autofree char *text = run_stage_run(f);
    g_assert_true(g_str_equal(text, "done 32 | failed 0 node 0 is full") ||
                  g_str_equal(text, "failed 0 node 0 is full | done 32"));
    g_assert_cmpint(f->lowest[0], ==, 8 * (gint64)MIB);
    g_assert_cmpint(f->promised_most, >, 0);
}

/* Huge pages come from a pool: those that small pages fill are none of theirs. */
static void
test_room_is_promised_by_page_size(RunStage *f, gconstpointer unused)
{
    f->huge[1] = TRUE;
    f->hold_until_asked = 3;
    run_stage_plan_move(f, 0, 1, 0, 32 * MIB);
    run_stage_plan_move(f, 1, 1, 0, 32 * MIB);
    run_stage_assert_run(f, "done 32 | done 32");
    g_assert_cmpint(f->promised_most, ==, 0);
}

/* Two cells that change places need no more than what each leaves for the other. */
static void
test_a_guest_may_use_what_it_leaves_itself(RunStage *f, gconstpointer unused)
{
    f->free[0] = f->lowest[0] = 0;
    run_stage_plan_move(f, 0, 0, 1, 32 * MIB);
    run_stage_plan_move(f, 0, 1, 0, 32 * MIB);
    run_stage_assert_run(f, "done 32 | done 32");
    g_assert_cmpint(f->lowest[0], >=, 0);
}

static void
test_promises_end_with_their_moves(RunStage *f, gconstpointer unused)
{
    f->end = VB_MOVE_STUCK;
    f->runner.workers = 1;
    f->free[0] = 32 * (gint64)MIB;
    run_stage_plan_move(f, 0, 1, 0, 32 * MIB);
    run_stage_plan_move(f, 1, 1, 0, 16 * MIB);
    g_autofree char *text = run_stage_run(f);
    g_assert_nonnull(strstr(text, "| partial 8 "));
}

/* --- rates --------------------------------------------------------------------------------- */

static void
test_the_rate_is_shared_by_those_at_work(RunStage *f, gconstpointer unused)
{
    static const struct {
        guint64 all, each;
        guint workers, guests;
        guint64 expected;
    } cases[] = {
        {0, 0, 2, 2, 0},
        {100, 0, 2, 2, 50},
        {100, 0, 2, 1, 100},
        {100, 0, 2, 3, 50},
        {100, 0, 4, 3, 33},
        {100, 30, 2, 2, 30},
        {100, 80, 2, 2, 50},
        {0, 80, 2, 2, 80},
        {1, 0, 2, 2, 1},
        {G_MAXUINT64, 0, 1, 1, G_MAXUINT64},
        {G_MAXUINT64, 7, 2, 2, 7},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        vb_plan_free(f->plan);
        f->plan = vb_plan_new("test");
        for (guint n = 0; n < cases[i].guests; n++)
            run_stage_plan_move(f, n, 1, 0, 4 * MIB);
        f->runner.rate_bytes_per_s = cases[i].all;
        f->runner.guest_rate_bytes_per_s = cases[i].each;
        f->runner.workers = cases[i].workers;
        g_autofree char *text = run_stage_run(f);
        for (guint n = 0; n < cases[i].guests; n++)
            g_assert_cmpuint(f->rates[n], ==, cases[i].expected);
    }
}

static void
test_a_common_bucket_leaves_all_of_the_rate_to_who_works(RunStage *f, gconstpointer unused)
{
    g_autoptr(VbBucket) common = vb_bucket_new(NULL);
    run_stage_plan_move(f, 0, 1, 0, 4 * MIB);
    run_stage_plan_move(f, 1, 1, 0, 4 * MIB);
    f->runner.rate_bytes_per_s = 100;
    f->runner.guest_rate_bytes_per_s = 80;
    f->runner.common = common;
    run_stage_assert_run(f, "done 4 | done 4");
    g_assert_cmpuint(f->rates[0], ==, 80);
    g_assert_cmpuint(f->rates[1], ==, 80);
    g_assert_cmpuint(f->common_rate, ==, 100);
}

static gboolean
first_has_its_own(const char *uuid, guint64 *ret, gpointer user_data)
{
    const RunStage *f = user_data;
    if (!g_str_equal(uuid, f->uuids[0]))
        return FALSE;
    *ret = 70;
    return TRUE;
}

/* It comes in place of what each guest may take, never of what all may take together. */
static void
test_a_guests_own_rate(RunStage *f, gconstpointer unused)
{
    run_stage_plan_move(f, 0, 1, 0, 4 * MIB);
    run_stage_plan_move(f, 1, 1, 0, 4 * MIB);
    f->runner.own_rate = first_has_its_own;
    f->runner.guest_rate_bytes_per_s = 30;
    f->runner.workers = 2;
    g_autofree char *unbounded = run_stage_run(f);
    g_assert_cmpuint(f->rates[0], ==, 70);
    g_assert_cmpuint(f->rates[1], ==, 30);
    f->runner.rate_bytes_per_s = 100;
    g_autofree char *shared = run_stage_run(f);
    g_assert_cmpuint(f->rates[0], ==, 50);
    g_assert_cmpuint(f->rates[1], ==, 30);
}

/* --- progress and cancelling --------------------------------------------------------------- */

static void
test_progress_only_grows_and_ends_complete(RunStage *f, gconstpointer unused)
{
    for (guint i = 0; i < RUN_STAGE_GUESTS; i++) {
        run_stage_plan_pin(f, i, 0);
        run_stage_plan_move(f, i, 1, 0, 16 * MIB);
    }
    g_autofree char *text = run_stage_run(f);
    g_assert_cmpuint(f->last.guests_planned, ==, RUN_STAGE_GUESTS);
    g_assert_cmpuint(f->last.guests_done, ==, RUN_STAGE_GUESTS);
    g_assert_cmpuint(f->last.bytes_planned, ==, RUN_STAGE_GUESTS * 16 * MIB);
    g_assert_cmpuint(f->last.bytes_moved, ==, RUN_STAGE_GUESTS * 16 * MIB);
    g_assert_cmpuint(f->n_progress, >=, RUN_STAGE_GUESTS * 5);
}

static void
test_cancelled_before_is_not_begun(RunStage *f, gconstpointer unused)
{
    g_cancellable_cancel(f->cancellable);
    run_stage_plan_pin(f, 0, 0);
    run_stage_plan_move(f, 1, 1, 0, 8 * MIB);
    run_stage_assert_run(f, "cancelled 0 cancelled before it began | cancelled 0 cancelled before it began");
    run_stage_assert_pinned(f, 0, NULL);
    g_assert_cmpstr(f->log->str, ==, "");
}

/* Guest 0 ends with its batch, guest 1 has not begun. */
static void
test_cancelled_in_mid_move_ends_with_the_batch(RunStage *f, gconstpointer unused)
{
    f->runner.workers = 1;
    f->cancel_after_steps = 2;
    run_stage_plan_pin(f, 0, 0);
    run_stage_plan_move(f, 0, 1, 0, 32 * MIB);
    run_stage_plan_pin(f, 1, 0);
    run_stage_assert_run(f, "done 0 | cancelled 8 stopped after the current batch, 24 MiB left | cancelled 0 "
                  "cancelled before it began");
    g_autoptr(VbUndo) undo = vb_undo_load(f->dir, f->uuids[0], NULL);
    g_assert_nonnull(undo);
}

/* Guest 1 would wait for ever for what guest 0 does not leave any more. */
static void
test_cancelled_while_it_waits_for_room(RunStage *f, gconstpointer unused)
{
    f->free[0] = 0;
    f->slow_ms = 100;
    f->cancel_after_steps = 4;
    run_stage_plan_move(f, 0, 0, 1, 32 * MIB);
    run_stage_plan_move(f, 1, 1, 0, 32 * MIB);
    g_autofree char *text = run_stage_run(f);
    g_assert_true(g_str_has_prefix(text, "cancelled 16 "));
    g_assert_true(g_str_has_suffix(text, "| cancelled 0 cancelled before it began"));
}

#define ADD(path, test) g_test_add("/run/" path, RunStage, NULL, run_stage_set_up, test, run_stage_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("empty", test_an_empty_plan_has_no_outcomes);
    ADD("order/one-mover-a-guest", test_a_guest_is_pinned_then_moved_by_one_mover);
    ADD("order/pages-after-pins", test_pages_move_after_the_pins);
    ADD("order/pins-alone-need-no-mover", test_pins_alone_need_no_mover);
    ADD("order/each-end-is-told", test_the_end_of_each_guest_is_told);
    ADD("order/guests-do-not-hinder-each-other", test_guests_do_not_hinder_each_other);
    ADD("ends/each-has-its-outcome", test_each_end_of_a_move_has_its_outcome);
    ADD("ends/dead-mover-had-moved-what-it-told", test_a_mover_that_died_had_moved_what_it_told);
    ADD("ends/borrowed-is-given-back", test_what_was_borrowed_is_given_back);
    ADD("ends/cannot-be-borrowed", test_what_cannot_be_borrowed_is_said);
    ADD("ends/mover-died-of-the-cancel", test_a_mover_that_died_of_the_cancel_is_cancelled);
    ADD("ends/no-mover-no-pin", test_without_a_mover_nothing_is_pinned);
    ADD("ends/failed-pins-stay-alone", test_pages_stay_where_pins_failed);
    ADD("guest/left-alone", test_a_guest_that_must_be_left_alone_is_not_touched);
    ADD("guest/cannot-be-asked", test_a_guest_that_cannot_be_asked_failed);
    ADD("guest/pauses-in-mid-move", test_a_guest_that_pauses_in_mid_move_ends_it);
    ADD("guest/libvirtd-may-restart", test_libvirtd_may_restart_in_mid_move);
    ADD("guest/one-command-at-a-time", test_one_command_at_a_time_acts_on_a_guest);
    ADD("room/none-no-pin", test_a_guest_without_room_is_not_pinned);
    ADD("room/waits-for-what-another-leaves", test_a_guest_waits_for_what_another_leaves);
    ADD("room/waiting-ends", test_waiting_ends_when_nobody_is_left_to_leave);
    ADD("room/promised-once", test_room_is_promised_once);
    ADD("room/by-page-size", test_room_is_promised_by_page_size);
    ADD("room/own-leavings", test_a_guest_may_use_what_it_leaves_itself);
    ADD("room/promises-end", test_promises_end_with_their_moves);
    ADD("rate/shared", test_the_rate_is_shared_by_those_at_work);
    ADD("rate/common", test_a_common_bucket_leaves_all_of_the_rate_to_who_works);
    ADD("rate/own", test_a_guests_own_rate);
    ADD("progress/grows", test_progress_only_grows_and_ends_complete);
    ADD("cancel/before", test_cancelled_before_is_not_begun);
    ADD("cancel/mid-move", test_cancelled_in_mid_move_ends_with_the_batch);
    ADD("cancel/waiting", test_cancelled_while_it_waits_for_room);
    return g_test_run();
}

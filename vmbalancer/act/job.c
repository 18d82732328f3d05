/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "act/job.h"
#include "act/hot.h"
#include "act/lock.h"
#include "act/outcome.h"
#include <vmbalancer/error.h>

/* A guest's state is asked for this often while its pages move. */
#define CHECK_INTERVAL_US (2 * G_USEC_PER_SEC)
/* Room is looked for this often while another guest is leaving. */
#define ROOM_INTERVAL_US (G_USEC_PER_SEC / 4)
/* libvirtd may be away for so many checks in a row, as it restarts; guests live on without it. */
#define AWAY_MAX 3

struct VbRunJob {
    VbRunState *run;
    const char *uuid;
    GArray *pins; /* indices into the plan's actions */
    GArray *moves;
    gpointer mover;
    VbPromise *promises; /* by move */
    GCancellable *stop;  /* the run's, or because the guest must be left alone */
    char *stop_reason;
    gint64 checked_us;
    guint away;       /* checks in a row that libvirt did not hear */
    guint move;       /* the one under way, index into moves */
    VbBorrow borrow;  /* hugepages for it */
    GArray *hot;      /* (element-type VbRange): of @hot_cell, NULL if no part of it is to go first */
    int hot_cell;     /* that was asked for last, -1: none yet */
    guint64 before;   /* bytes that its hot parts were */
    guint64 reported; /* bytes of it that progress knows of */
};

VbRunJob *
vb_run_job_new(VbRunState *run, const char *uuid)
{
    VbRunJob *job = g_new0(VbRunJob, 1);
    job->run = run;
    job->uuid = uuid;
    job->pins = g_array_new(FALSE, FALSE, sizeof(guint));
    job->moves = g_array_new(FALSE, FALSE, sizeof(guint));
    job->stop = g_cancellable_new();
    job->hot_cell = -1;
    return job;
}

void
vb_run_job_free(VbRunJob *job)
{
    g_array_unref(job->pins);
    g_array_unref(job->moves);
    g_free(job->promises);
    g_object_unref(job->stop);
    g_clear_pointer(&job->hot, g_array_unref);
    g_free(job->stop_reason);
    g_free(job);
}

static const VbAction *
action_at(const VbRunJob *job, const GArray *indices, guint i)
{
    return g_ptr_array_index(job->run->plan->actions, g_array_index(indices, guint, i));
}

void
vb_run_job_add(VbRunJob *job, guint index)
{
    const VbAction *action = g_ptr_array_index(job->run->plan->actions, index);
    g_array_append_val(action->kind == VB_ACTION_PIN ? job->pins : job->moves, index);
}

/* Returns: (transfer container) (element-type VbAction). */
static GPtrArray *
actions_of(const VbRunJob *job, const GArray *indices)
{
    GPtrArray *actions = g_ptr_array_new();
    for (guint i = 0; i < indices->len; i++)
        g_ptr_array_add(actions, (gpointer)action_at(job, indices, i));
    return actions;
}

/* --- outcomes ------------------------------------------------------------------------------ */

static VbOutcome *
set_outcome(VbRunJob *job, guint index, VbResult result, guint64 bytes, gint64 started_us,
            const char *error)
{
    gint64 spent_ns = started_us > 0 ? (g_get_monotonic_time() - started_us) * 1000 : 0;
    VbOutcome *outcome = vb_outcome_new(index, result, bytes, spent_ns, error);
    job->run->outcomes->pdata[index] = outcome;
    return outcome;
}

static void
set_all(VbRunJob *job, const GArray *indices, guint first, VbResult result, gint64 started_us,
        const char *text)
{
    for (guint i = first; i < indices->len; i++)
        set_outcome(job, g_array_index(indices, guint, i), result, 0, started_us, text);
}

/* As set_all(), for what could not be tried or was called off. */
static void
set_failed(VbRunJob *job, const GArray *indices, guint first, guint end, gint64 started_us,
           const GError *error)
{
    gboolean off = g_error_matches(error, VB_ERROR, VB_ERROR_CANCELLED);
    for (guint i = first; i < end; i++) {
        VbOutcome *outcome = set_outcome(job, g_array_index(indices, guint, i),
                                         off ? VB_RESULT_CANCELLED : VB_RESULT_FAILED, 0,
                                         started_us, error->message);
        if (error->domain == VB_ERROR)
            outcome->code = error->code;
    }
}

static void
report_bytes(VbRunState *run, guint64 bytes)
{
    g_mutex_lock(&run->lock);
    run->progress.bytes_moved += bytes;
    VbRunProgress now = run->progress;
    if (run->runner->progress != NULL)
        run->runner->progress(&now, run->runner->user_data);
    g_mutex_unlock(&run->lock);
}

/* --- before anything is changed ------------------------------------------------------------ */

static gboolean
is_cancelled(VbRunJob *job, GError **error)
{
    if (!g_cancellable_is_cancelled(job->stop))
        return FALSE;
    g_set_error_literal(error, VB_ERROR, VB_ERROR_CANCELLED, "cancelled before it began");
    return TRUE;
}

/* What a job does now. */
static void
change_state(VbRunState *run, int unbegun, int busy, int waiting)
{
    g_mutex_lock(&run->lock);
    run->unbegun += (guint)unbegun;
    run->busy += (guint)busy;
    run->waiting += (guint)waiting;
    g_mutex_unlock(&run->lock);
}

/* TRUE as long as a job is at work, or a worker is free to begin one: it may leave room. */
static gboolean
others_work(VbRunState *run)
{
    g_mutex_lock(&run->lock);
    gboolean work = run->busy > 0 || (run->unbegun > 0 && run->waiting < run->workers);
    g_mutex_unlock(&run->lock);
    return work;
}

static gboolean
try_room(VbRunJob *job, const GPtrArray *moves, GError **error)
{
    return vb_room_promise(&job->run->room, job->run->runner, moves, job->promises, error);
}

/* Room that a plan counts on may still be held by a guest that is just leaving: wait for it. */
static gboolean
wait_for_room(VbRunJob *job, GError **error)
{
    g_autoptr(GPtrArray) moves = actions_of(job, job->moves);
    g_autoptr(GError) why = NULL;
    job->promises = g_new0(VbPromise, moves->len + 1);
    if (try_room(job, moves, &why))
        return TRUE;
    change_state(job->run, 0, -1, 1);
    gboolean room = FALSE;
    for (gboolean others = TRUE; !room && others && !g_cancellable_is_cancelled(job->stop);) {
        /* Asked first: who ends between the two questions has left its room by the second. */
        others = others_work(job->run);
        g_clear_error(&why);
        room = try_room(job, moves, &why);
        if (!room && others)
            g_usleep(ROOM_INTERVAL_US);
    }
    change_state(job->run, 0, 1, -1);
    if (!room && !is_cancelled(job, error))
        g_propagate_error(error, g_steal_pointer(&why));
    return room;
}

static gboolean
may_go_on(VbRunJob *job, GError **error)
{
    return !is_cancelled(job, error) &&
           job->run->runner->may_go_on(job->uuid, job->run->runner->user_data, error);
}

/* All that can be known before the guest is touched; it may have changed while it waited. */
static gboolean
prepare(VbRunJob *job, GError **error)
{
    if (!may_go_on(job, error) || !wait_for_room(job, error) || !may_go_on(job, error))
        return FALSE;
    if (job->moves->len == 0)
        return TRUE;
    job->mover = job->run->runner->moves->open(error);
    return job->mover != NULL;
}

/* --- pins, then pages ---------------------------------------------------------------------- */

static gboolean
pin_guest(VbRunJob *job)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) actions = actions_of(job, job->pins);
    gint64 started = g_get_monotonic_time();
    if (actions->len == 0)
        return TRUE;
    gboolean done = vb_placement_pin(job->run->runner->placement, job->uuid, actions, &error);
    if (done)
        set_all(job, job->pins, 0, VB_RESULT_DONE, started, NULL);
    else
        set_failed(job, job->pins, 0, job->pins->len, started, error);
    return done;
}

static void
note_arrived(VbRunJob *job, guint64 bytes)
{
    guint64 more = bytes - MIN(job->reported, bytes);
    job->reported += more;
    vb_room_use(&job->run->room, &job->promises[job->move], more);
    report_bytes(job->run, more);
}

/* Progress of a move: tells the run, and looks whether the guest may still be touched. */
static void
on_progress(const VbMoveReport *move, gpointer user_data)
{
    VbRunJob *job = user_data;
    const VbRunner *runner = job->run->runner;
    note_arrived(job, job->before + move->bytes_moved);
    gint64 now = g_get_monotonic_time();
    if (now - job->checked_us < CHECK_INTERVAL_US || job->stop_reason != NULL)
        return;
    g_autoptr(GError) why = NULL;
    gboolean good = runner->may_go_on(job->uuid, runner->user_data, &why);
    job->checked_us = g_get_monotonic_time();
    job->away = g_error_matches(why, VB_ERROR, VB_ERROR_UNREACHABLE) ? job->away + 1 : 0;
    if (good || (job->away > 0 && job->away < AWAY_MAX))
        return;
    job->stop_reason = g_strdup(why->message);
    g_cancellable_cancel(job->stop);
}

/* A guest's own limit; without a bucket its part of the common rate, were all workers busy, if that is less. */
static guint64
rate_of(const VbRunState *run, const char *uuid)
{
    const VbRunner *runner = run->runner;
    guint64 all = runner->rate_bytes_per_s, each = runner->guest_rate_bytes_per_s;
    if (runner->own_rate != NULL)
        runner->own_rate(uuid, &each, runner->user_data);
    if (runner->common != NULL)
        return each;
    guint64 share = all > 0 ? MAX(all / run->workers, 1) : 0;
    return share == 0 || each == 0 ? MAX(share, each) : MIN(share, each);
}

/* Room is looked for again, and what of it is only promised yet is made. */
static gboolean
see_to_room(VbRunJob *job, const VbAction *action, GError **error)
{
    const VbRunner *runner = job->run->runner;
    gint64 coming = 0;
    return vb_room_confirm(&job->run->room, runner, action, &job->promises[job->move], &coming,
                           error) &&
           (runner->make_room == NULL ||
            runner->make_room(action, coming, &job->borrow, runner->user_data, error));
}

static gboolean
move_ranges(VbRunJob *job, const VbAction *action, const VbMoveSource *source, const GArray *ranges,
            const VbMoveBudget *budget, VbMoveReport *ret, GError **error)
{
    return job->run->runner->moves->move(
        job->mover, &source->process, (const VbRange *)(const void *)ranges->data, ranges->len,
        action->to, budget, on_progress, job, job->stop, ret, error);
}

/* A cell's RAM may come from several nodes: who watched it once need not do so again. */
static const GArray *
hot_of(VbRunJob *job, const VbAction *action, const VbMoveSource *source)
{
    const VbRunner *runner = job->run->runner;
    if (runner->find_hot == NULL || job->hot_cell == (int)action->cell)
        return job->hot;
    g_clear_pointer(&job->hot, g_array_unref);
    job->hot = runner->find_hot(action, source, job->stop, runner->user_data);
    job->hot_cell = (int)action->cell;
    return job->hot;
}

static gboolean
move_pages(VbRunJob *job, const VbAction *action, VbMoveReport *ret, GError **error)
{
    const VbRunner *runner = job->run->runner;
    VbMoveSource source = {0};
    VbMoveBudget budget = {
        .rate_bytes_per_s = rate_of(job->run, job->uuid),
        .common_rate_bytes_per_s = runner->rate_bytes_per_s,
        .common = runner->common,
        .limit_bytes = action->all ? 0 : action->bytes,
        .from = VB_NODE_BIT(action->from),
    };
    gboolean found = see_to_room(job, action, error) &&
                     runner->find_ram(action, &source, runner->user_data, error);
    g_autoptr(GArray) ranges = source.ranges;
    const GArray *hot = found ? hot_of(job, action, &source) : NULL;
    budget.shared = source.shared;
    if (found && hot != NULL && !move_ranges(job, action, &source, hot, &budget, ret, error))
        return FALSE;
    if (!found || (hot != NULL && ret->end != VB_MOVE_COMPLETE && ret->end != VB_MOVE_STUCK))
        return found;
    VbMoveReport first = *ret;
    job->before = first.bytes_moved;
    /* Nothing left of a limit would be none. */
    if (budget.limit_bytes > 0)
        budget.limit_bytes -= MIN(first.bytes_moved, budget.limit_bytes - 1);
    if (!move_ranges(job, action, &source, ranges, &budget, ret, error))
        return FALSE;
    *ret = vb_hot_join(&first, ret);
    return TRUE;
}

/* A move without a report: the mover died, or could not begin. A signal to both is a cancel. */
static void
set_broken(VbRunJob *job, guint index, gint64 started_us, const GError *error)
{
    VbResult result = g_cancellable_is_cancelled(job->stop) ? VB_RESULT_CANCELLED
                      : job->reported > 0                   ? VB_RESULT_PARTIAL
                                                            : VB_RESULT_FAILED;
    VbOutcome *outcome = set_outcome(job, index, result, job->reported, started_us, error->message);
    outcome->code = error->domain == VB_ERROR ? error->code : VB_ERROR_FAILED;
}

/* Returns: FALSE if the guest's other moves are pointless. */
static gboolean
move_cell(VbRunJob *job)
{
    const VbAction *action = action_at(job, job->moves, job->move);
    guint index = g_array_index(job->moves, guint, job->move);
    g_autoptr(GError) error = NULL;
    VbMoveReport move = {0};
    gint64 started = g_get_monotonic_time();
    job->reported = job->before = 0;
    job->borrow = (VbBorrow){0};
    gboolean ran = move_pages(job, action, &move, &error);
    /* What a mover that died had moved by then did move. */
    note_arrived(job, ran ? move.bytes_moved : job->reported);
    if (job->borrow.borrowed > 0)
        job->run->runner->end_room(&job->borrow, job->reported, job->run->runner->user_data);
    vb_room_use(&job->run->room, &job->promises[job->move], G_MAXUINT64);
    if (!ran) {
        set_broken(job, index, started, error);
        return FALSE;
    }
    g_autofree char *text = vb_outcome_text(action, &move, job->stop_reason);
    VbOutcome *outcome =
        set_outcome(job, index, vb_outcome_result(&move), move.bytes_moved, started, text);
    outcome->code = vb_outcome_code(&move);
    outcome->bytes_stuck = move.bytes_unmovable;
    outcome->rested = move.rested;
    return vb_outcome_may_continue(&move);
}

static void
move_guest(VbRunJob *job)
{
    for (job->move = 0; job->move < job->moves->len; job->move++) {
        g_autoptr(GError) error = NULL;
        if (job->move > 0 ? !may_go_on(job, &error) : is_cancelled(job, &error)) {
            set_failed(job, job->moves, job->move, job->moves->len, 0, error);
            return;
        }
        if (!move_cell(job)) {
            set_all(job, job->moves, job->move + 1, VB_RESULT_CANCELLED, 0,
                    "not tried, as the move before it did not go through");
            return;
        }
    }
}

/* --- all of it ----------------------------------------------------------------------------- */

static void
act(VbRunJob *job)
{
    const VbPlacement *placement = job->run->runner->placement;
    const GArray *some = job->pins->len > 0 ? job->pins : job->moves;
    gint64 started = g_get_monotonic_time();
    g_autoptr(GError) error = NULL;
    g_autoptr(VbLock) lock = NULL;
    if (!is_cancelled(job, &error))
        lock =
            vb_lock_take(placement->state_dir, job->uuid, action_at(job, some, 0)->guest, &error);
    if (lock == NULL || !prepare(job, &error)) {
        set_failed(job, job->pins, 0, job->pins->len, started, error);
        set_failed(job, job->moves, 0, job->moves->len, started, error);
        return;
    }
    if (pin_guest(job))
        move_guest(job);
    else
        set_all(job, job->moves, 0, VB_RESULT_CANCELLED, 0,
                "not tried, as its threads could not be pinned");
}

static void
forward_cancel(GCancellable *from, gpointer to)
{
    g_cancellable_cancel(to);
}

void
vb_run_job_do(VbRunJob *job)
{
    VbRunState *run = job->run;
    gulong handler =
        run->cancellable != NULL
            ? g_cancellable_connect(run->cancellable, G_CALLBACK(forward_cancel), job->stop, NULL)
            : 0;
    change_state(run, -1, 1, 0);
    act(job);
    for (guint i = 0; job->promises != NULL && i < job->moves->len; i++)
        vb_room_use(&run->room, &job->promises[i], G_MAXUINT64);
    change_state(run, 0, -1, 0);
    if (handler != 0)
        g_cancellable_disconnect(run->cancellable, handler);
    if (job->mover != NULL)
        run->runner->moves->close(job->mover);
    if (run->runner->guest_done != NULL)
        run->runner->guest_done(job->uuid, run->outcomes, run->runner->user_data);
}

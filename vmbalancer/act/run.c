/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "act/run.h"
#include "act/outcome.h"
#include <vmbalancer/error.h>

/* A guest's state is asked for this often while its pages move. */
#define CHECK_INTERVAL_US (2 * G_USEC_PER_SEC)

/* Room is looked for this often while another guest is leaving. */
#define ROOM_INTERVAL_US (G_USEC_PER_SEC / 4)

/* A plan that runs. */
typedef struct {
    const VbRunner *runner;
    const VbPlan *plan;
    GCancellable *cancellable;
    GPtrArray *outcomes;   /* by action; each written by one worker only */
    GMutex lock;           /* guards what follows */
    VbRunProgress progress;
    guint busy;            /* jobs that are at work, not waiting for room */
} Run;

/* A guest's part: indices into the plan's actions. */
typedef struct {
    Run *run;
    const char *uuid;
    GArray *pins;
    GArray *moves;
    gpointer mover;        /* opened for the first move */
    GCancellable *stop;    /* the run's, or because the guest must be left alone */
    char *stop_reason;
    gint64 checked_us;
    guint64 reported;      /* bytes of the move under way that progress knows of */
} Job;

static const VbAction *
action_at(const Run *run, guint index)
{
    return g_ptr_array_index(run->plan->actions, index);
}

static void
set_outcome(Run *run, guint index, VbResult result, guint64 bytes, gint64 started_us,
            const char *error)
{
    gint64 spent_ns = started_us > 0 ? (g_get_monotonic_time() - started_us) * 1000 : 0;
    run->outcomes->pdata[index] = vb_outcome_new(index, result, bytes, spent_ns, error);
}

/* As set_outcome(), for what could not be tried at all. */
static void
set_failure(Run *run, guint index, gint64 started_us, const GError *error)
{
    set_outcome(run, index, VB_RESULT_FAILED, 0, started_us, error->message);
    if (error->domain == VB_ERROR)
        ((VbOutcome *)run->outcomes->pdata[index])->code = error->code;
}

static void
set_all(Run *run, const GArray *indices, guint first, VbResult result, gint64 started_us,
        const char *error)
{
    for (guint i = first; i < indices->len; i++)
        set_outcome(run, g_array_index(indices, guint, i), result, 0, started_us, error);
}

static void
report(Run *run, guint64 bytes, guint guests)
{
    g_mutex_lock(&run->lock);
    run->progress.bytes_moved += bytes;
    run->progress.guests_done += guests;
    VbRunProgress now = run->progress;
    if (run->runner->progress != NULL)
        run->runner->progress(&now, run->runner->user_data);
    g_mutex_unlock(&run->lock);
}

static gboolean
pin_guest(Job *job)
{
    Run *run = job->run;
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) actions = g_ptr_array_new();
    gint64 started = g_get_monotonic_time();
    for (guint i = 0; i < job->pins->len; i++)
        g_ptr_array_add(actions, (gpointer)action_at(run, g_array_index(job->pins, guint, i)));
    if (actions->len == 0)
        return TRUE;
    gboolean done = vb_placement_pin(run->runner->placement, job->uuid, actions, &error);
    if (done)
        set_all(run, job->pins, 0, VB_RESULT_DONE, started, NULL);
    for (guint i = 0; !done && i < job->pins->len; i++)
        set_failure(run, g_array_index(job->pins, guint, i), started, error);
    return done;
}

/* Progress of a move: tells the run, and looks whether the guest may still be touched. */
static void
on_progress(const VbMoveReport *move, gpointer user_data)
{
    Job *job = user_data;
    const VbRunner *runner = job->run->runner;
    report(job->run, move->bytes_moved - MIN(job->reported, move->bytes_moved), 0);
    job->reported = MAX(job->reported, move->bytes_moved);
    gint64 now = g_get_monotonic_time();
    if (now - job->checked_us < CHECK_INTERVAL_US || job->stop_reason != NULL)
        return;
    job->checked_us = now;
    g_autoptr(GError) why = NULL;
    if (!runner->may_go_on(job->uuid, runner->user_data, &why)) {
        job->stop_reason = g_strdup(why->message);
        g_cancellable_cancel(job->stop);
    }
}

static guint64
rate_of(const VbRunner *runner, guint guests)
{
    guint64 share = runner->rate_bytes_per_s / MAX(MIN(runner->workers, guests), 1);
    if (runner->rate_bytes_per_s > 0)
        share = MAX(share, 1);
    if (share == 0 || runner->guest_rate_bytes_per_s == 0)
        return MAX(share, runner->guest_rate_bytes_per_s);
    return MIN(share, runner->guest_rate_bytes_per_s);
}

static guint
change_busy(Run *run, int by)
{
    g_mutex_lock(&run->lock);
    guint busy = run->busy = (guint)((int)run->busy + by);
    g_mutex_unlock(&run->lock);
    return busy;
}

/* Room that a plan counts on may still be held by a guest that is just leaving: wait for it. */
static gboolean
wait_for_room(Job *job, const VbAction *action, GError **error)
{
    const VbRunner *runner = job->run->runner;
    gboolean others = change_busy(job->run, -1) > 0;
    g_autoptr(GError) why = NULL;
    gboolean room = runner->has_room(action, runner->user_data, &why);
    while (!room && others && !g_cancellable_is_cancelled(job->stop)) {
        g_usleep(ROOM_INTERVAL_US);
        others = change_busy(job->run, 0) > 0;
        g_clear_error(&why);
        room = runner->has_room(action, runner->user_data, &why);
    }
    change_busy(job->run, 1);
    if (!room)
        g_propagate_error(error, g_steal_pointer(&why));
    return room;
}

static gboolean
ready(Job *job, const VbAction *action, VbMoveSource *source, GError **error)
{
    const VbRunner *runner = job->run->runner;
    if (!runner->may_go_on(job->uuid, runner->user_data, error) ||
        !wait_for_room(job, action, error) ||
        !runner->find_ram(action, source, runner->user_data, error))
        return FALSE;
    if (job->mover == NULL)
        job->mover = runner->moves->open(error);
    return job->mover != NULL;
}

/* Returns: FALSE if the guest's other moves are pointless. */
static gboolean
move_cell(Job *job, guint index)
{
    Run *run = job->run;
    const VbAction *action = action_at(run, index);
    g_autoptr(GError) error = NULL;
    VbMoveSource source = {0};
    VbMoveReport move = {0};
    gint64 started = g_get_monotonic_time();
    VbMoveBudget budget = {
        .rate_bytes_per_s = rate_of(run->runner, run->progress.guests_planned),
        .limit_bytes = action->all ? 0 : action->bytes,
        .from = VB_NODE_BIT(action->from),
    };
    job->reported = 0;
    gboolean ran = ready(job, action, &source, &error);
    g_autoptr(GArray) ranges = source.ranges;
    budget.shared = source.shared;
    ran = ran && run->runner->moves->move(job->mover, &source.process,
                                          (const VbRange *)(void *)ranges->data, ranges->len,
                                          action->to, &budget, on_progress, job, job->stop, &move,
                                          &error);
    if (!ran) {
        set_failure(run, index, started, error);
        return FALSE;
    }
    report(run, move.bytes_moved - MIN(job->reported, move.bytes_moved), 0);
    g_autofree char *text = vb_outcome_text(action, &move, job->stop_reason);
    set_outcome(run, index, vb_outcome_result(&move), move.bytes_moved, started, text);
    return vb_outcome_may_continue(&move);
}

static void
run_job(Job *job)
{
    Run *run = job->run;
    if (g_cancellable_is_cancelled(run->cancellable)) {
        set_all(run, job->pins, 0, VB_RESULT_CANCELLED, 0, "cancelled before it began");
        set_all(run, job->moves, 0, VB_RESULT_CANCELLED, 0, "cancelled before it began");
        return;
    }
    if (!pin_guest(job)) {
        set_all(run, job->moves, 0, VB_RESULT_CANCELLED, 0,
                "not tried, as its threads could not be pinned");
        return;
    }
    for (guint i = 0; i < job->moves->len; i++) {
        if (g_cancellable_is_cancelled(job->stop)) {
            set_all(run, job->moves, i, VB_RESULT_CANCELLED, 0, "cancelled before it began");
            return;
        }
        if (!move_cell(job, g_array_index(job->moves, guint, i))) {
            set_all(run, job->moves, i + 1, VB_RESULT_CANCELLED, 0,
                    "not tried, as the move before it did not go through");
            return;
        }
    }
}

static void
forward_cancel(GCancellable *from, gpointer to)
{
    g_cancellable_cancel(to);
}

static void
worker(gpointer data, gpointer unused)
{
    Job *job = data;
    gulong handler =
        job->run->cancellable != NULL
            ? g_cancellable_connect(job->run->cancellable, G_CALLBACK(forward_cancel), job->stop,
                                    NULL)
            : 0;
    change_busy(job->run, 1);
    run_job(job);
    change_busy(job->run, -1);
    if (handler != 0)
        g_cancellable_disconnect(job->run->cancellable, handler);
    if (job->mover != NULL)
        job->run->runner->moves->close(job->mover);
    report(job->run, 0, 1);
}

static Job *
job_new(Run *run, const char *uuid)
{
    Job *job = g_new0(Job, 1);
    job->run = run;
    job->uuid = uuid;
    job->pins = g_array_new(FALSE, FALSE, sizeof(guint));
    job->moves = g_array_new(FALSE, FALSE, sizeof(guint));
    job->stop = g_cancellable_new();
    return job;
}

static void
job_free(Job *job)
{
    g_array_unref(job->pins);
    g_array_unref(job->moves);
    g_object_unref(job->stop);
    g_free(job->stop_reason);
    g_free(job);
}

/* The plan's guests, in the order of their first action. */
static GPtrArray *
queue_jobs(Run *run)
{
    GPtrArray *jobs = g_ptr_array_new_with_free_func((GDestroyNotify)job_free);
    g_autoptr(GHashTable) by_uuid = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < run->plan->actions->len; i++) {
        const VbAction *action = action_at(run, i);
        Job *job = g_hash_table_lookup(by_uuid, action->uuid);
        if (job == NULL) {
            job = job_new(run, action->uuid);
            g_hash_table_insert(by_uuid, action->uuid, job);
            g_ptr_array_add(jobs, job);
        }
        g_array_append_val(action->kind == VB_ACTION_PIN ? job->pins : job->moves, i);
    }
    return jobs;
}

GPtrArray *
vb_run(const VbRunner *runner, const VbPlan *plan, GCancellable *cancellable)
{
    Run run = {.runner = runner, .plan = plan, .cancellable = cancellable};
    g_mutex_init(&run.lock);
    run.outcomes = g_ptr_array_new_with_free_func((GDestroyNotify)vb_outcome_free);
    g_ptr_array_set_size(run.outcomes, (int)plan->actions->len);
    g_autoptr(GPtrArray) jobs = queue_jobs(&run);
    run.progress.bytes_planned = vb_plan_bytes(plan);
    run.progress.guests_planned = jobs->len;
    GThreadPool *pool =
        g_thread_pool_new(worker, NULL, (int)MAX(runner->workers, 1), FALSE, NULL);
    for (guint i = 0; i < jobs->len; i++)
        g_thread_pool_push(pool, g_ptr_array_index(jobs, i), NULL);
    g_thread_pool_free(pool, FALSE, TRUE);
    g_mutex_clear(&run.lock);
    return run.outcomes;
}

static gpointer
real_open(GError **error)
{
    return vb_mover_spawn(NULL, error);
}

static gboolean
real_move(gpointer mover, const VbProcess *process, const VbRange *ranges, guint n_ranges,
          int target, const VbMoveBudget *budget, VbMoveProgress progress, gpointer user_data,
          GCancellable *cancellable, VbMoveReport *ret, GError **error)
{
    return vb_mover_move(mover, process, ranges, n_ranges, target, budget, progress, user_data,
                         cancellable, ret, error);
}

static void
real_close(gpointer mover)
{
    vb_mover_close(mover);
}

const VbMoves *
vb_run_real_moves(void)
{
    static const VbMoves moves = {real_open, real_move, real_close};
    return &moves;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "act/run.h"
#include "act/job.h"

/* The jobs of a running plan. */
typedef struct {
    VbRunState state;
    GPtrArray *jobs; /* (element-type VbRunJob) */
    guint next;      /* guarded by the state's lock: the first that no worker has taken */
} Run;

static VbRunJob *
take_job(Run *run)
{
    g_mutex_lock(&run->state.lock);
    VbRunJob *job = run->next < run->jobs->len ? g_ptr_array_index(run->jobs, run->next++) : NULL;
    g_mutex_unlock(&run->state.lock);
    return job;
}

static gpointer
work(gpointer data)
{
    Run *run = data;
    const VbRunner *runner = run->state.runner;
    VbRunJob *job;
    while ((job = take_job(run)) != NULL) {
        vb_run_job_do(job);
        g_mutex_lock(&run->state.lock);
        run->state.progress.guests_done++;
        VbRunProgress now = run->state.progress;
        if (runner->progress != NULL)
            runner->progress(&now, runner->user_data);
        g_mutex_unlock(&run->state.lock);
    }
    return NULL;
}

/* The plan's guests, in the order of their first action. */
static GPtrArray *
queue_jobs(VbRunState *state)
{
    GPtrArray *jobs = g_ptr_array_new_with_free_func((GDestroyNotify)vb_run_job_free);
    g_autoptr(GHashTable) by_uuid = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < state->plan->actions->len; i++) {
        const VbAction *action = g_ptr_array_index(state->plan->actions, i);
        VbRunJob *job = g_hash_table_lookup(by_uuid, action->uuid);
        if (job == NULL) {
            job = vb_run_job_new(state, action->uuid);
            g_hash_table_insert(by_uuid, action->uuid, job);
            g_ptr_array_add(jobs, job);
        }
        vb_run_job_add(job, i);
    }
    return jobs;
}

/* This thread is a worker too, so that the jobs get done where no other can be started. */
static void
work_all(Run *run)
{
    g_autoptr(GPtrArray) threads = g_ptr_array_new();
    while (threads->len + 1 < run->state.workers) {
        GThread *thread = g_thread_try_new("mover", work, run, NULL);
        if (thread == NULL)
            break;
        g_ptr_array_add(threads, thread);
    }
    work(run);
    for (guint i = 0; i < threads->len; i++)
        g_thread_join(g_ptr_array_index(threads, i));
}

GPtrArray *
vb_run(const VbRunner *runner, const VbPlan *plan, GCancellable *cancellable)
{
    Run run = {.state = {.runner = runner, .plan = plan, .cancellable = cancellable}};
    VbRunState *state = &run.state;
    g_mutex_init(&state->lock);
    vb_room_init(&state->room);
    state->outcomes = g_ptr_array_new_with_free_func((GDestroyNotify)vb_outcome_free);
    g_ptr_array_set_size(state->outcomes, (int)plan->actions->len);
    g_autoptr(GPtrArray) jobs = run.jobs = queue_jobs(state);
    state->workers = MAX(MIN(runner->workers, jobs->len), 1);
    state->progress.bytes_planned = vb_plan_bytes(plan);
    state->progress.guests_planned = state->unbegun = jobs->len;
    work_all(&run);
    vb_room_clear(&state->room);
    g_mutex_clear(&state->lock);
    return state->outcomes;
}

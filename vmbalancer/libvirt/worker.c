/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libvirt/worker.h"

#include "libvirt/sigpipe.h"
#include <vmbalancer/error.h>

/* One call, held by the caller that waits and by the thread that runs it. */
typedef struct {
    char *lane;
    char *words;
    VbWorkerFunc func;
    gpointer data;
    GDestroyNotify free_data;
    GDestroyNotify free_result;
    GCancellable *cancellable;
    VbWorker *worker; /* a reference */
    gpointer result;
    GError *error;
    gboolean done;
    gboolean late; /* nobody waits for it any more */
    gint64 begun_us;
} Job;

struct VbWorker {
    GMutex lock;          /* guards all below, and done and late of the jobs */
    GCond changed;        /* a job is done or late */
    GHashTable *lanes;    /* lane -> Job that runs there, unowned */
    guint n_late;         /* of the lanes other than the connection's */
    GThreadPool *threads; /* one for each job that runs */
};

static void
worker_clear(gpointer data)
{
    VbWorker *worker = data;
    /* Runs on the pool's own thread when a late job was the last to hold it: do not wait there. */
    g_thread_pool_free(worker->threads, FALSE, FALSE);
    g_hash_table_unref(worker->lanes);
    g_mutex_clear(&worker->lock);
    g_cond_clear(&worker->changed);
}

void
vb_worker_free(VbWorker *worker)
{
    if (worker != NULL)
        g_atomic_rc_box_release_full(worker, worker_clear);
}

static void
job_clear(gpointer data)
{
    Job *job = data;
    if (job->result != NULL && job->free_result != NULL)
        job->free_result(job->result);
    if (job->data != NULL && job->free_data != NULL)
        job->free_data(job->data);
    g_clear_error(&job->error);
    g_object_unref(job->cancellable);
    g_free(job->lane);
    g_free(job->words);
    vb_worker_free(job->worker);
}

static void
job_unref(Job *job)
{
    g_atomic_rc_box_release_full(job, job_clear);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Job, job_unref)

static gboolean
is_connection(const Job *job)
{
    return g_str_equal(job->lane, VB_LANE_CONNECTION);
}

static void
run_job(gpointer data, gpointer user_data)
{
    g_autoptr(Job) job = data;
    VbWorker *worker = job->worker;
    GError *error = NULL;
    VbSigpipe held = vb_sigpipe_hold();
    gpointer result = job->func(job->data, job->cancellable, &error);
    vb_sigpipe_release(&held);
    g_mutex_lock(&worker->lock);
    job->result = result;
    job->error = error;
    job->done = TRUE;
    g_hash_table_remove(worker->lanes, job->lane);
    if (job->late && !is_connection(job))
        worker->n_late--;
    g_cond_broadcast(&worker->changed);
    g_mutex_unlock(&worker->lock);
}

/*
 * A thread that has called libvirt has state of the libraries behind it. As the process exits OpenSSL frees that of all
 * threads, and one that ends by itself in that moment frees its own once more. So none ends: each waits for its next call.
 */
static void
keep_threads(void)
{
    g_thread_pool_set_max_unused_threads(-1);
    g_thread_pool_set_max_idle_time(0);
}

VbWorker *
vb_worker_new(void)
{
    keep_threads();
    VbWorker *worker = g_atomic_rc_box_new0(VbWorker);
    g_mutex_init(&worker->lock);
    g_cond_init(&worker->changed);
    worker->lanes = g_hash_table_new(g_str_hash, g_str_equal);
    worker->threads = g_thread_pool_new(run_job, NULL, -1, FALSE, NULL);
    return worker;
}

static Job *
job_new(VbWorker *worker, const VbCall *call)
{
    Job *job = g_atomic_rc_box_new0(Job);
    job->lane = g_strdup(call->lane);
    job->words = g_strdup(call->words);
    job->func = call->func;
    job->data = call->data;
    job->free_data = call->free_data;
    job->free_result = call->free_result;
    job->cancellable = g_cancellable_new();
    job->worker = g_atomic_rc_box_acquire(worker);
    return job;
}

static void
set_refused(GError **error, const Job *job, const Job *late)
{
    g_set_error(error, VB_ERROR, VB_ERROR_TIMEOUT,
                "%s: not tried, as libvirt has not answered %s for %.1f s; if it does not come "
                "back, look at: systemctl status libvirtd",
                job->words, late->words,
                (double)(g_get_monotonic_time() - late->begun_us) / G_USEC_PER_SEC);
}

/* Any late call of a guest, when there are too many; the connection's or the lane's own. */
static const Job *
find_late(VbWorker *worker, const Job *job)
{
    const Job *whole = g_hash_table_lookup(worker->lanes, VB_LANE_CONNECTION);
    const Job *own = g_hash_table_lookup(worker->lanes, job->lane);
    if (whole != NULL && whole->late)
        return whole;
    if (own != NULL && own->late)
        return own;
    if (is_connection(job) || worker->n_late < VB_LANES_LATE_MAX)
        return NULL;
    GHashTableIter iter;
    gpointer other;
    g_hash_table_iter_init(&iter, worker->lanes);
    while (g_hash_table_iter_next(&iter, NULL, &other))
        if (((Job *)other)->late)
            return other;
    return NULL;
}

/* Waits until the lane is free; the lock is held. Returns: FALSE with an error if it will not be.
 */
static gboolean
enter_lane(VbWorker *worker, Job *job, gint64 deadline_us, GError **error)
{
    for (;;) {
        const Job *late = find_late(worker, job);
        if (late != NULL) {
            set_refused(error, job, late);
            return FALSE;
        }
        if (!g_hash_table_contains(worker->lanes, job->lane))
            break;
        if (!g_cond_wait_until(&worker->changed, &worker->lock, deadline_us)) {
            g_set_error(error, VB_ERROR, VB_ERROR_TIMEOUT,
                        "%s: libvirt was busy with earlier calls until the deadline", job->words);
            return FALSE;
        }
    }
    g_hash_table_insert(worker->lanes, job->lane, job);
    job->begun_us = g_get_monotonic_time();
    g_thread_pool_push(worker->threads, g_atomic_rc_box_acquire(job), NULL);
    return TRUE;
}

/* Waits for the answer; the lock is held. */
static gboolean
await(VbWorker *worker, Job *job, gint64 deadline_us)
{
    while (!job->done)
        if (!g_cond_wait_until(&worker->changed, &worker->lock, deadline_us) && !job->done) {
            job->late = TRUE;
            if (!is_connection(job))
                worker->n_late++;
            g_cond_broadcast(&worker->changed);
            return FALSE;
        }
    return TRUE;
}

gpointer
vb_worker_run(VbWorker *worker, const VbCall *call, guint deadline_ms, GError **error)
{
    gint64 deadline_us = g_get_monotonic_time() + (gint64)deadline_ms * 1000;
    g_autoptr(Job) job = job_new(worker, call);
    g_mutex_lock(&worker->lock);
    gboolean entered = enter_lane(worker, job, deadline_us, error);
    gboolean done = entered && await(worker, job, deadline_us);
    g_mutex_unlock(&worker->lock);
    if (!entered)
        return NULL;
    if (!done) {
        g_cancellable_cancel(job->cancellable);
        g_set_error(error, VB_ERROR, VB_ERROR_TIMEOUT,
                    "%s: libvirt did not answer within %.1f s: it is stopped, overloaded or waits "
                    "for a guest; look at: systemctl status libvirtd",
                    job->words, deadline_ms / 1000.0);
        return NULL;
    }
    if (job->error != NULL)
        g_propagate_error(error, g_steal_pointer(&job->error));
    return g_steal_pointer(&job->result);
}

gboolean
vb_worker_is_late(VbWorker *worker, const char *lane)
{
    g_mutex_lock(&worker->lock);
    const Job *job = g_hash_table_lookup(worker->lanes, lane);
    gboolean late = job != NULL && job->late;
    g_mutex_unlock(&worker->lock);
    return late;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libvirt/worker.h"
#include <string.h>
#include <vmbalancer/error.h>

/* "At once": far below any deadline here, far above what a loaded machine needs to wake a thread.
 */
#define AT_ONCE_MS 200
#define GUEST "6695eb01-f6a4-8304-79aa-97f2502e193f"
#define OTHER "76d0b31c-6a2e-4b53-9d0f-4c0f5a9e1ab0"

/* A call that returns when the test lets it. */
typedef struct {
    GMutex lock;
    GCond changed;
    gboolean open;
    gboolean cancelled;
    guint running;
    guint most_running;
    guint data_freed;
    guint results_freed;
} Gate;

static Gate gate;

static void
gate_reset(void)
{
    gate = (Gate){.open = FALSE};
    g_mutex_init(&gate.lock);
    g_cond_init(&gate.changed);
}

static void
gate_open(void)
{
    g_mutex_lock(&gate.lock);
    gate.open = TRUE;
    g_cond_broadcast(&gate.changed);
    g_mutex_unlock(&gate.lock);
}

static void
count(guint *counter)
{
    g_mutex_lock(&gate.lock);
    (*counter)++;
    g_cond_broadcast(&gate.changed);
    g_mutex_unlock(&gate.lock);
}

static void
wait_for(const guint *counter, guint value)
{
    gint64 limit = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;
    g_mutex_lock(&gate.lock);
    while (*counter < value)
        g_assert_true(g_cond_wait_until(&gate.changed, &gate.lock, limit));
    g_mutex_unlock(&gate.lock);
}

static void
free_data(gpointer data)
{
    g_free(data);
    count(&gate.data_freed);
}

static void
free_result(gpointer result)
{
    g_free(result);
    count(&gate.results_freed);
}

static gpointer
slow(gpointer data, GCancellable *cancellable, GError **error)
{
    g_mutex_lock(&gate.lock);
    gate.running++;
    gate.most_running = MAX(gate.most_running, gate.running);
    g_cond_broadcast(&gate.changed);
    while (!gate.open)
        g_cond_wait(&gate.changed, &gate.lock);
    gate.running--;
    gate.cancelled = g_cancellable_is_cancelled(cancellable);
    g_mutex_unlock(&gate.lock);
    return g_strdup("slow answer");
}

static gpointer
quick(gpointer data, GCancellable *cancellable, GError **error)
{
    return g_strdup(data);
}

static gpointer
failing(gpointer data, GCancellable *cancellable, GError **error)
{
    g_set_error_literal(error, VB_ERROR, VB_ERROR_DENIED, "no");
    return NULL;
}

static gpointer
nap(gpointer data, GCancellable *cancellable, GError **error)
{
    count(&gate.running);
    g_mutex_lock(&gate.lock);
    gate.most_running = MAX(gate.most_running, gate.running);
    g_mutex_unlock(&gate.lock);
    g_usleep(20 * 1000);
    g_mutex_lock(&gate.lock);
    gate.running--;
    g_mutex_unlock(&gate.lock);
    return g_strdup("rested");
}

static char *
run(VbWorker *worker, const char *lane, VbWorkerFunc func, guint deadline_ms, GError **error)
{
    VbCall call = {lane, "asking", func, g_strdup("data"), free_data, free_result};
    return vb_worker_run(worker, &call, deadline_ms, error);
}

static void
assert_works(VbWorker *worker, const char *lane)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *answer = run(worker, lane, quick, 5000, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(answer, ==, "data");
}

static void
assert_left_behind(VbWorker *worker, const char *lane)
{
    g_autoptr(GError) error = NULL;
    gint64 begun = g_get_monotonic_time();
    g_assert_null(run(worker, lane, slow, 50, &error));
    gint64 took_ms = (g_get_monotonic_time() - begun) / 1000;
    g_assert_error(error, VB_ERROR, VB_ERROR_TIMEOUT);
    g_assert_nonnull(strstr(error->message, "did not answer within"));
    g_assert_cmpint(took_ms, >=, 49);
    g_assert_cmpint(took_ms, <, 50 + AT_ONCE_MS);
    g_assert_true(vb_worker_is_late(worker, lane));
}

static void
assert_refused(VbWorker *worker, const char *lane)
{
    g_autoptr(GError) error = NULL;
    gint64 begun = g_get_monotonic_time();
    g_assert_null(run(worker, lane, quick, 5000, &error));
    g_assert_cmpint((g_get_monotonic_time() - begun) / 1000, <, AT_ONCE_MS);
    g_assert_error(error, VB_ERROR, VB_ERROR_TIMEOUT);
    g_assert_nonnull(strstr(error->message, "not tried"));
}

static void
test_answer(void)
{
    gate_reset();
    g_autoptr(VbWorker) worker = vb_worker_new();
    assert_works(worker, VB_LANE_CONNECTION);
    wait_for(&gate.data_freed, 1);
    g_autoptr(GError) error = NULL;
    g_assert_null(run(worker, GUEST, failing, 5000, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_DENIED);
    wait_for(&gate.data_freed, 2);
    g_assert_cmpuint(gate.results_freed, ==, 0);
}

static void
test_late(void)
{
    gate_reset();
    g_autoptr(VbWorker) worker = vb_worker_new();
    assert_left_behind(worker, GUEST);
    assert_refused(worker, GUEST);
    gate_open();
    wait_for(&gate.results_freed, 1);
    wait_for(&gate.data_freed, 2);
    g_assert_true(gate.cancelled);
    g_assert_false(vb_worker_is_late(worker, GUEST));
    assert_works(worker, GUEST);
}

static void
test_others_go_on(void)
{
    gate_reset();
    g_autoptr(VbWorker) worker = vb_worker_new();
    assert_left_behind(worker, GUEST);
    assert_works(worker, OTHER);
    assert_works(worker, VB_LANE_CONNECTION);
    gate_open();
    wait_for(&gate.results_freed, 1);
}

static void
test_connection_stops_all(void)
{
    gate_reset();
    g_autoptr(VbWorker) worker = vb_worker_new();
    assert_left_behind(worker, VB_LANE_CONNECTION);
    assert_refused(worker, VB_LANE_CONNECTION);
    assert_refused(worker, GUEST);
    gate_open();
    wait_for(&gate.results_freed, 1);
    assert_works(worker, GUEST);
}

static void
test_too_many_late(void)
{
    gate_reset();
    g_autoptr(VbWorker) worker = vb_worker_new();
    for (guint i = 0; i < VB_LANES_LATE_MAX; i++) {
        g_autofree char *lane = g_strdup_printf("guest %u", i);
        assert_works(worker, GUEST);
        assert_left_behind(worker, lane);
    }
    assert_refused(worker, GUEST);
    g_assert_false(vb_worker_is_late(worker, GUEST));
    assert_works(worker, VB_LANE_CONNECTION);
    gate_open();
    wait_for(&gate.results_freed, VB_LANES_LATE_MAX);
    assert_works(worker, GUEST);
}

static gpointer
nap_thread(gpointer worker)
{
    for (guint i = 0; i < 5; i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *answer = run(worker, GUEST, nap, 10000, &error);
        g_assert_no_error(error);
    }
    return NULL;
}

static void
test_lane_serves_one(void)
{
    gate_reset();
    g_autoptr(VbWorker) worker = vb_worker_new();
    GThread *threads[4];
    for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("caller", nap_thread, worker);
    for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
        g_thread_join(threads[i]);
    g_assert_cmpuint(gate.most_running, ==, 1);
}

static gpointer
slow_thread(gpointer worker)
{
    return run(worker, GUEST, slow, 10000, NULL);
}

static void
test_queue_counts(void)
{
    gate_reset();
    g_autoptr(VbWorker) worker = vb_worker_new();
    GThread *thread = g_thread_new("caller", slow_thread, worker);
    wait_for(&gate.running, 1);
    g_autoptr(GError) error = NULL;
    g_assert_null(run(worker, GUEST, quick, 50, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_TIMEOUT);
    g_assert_nonnull(strstr(error->message, "busy with earlier calls"));
    gate_open();
    g_autofree char *answer = g_thread_join(thread);
    g_assert_cmpstr(answer, ==, "slow answer");
}

static void
test_freed_while_late(void)
{
    gate_reset();
    VbWorker *worker = vb_worker_new();
    assert_left_behind(worker, GUEST);
    vb_worker_free(worker);
    g_assert_cmpuint(gate.data_freed, ==, 0);
    gate_open();
    wait_for(&gate.data_freed, 1);
    wait_for(&gate.results_freed, 1);
}

/* --- the threads ---------------------------------------------------------------------------- */

#define CALLERS 6

static int ended; /* atomic: threads that ran a call */

static void
note_end(gpointer data)
{
    g_atomic_int_inc(&ended);
}

static GPrivate called = G_PRIVATE_INIT(note_end);

static gpointer
nap_marked(gpointer data, GCancellable *cancellable, GError **error)
{
    g_private_set(&called, GINT_TO_POINTER(1));
    return nap(data, cancellable, error);
}

static gpointer
call_once(gpointer data)
{
    static int callers;
    g_autofree char *lane = g_strdup_printf("guest %d", g_atomic_int_add(&callers, 1));
    g_free(run(data, lane, nap_marked, 5000, NULL));
    return NULL;
}

static void
test_threads_stay(void)
{
    gate_reset();
    VbWorker *worker = vb_worker_new();
    GThread *callers[CALLERS];
    for (guint i = 0; i < CALLERS; i++)
        callers[i] = g_thread_new("caller", call_once, worker);
    for (guint i = 0; i < CALLERS; i++)
        g_thread_join(callers[i]);
    vb_worker_free(worker);
    g_usleep(200 * 1000);
    g_assert_cmpint(g_atomic_int_get(&ended), ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/worker/gives-the-answer-or-the-error", test_answer);
    g_test_add_func("/worker/leaves-a-late-call-behind-and-recovers", test_late);
    g_test_add_func("/worker/a-late-guest-holds-up-no-other", test_others_go_on);
    g_test_add_func("/worker/a-late-connection-stops-all", test_connection_stops_all);
    g_test_add_func("/worker/too-many-late-guests-stop-guests-only", test_too_many_late);
    g_test_add_func("/worker/a-lane-serves-one-at-a-time", test_lane_serves_one);
    g_test_add_func("/worker/waiting-in-a-lane-counts", test_queue_counts);
    g_test_add_func("/worker/its-threads-do-not-end", test_threads_stay);
    g_test_add_func("/worker/late-calls-outlive-the-worker", test_freed_while_late);
    return g_test_run();
}

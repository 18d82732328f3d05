/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/job.h"
#include "cli/command.h"
#include <glib-unix.h>
#include <unistd.h>

typedef struct {
    VbJobFunction work;
    gpointer data;
    void (*tick)(gpointer data);
    GMainLoop *loop;
    GCancellable *cancellable;
    gboolean done;
    GError *error;
} Job;

static gboolean
finish(gpointer data)
{
    g_main_loop_quit(((Job *)data)->loop);
    return G_SOURCE_REMOVE;
}

static gpointer
run_work(gpointer data)
{
    Job *job = data;
    job->done = job->work(job->data, job->cancellable, &job->error);
    g_idle_add(finish, job);
    return NULL;
}

static gboolean
on_signal(gpointer data)
{
    Job *job = data;
    if (g_cancellable_is_cancelled(job->cancellable))
        _exit(130);
    g_cancellable_cancel(job->cancellable);
    if (isatty(STDERR_FILENO))
        vb_command_say("stopping; interrupt once more to end at once");
    return G_SOURCE_CONTINUE;
}

static gboolean
on_tick(gpointer data)
{
    Job *job = data;
    job->tick(job->data);
    return G_SOURCE_CONTINUE;
}

gboolean
vb_job_run(VbJobFunction work, gpointer data, guint tick_ms, void (*tick)(gpointer data),
           GError **error)
{
    Job job = {.work = work, .data = data, .tick = tick};
    job.loop = g_main_loop_new(NULL, FALSE);
    job.cancellable = g_cancellable_new();
    guint interrupt = g_unix_signal_add(SIGINT, on_signal, &job);
    guint terminate = g_unix_signal_add(SIGTERM, on_signal, &job);
    guint hang_up = g_unix_signal_add(SIGHUP, on_signal, &job);
    guint ticks = tick != NULL ? g_timeout_add(tick_ms, on_tick, &job) : 0;
    GThread *thread = g_thread_new("work", run_work, &job);
    g_main_loop_run(job.loop);
    g_thread_join(thread);
    g_source_remove(interrupt);
    g_source_remove(terminate);
    g_source_remove(hang_up);
    if (ticks != 0)
        g_source_remove(ticks);
    g_main_loop_unref(job.loop);
    g_object_unref(job.cancellable);
    if (job.error != NULL)
        g_propagate_error(error, job.error);
    return job.done;
}

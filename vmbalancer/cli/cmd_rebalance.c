/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/answer.h"
#include "cli/cmd_plan.h"
#include "cli/render.h"
#include "core/codec.h"
#include "core/json_write.h"
#include "core/text.h"
#include <stdio.h>
#include <unistd.h>
#include <vmbalancer/error.h>

#define PROGRESS_INTERVAL_MS 250

/* What the work on a thread needs and leaves. */
typedef struct {
    const VbCli *cli;
    VbPlanRequest request;
    guint64 rate_bytes_per_s; /* 0 = the configuration's */
    gboolean dry_run;
    gboolean wait;
    VbDecision *decision;
    GPtrArray *outcomes;
    VbJobAnswer answer; /* of a daemon; its path is NULL if there is none */
    GMutex lock;        /* guards progress */
    VbRunProgress progress;
    gint64 started_us;
    gboolean on_terminal;
    gboolean shown; /* a progress line stands on the terminal */
} Work;

static void
on_progress(const VbRunProgress *progress, gpointer user_data)
{
    Work *job = user_data;
    g_mutex_lock(&job->lock);
    if (job->started_us == 0)
        job->started_us = g_get_monotonic_time();
    job->progress = *progress;
    g_mutex_unlock(&job->lock);
}

static void
show_progress(gpointer data)
{
    Work *job = data;
    g_mutex_lock(&job->lock);
    VbRunProgress now = job->progress;
    gint64 started = job->started_us;
    g_mutex_unlock(&job->lock);
    if (!job->on_terminal || started == 0 || now.bytes_planned == 0)
        return;
    double seconds = (double)(g_get_monotonic_time() - started) / G_USEC_PER_SEC;
    double rate = seconds > 0 ? (double)now.bytes_moved / seconds : 0;
    guint64 left = now.bytes_planned - MIN(now.bytes_moved, now.bytes_planned);
    g_autofree char *moved = vb_bytes_format(now.bytes_moved);
    g_autofree char *planned = vb_bytes_format(now.bytes_planned);
    g_autofree char *pace = vb_bytes_format((guint64)rate);
    g_printerr("\r%s of %s moved, %s/s, %u of %u guests done, about %.0f s left \033[K", moved,
               planned, pace, now.guests_done, now.guests_planned,
               rate > 0 ? (double)left / rate : 0.0);
    job->shown = TRUE;
}

static void
clear_progress(Work *job)
{
    if (job->shown)
        g_printerr("\r\033[K");
}

static gboolean
work_here(Work *job, GCancellable *cancellable, GError **error)
{
    g_autoptr(VbEngine) engine = vb_command_open(job->cli, FALSE, error);
    if (engine == NULL)
        return FALSE;
    job->decision = vb_plan_decide(engine, &job->request, cancellable, error);
    if (job->decision == NULL)
        return FALSE;
    if (!job->dry_run)
        job->outcomes = vb_engine_run(engine, job->decision,
                                      (VbAskedRate){.bytes_per_s = job->rate_bytes_per_s},
                                      on_progress, job, cancellable);
    return TRUE;
}

static gboolean
work_there(Work *job, VbBusHost *host, GCancellable *cancellable, GError **error)
{
    if (job->dry_run) {
        job->decision = vb_answer_decision(host, &job->request, cancellable, error);
        return job->decision != NULL;
    }
    if (!vb_answer_rebalance(host, &job->request, job->rate_bytes_per_s, job->wait, on_progress,
                             job, cancellable, &job->answer, error))
        return FALSE;
    if (!job->answer.ended)
        return TRUE;
    job->decision = g_new0(VbDecision, 1);
    job->decision->plan = g_steal_pointer(&job->answer.plan);
    job->outcomes = g_steal_pointer(&job->answer.outcomes);
    return TRUE;
}

static gboolean
work(gpointer data, GCancellable *cancellable, GError **error)
{
    Work *job = data;
    g_autoptr(VbBusHost) host = NULL;
    if (!vb_service_find(job->cli, cancellable, &host, error))
        return FALSE;
    return host != NULL ? work_there(job, host, cancellable, error)
                        : work_here(job, cancellable, error);
}

static gboolean
parse_rate(const char *text, guint64 *ret, GError **error)
{
    if (text == NULL)
        return TRUE;
    if (g_str_equal(text, "max")) {
        *ret = G_MAXUINT64;
        return TRUE;
    }
    if (!vb_bytes_parse(text, TRUE, ret, error)) {
        g_prefix_error(error, "--rate: ");
        return FALSE;
    }
    if (*ret > 0)
        return TRUE;
    g_set_error(error, VB_ERROR, VB_ERROR_INVALID,
                "--rate: 0 would never move anything: give a rate as in \"512MiB/s\", or \"max\"");
    return FALSE;
}

static void
print_outcomes(const Work *job)
{
    const VbDecision *decision = job->decision;
    if (job->cli->json && job->answer.document != NULL) {
        vb_service_print_json(job->answer.document, "vmbalancer.rebalance/1", NULL);
        return;
    }
    if (job->cli->json) {
        g_autoptr(JsonNode) node =
            vb_codec_rebalance(decision->plan, decision->predicted, job->outcomes);
        vb_command_print_json(node);
        return;
    }
    g_autoptr(GString) text = g_string_new(NULL);
    vb_render_outcomes(decision->plan, job->outcomes, &job->cli->style, text);
    vb_render_declined(decision->plan, &job->cli->style, text);
    fputs(text->str, stdout);
}

/* A guest that was named and refused is a failure; one of "all" that others place is not. */
static guint
count_refused(const Work *job)
{
    gboolean named = job->request.guests != NULL && job->request.guests[0] != NULL;
    return named ? job->decision->plan->declined->len : 0;
}

static int
status_of(const Work *job)
{
    guint good = 0, bad = count_refused(job), unreachable = 0, gone = 0;
    for (guint i = 0; i < job->outcomes->len; i++) {
        const VbOutcome *outcome = g_ptr_array_index(job->outcomes, i);
        good += outcome->result == VB_RESULT_DONE || outcome->bytes_moved > 0;
        bad += outcome->result != VB_RESULT_DONE;
        unreachable += outcome->code == VB_ERROR_UNREACHABLE || outcome->code == VB_ERROR_TIMEOUT;
        gone += outcome->code == VB_ERROR_NO_GUEST;
    }
    if (bad == 0)
        return VB_EXIT_DONE;
    if (good > 0)
        return VB_EXIT_PARTLY;
    return unreachable > 0 ? VB_EXIT_UNREACHABLE : gone > 0 ? VB_EXIT_NO_GUEST : VB_EXIT_FAILED;
}

/* It goes on without us. */
static void
print_begun(const Work *job)
{
    const VbRunProgress *now = &job->answer.progress;
    if (job->cli->json) {
        g_autoptr(JsonNode) node = vb_json_document("vmbalancer.job/1");
        JsonObject *object = json_node_get_object(node);
        vb_json_put_text(object, "job", job->answer.path);
        json_object_set_int_member(object, "guests", now->guests_planned);
        vb_json_put_u64(object, "bytes", now->bytes_planned);
        vb_command_print_json(node);
        return;
    }
    g_autofree char *planned = vb_bytes_format(now->bytes_planned);
    printf(
        "vmbalancerd brings %u guest%s home, %s to move: watch it with vmbalancer top; vmbalancer "
        "history tells what became of it; --wait waits for the end\n",
        now->guests_planned, now->guests_planned == 1 ? "" : "s", planned);
}

static int
conclude(Work *job)
{
    if (job->answer.path != NULL && !job->answer.ended) {
        print_begun(job);
        return VB_EXIT_DONE;
    }
    if (job->dry_run) {
        vb_plan_print(job->cli, job->decision);
        return VB_EXIT_DONE;
    }
    print_outcomes(job);
    return status_of(job);
}

static int
run(const VbCommand *command, VbCli *cli, int argc, char **argv)
{
    g_auto(VbPlanOptions) options = {0};
    g_autofree char *rate = NULL;
    Work job = {.cli = cli, .on_terminal = isatty(STDERR_FILENO)};
    const GOptionEntry entries[] = {
        {"rate", 0, 0, G_OPTION_ARG_STRING, &rate,
         "pace of all moves together, e.g. 256MiB/s, or \"max\"", "R"},
        {"dry-run", 0, 0, G_OPTION_ARG_NONE, &job.dry_run, "show the plan and change nothing",
         NULL},
        {"wait", 0, 0, G_OPTION_ARG_NONE, &job.wait,
         "return when all is done (always so where no daemon does the work)", NULL},
        VB_PLAN_ENTRIES(options),
        {NULL},
    };
    g_autoptr(GError) error = NULL;
    if (!vb_command_parse(command, cli, entries, &argc, &argv))
        return VB_EXIT_USAGE;
    g_mutex_init(&job.lock);
    gboolean worked = vb_plan_options_request(&options, &job.request, &error) &&
                      parse_rate(rate, &job.rate_bytes_per_s, &error) &&
                      vb_job_run(work, &job, PROGRESS_INTERVAL_MS, show_progress, &error);
    clear_progress(&job);
    int status = worked ? conclude(&job) : vb_command_fail(error);
    g_clear_pointer(&job.outcomes, g_ptr_array_unref);
    vb_decision_free(job.decision);
    vb_job_answer_clear(&job.answer);
    g_mutex_clear(&job.lock);
    return status;
}

const VbCommand vb_command_rebalance = {
    .name = "rebalance",
    .arguments = "[GUEST...]",
    .summary = "bring guests home now",
    .run = run,
};

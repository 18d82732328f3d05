/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cmd_plan.h"
#include "cli/answer.h"
#include "cli/render.h"
#include "core/codec.h"
#include <stdio.h>
#include <vmbalancer/error.h>

/* How long the vCPUs are watched before a decision: long enough for a guest that runs at times. */
#define WINDOW_MS 1000

void
vb_plan_options_clear(VbPlanOptions *options)
{
    g_free(options->to);
    g_free(options->policy);
    g_strfreev(options->guests);
}

/* Guests of the command line, and --to, as a request. */
gboolean
vb_plan_options_request(const VbPlanOptions *options, VbPlanRequest *ret, GError **error)
{
    ret->guests = (const char *const *)options->guests;
    ret->policy = options->policy;
    ret->force = options->force;
    ret->cause = VB_CAUSE_MANUAL;
    if (options->to == NULL)
        return TRUE;
    if (!vb_nodeset_parse(options->to, &ret->to, error)) {
        g_prefix_error(error, "--to: ");
        return FALSE;
    }
    if (ret->to != 0)
        return TRUE;
    g_set_error(error, VB_ERROR, VB_ERROR_INVALID, "--to: name at least one node, as in \"0-1\"");
    return FALSE;
}

VbDecision *
vb_plan_decide(VbEngine *engine, const VbPlanRequest *request, GCancellable *cancellable,
               GError **error)
{
    if (!vb_engine_look(engine, VB_LOOK_CONFIRM, WINDOW_MS, cancellable, error))
        return NULL;
    g_autoptr(VbSnapshot) snapshot = vb_engine_snapshot(engine);
    return vb_engine_decide(snapshot, vb_engine_config(engine), request, error);
}

void
vb_plan_print(const VbCli *cli, const VbDecision *decision)
{
    if (cli->json) {
        g_autoptr(JsonNode) node = vb_codec_plan(decision->plan, decision->predicted);
        vb_command_print_json(node);
        return;
    }
    g_autoptr(GString) text = g_string_new(NULL);
    vb_render_plan(decision->plan, decision->before, decision->predicted, &cli->style, text);
    fputs(text->str, stdout);
}

/* What the work on a thread needs and leaves. */
typedef struct {
    const VbCli *cli;
    VbPlanRequest request;
    VbDecision *decision;
} Work;

static gboolean
work_here(Work *job, GCancellable *cancellable, GError **error)
{
    g_autoptr(VbEngine) engine = vb_command_open(job->cli, FALSE, error);
    if (engine == NULL)
        return FALSE;
    job->decision = vb_plan_decide(engine, &job->request, cancellable, error);
    return job->decision != NULL;
}

static gboolean
work(gpointer data, GCancellable *cancellable, GError **error)
{
    Work *job = data;
    g_autoptr(VbBusHost) host = NULL;
    if (!vb_service_find(job->cli, cancellable, &host, error))
        return FALSE;
    if (host == NULL)
        return work_here(job, cancellable, error);
    job->decision = vb_answer_decision(host, &job->request, cancellable, error);
    return job->decision != NULL;
}

static int
run(const VbCommand *command, VbCli *cli, int argc, char **argv)
{
    g_auto(VbPlanOptions) options = {0};
    const GOptionEntry entries[] = {
        VB_PLAN_ENTRIES(options),
        {NULL},
    };
    g_autoptr(GError) error = NULL;
    Work job = {.cli = cli};
    if (!vb_command_parse(command, cli, entries, &argc, &argv))
        return VB_EXIT_USAGE;
    if (!vb_plan_options_request(&options, &job.request, &error) ||
        !vb_job_run(work, &job, 0, NULL, &error))
        return vb_command_fail(error);
    vb_plan_print(cli, job.decision);
    vb_decision_free(job.decision);
    return VB_EXIT_DONE;
}

const VbCommand vb_command_plan = {
    .name = "plan",
    .arguments = "[GUEST...]",
    .summary = "show what rebalance would do and why",
    .run = run,
};

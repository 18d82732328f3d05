/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/command.h"
#include "cli/job.h"
#include "cli/render_advice.h"
#include "cli/service.h"
#include "core/text.h"
#include <stdio.h>
#include <vmbalancer/error.h>

/* How long the vCPUs are watched: as before any decision. */
#define WINDOW_MS 1000

/* What the work on a thread needs and leaves. */
typedef struct {
    const VbCli *cli;
    VbAdviceRequest request;
    VbAdvice *advice;
} Work;

static gboolean
ask_service(Work *job, VbBusHost *host, GCancellable *cancellable, GError **error)
{
    const VbAdviceRequest *request = &job->request;
    GVariantDict options;
    g_autofree char *nodes = NULL, *text = NULL;
    g_variant_dict_init(&options, NULL);
    if (request->page_size > 0)
        g_variant_dict_insert(&options, "page-size", "t", request->page_size);
    if (!vb_bus_host_call_advise_sync(host, request->vcpus, request->bytes,
                                      g_variant_dict_end(&options), VB_SERVICE_FLAGS,
                                      VB_SERVICE_READ_MS, &nodes, &text, cancellable, error))
        return vb_service_explain(error);
    job->advice = vb_advice_read(text, error);
    return job->advice != NULL || vb_service_garbled(error);
}

static gboolean
work(gpointer data, GCancellable *cancellable, GError **error)
{
    Work *job = data;
    g_autoptr(VbBusHost) host = NULL;
    if (!vb_service_find(job->cli, cancellable, &host, error))
        return FALSE;
    if (host != NULL)
        return ask_service(job, host, cancellable, error);
    g_autoptr(VbEngine) engine = vb_command_open(job->cli, FALSE, error);
    if (engine == NULL || !vb_engine_look(engine, VB_LOOK_ONCE, WINDOW_MS, cancellable, error))
        return FALSE;
    g_autoptr(VbSnapshot) snapshot = vb_engine_snapshot(engine);
    job->advice = vb_advise(snapshot, vb_engine_config(engine), &job->request, error);
    return job->advice != NULL;
}

static gboolean
read_request(const char *text, const char *page_size, VbAdviceRequest *ret, GError **error)
{
    if (page_size != NULL && !vb_bytes_parse(page_size, FALSE, &ret->page_size, error)) {
        g_prefix_error(error, "--page-size: ");
        return FALSE;
    }
    return vb_advice_parse(text, ret, error);
}

/* Nowhere is told on standard error, so that a script's list of nodes stays empty. */
static void
print(const VbCli *cli, const VbAdvice *advice, gboolean verbose)
{
    if (cli->json) {
        g_autoptr(JsonNode) node = vb_advice_json(advice);
        vb_command_print_json(node);
        return;
    }
    g_autoptr(GString) text = g_string_new(NULL);
    if (advice->nodes != 0)
        vb_render_advice(advice, text);
    if (verbose)
        vb_render_advice_ranking(advice, &cli->style, text);
    fputs(text->str, stdout);
    if (advice->nodes == 0 || (!verbose && vb_nodeset_count(advice->nodes) > 1))
        vb_command_say("%s", advice->reason);
}

static int
run(const VbCommand *command, VbCli *cli, int argc, char **argv)
{
    Work job = {.cli = cli};
    gboolean verbose = FALSE;
    g_autofree char *page_size = NULL;
    const GOptionEntry entries[] = {
        {"page-size", 0, 0, G_OPTION_ARG_STRING, &page_size, "its memory is in hugepages of that size",
         "SIZE"},
        {"verbose", 'v', 0, G_OPTION_ARG_NONE, &verbose, "also why, and what each node has for it",
         NULL},
        {NULL},
    };
    g_autoptr(GError) error = NULL;
    if (!vb_command_parse(command, cli, entries, &argc, &argv))
        return VB_EXIT_USAGE;
    if (argc != 2)
        return vb_command_misuse(command, "advise takes the size of one guest, as in \"4:8GiB\"");
    if (!read_request(argv[1], page_size, &job.request, &error) ||
        !vb_job_run(work, &job, 0, NULL, &error))
        return vb_command_fail(error);
    g_autoptr(VbAdvice) advice = job.advice;
    print(cli, advice, verbose);
    return advice->nodes != 0 ? VB_EXIT_DONE : VB_EXIT_FAILED;
}

const VbCommand vb_command_advise = {
    .name = "advise",
    .arguments = "VCPUS:MEMORY",
    .summary = "where a guest that is not started yet would go",
    .run = run,
};

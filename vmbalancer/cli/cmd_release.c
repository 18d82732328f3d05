/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cmd_release.h"
#include "cli/job.h"
#include "cli/service.h"
#include "cli/text.h"
#include "engine/document.h"
#include <stdio.h>

/* What the work on a thread needs and leaves. */
typedef struct {
    const VbCli *cli;
    const char *guest;
    VbRelease release;
} Work;

static gboolean
work_there(Work *job, VbBusHost *host, GCancellable *cancellable, GError **error)
{
    g_autofree char *text = NULL;
    if (!vb_bus_host_call_release_sync(host, job->guest, VB_SERVICE_FLAGS, VB_SERVICE_WRITE_MS,
                                       &text, cancellable, error))
        return vb_service_explain(error);
    return vb_document_release_parse(text, -1, &job->release, error) || vb_service_garbled(error);
}

static gboolean
work(gpointer data, GCancellable *cancellable, GError **error)
{
    Work *job = data;
    g_autoptr(VbBusHost) host = NULL;
    if (!vb_service_find(job->cli, cancellable, &host, error))
        return FALSE;
    if (host != NULL)
        return work_there(job, host, cancellable, error);
    g_autoptr(VbEngine) engine = vb_command_open_pins(job->cli, error);
    return engine != NULL && vb_engine_release(engine, job->guest, &job->release, error);
}

static void
print_text(const Work *job)
{
    g_autofree char *name = vb_text_shown(job->guest, job->cli->style.utf8);
    if (job->release.recorded)
        vb_release_print(name, &job->release);
    else
        printf("%s: nothing to release, vmbalancer has not pinned it\n", name);
}

static int
run(const VbCommand *command, VbCli *cli, int argc, char **argv)
{
    Work job = {.cli = cli};
    gboolean all = FALSE;
    g_autoptr(GError) error = NULL;
    const GOptionEntry entries[] = {
        {"all", 0, 0, G_OPTION_ARG_NONE, &all,
         "every guest, and the records of those that do not run: before vmbalancer is removed",
         NULL},
        {NULL},
    };
    if (!vb_command_parse(command, cli, entries, &argc, &argv))
        return VB_EXIT_USAGE;
    if (argc != (all ? 1 : 2))
        return vb_command_misuse(command,
                                 "release takes the name of one guest, or --all without one");
    if (all)
        return vb_release_all(cli);
    job.guest = argv[1];
    if (!vb_job_run(work, &job, 0, NULL, &error))
        return vb_command_fail(error);
    if (!cli->json) {
        print_text(&job);
        return VB_EXIT_DONE;
    }
    g_autoptr(JsonNode) node = vb_document_release(job.guest, &job.release);
    vb_command_print_json(node);
    return VB_EXIT_DONE;
}

const VbCommand vb_command_release = {
    .name = "release",
    .arguments = "GUEST | --all",
    .summary = "undo: give a guest's pins back as they were",
    .run = run,
};

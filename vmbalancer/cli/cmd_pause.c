/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/command.h"
#include "cli/job.h"
#include "cli/service.h"
#include "core/json_write.h"
#include <stdio.h>

/* What the work on a thread needs and leaves. */
typedef struct {
    const VbCli *cli;
    gboolean pause; /* else resume */
    guint in_flight;
} Work;

static gboolean
work(gpointer data, GCancellable *cancellable, GError **error)
{
    Work *job = data;
    g_autoptr(VbBusHost) host = vb_service_open(job->cli, cancellable, error);
    if (host == NULL)
        return FALSE;
    gboolean done = job->pause
                        ? vb_bus_host_call_pause_sync(host, VB_SERVICE_FLAGS, VB_SERVICE_WRITE_MS,
                                                      cancellable, error)
                        : vb_bus_host_call_resume_sync(host, VB_SERVICE_FLAGS, VB_SERVICE_WRITE_MS,
                                                       cancellable, error);
    if (!done)
        return vb_service_explain(error);
    job->in_flight = vb_bus_host_get_in_flight(host);
    return TRUE;
}

static void
print(const Work *job)
{
    if (job->cli->json) {
        g_autoptr(JsonNode) node = vb_json_document("vmbalancer.paused/1");
        json_object_set_boolean_member(json_node_get_object(node), "paused", job->pause);
        vb_command_print_json(node);
        return;
    }
    if (!job->pause)
        printf("vmbalancerd places guests again\n");
    else if (job->in_flight == 0)
        printf("vmbalancerd places no guest by itself until \"vmbalancer resume\"\n");
    else
        printf("vmbalancerd places no guest by itself until \"vmbalancer resume\"; %u under way "
               "%s\n",
               job->in_flight, job->in_flight == 1 ? "ends" : "end");
}

static int
run(const VbCommand *command, VbCli *cli, int argc, char **argv)
{
    Work job = {.cli = cli, .pause = command == &vb_command_pause};
    g_autoptr(GError) error = NULL;
    if (!vb_command_parse(command, cli, NULL, &argc, &argv))
        return VB_EXIT_USAGE;
    if (argc != 1)
        return vb_command_misuse(command, "%s takes no arguments", command->name);
    if (!vb_job_run(work, &job, 0, NULL, &error))
        return vb_command_fail(error);
    print(&job);
    return VB_EXIT_DONE;
}

const VbCommand vb_command_pause = {
    .name = "pause",
    .arguments = "",
    .summary = "let vmbalancerd place no guest by itself for now",
    .run = run,
};

const VbCommand vb_command_resume = {
    .name = "resume",
    .arguments = "",
    .summary = "let it place guests again",
    .run = run,
};

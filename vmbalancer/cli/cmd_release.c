/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/command.h"
#include "cli/job.h"
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
work(gpointer data, GCancellable *cancellable, GError **error)
{
    Work *job = data;
    g_autoptr(VbEngine) engine = vb_command_open_pins(job->cli, error);
    return engine != NULL && vb_engine_release(engine, job->guest, &job->release, error);
}

static void
print_text(const Work *job)
{
    g_autofree char *name = vb_text_shown(job->guest, job->cli->style.utf8);
    if (!job->release.recorded) {
        printf("%s: nothing to release, vmbalancer has not pinned it\n", name);
        return;
    }
    printf("%s: %u threads given back as they were; its RAM stays where it is\n", name,
           job->release.restored);
    if (job->release.left > 0)
        printf("%s: %u threads left alone, as somebody else has pinned them since\n", name,
               job->release.left);
    if (job->release.absent > 0)
        printf(
            "%s: %u threads are unplugged with their pins: release it again once they are back\n",
            name, job->release.absent);
}

static int
run(const VbCommand *command, VbCli *cli, int argc, char **argv)
{
    Work job = {.cli = cli};
    g_autoptr(GError) error = NULL;
    if (!vb_command_parse(command, cli, NULL, &argc, &argv))
        return VB_EXIT_USAGE;
    if (argc != 2)
        return vb_command_misuse(command, "release takes the name of one guest");
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
    .arguments = "GUEST",
    .summary = "undo: give a guest's pins back as they were",
    .run = run,
};

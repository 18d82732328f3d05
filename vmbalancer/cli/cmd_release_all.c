/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cmd_release.h"
#include "cli/job.h"
#include "cli/text.h"
#include "engine/document.h"
#include <stdio.h>

/* What the work on a thread needs and leaves. */
typedef struct {
    const VbCli *cli;
    GPtrArray *all; /* (element-type VbReleased) */
} Work;

static gboolean
work(gpointer data, GCancellable *cancellable, GError **error)
{
    Work *job = data;
    g_autoptr(VbEngine) engine = vb_command_open_pins(job->cli, error);
    job->all = engine != NULL ? vb_engine_release_all(engine, "asked for", error) : NULL;
    return job->all != NULL;
}

void
vb_release_print(const char *name, const VbRelease *release)
{
    printf("%s: %u threads given back as they were; its RAM stays where it is\n", name,
           release->restored);
    if (release->left > 0)
        printf("%s: %u threads left alone, as somebody else has pinned them since\n", name,
               release->left);
    if (release->absent > 0)
        printf(
            "%s: %u threads are unplugged with their pins: release it again once they are back\n",
            name, release->absent);
}

/* Returns: for how many it could not be done. */
static guint
tell(const Work *job)
{
    guint failed = 0;
    for (guint i = 0; i < job->all->len; i++) {
        const VbReleased *released = g_ptr_array_index(job->all, i);
        g_autofree char *name = vb_text_shown(released->name, job->cli->style.utf8);
        failed += released->error != NULL;
        if (released->error != NULL)
            vb_command_say("%s: %s", name, released->error->message);
        else if (job->cli->json)
            continue;
        else if (released->ended)
            printf("%s: does not run, so its pins are gone; its record was removed\n", name);
        else
            vb_release_print(name, &released->release);
    }
    if (job->all->len == 0 && !job->cli->json)
        puts("nothing to release: no guest has pins of vmbalancer's");
    return failed;
}

int
vb_release_all(const VbCli *cli)
{
    Work job = {.cli = cli};
    g_autoptr(GError) error = NULL;
    if (!vb_job_run(work, &job, 0, NULL, &error))
        return vb_command_fail(error);
    g_autoptr(GPtrArray) all = job.all;
    guint failed = tell(&job);
    if (cli->json) {
        g_autoptr(JsonNode) node = vb_document_releases(all);
        vb_command_print_json(node);
    }
    return failed == 0 ? VB_EXIT_DONE : failed < all->len ? VB_EXIT_PARTLY : VB_EXIT_FAILED;
}

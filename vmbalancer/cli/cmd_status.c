/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/answer.h"
#include "cli/job.h"
#include "cli/render.h"
#include "core/codec.h"
#include <stdio.h>

/* How long the vCPUs are watched. */
#define WINDOW_MS 500

/* What the work on a thread needs and leaves. */
typedef struct {
    const VbCli *cli;
    gboolean exact;
    VbSnapshot *snapshot;
} Work;

static gboolean
work_here(Work *job, GCancellable *cancellable, GError **error)
{
    g_autoptr(VbEngine) engine = vb_command_open(job->cli, job->exact, error);
    if (engine == NULL || !vb_engine_look(engine, VB_LOOK_ONCE, WINDOW_MS, cancellable, error))
        return FALSE;
    job->snapshot = vb_engine_snapshot(engine);
    return TRUE;
}

static gboolean
work(gpointer data, GCancellable *cancellable, GError **error)
{
    Work *job = data;
    g_autoptr(VbBusHost) host = NULL;
    /* The daemon samples. */
    if (!job->exact && !vb_service_find(job->cli, cancellable, &host, error))
        return FALSE;
    if (host == NULL)
        return work_here(job, cancellable, error);
    job->snapshot = vb_answer_snapshot(host, cancellable, error);
    return job->snapshot != NULL;
}

/* Leaves one guest in the snapshot. */
static gboolean
keep_only(VbSnapshot *snapshot, const char *name, GError **error)
{
    const VbGuest *kept = vb_engine_find(snapshot, name, error);
    for (guint i = snapshot->guests->len; kept != NULL && i-- > 0;)
        if (g_ptr_array_index(snapshot->guests, i) != kept)
            g_ptr_array_remove_index(snapshot->guests, i);
    return kept != NULL;
}

static void
print(const VbCli *cli, const VbSnapshot *snapshot, gboolean one)
{
    if (cli->json) {
        g_autoptr(JsonNode) node = vb_codec_status(snapshot);
        vb_command_print_json(node);
        return;
    }
    g_autoptr(GString) text = g_string_new(NULL);
    if (one)
        vb_render_show(snapshot, g_ptr_array_index(snapshot->guests, 0), &cli->style, text);
    else
        vb_render_status(snapshot, &cli->style, text);
    fputs(text->str, stdout);
}

/* status without a guest, show with one. */
static int
run(const VbCommand *command, VbCli *cli, int argc, char **argv)
{
    gboolean one = command == &vb_command_show;
    Work job = {.cli = cli};
    const GOptionEntry entries[] = {
        {"exact", 0, 0, G_OPTION_ARG_NONE, &job.exact,
         "read numa_maps instead of samples: exact, but slow and felt by large guests", NULL},
        {NULL},
    };
    g_autoptr(GError) error = NULL;
    if (!vb_command_parse(command, cli, entries, &argc, &argv))
        return VB_EXIT_USAGE;
    if (argc != (one ? 2 : 1))
        return vb_command_misuse(command, "%s",
                                 one ? "show takes the name of one guest"
                                     : "status takes no guest; show GUEST does");
    if (!vb_job_run(work, &job, 0, NULL, &error))
        return vb_command_fail(error);
    g_autoptr(VbSnapshot) snapshot = job.snapshot;
    if (one && !keep_only(snapshot, argv[1], &error))
        return vb_command_fail(error);
    print(cli, snapshot, one);
    return VB_EXIT_DONE;
}

const VbCommand vb_command_status = {
    .name = "status",
    .arguments = "",
    .summary = "the host's nodes and every guest's locality",
    .run = run,
};

const VbCommand vb_command_show = {
    .name = "show",
    .arguments = "GUEST",
    .summary = "one guest in full",
    .run = run,
};

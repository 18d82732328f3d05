/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/job.h"
#include "cli/render.h"
#include "cli/service.h"
#include "cli/since.h"
#include "core/codec.h"
#include "core/json_text.h"
#include "engine/history.h"
#include <stdio.h>
#include <vmbalancer/error.h>

#define SCHEMA "vmbalancer.history/1"

/* What the work on a thread needs and leaves. */
typedef struct {
    const VbCli *cli;
    VbHistoryQuery query;
    GPtrArray *entries;   /* (element-type VbEntry) */
    guint first;
    JsonNode *document;
} Work;

static gboolean
take(Work *job, GPtrArray *entries, guint first, const VbSnapshot *snapshot)
{
    job->entries = entries;
    job->first = first;
    job->document = vb_codec_history(entries, first, snapshot, job->query.guests);
    return TRUE;
}

/* Only a look at the host tells whether a guest without entries runs. */
static gboolean
look_for(Work *job, GCancellable *cancellable, GError **error)
{
    guint first = 0;
    g_autoptr(VbEngine) engine = vb_command_open_pins(job->cli, error);
    if (engine == NULL || !vb_engine_look(engine, VB_LOOK_ONCE, 0, cancellable, error))
        return FALSE;
    g_autoptr(VbSnapshot) snapshot = vb_engine_snapshot(engine);
    GPtrArray *entries = vb_history_ask(&job->query, snapshot, &first, error);
    return entries != NULL && take(job, entries, first, snapshot);
}

static gboolean
read_here(Work *job, GCancellable *cancellable, GError **error)
{
    guint first = 0;
    g_autoptr(GError) why = NULL;
    GPtrArray *entries = vb_history_ask(&job->query, NULL, &first, &why);
    if (entries != NULL)
        return take(job, entries, first, NULL);
    if (g_error_matches(why, VB_ERROR, VB_ERROR_NO_GUEST))
        return look_for(job, cancellable, error);
    g_propagate_error(error, g_steal_pointer(&why));
    return FALSE;
}

static GVariant *
options_of(const VbHistoryQuery *query)
{
    GVariantDict dict;
    g_variant_dict_init(&dict, NULL);
    if (query->limit > 0)
        g_variant_dict_insert(&dict, "limit", "u", query->limit);
    if (query->since_us > 0)
        g_variant_dict_insert(&dict, "since", "t", (guint64)(query->since_us / G_USEC_PER_SEC));
    return g_variant_dict_end(&dict);
}

static gboolean
take_answer(Work *job, const char *text, GError **error)
{
    job->entries = vb_codec_history_parse(text, -1, error);
    job->document = job->entries != NULL
                        ? vb_json_text_parse(text, -1, SCHEMA, VB_CODEC_DEPTH_MAX,
                                             VB_CODEC_SIZE_MAX, error)
                        : NULL;
    return job->document != NULL || vb_service_garbled(error);
}

/* An older daemon, or one that hangs or just went away: what is on disk is there all the same. */
static gboolean
may_do_without(const GError *error)
{
    return g_error_matches(error, VB_ERROR, VB_ERROR_UNSUPPORTED) ||
           g_error_matches(error, VB_ERROR, VB_ERROR_UNREACHABLE) ||
           g_error_matches(error, VB_ERROR, VB_ERROR_TIMEOUT);
}

/* The daemon knows the statistics of guests that run; without it, root reads what is on disk. */
static gboolean
work(gpointer data, GCancellable *cancellable, GError **error)
{
    static const char *const none[] = {NULL};
    Work *job = data;
    g_autoptr(VbBusHost) host = NULL;
    g_autofree char *text = NULL;
    if (!vb_service_find(job->cli, cancellable, &host, error))
        return FALSE;
    if (host == NULL)
        return read_here(job, cancellable, error);
    const char *const *guests = job->query.guests != NULL ? job->query.guests : none;
    g_autoptr(GError) why = NULL;
    if (vb_bus_host_call_history_sync(host, guests, options_of(&job->query), VB_SERVICE_FLAGS,
                                      VB_SERVICE_READ_MS, &text, cancellable, &why))
        return take_answer(job, text, error);
    vb_service_explain(&why);
    if (may_do_without(why) && read_here(job, cancellable, NULL))
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&why));
    return FALSE;
}

static void
print(const Work *job)
{
    if (job->cli->json) {
        vb_command_print_json(job->document);
        return;
    }
    g_autoptr(GString) text = g_string_new(NULL);
    vb_render_history(job->entries, job->first, &job->cli->style, text);
    fputs(text->str, stdout);
}

static int
run(const VbCommand *command, VbCli *cli, int argc, char **argv)
{
    Work job = {.cli = cli};
    g_autofree char *since = NULL;
    int limit = 0;
    const GOptionEntry entries[] = {
        {"since", 0, 0, G_OPTION_ARG_STRING, &since,
         "only what is not older, e.g. 2h, 7d or \"2026-01-31 18:30\"", "TIME"},
        {"limit", 0, 0, G_OPTION_ARG_INT, &limit, "only the newest so many entries", "N"},
        {NULL},
    };
    g_autoptr(GError) error = NULL;
    if (!vb_command_parse(command, cli, entries, &argc, &argv))
        return VB_EXIT_USAGE;
    if (limit < 0)
        return vb_command_misuse(command, "--limit takes the number of entries, or 0 for all");
    job.query.guests = (const char *const *)argv + 1;
    job.query.limit = (guint)limit;
    if ((since != NULL &&
         !vb_since_parse(since, g_get_real_time(), &job.query.since_us, &error)) ||
        !vb_job_run(work, &job, 0, NULL, &error))
        return vb_command_fail(error);
    print(&job);
    g_clear_pointer(&job.entries, g_ptr_array_unref);
    g_clear_pointer(&job.document, json_node_unref);
    return VB_EXIT_DONE;
}

const VbCommand vb_command_history = {
    .name = "history",
    .arguments = "[GUEST...]",
    .summary = "what was done to guests, and why",
    .run = run,
};

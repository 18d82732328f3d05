/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/job.h"
#include "cli/record.h"
#include "cli/text.h"
#include "core/json_write.h"
#include "core/text.h"
#include "engine/recorder.h"
#include <stdio.h>

#define SECONDS_MAX (366 * 24 * 3600)

/* What the work on a thread needs and leaves. */
typedef struct {
    const VbCli *cli;
    const VbRecordOrder *order;
    VbRecorded *ret;
    gboolean here; /* no daemon is to do it */
} Work;

static void
print(const VbCli *cli, const char *file, const VbRecorded *record)
{
    g_autofree char *path = vb_text_shown(file, cli->style.utf8);
    g_autofree char *size = vb_text_bytes(record->bytes);
    g_autofree char *time = vb_text_duration(record->elapsed_us * 1000);
    if (cli->json) {
        g_autoptr(JsonNode) node = vb_json_document("vmbalancer.record/1");
        JsonObject *object = json_node_get_object(node);
        vb_json_put_text(object, "file", path);
        vb_json_put_u64(object, "bytes", record->bytes);
        vb_json_put_seconds(object, "seconds", record->elapsed_us * 1000);
        vb_json_put_text(object, "reason", record->reason);
        vb_command_print_json(node);
        return;
    }
    printf("%s: %s of %s", path, size, time);
    printf(record->reason != NULL ? "; %s\n" : "%s\n",
           record->reason != NULL ? record->reason : "");
}

static gboolean
ask_daemon(gpointer data, GCancellable *cancellable, GError **error)
{
    Work *job = data;
    g_autoptr(VbBusHost) host = NULL;
    if (!vb_service_find(job->cli, cancellable, &host, error))
        return FALSE;
    job->here = host == NULL;
    return job->here || vb_record_daemon(host, job->order, job->ret, cancellable, error);
}

/* What runs in this process has a main loop of its own, and hears the signals itself. */
static int
carry_out(const VbCli *cli, const VbRecordOrder *order)
{
    VbRecorded recorded = {0};
    Work job = {cli, order, &recorded, FALSE};
    g_autoptr(GError) error = NULL;
    if (!vb_job_run(ask_daemon, &job, 0, NULL, &error) ||
        (job.here && !vb_record_here(cli, order, &recorded, &error)))
        return vb_command_fail(error);
    print(cli, order->path, &recorded);
    g_free(recorded.reason);
    return VB_EXIT_DONE;
}

/* "90", "90s", "10min", "2h". Returns: seconds, 0 if it is none of these. */
static guint64
parse_duration(const char *text)
{
    static const struct {
        const char *name;
        guint64 seconds;
    } units[] = {{"s", 1}, {"", 1}, {"min", 60}, {"h", 3600}, {"d", 86400}};
    char *unit;
    guint64 count = g_ascii_strtoull(text, &unit, 10);
    for (guint i = 0; g_ascii_isdigit(*text) && i < G_N_ELEMENTS(units); i++)
        if (g_str_equal(unit, units[i].name) && count <= SECONDS_MAX / units[i].seconds)
            return count * units[i].seconds;
    return 0;
}

static int
run(const VbCommand *command, VbCli *cli, int argc, char **argv)
{
    g_autofree char *duration = NULL, *limit = NULL;
    gboolean force = FALSE;
    const GOptionEntry entries[] = {
        {"for", 0, 0, G_OPTION_ARG_STRING, &duration, "end after that time, as in 10min", "TIME"},
        {"limit", 0, 0, G_OPTION_ARG_STRING, &limit,
         "end before the file is larger (default: 64MiB)", "SIZE"},
        {"force", 0, 0, G_OPTION_ARG_NONE, &force, "also in place of a file that is there", NULL},
        {NULL},
    };
    if (!vb_command_parse(command, cli, entries, &argc, &argv))
        return VB_EXIT_USAGE;
    if (argc != 2)
        return vb_command_misuse(command, "record takes one file to write to");
    guint64 seconds = duration != NULL ? parse_duration(duration) : 0;
    if (duration != NULL && seconds == 0)
        return vb_command_misuse(command, "--for %s: expected a time as in 90s, 10min or 2h",
                                 duration);
    guint64 limit_bytes = 0;
    if (limit != NULL &&
        (!vb_bytes_parse(limit, FALSE, &limit_bytes, NULL) || limit_bytes < VB_RECORDER_LIMIT_MIN))
        return vb_command_misuse(
            command, "--limit %s: expected a size of 64KiB or more, as in 16MiB", limit);
    VbRecordOrder order = {argv[1], seconds, limit_bytes, force};
    return carry_out(cli, &order);
}

const VbCommand vb_command_record = {
    .name = "record",
    .arguments = "FILE",
    .summary = "write down what is seen and would be done",
    .run = run,
};

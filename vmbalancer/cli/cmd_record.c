/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/command.h"
#include "cli/text.h"
#include "core/json_write.h"
#include "core/text.h"
#include "engine/files.h"
#include "engine/loop_record.h"
#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>
#include <vmbalancer/error.h>

#define SECONDS_MAX (366 * 24 * 3600)

/* A recording on its way: the daemon's own loop, but it only watches. */
typedef struct {
    const char *path;
    GMainLoop *main_loop;
    VbLoop *loop;
    guint64 bytes;
    char *reason;      /* why it ended by itself */
    GError *error;
    gboolean connected;
    gboolean stopping;
    gboolean troubled; /* the last look failed, and was told of */
} Record;

static void
stop(Record *record)
{
    vb_loop_stop(record->loop);
}

/* The second time it does not wait for what does not end. */
static gboolean
on_stop(gpointer data)
{
    Record *record = data;
    if (record->stopping)
        g_main_loop_quit(record->main_loop);
    record->stopping = TRUE;
    stop(record);
    return G_SOURCE_CONTINUE;
}

static void
on_acted(const VbFlight *flight, const VbAction *action, const VbOutcome *outcome, gpointer data)
{
}

static void
on_declined(const char *uuid, const char *name, const VbDecline *decline, gpointer data)
{
}

static void
on_released(const char *uuid, const char *name, const VbRelease *release, const GError *error,
            gpointer data)
{
}

static void
on_trouble(const GError *error, gpointer data)
{
    Record *record = data;
    if (error != NULL && !record->troubled)
        vb_command_say("a look failed: %s", error->message);
    record->troubled = error != NULL;
}

static void
on_turned(const VbLoopState *state, gpointer data)
{
}

static void
on_stopped(gpointer data)
{
    g_main_loop_quit(((Record *)data)->main_loop);
}

static void
on_recorded(VbRecorder *recorder, const char *reason, const GError *error, gpointer data)
{
    Record *record = data;
    record->bytes = vb_recorder_bytes(recorder);
    record->reason = g_strdup(reason);
    if (error != NULL && record->error == NULL)
        record->error = g_error_new(VB_ERROR, VB_ERROR_FAILED, "%s: %s", record->path,
                                    error->message);
    stop(record);
}

static const VbLoopWatcher watcher = {
    .acted = on_acted,
    .declined = on_declined,
    .released = on_released,
    .trouble = on_trouble,
    .turned = on_turned,
    .stopped = on_stopped,
    .recorded = on_recorded,
};

/* libvirt that was there once is waited for, as by the daemon. */
static void
on_event(const VbEvent *event, gpointer data)
{
    Record *record = data;
    record->connected |= event->kind == VB_EVENT_CONNECTED;
    if (!record->connected && event->kind == VB_EVENT_DISCONNECTED && record->error == NULL) {
        record->error = g_error_new_literal(VB_ERROR, VB_ERROR_UNREACHABLE, event->name);
        stop(record);
    }
    vb_loop_event(record->loop, event);
}

static void
print(const VbCli *cli, const Record *record, gint64 elapsed_us)
{
    g_autofree char *path = vb_text_shown(record->path, cli->style.utf8);
    g_autofree char *size = vb_text_bytes(record->bytes);
    g_autofree char *time = vb_text_duration(elapsed_us * 1000);
    if (cli->json) {
        g_autoptr(JsonNode) node = vb_json_document("vmbalancer.record/1");
        JsonObject *object = json_node_get_object(node);
        vb_json_put_text(object, "file", path);
        vb_json_put_u64(object, "bytes", record->bytes);
        json_object_set_double_member(object, "seconds", (double)elapsed_us / 1e6);
        vb_json_put_text(object, "reason", record->reason);
        vb_command_print_json(node);
        return;
    }
    printf("%s: %s of %s", path, size, time);
    printf(record->reason != NULL ? "; %s\n" : "%s\n", record->reason != NULL ? record->reason : "");
}

static VbConfig *
read_config(const VbCli *cli, GError **error)
{
    g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);
    VbConfig *config = vb_config_read(vb_config_files(), cli->config, warnings, error);
    for (guint i = 0; i < warnings->len; i++)
        vb_command_say("%s", (const char *)g_ptr_array_index(warnings, i));
    return config;
}

static gboolean
begin(Record *record, const VbCli *cli, VbReach *reach, VbConfig *config, guint64 limit_bytes,
      gboolean force, GError **error)
{
    record->loop = vb_loop_new(reach, config, &watcher, record);
    vb_loop_watch(record->loop);
    VbRecorderOptions options = {.fd = vb_recorder_open(record->path, force, error),
                                 .name = record->path,
                                 .uri = cli->uri,
                                 .limit_bytes = limit_bytes};
    return options.fd >= 0 && vb_loop_record(record->loop, &options, error);
}

static int
run_record(const VbCli *cli, Record *record, guint64 seconds, guint64 limit_bytes, gboolean force)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VbConfig) config = read_config(cli, &error);
    if (config == NULL)
        return vb_command_fail(error);
    signal(SIGXFSZ, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    record->main_loop = g_main_loop_new(NULL, FALSE);
    if (!begin(record, cli, vb_reach_new(cli->uri, config), config, limit_bytes, force, &error))
        return vb_command_fail(error);
    vb_events_new(vb_event_link_ops(), cli->uri, NULL, on_event, record);
    gint64 began_us = g_get_monotonic_time();
    g_unix_signal_add(SIGINT, on_stop, record);
    g_unix_signal_add(SIGTERM, on_stop, record);
    g_unix_signal_add(SIGHUP, on_stop, record);
    if (seconds > 0)
        g_timeout_add_seconds((guint)seconds, on_stop, record);
    if (isatty(STDERR_FILENO))
        vb_command_say("recording; interrupt to end");
    /* Nothing is freed after it: libvirt's late answers and threads may still be under way. */
    g_main_loop_run(record->main_loop);
    if (record->error != NULL) {
        /* Of nothing there is no recording, and the next attempt finds its place free. */
        if (!record->connected)
            unlink(record->path);
        return vb_command_fail(record->error);
    }
    print(cli, record, g_get_monotonic_time() - began_us);
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
    if (limit != NULL && (!vb_bytes_parse(limit, FALSE, &limit_bytes, NULL) ||
                          limit_bytes < VB_RECORDER_LIMIT_MIN))
        return vb_command_misuse(command, "--limit %s: expected a size of 64KiB or more, as in 16MiB",
                                 limit);
    Record record = {.path = argv[1]};
    return run_record(cli, &record, seconds, limit_bytes, force);
}

const VbCommand vb_command_record = {
    .name = "record",
    .arguments = "FILE",
    .summary = "write down what is seen and would be done",
    .run = run,
};

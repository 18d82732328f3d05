/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/command.h"
#include "cli/league.h"
#include "cli/text.h"
#include "core/json_write.h"
#include "core/text.h"
#include "engine/playback.h"
#include "sim/recorded.h"
#include <stdio.h>
#include <vmbalancer/error.h>

static char *
shown(const VbCli *cli, const char *text)
{
    return vb_text_shown(text != NULL ? text : "?", cli->style.utf8);
}

static void
print_text(const VbCli *cli, const VbReplayReport *report, gboolean cut, gboolean same)
{
    g_autofree char *host = shown(cli, report->head.host), *begun = shown(cli, report->head.begun);
    g_autofree char *program = shown(cli, report->head.program);
    g_autofree char *moved = vb_bytes_format(report->bytes_moved);
    g_autofree char *end = report->end != NULL ? shown(cli, report->end) : NULL;
    gint64 seconds = (report->last_ns - report->first_ns) / G_GINT64_CONSTANT(1000000000);
    printf("host %s, by %s, begun %s\n", host, program, begun);
    printf("%" G_GINT64_FORMAT " s: %" G_GUINT64_FORMAT " looks and %" G_GUINT64_FORMAT
           " at threads alone, %u guests\n",
           seconds, report->looks, report->thread_looks, report->guests);
    printf("%" G_GUINT64_FORMAT " decisions, %" G_GUINT64_FORMAT " placements of guests, %s moved\n",
           report->decisions, report->trips, moved);
    if (cut)
        printf("the recording is cut off after line %" G_GUINT64_FORMAT
               ": who wrote it was killed, or writes on\n",
               report->lines);
    else if (end != NULL)
        printf("the recording ended: %s\n", end);
    if (same)
        printf("replayed: bit for bit the same\n");
}

static void
print_json(const VbReplayReport *report, gboolean cut, const GError *difference)
{
    g_autoptr(JsonNode) node = vb_json_document("vmbalancer.replay/1");
    JsonObject *object = json_node_get_object(node);
    vb_json_put_text(object, "host", report->head.host);
    vb_json_put_text(object, "program", report->head.program);
    vb_json_put_text(object, "uri", report->head.uri);
    vb_json_put_text(object, "begun", report->head.begun);
    vb_json_put_text(object, "end", report->end);
    json_object_set_boolean_member(object, "cut", cut);
    vb_json_put_u64(object, "lines", report->lines);
    vb_json_put_seconds(object, "seconds", report->last_ns - report->first_ns);
    vb_json_put_u64(object, "looks", report->looks);
    vb_json_put_u64(object, "thread_looks", report->thread_looks);
    vb_json_put_u64(object, "guests", report->guests);
    vb_json_put_u64(object, "decisions", report->decisions);
    vb_json_put_u64(object, "placements", report->trips);
    vb_json_put_u64(object, "bytes_moved", report->bytes_moved);
    json_object_set_boolean_member(object, "same", difference == NULL);
    vb_json_put_text(object, "difference", difference != NULL ? difference->message : NULL);
    vb_command_print_json(node);
}

/* What would have been: the recorded host as a scenario, and the league on it. */
static int
try_policies(const VbCli *cli, const char *path, const VbRecorded *recorded, VbLeagueRequest *request)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *name = g_path_get_basename(path);
    g_autofree char *valid = g_utf8_make_valid(name, -1);
    g_autoptr(VbScenario) scenario = vb_recorded_scenario(recorded, valid, &error);
    if (scenario == NULL) {
        g_prefix_error(&error, "%s: ", path);
        return vb_command_fail(error);
    }
    g_autoptr(GPtrArray) scenarios = g_ptr_array_new();
    g_ptr_array_add(scenarios, scenario);
    request->recorded = vb_recorded_trace(recorded, valid);
    return vb_command_league(cli, scenarios, request);
}

static int
tell_difference(const VbReplayReport *report, const GError *error)
{
    vb_command_say("%s", error->message);
    if (g_strcmp0(report->head.program, "vmbalancer " VB_VERSION) != 0)
        vb_command_say("the recording is by %s, this is vmbalancer " VB_VERSION
                       ": it may decide otherwise",
                       report->head.program != NULL ? report->head.program : "another program");
    return VB_EXIT_FAILED;
}

static int
replay(const VbCli *cli, const char *path, VbLeagueRequest *request)
{
    g_autoptr(GError) error = NULL;
    gboolean cut = FALSE;
    /* For the policies of modules alone: what was configured is in the recording. */
    g_autoptr(VbConfig) config = vb_command_configure(cli, &error);
    if (config == NULL)
        return vb_command_fail(error);
    g_autoptr(VbReplay) replay = vb_replay_new();
    g_autoptr(VbRecorded) recorded = vb_recorded_new(replay);
    gboolean same = vb_playback(path, replay, &cut, &error);
    if (!same && !g_error_matches(error, VB_ERROR, VB_ERROR_CHANGED)) {
        vb_command_say("%s", error->message);
        return VB_EXIT_FAILED;
    }
    const VbReplayReport *report = vb_replay_report(replay);
    if (request->policies != NULL)
        return same ? try_policies(cli, path, recorded, request) : tell_difference(report, error);
    if (cli->json)
        print_json(report, cut, error);
    else
        print_text(cli, report, cut, same);
    return same ? VB_EXIT_DONE : tell_difference(report, error);
}

static int
run(const VbCommand *command, VbCli *cli, int argc, char **argv)
{
    g_autofree char *policies = NULL, *page = NULL;
    gint64 seed = 1;
    const GOptionEntry entries[] = {
        {"policy", 'p', 0, G_OPTION_ARG_STRING, &policies,
         "try policies on a model of the recorded host", "A[,B]|all"},
        {"report", 0, 0, G_OPTION_ARG_FILENAME, &page, "write a page that shows them all", "FILE.html"},
        {"seed", 0, 0, G_OPTION_ARG_INT64, &seed, "of all chance in the model (default: 1)", "N"},
        {NULL},
    };
    if (!vb_command_parse(command, cli, entries, &argc, &argv))
        return VB_EXIT_USAGE;
    if (argc != 2)
        return vb_command_misuse(command, "replay takes one file, of vmbalancer record");
    if (page != NULL && policies == NULL)
        return vb_command_misuse(command, "--report shows policies: say which with --policy");
    VbLeagueRequest request = {.policies = policies, .report = page, .seed = (guint64)seed};
    return replay(cli, argv[1], &request);
}

const VbCommand vb_command_replay = {
    .name = "replay",
    .arguments = "FILE",
    .summary = "decide again on what was recorded, and compare",
    .run = run,
};

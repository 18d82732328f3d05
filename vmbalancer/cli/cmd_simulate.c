/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/bars.h"
#include "cli/league.h"
#include "cli/simulate_fleet.h"
#include "cli/text.h"
#include "core/json_write.h"
#include "core/text.h"
#include "sim/generate.h"
#include "sim/run.h"
#include <stdio.h>
#include <string.h>
#include <vmbalancer/error.h>

/* As many columns as a line of a terminal has to spare. */
#define COLUMNS 60
#define FALLBACK "balance"

typedef struct {
    char *generate;
    char *policy;
    char *report;
    gint64 seed;
    gint hosts;        /* 0: one, in detail */
    gboolean scenario; /* print that, do not run it */
} Options;

static void
options_clear(Options *options)
{
    g_free(options->generate);
    g_free(options->policy);
    g_free(options->report);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_clear)

static VbScenario *
open_scenario(const Options *options, const char *file, GError **error)
{
    g_autofree char *text = NULL;
    gsize length = 0;
    if (options->generate != NULL)
        return vb_generate(options->generate, (guint64)options->seed, error);
    g_autofree char *named = g_strdup_printf(VB_SCENARIO_DIR "/%s.json", file);
    gboolean shipped = strchr(file, '/') == NULL && !g_file_test(file, G_FILE_TEST_EXISTS) &&
                       g_file_test(named, G_FILE_TEST_EXISTS);
    if (!g_file_get_contents(shipped ? named : file, &text, &length, error))
        return NULL;
    g_autoptr(GError) failed = NULL;
    VbScenario *scenario = vb_scenario_parse(text, (gssize)length, &failed);
    if (scenario == NULL)
        g_set_error(error, VB_ERROR, failed->code, "%s: %s", file, failed->message);
    return scenario;
}

static guint
local_bp(const VbMoment *from, const VbMoment *to)
{
    guint64 accesses = to->accesses - from->accesses, local = to->local - from->local;
    return accesses > 0 ? (guint)((unsigned __int128)local * VB_BP / accesses) : VB_BP;
}

/* Local accesses over time, a column for as many moments as it takes to fit. */
static char *
spark(const VbTrace *trace, gboolean utf8)
{
    static const char *const blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    const VbMoment zero = {0};
    guint moments = trace->moments->len, columns = MIN(COLUMNS, moments);
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < columns; i++) {
        guint first = i * moments / columns, last = (i + 1) * moments / columns - 1;
        const VbMoment *from = first > 0 ? &g_array_index(trace->moments, VbMoment, first - 1) : &zero;
        guint bp = local_bp(from, &g_array_index(trace->moments, VbMoment, last));
        if (utf8)
            g_string_append(text, blocks[MIN(bp * 8 / VB_BP, 7)]);
        else
            g_string_append_c(text, (char)('0' + MIN(bp * 10 / VB_BP, 9)));
    }
    return g_string_free(text, FALSE);
}

static double
slowdown(const VbMoment *last)
{
    return last->work_ns > 0 ? (double)last->wanted_ns / (double)last->work_ns : 1;
}

static void
print_text(const VbCli *cli, const VbTrace *trace)
{
    const VbMoment zero = {0}, *last = vb_trace_last(trace);
    g_autofree char *line = spark(trace, cli->style.utf8);
    g_autofree char *moved = vb_bytes_format(last->moved_bytes);
    guint bp = local_bp(&zero, last);
    printf("%-18s %s\n", trace->policy, line);
    printf("%-18s %u.%u %% local accesses, slowdown %.2f, %s moved in %u trips, pinned in %u, "
           "%u back and forth\n",
           "", bp / 100, bp % 100 / 10, slowdown(last), moved, last->moves, last->pins,
           last->ping_pongs);
}

static void
put_moments(JsonObject *object, const VbTrace *trace)
{
    const VbMoment zero = {0}, *before = &zero;
    JsonArray *moments = vb_json_put_array(object, "moments");
    for (guint i = 0; i < trace->moments->len; i++) {
        const VbMoment *moment = &g_array_index(trace->moments, VbMoment, i);
        JsonObject *into = vb_json_append_object(moments);
        vb_json_put_seconds(into, "seconds", moment->time_ns);
        vb_json_put_bp(into, "local", (int)local_bp(before, moment));
        vb_json_put_bp(into, "worst", (int)moment->worst_bp);
        vb_json_put_u64(into, "moved_bytes", moment->moved_bytes);
        before = moment;
    }
}

static void
put_run(JsonObject *object, const VbTrace *trace)
{
    const VbMoment zero = {0}, *last = vb_trace_last(trace);
    vb_json_put_text(object, "scenario", trace->scenario);
    vb_json_put_text(object, "policy", trace->policy);
    vb_json_put_u64(object, "seed", trace->seed);
    vb_json_put_u64(object, "ticks", trace->ticks);
    vb_json_put_bp(object, "local", (int)local_bp(&zero, last));
    vb_json_put_u64(object, "accesses", last->accesses);
    vb_json_put_u64(object, "wanted_ns", last->wanted_ns);
    vb_json_put_u64(object, "given_ns", last->given_ns);
    vb_json_put_u64(object, "work_ns", last->work_ns);
    vb_json_put_u64(object, "moved_bytes", last->moved_bytes);
    vb_json_put_u64(object, "moves", last->moves);
    vb_json_put_u64(object, "pins", last->pins);
    vb_json_put_u64(object, "ping_pongs", last->ping_pongs);
    put_moments(object, trace);
}

static void
print_head(const VbCli *cli, const VbScenario *scenario)
{
    g_autofree char *name = vb_text_shown(scenario->name, cli->style.utf8);
    g_autofree char *about = vb_text_shown(scenario->about, cli->style.utf8);
    printf("%s: %s\n%u nodes, %u guests, %u vCPUs, %" G_GINT64_FORMAT " s\n", name, about,
           scenario->n_nodes, scenario->guests->len, vb_scenario_vcpus(scenario),
           scenario->duration_ns / G_GINT64_CONSTANT(1000000000));
}

/* One policy on one host: all that there is to tell. */
static int
simulate(const VbCli *cli, const Options *options, const VbScenario *scenario)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VbTrace) trace =
        vb_sim_run(scenario, options->policy != NULL ? options->policy : FALLBACK,
                   (guint64)options->seed, VB_TRACE_MOMENTS, &error);
    if (trace == NULL)
        return vb_command_fail(error);
    if (cli->json) {
        g_autoptr(JsonNode) node = vb_json_document("vmbalancer.simulate/1");
        JsonArray *runs = vb_json_put_array(json_node_get_object(node), "runs");
        put_run(vb_json_append_object(runs), trace);
        vb_command_print_json(node);
        return VB_EXIT_DONE;
    }
    print_head(cli, scenario);
    print_text(cli, trace);
    return VB_EXIT_DONE;
}

static void
scenario_unref(gpointer scenario)
{
    vb_scenario_free(scenario);
}

/* Those of the arguments, or the one that is to be made up. */
static GPtrArray *
open_scenarios(const Options *options, int argc, char **argv, GError **error)
{
    g_autoptr(GPtrArray) scenarios = g_ptr_array_new_with_free_func(scenario_unref);
    for (int i = 1; i < MAX(argc, 2); i++) {
        VbScenario *scenario = open_scenario(options, argv[i], error);
        if (scenario == NULL)
            return NULL;
        g_ptr_array_add(scenarios, scenario);
    }
    return g_steal_pointer(&scenarios);
}

static gboolean
is_league(const Options *options, const GPtrArray *scenarios)
{
    return scenarios->len > 1 || options->report != NULL ||
           (options->policy != NULL &&
            (g_str_equal(options->policy, "all") || strchr(options->policy, ',') != NULL));
}

static int
simulate_fleet(const VbCommand *command, const VbCli *cli, const Options *options,
               const VbScenario *scenario)
{
    const char *policy = options->policy != NULL ? options->policy : FALLBACK;
    if (options->hosts > VB_FLEET_HOSTS_MAX)
        return vb_command_misuse(command, "--hosts takes 1 to %u", VB_FLEET_HOSTS_MAX);
    if (g_str_equal(policy, "all") || strchr(policy, ',') != NULL)
        return vb_command_misuse(command, "--hosts takes one --policy");
    VbFleetPlan plan = {.scenario = options->generate != NULL ? NULL : scenario,
                        .kind = options->generate,
                        .policy = policy,
                        .seed = (guint64)options->seed,
                        .hosts = (guint)options->hosts,
                        .threads = g_get_num_processors()};
    return vb_simulate_fleet(cli, &plan);
}

static int
run(const VbCommand *command, VbCli *cli, int argc, char **argv)
{
    g_auto(Options) options = {.seed = 1};
    const GOptionEntry entries[] = {
        {"generate", 'g', 0, G_OPTION_ARG_STRING, &options.generate, "make a world up", "KIND[:GUESTS]"},
        {"policy", 'p', 0, G_OPTION_ARG_STRING, &options.policy,
         "policies to try (default: " FALLBACK ")", "A[,B]|all"},
        {"report", 0, 0, G_OPTION_ARG_FILENAME, &options.report, "write a page that shows them all", "FILE.html"},
        {"seed", 0, 0, G_OPTION_ARG_INT64, &options.seed, "of all chance (default: 1)", "N"},
        {"hosts", 0, 0, G_OPTION_ARG_INT, &options.hosts, "so many hosts, of --generate fleet unless told otherwise", "N"},
        {"scenario", 0, 0, G_OPTION_ARG_NONE, &options.scenario, "print the scenario, do not run it", NULL},
        {NULL},
    };
    g_autoptr(GError) error = NULL;
    if (!vb_command_parse(command, cli, entries, &argc, &argv))
        return VB_EXIT_USAGE;
    if (options.hosts < 0)
        return vb_command_misuse(command, "--hosts takes 1 to %u", VB_FLEET_HOSTS_MAX);
    if (options.hosts > 0 && options.generate == NULL && argc == 1)
        options.generate = g_strdup("fleet");
    if ((argc > 1) == (options.generate != NULL))
        return vb_command_misuse(command, "simulate takes scenarios, or --generate KIND");
    if ((options.scenario || options.hosts > 0) && argc > 2)
        return vb_command_misuse(command, "--scenario and --hosts take one scenario, not several");
    g_autoptr(GPtrArray) scenarios = open_scenarios(&options, argc, argv, &error);
    if (scenarios == NULL)
        return vb_command_fail(error);
    if (options.scenario) {
        g_autoptr(JsonNode) document = vb_scenario_document(g_ptr_array_index(scenarios, 0));
        vb_command_print_json(document);
        return VB_EXIT_DONE;
    }
    /* For the policies of modules alone: all else is the scenario's. */
    g_autoptr(VbConfig) config = vb_command_configure(cli, &error);
    if (config == NULL)
        return vb_command_fail(error);
    if (options.hosts > 0)
        return simulate_fleet(command, cli, &options, g_ptr_array_index(scenarios, 0));
    if (!is_league(&options, scenarios))
        return simulate(cli, &options, g_ptr_array_index(scenarios, 0));
    VbLeagueRequest request = {
        .policies = options.policy != NULL ? options.policy : FALLBACK,
        .report = options.report,
        .seed = (guint64)options.seed,
    };
    return vb_command_league(cli, scenarios, &request);
}

const VbCommand vb_command_simulate = {
    .name = "simulate",
    .arguments = "[SCENARIO...]",
    .summary = "try policies on made-up hosts",
    .run = run,
};

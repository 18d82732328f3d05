/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/answer.h"
#include "cli/top.h"

#define INTERVAL_S_DEFAULT 2.0
#define INTERVAL_S_MIN 0.5
#define INTERVAL_S_MAX 3600.0

/* What each look needs. */
typedef struct {
    const VbCli *cli;
    VbEngine *engine; /* NULL: the daemon looks */
    guint interval_ms;
} Watch;

static gboolean
take(VbTopSight *ret, VbDecision *decision)
{
    if (decision == NULL)
        return FALSE;
    ret->snapshot = g_steal_pointer(&decision->before);
    ret->plan = g_steal_pointer(&decision->plan);
    vb_decision_free(decision);
    return TRUE;
}

/* Found anew each time: a daemon may be restarted in the life of a screen. */
static gboolean
look_there(VbTopSight *ret, gpointer user_data, GCancellable *cancellable, GError **error)
{
    const Watch *watch = user_data;
    g_autoptr(VbBusHost) host = vb_service_open(watch->cli, cancellable, error);
    return host != NULL &&
           take(ret, vb_answer_decision(host, &(VbPlanRequest){0}, cancellable, error));
}

/* Half of the interval goes by while the vCPUs are watched. */
static gboolean
look_here(VbTopSight *ret, gpointer user_data, GCancellable *cancellable, GError **error)
{
    Watch *watch = user_data;
    if (!vb_engine_look(watch->engine, VB_LOOK_ONCE, watch->interval_ms / 2, cancellable, error))
        return FALSE;
    g_autoptr(VbSnapshot) snapshot = vb_engine_snapshot(watch->engine);
    return take(ret, vb_engine_decide(snapshot, vb_engine_config(watch->engine),
                                      &(VbPlanRequest){0}, error));
}

/* Before the screen is opened, so that warnings are not wiped by it. */
static gboolean
begin(Watch *watch, GError **error)
{
    g_autoptr(VbBusHost) host = NULL;
    if (!vb_service_find(watch->cli, NULL, &host, error))
        return FALSE;
    watch->engine = host == NULL ? vb_command_open(watch->cli, FALSE, error) : NULL;
    return host != NULL || watch->engine != NULL;
}

static int
run(const VbCommand *command, VbCli *cli, int argc, char **argv)
{
    double interval = INTERVAL_S_DEFAULT;
    int count = 0;
    gboolean lines = FALSE;
    const GOptionEntry entries[] = {
        {"interval", 0, 0, G_OPTION_ARG_DOUBLE, &interval, "seconds between looks (default: 2)",
         "S"},
        {"count", 0, 0, G_OPTION_ARG_INT, &count, "end after so many looks", "N"},
        {"lines", 0, 0, G_OPTION_ARG_NONE, &lines, "a line for each guest instead of a screen",
         NULL},
        {NULL},
    };
    g_autoptr(GError) error = NULL;
    if (!vb_command_parse(command, cli, entries, &argc, &argv))
        return VB_EXIT_USAGE;
    if (argc != 1)
        return vb_command_misuse(command, "top takes no guest");
    if (cli->json)
        return vb_command_misuse(command, "top has no JSON; status -o json does");
    if (!(interval >= INTERVAL_S_MIN && interval <= INTERVAL_S_MAX))
        return vb_command_misuse(command, "--interval takes %g to %g seconds", INTERVAL_S_MIN,
                                 INTERVAL_S_MAX);
    if (count < 0)
        return vb_command_misuse(command, "--count takes a number of looks");
    Watch watch = {.cli = cli, .interval_ms = (guint)(interval * 1000)};
    if (!begin(&watch, &error))
        return vb_command_fail(error);
    g_autoptr(VbEngine) engine = watch.engine;
    VbTopOptions options = {
        .look = engine != NULL ? look_here : look_there,
        .user_data = &watch,
        .interval_ms = watch.interval_ms,
        .count = (guint)count,
        .lines = lines,
    };
    gboolean shown = vb_top_run(&options, &cli->style, &error);
    return shown ? VB_EXIT_DONE : vb_command_fail(error);
}

const VbCommand vb_command_top = {
    .name = "top",
    .arguments = "",
    .summary = "nodes and guests, live",
    .run = run,
};

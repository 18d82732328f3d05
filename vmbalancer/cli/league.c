/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/league.h"
#include "cli/render_league.h"
#include "sim/report.h"
#include <stdio.h>
#include <unistd.h>
#include <vmbalancer/error.h>

static void
tell(guint done, guint all, gpointer unused)
{
    g_printerr("\r%u of %u runs \033[K", done, all);
}

static VbLeague *
run(const GPtrArray *scenarios, const char *const *policies, VbLeagueRequest *request, GError **error)
{
    gboolean on_terminal = isatty(STDERR_FILENO);
    VbLeague *league = vb_league_run(scenarios, policies, request->seed,
                                     on_terminal ? tell : NULL, NULL, error);
    if (on_terminal)
        g_printerr("\r\033[K");
    if (league == NULL || request->recorded == NULL)
        return league;
    VbLeagueTable *table = g_ptr_array_index(league->tables, 0);
    vb_league_table_add(table, g_steal_pointer(&request->recorded));
    vb_league_table_rank(table);
    return league;
}

static gboolean
write_report(const VbLeague *league, const char *path, GError **error)
{
    g_autoptr(GError) failed = NULL;
    g_autofree char *page = vb_report_html(league);
    if (g_file_set_contents(path, page, -1, &failed))
        return TRUE;
    g_set_error(error, VB_ERROR, VB_ERROR_FAILED, "the report cannot be written: %s", failed->message);
    return FALSE;
}

static void
print(const VbCli *cli, const VbLeague *league)
{
    if (cli->json) {
        g_autoptr(JsonNode) node = vb_league_json(league, FALSE);
        vb_command_print_json(node);
        return;
    }
    g_autoptr(GString) text = g_string_new(NULL);
    vb_render_league(league, &cli->style, text);
    fputs(text->str, stdout);
}

int
vb_command_league(const VbCli *cli, const GPtrArray *scenarios, VbLeagueRequest *request)
{
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) policies = vb_league_policies(request->policies, &error);
    g_autoptr(VbLeague) league =
        policies != NULL ? run(scenarios, (const char *const *)policies, request, &error) : NULL;
    g_clear_pointer(&request->recorded, vb_trace_free);
    if (league == NULL)
        return vb_command_fail(error);
    print(cli, league);
    if (request->report != NULL && !write_report(league, request->report, &error))
        return vb_command_fail(error);
    return VB_EXIT_DONE;
}

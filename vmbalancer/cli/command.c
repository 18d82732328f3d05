/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/command.h"
#include "engine/files.h"
#include "cli/text.h"
#include "core/codec.h"
#include <stdio.h>
#include <vmbalancer/error.h>

const VbCommand *const *
vb_command_all(void)
{
    static const VbCommand *const all[] = {
        &vb_command_status, &vb_command_show,      &vb_command_top,
        &vb_command_plan,   &vb_command_rebalance, &vb_command_release,
        &vb_command_advise, &vb_command_policy,    &vb_command_history,
        &vb_command_pause,  &vb_command_resume,    &vb_command_record,
        &vb_command_replay, &vb_command_simulate,  &vb_command_doctor, NULL,
    };
    return all;
}

void
vb_command_say(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    /* A guest's name in it is its owner's text, and one line is one line. */
    g_autofree char *shown = vb_text_shown(text, g_get_charset(NULL));
    g_printerr("vmbalancer: %s\n", shown);
}

int
vb_command_fail(const GError *error)
{
    vb_command_say("%s", error->message);
    if (error->domain != VB_ERROR)
        return VB_EXIT_FAILED;
    switch ((VbError)error->code) {
    case VB_ERROR_NO_GUEST:
        return VB_EXIT_NO_GUEST;
    case VB_ERROR_UNREACHABLE:
    case VB_ERROR_TIMEOUT:
        return VB_EXIT_UNREACHABLE;
    case VB_ERROR_INVALID:
        return VB_EXIT_USAGE;
    default:
        return VB_EXIT_FAILED;
    }
}

int
vb_command_misuse(const VbCommand *command, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    vb_command_say("%s; see vmbalancer %s --help", text, command->name);
    return VB_EXIT_USAGE;
}

static gboolean
set_output(const char *option, const char *value, gpointer data, GError **error)
{
    VbCli *cli = data;
    if (!g_str_equal(value, "json") && !g_str_equal(value, "table")) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "-o %s: the formats are \"table\" and \"json\"", value);
        return FALSE;
    }
    cli->json = g_str_equal(value, "json");
    return TRUE;
}

static gboolean
has_option(const GOptionEntry *entries, const char *name)
{
    for (; entries != NULL && entries->long_name != NULL; entries++)
        if (g_str_equal(entries->long_name, name))
            return TRUE;
    return FALSE;
}

/* A verb's own option of the same name comes in place of the common one. */
static GOptionGroup *
common_options(VbCli *cli, const GOptionEntry *own)
{
    const GOptionEntry entries[] = {
        {"connect", 'c', 0, G_OPTION_ARG_STRING, &cli->uri,
         "libvirt connection (default: LIBVIRT_DEFAULT_URI, else qemu:///system)", "URI"},
        {"output", 'o', 0, G_OPTION_ARG_CALLBACK, (gpointer)set_output, "table (default) or json",
         "FORMAT"},
        {"config", 0, 0, G_OPTION_ARG_FILENAME, &cli->config,
         "configuration (default: " VB_CONFIG_PATH ")", "FILE"},
        {"qmp-passthrough", 0, 0, G_OPTION_ARG_NONE, &cli->passthrough,
         "where guest cells look alike, ask QEMU through libvirt; this taints the guest", NULL},
        {"no-daemon", 0, 0, G_OPTION_ARG_NONE, &cli->no_daemon,
         "do it in this process, also where vmbalancerd runs", NULL},
        {NULL},
    };
    GOptionGroup *group = g_option_group_new("common", "", "", cli, NULL);
    for (guint i = 0; entries[i].long_name != NULL; i++)
        if (!has_option(own, entries[i].long_name))
            g_option_group_add_entries(group, (GOptionEntry[]){entries[i], {NULL}});
    return group;
}

gboolean
vb_command_parse(const VbCommand *command, VbCli *cli, const GOptionEntry *entries, int *argc,
                 char ***argv)
{
    g_autofree char *usage = g_strdup_printf("%s - %s", command->arguments, command->summary);
    g_autoptr(GOptionContext) context = g_option_context_new(usage);
    g_autoptr(GError) error = NULL;
    g_autofree char *name = g_strdup_printf("vmbalancer %s", command->name);
    GOptionGroup *common = common_options(cli, entries);
    g_set_prgname(name);
    if (entries != NULL)
        g_option_group_add_entries(common, entries);
    g_option_context_set_main_group(context, common);
    if (g_option_context_parse(context, argc, argv, &error))
        return TRUE;
    vb_command_misuse(command, "%s", error->message);
    return FALSE;
}

static void
warn(const char *text)
{
    vb_command_say("%s", text);
}

VbConfig *
vb_command_configure(const VbCli *cli, GError **error)
{
    g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);
    VbConfig *config = vb_config_read(vb_config_files(), cli->config, warnings, error);
    for (guint i = 0; i < warnings->len; i++)
        vb_command_say("%s", (const char *)g_ptr_array_index(warnings, i));
    return config;
}

static VbEngine *
open_engine(const VbCli *cli, VbEngineOptions *options, GError **error)
{
    g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);
    options->warn = warn;
    options->uri = cli->uri;
    options->config_path = cli->config;
    options->passthrough = cli->passthrough;
    VbEngine *engine = vb_engine_open(options, warnings, error);
    for (guint i = 0; i < warnings->len; i++)
        vb_command_say("%s", (const char *)g_ptr_array_index(warnings, i));
    return engine;
}

VbEngine *
vb_command_open(const VbCli *cli, gboolean exact, GError **error)
{
    return open_engine(cli, &(VbEngineOptions){.exact = exact}, error);
}

VbEngine *
vb_command_open_pins(const VbCli *cli, GError **error)
{
    return open_engine(cli, &(VbEngineOptions){.no_mover = TRUE}, error);
}

void
vb_command_print_json(JsonNode *node)
{
    g_autofree char *text = vb_codec_text(node, TRUE);
    fputs(text, stdout);
}

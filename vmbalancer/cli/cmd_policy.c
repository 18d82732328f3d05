/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cmd_policy.h"
#include "cli/render_descriptor.h"
#include <stdio.h>

static void
print(const VbCli *cli, const VbPolicy *const *policies,
      void (*render)(const VbPolicy *, GString *))
{
    if (cli->json) {
        g_autoptr(JsonNode) document = vb_render_descriptor_json(policies);
        vb_command_print_json(document);
        return;
    }
    g_autoptr(GString) text = g_string_new(NULL);
    for (; *policies != NULL; policies++)
        render(*policies, text);
    fputs(text->str, stdout);
}

static int
run_list(const VbCommand *command, VbCli *cli, int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    if (!vb_command_parse(command, cli, NULL, &argc, &argv))
        return VB_EXIT_USAGE;
    if (argc != 2)
        return vb_command_misuse(command, "policy list takes no arguments");
    /* What there is without a sound configuration is told all the same. */
    g_autoptr(VbConfig) config = vb_command_configure(cli, &error);
    print(cli, vb_policy_all(), vb_render_descriptor_brief);
    return config != NULL ? VB_EXIT_DONE : vb_command_fail(error);
}

static int
run_show(const VbCommand *command, VbCli *cli, int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VbConfig) config = NULL;
    if (!vb_command_parse(command, cli, NULL, &argc, &argv))
        return VB_EXIT_USAGE;
    if (argc != 3)
        return vb_command_misuse(command, "policy show takes the name of one policy");
    if (vb_policy_find(argv[2]) == NULL && (config = vb_command_configure(cli, &error)) == NULL)
        return vb_command_fail(error);
    const VbPolicy *policies[] = {vb_policy_find(argv[2]), NULL};
    if (policies[0] == NULL)
        return vb_command_misuse(command, "there is no policy \"%s\": see vmbalancer policy list",
                                 argv[2]);
    print(cli, policies, vb_render_descriptor);
    return VB_EXIT_DONE;
}

static const struct {
    const char *name;
    int (*run)(const VbCommand *command, VbCli *cli, int argc, char **argv);
} parts[] = {
    {"list", run_list},     {"show", run_show},         {"get", vb_policy_get},
    {"set", vb_policy_set}, {"unset", vb_policy_unset},
};

/* Options that every verb takes may stand before the word; these have values that are no word. */
static const char *
find_word(int argc, char **argv)
{
    static const char *const with_value[] = {"-c", "--connect", "-o", "--output", "--config", NULL};
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] != '-')
            return argv[i];
        i += g_strv_contains(with_value, argv[i]);
    }
    return NULL;
}

static int
run(const VbCommand *command, VbCli *cli, int argc, char **argv)
{
    const char *word = find_word(argc, argv);
    for (guint i = 0; i < G_N_ELEMENTS(parts); i++)
        if (g_strcmp0(word, parts[i].name) == 0)
            return parts[i].run(command, cli, argc, argv);
    /* For --help, and for what else is no word. */
    if (!vb_command_parse(command, cli, NULL, &argc, &argv))
        return VB_EXIT_USAGE;
    return vb_command_misuse(command,
                             "policy takes \"list\", \"show\", \"get\", \"set\" or \"unset\"");
}

const VbCommand vb_command_policy = {
    .name = "policy",
    .arguments = "list|show POLICY|get GUEST|set GUEST POLICY|unset GUEST",
    .summary = "policies, and which of them a guest asks for",
    .run = run,
};

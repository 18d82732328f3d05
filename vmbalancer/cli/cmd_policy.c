/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cmd_policy.h"
#include <stdio.h>

static void
add_parameters(JsonBuilder *builder, const VbPolicy *policy)
{
    json_builder_set_member_name(builder, "parameters");
    json_builder_begin_array(builder);
    for (const VbParameter *p = policy->parameters; p != NULL && p->name != NULL; p++) {
        json_builder_begin_object(builder);
        json_builder_set_member_name(builder, "name");
        json_builder_add_string_value(builder, p->name);
        json_builder_set_member_name(builder, "minimum");
        json_builder_add_int_value(builder, p->minimum);
        json_builder_set_member_name(builder, "maximum");
        json_builder_add_int_value(builder, p->maximum);
        json_builder_set_member_name(builder, "default");
        json_builder_add_int_value(builder, p->fallback);
        json_builder_set_member_name(builder, "unit");
        json_builder_add_string_value(builder, p->unit);
        json_builder_set_member_name(builder, "meaning");
        json_builder_add_string_value(builder, p->meaning);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
}

static void
print_json(void)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();
    json_builder_begin_object(builder);
    json_builder_set_member_name(builder, "schema");
    json_builder_add_string_value(builder, "vmbalancer.policies/1");
    json_builder_set_member_name(builder, "policies");
    json_builder_begin_array(builder);
    for (const VbPolicy *const *p = vb_policy_all(); *p != NULL; p++) {
        json_builder_begin_object(builder);
        json_builder_set_member_name(builder, "name");
        json_builder_add_string_value(builder, (*p)->name);
        json_builder_set_member_name(builder, "question");
        json_builder_add_string_value(builder, (*p)->question);
        add_parameters(builder, *p);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
    json_builder_end_object(builder);
    g_autoptr(JsonNode) node = json_builder_get_root(builder);
    vb_command_print_json(node);
}

static void
print_text(void)
{
    for (const VbPolicy *const *p = vb_policy_all(); *p != NULL; p++) {
        printf("%-12s %s\n", (*p)->name, (*p)->question);
        for (const VbParameter *q = (*p)->parameters; q != NULL && q->name != NULL; q++)
            printf("  %-12s %s%s%s (default %" G_GINT64_FORMAT ")\n", q->name, q->meaning,
                   *q->unit != '\0' ? ", in " : "", q->unit, q->fallback);
    }
}

static int
run_list(const VbCommand *command, VbCli *cli, int argc, char **argv)
{
    if (!vb_command_parse(command, cli, NULL, &argc, &argv))
        return VB_EXIT_USAGE;
    if (argc != 2)
        return vb_command_misuse(command, "policy list takes no arguments");
    if (cli->json)
        print_json();
    else
        print_text();
    return VB_EXIT_DONE;
}

static const struct {
    const char *name;
    int (*run)(const VbCommand *command, VbCli *cli, int argc, char **argv);
} parts[] = {
    {"list", run_list},
    {"get", vb_policy_get},
    {"set", vb_policy_set},
    {"unset", vb_policy_unset},
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
    return vb_command_misuse(command, "policy takes \"list\", \"get\", \"set\" or \"unset\"");
}

const VbCommand vb_command_policy = {
    .name = "policy",
    .arguments = "list|get GUEST|set GUEST POLICY|unset GUEST",
    .summary = "policies, and which of them a guest asks for",
    .run = run,
};

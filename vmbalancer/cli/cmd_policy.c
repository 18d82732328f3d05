/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/command.h"
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
run(const VbCommand *command, VbCli *cli, int argc, char **argv)
{
    if (!vb_command_parse(command, cli, NULL, &argc, &argv))
        return VB_EXIT_USAGE;
    if (argc != 2 || !g_str_equal(argv[1], "list"))
        return vb_command_misuse(command, "policy takes \"list\"");
    if (cli->json)
        print_json();
    else
        print_text();
    return VB_EXIT_DONE;
}

const VbCommand vb_command_policy = {
    .name = "policy",
    .arguments = "list",
    .summary = "the policies of this build and their parameters",
    .run = run,
};

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Prints the source of vmbalancer-policies(7): what the policies of this build declare. */
#include "core/descriptor.h"
#include <string.h>

static const char head[] =
    ".. SPDX-License-Identifier: LGPL-2.1-or-later\n"
    "\n"
    "===================\n"
    "vmbalancer-policies\n"
    "===================\n"
    "\n"
    "-----------------------------------------------------------\n"
    "the policies, what each asks of the host and its parameters\n"
    "-----------------------------------------------------------\n"
    "\n"
    ":Manual section: 7\n"
    ":Manual group: vmbalancer\n"
    "\n"
    "DESCRIPTION\n"
    "===========\n"
    "\n"
    "A policy decides where a guest's vCPUs and memory should be. The guest's owner names one in the domain's metadata\n"
    "(**vmbalancer-policy**\\(7)), the administrator in the host's files (**vmbalancer.conf**\\(5)), and **--policy** for one command.\n"
    "\n"
    "Each rests on signals; a guest of which one is not known is left alone, with that reason. *residency* is the node of each\n"
    "piece of its memory, *run time by node* where its vCPUs ran, *CPU demand* how busy they are.\n"
    "\n"
    "Parameters are whole numbers in the unit that is shown. A ``[policy NAME]`` group of **vmbalancer.conf**\\(5) sets them for the\n"
    "host, <parameter> in the metadata, or ``parameter.NAME=``, for one guest. A value out of its range is refused.\n"
    "**vmbalancer policy show** *NAME* tells the same, also of\n"
    "policies from modules (**vmbalancer.conf**\\(5)).\n"
    "\n";

static const char tail[] =
    "SEE ALSO\n"
    "========\n"
    "\n"
    "**vmbalancer**\\(1), **vmbalancer.conf**\\(5), **vmbalancer-policy**\\(7)\n";

/* Text as it is, whatever marks it holds. */
static void
append_plain(GString *into, const char *text)
{
    for (; *text != '\0'; text++) {
        if (g_ascii_ispunct(*text))
            g_string_append_c(into, '\\');
        g_string_append_c(into, *text);
    }
}

static void
append_parameter(GString *into, const VbParameter *parameter)
{
    g_autofree char *range = vb_descriptor_range(parameter);
    g_autofree char *fallback = vb_descriptor_value(parameter, parameter->fallback);
    g_string_append_printf(into, "**%s=** *NUMBER*\n    ", parameter->name);
    append_plain(into, parameter->meaning);
    g_string_append(into, "; ");
    append_plain(into, range);
    g_string_append(into, ", by default ");
    append_plain(into, fallback);
    g_string_append_c(into, '\n');
}

static void
append_policy(GString *into, const VbPolicy *policy)
{
    g_autofree char *signals = vb_descriptor_signals(policy->needs);
    g_autofree char *line = g_strnfill(strlen(policy->name), '=');
    g_string_append_printf(into, "%s\n%s\n\n", policy->name, line);
    append_plain(into, policy->question);
    g_string_append_printf(into, "\n\nNeeds: %s.\n\n",
                           policy->needs != VB_NEEDS_NOTHING ? signals : "no signals");
    for (const VbParameter *p = policy->parameters; p != NULL && p->name != NULL; p++)
        append_parameter(into, p);
    g_string_append_c(into, '\n');
}

int
main(void)
{
    g_autoptr(GString) page = g_string_new(head);
    for (const VbPolicy *const *policy = vb_policy_all(); *policy != NULL; policy++)
        append_policy(page, *policy);
    g_string_append(page, tail);
    g_print("%s", page->str);
    return 0;
}

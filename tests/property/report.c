/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "report.h"
#include "core/codec.h"
#include <stdlib.h>
#include <string.h>

static guint
number(const char *variable, guint fallback)
{
    const char *text = g_getenv(variable);
    return text != NULL ? (guint)strtoul(text, NULL, 10) : fallback;
}

guint
report_cases(guint fallback)
{
    return number("VB_PROPERTY_CASES", fallback);
}

guint32
report_first_seed(void)
{
    return number("VB_PROPERTY_SEED", 1);
}

gboolean
report_wants(const VbPolicy *policy)
{
    const char *only = g_getenv("VB_PROPERTY_POLICY");
    return only == NULL || g_str_equal(policy->name, only);
}

static GPtrArray *
lines_of(const VbPlan *plan, gboolean reasons)
{
    GPtrArray *lines = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < plan->actions->len; i++) {
        const VbAction *a = g_ptr_array_index(plan->actions, i);
        g_autofree char *cpus = vb_cpuset_format(&a->cpus);
        g_ptr_array_add(lines, g_strdup_printf("%s %s %s cpus %s cell %u %d>%d %" G_GUINT64_FORMAT
                                               " gain %d: %s\n",
                                               a->uuid, vb_action_kind_name(a->kind),
                                               a->thread != NULL ? a->thread : "", cpus, a->cell,
                                               a->from, a->to, a->bytes, a->gain_bp, a->reason));
    }
    for (guint i = 0; i < plan->declined->len; i++) {
        const VbDecline *d = g_ptr_array_index(plan->declined, i);
        g_ptr_array_add(lines, g_strdup_printf("%s declined %s: %s\n", d->uuid, d->code,
                                               reasons ? d->reason : ""));
    }
    return lines;
}

static int
compare_lines(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *
join(GPtrArray *lines)
{
    g_ptr_array_add(lines, NULL);
    return g_strjoinv("", (char **)lines->pdata);
}

char *
report_plan(const VbPlan *plan)
{
    g_autoptr(GPtrArray) lines = lines_of(plan, TRUE);
    return join(lines);
}

char *
report_plan_sorted(const VbPlan *plan)
{
    g_autoptr(GPtrArray) lines = lines_of(plan, FALSE);
    g_ptr_array_sort(lines, compare_lines);
    return join(lines);
}

void
report_keep(const char *name, const VbPolicy *policy, guint32 seed, const VbSnapshot *host)
{
    const char *folder = g_getenv("VB_PROPERTY_KEEP");
    if (folder == NULL)
        return;
    g_autofree char *path = g_strdup_printf("%s/%s-%s-%u.json", folder, name, policy->name, seed);
    g_autoptr(JsonNode) node = vb_codec_snapshot(host);
    g_autofree char *json = vb_codec_text(node, TRUE);
    g_autoptr(GError) error = NULL;
    if (!g_file_set_contents(path, json, -1, &error))
        g_printerr("%s\n", error->message);
}

void
report_broken(const char *law, const VbPolicy *policy, guint32 seed, const VbSnapshot *snapshot,
              const VbPlan *plan)
{
    g_autoptr(JsonNode) node = vb_codec_snapshot(snapshot);
    g_autofree char *json = vb_codec_text(node, FALSE);
    g_autofree char *shown = report_plan(plan);
    g_printerr("BROKEN LAW: %s\npolicy %s, seed %u; again: VB_PROPERTY_SEED=%u "
               "VB_PROPERTY_CASES=1\nplan:\n%ssnapshot: %s",
               law, policy->name, seed, seed, shown, json);
    g_test_fail_printf("%s: policy %s, seed %u", law, policy->name, seed);
}

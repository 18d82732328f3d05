/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/command.h"
#include "cli/doctor.h"
#include "cli/job.h"
#include "cli/text.h"
#include <stdio.h>
#include <vmbalancer/error.h>

/* What the work on a thread needs and leaves. */
typedef struct {
    const VbCli *cli;
    GPtrArray *findings; /* (element-type VbFinding) */
} Work;

/* The host without libvirt, where libvirt is what is wrong. */
static void
look_at_host(GPtrArray *findings)
{
    g_autoptr(VbObservation) host = vb_observation_new(VB_LOOK_FULL);
    g_autoptr(GError) error = NULL;
    if (vb_observe_host(vb_kernel_real(), NULL, host, &error))
        vb_doctor_host(findings, vb_kernel_real(), host);
    else
        vb_doctor_add(findings, VB_FINDING_BLOCKS, "host", NULL, "%s", error->message);
}

/* What is it that the engine could not be opened or look with? */
static const char *
thing_of(const GError *why, gboolean opened)
{
    if (g_error_matches(why, VB_ERROR, VB_ERROR_INVALID))
        return "configuration";
    if (g_error_matches(why, VB_ERROR, VB_ERROR_FAILED))
        return opened ? "host" : "mover";
    return "libvirt";
}

static gboolean
work(gpointer data, GCancellable *cancellable, GError **error)
{
    Work *job = data;
    g_autoptr(GError) why = NULL;
    g_autoptr(VbEngine) engine = vb_command_open(job->cli, FALSE, &why);
    if (engine == NULL || !vb_engine_look(engine, VB_LOOK_ONCE, 100, cancellable, &why)) {
        if (g_error_matches(why, VB_ERROR, VB_ERROR_CANCELLED)) {
            g_propagate_error(error, g_steal_pointer(&why));
            return FALSE;
        }
        look_at_host(job->findings);
        vb_doctor_add(job->findings, VB_FINDING_BLOCKS, thing_of(why, engine != NULL), NULL, "%s",
                      why->message);
        return TRUE;
    }
    g_autoptr(VbSnapshot) snapshot = vb_engine_snapshot(engine);
    vb_doctor_host(job->findings, vb_kernel_real(), vb_engine_observation(engine));
    if (vb_engine_config(engine)->hot_first_bytes > 0)
        vb_doctor_hot(job->findings, vb_kernel_real());
    vb_doctor_add(job->findings, VB_FINDING_GOOD, "libvirt", NULL, "answers; %u guests run",
                  snapshot->guests->len);
    vb_doctor_guests(job->findings, vb_kernel_real(), snapshot);
    return TRUE;
}

static void
print_text(const VbStyle *style, const GPtrArray *findings)
{
    static const VbTint tints[] = {VB_TINT_GOOD, VB_TINT_DIM, VB_TINT_FAIR, VB_TINT_POOR};
    g_autoptr(GString) text = g_string_new(NULL);
    for (guint i = 0; i < findings->len; i++) {
        const VbFinding *finding = g_ptr_array_index(findings, i);
        g_autofree char *thing = vb_text_shown(finding->thing, style->utf8);
        g_autofree char *says = vb_text_shown(finding->says, style->utf8);
        g_autofree char *level = g_strdup_printf("%-8s", vb_finding_level_name(finding->level));
        vb_style_paint(style, tints[finding->level], level, text);
        g_string_append_printf(text, "%s: ", thing);
        vb_text_wrap(says, 8, style->width, text);
        g_string_append_c(text, '\n');
        if (finding->mend != NULL)
            g_string_append_printf(text, "        mend: %s\n", finding->mend);
    }
    fputs(text->str, stdout);
}

static void
print_json(const GPtrArray *findings)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();
    json_builder_begin_object(builder);
    json_builder_set_member_name(builder, "schema");
    json_builder_add_string_value(builder, "vmbalancer.doctor/1");
    json_builder_set_member_name(builder, "findings");
    json_builder_begin_array(builder);
    for (guint i = 0; i < findings->len; i++) {
        const VbFinding *finding = g_ptr_array_index(findings, i);
        json_builder_begin_object(builder);
        json_builder_set_member_name(builder, "level");
        json_builder_add_string_value(builder, vb_finding_level_name(finding->level));
        json_builder_set_member_name(builder, "thing");
        json_builder_add_string_value(builder, finding->thing);
        json_builder_set_member_name(builder, "says");
        json_builder_add_string_value(builder, finding->says);
        json_builder_set_member_name(builder, "mend");
        if (finding->mend != NULL)
            json_builder_add_string_value(builder, finding->mend);
        else
            json_builder_add_null_value(builder);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
    json_builder_end_object(builder);
    g_autoptr(JsonNode) node = json_builder_get_root(builder);
    vb_command_print_json(node);
}

static int
run(const VbCommand *command, VbCli *cli, int argc, char **argv)
{
    g_autoptr(GPtrArray) findings = g_ptr_array_new_with_free_func((GDestroyNotify)vb_finding_free);
    Work job = {.cli = cli, .findings = findings};
    g_autoptr(GError) error = NULL;
    if (!vb_command_parse(command, cli, NULL, &argc, &argv))
        return VB_EXIT_USAGE;
    if (argc != 1)
        return vb_command_misuse(command, "doctor takes no arguments");
    if (!vb_job_run(work, &job, 0, NULL, &error))
        return vb_command_fail(error);
    if (cli->json)
        print_json(findings);
    else
        print_text(&cli->style, findings);
    return VB_EXIT_DONE;
}

const VbCommand vb_command_doctor = {
    .name = "doctor",
    .arguments = "",
    .summary = "what on this host helps or hinders, each with the mend",
    .run = run,
};

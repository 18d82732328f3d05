/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/render.h"
#include "cli/text.h"
#include "core/codec.h"
#include <string.h>

#define SECOND G_GINT64_CONSTANT(1000000000)

/*
 * What the user sees, whole, against files to be read by eye: data/render/NAME.txt. After a change
 * that is meant: VB_UPDATE_GOLDEN=1, then read the difference.
 */

static VbSnapshot *
host(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path =
        g_build_filename(g_getenv("VB_TEST_DATA"), "data", "render", "host.json", NULL);
    g_autofree char *text = NULL;
    gsize length;
    g_file_get_contents(path, &text, &length, &error);
    g_assert_no_error(error);
    VbSnapshot *snapshot = vb_codec_snapshot_parse(text, (gssize)length, &error);
    g_assert_no_error(error);
    return snapshot;
}

static VbPlan *
plan_of(const VbSnapshot *snapshot)
{
    const VbGuest *web = g_ptr_array_index(snapshot->guests, 0);
    const VbGuest *db = g_ptr_array_index(snapshot->guests, 1);
    const VbCpuSet *cpus = &snapshot->topology.node[0].cpus;
    const char *home = "home node 0: most of its pages lie there";
    VbPlan *plan = vb_plan_new("balance");
    vb_plan_add_pin(plan, db, "vcpu0", cpus, 1, 0, home)->gain_bp = 4020;
    vb_plan_add_pin(plan, db, "vcpu1", cpus, VB_NO_NODE, 0, home);
    vb_plan_add_move(plan, db, 0, 1, 0, G_GUINT64_CONSTANT(2) << 30,
                     "100.0 % of cell 0 was away from home in 2 looks in a row: 2.0 GiB to move");
    vb_plan_add_pin(plan, web, "emulator", cpus, 0, 0, "beside its vCPUs");
    vb_plan_decline(plan, g_ptr_array_index(snapshot->guests, 2), "residency",
                    "guest build-0042-with-a-rather-long-name: where its RAM lies is not known");
    vb_plan_decline(plan, g_ptr_array_index(snapshot->guests, 3), "hands-off",
                    "guest win2022: pinned in its domain XML; --force overrides");
    return plan;
}

static GPtrArray *
outcomes_of(void)
{
    GPtrArray *outcomes = g_ptr_array_new_with_free_func((GDestroyNotify)vb_outcome_free);
    g_ptr_array_add(outcomes, vb_outcome_new(0, VB_RESULT_DONE, 0, 1000000, NULL));
    g_ptr_array_add(outcomes, vb_outcome_new(1, VB_RESULT_FAILED, 0, 1000000,
                                             "somebody else pinned it to 4-5 meanwhile"));
    g_ptr_array_add(outcomes,
                    vb_outcome_new(2, VB_RESULT_PARTIAL, G_GUINT64_CONSTANT(3) << 29, 2900000000,
                                   "node 0 has 0.2 GiB free, 0.5 GiB needed"));
    g_ptr_array_add(outcomes, vb_outcome_new(3, VB_RESULT_DONE, 0, 1000000, NULL));
    return outcomes;
}

static void
title(GString *text, const char *what)
{
    g_string_append_printf(text, "%s==== %s\n", text->len > 0 ? "\n" : "", what);
}

/* Returns: (transfer full): all that the renderers have, of one host. */
static char *
render_all(const VbStyle *style)
{
    g_autoptr(VbSnapshot) snapshot = host();
    g_autoptr(VbPlan) plan = plan_of(snapshot);
    g_autoptr(VbPlan) nothing = vb_plan_new("balance");
    g_autoptr(GPtrArray) outcomes = outcomes_of();
    g_autoptr(GPtrArray) none = g_ptr_array_new();
    g_autoptr(VbSnapshot) empty = vb_snapshot_copy(snapshot);
    g_ptr_array_set_size(empty->guests, 0);
    empty->kernel_balancing = FALSE;
    empty->rival = g_strdup("numad");
    GString *text = g_string_new(NULL);
    title(text, "status");
    vb_render_status(snapshot, style, text);
    title(text, "status without guests, beside a rival");
    vb_render_status(empty, style, text);
    for (guint i = 0; i < snapshot->guests->len; i++) {
        title(text, "show");
        vb_render_show(snapshot, g_ptr_array_index(snapshot->guests, i), style, text);
    }
    title(text, "plan");
    vb_render_plan(plan, snapshot, snapshot, style, text);
    title(text, "plan with nothing to do");
    vb_render_plan(nothing, snapshot, snapshot, style, text);
    title(text, "rebalance");
    vb_render_outcomes(plan, outcomes, style, text);
    title(text, "rebalance with nothing to do");
    vb_render_outcomes(nothing, none, style, text);
    return g_string_free(text, FALSE);
}

static void
assert_golden(const char *name, const char *text)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *file = g_strconcat(name, ".txt", NULL);
    g_autofree char *path =
        g_build_filename(g_getenv("VB_TEST_DATA"), "data", "render", file, NULL);
    g_autofree char *golden = NULL;
    if (g_getenv("VB_UPDATE_GOLDEN") != NULL)
        g_file_set_contents(path, text, -1, &error);
    g_assert_no_error(error);
    g_file_get_contents(path, &golden, NULL, &error);
    g_assert_no_error(error);
    g_auto(GStrv) expected = g_strsplit(golden, "\n", -1);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (guint i = 0; expected[i] != NULL && lines[i] != NULL; i++)
        g_assert_cmpstr(lines[i], ==, expected[i]);
    g_assert_cmpuint(g_strv_length(lines), ==, g_strv_length(expected));
}

static void
assert_within(const char *text, guint width)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (guint i = 0; lines[i] != NULL; i++) {
        if (vb_text_width(lines[i]) > width && !g_str_has_prefix(lines[i], "===="))
            g_error("wider than %u: \"%s\"", width, lines[i]);
        g_assert_false(g_str_has_suffix(lines[i], " "));
    }
}

static void
test_golden(gconstpointer data)
{
    guint width = GPOINTER_TO_UINT(data);
    VbStyle style = {.colour = FALSE, .utf8 = TRUE, .width = width};
    g_autofree char *text = render_all(&style);
    g_autofree char *name = g_strdup_printf("width-%u", width);
    assert_within(text, width);
    assert_golden(name, text);
}

static void
test_ascii(void)
{
    VbStyle style = {.colour = FALSE, .utf8 = FALSE, .width = 80};
    g_autofree char *text = render_all(&style);
    g_assert_true(g_str_is_ascii(text));
    assert_within(text, 80);
    assert_golden("ascii-80", text);
}

/* Without a width nothing is cut: a pipe gets all. */
static void
test_a_pipe_gets_all(void)
{
    VbStyle style = {.colour = FALSE, .utf8 = TRUE, .width = 0};
    g_autofree char *text = render_all(&style);
    g_assert_null(strstr(text, "…"));
    g_assert_nonnull(strstr(text, "build-0042-with-a-rather-long-name  paused"));
}

/* Colour changes nothing but colour. */
static void
test_colour_is_only_colour(void)
{
    VbStyle style = {.colour = TRUE, .utf8 = TRUE, .width = 120};
    g_autofree char *text = render_all(&style);
    g_assert_nonnull(strstr(text, "\033[1mGUEST\033[0m"));
    g_autoptr(GRegex) sequences = g_regex_new("\033\\[[0-9]+m", 0, 0, NULL);
    g_autofree char *plain = g_regex_replace_literal(sequences, text, -1, 0, "", 0, NULL);
    style.colour = FALSE;
    g_autofree char *expected = render_all(&style);
    g_assert_cmpstr(plain, ==, expected);
}

/* Whatever a guest's owner writes, no control or format character reaches the terminal. */
static void
test_hostile_text_is_shown(void)
{
    static const char *const hostile[] = {
        "\033[2J\033]0;owned\007",
        "a\nb\r\tc",
        "evil\u202etxt.exe",
        "\u200b\ufeffx",
        "\xc2\x9bJ",
        "\xff\xfe",
        "e\u0301\u0301\u0301\u0301\u0301",
        "日本語のとても長いゲスト名です",
        "",
    };
    VbStyle style = {.colour = FALSE, .utf8 = TRUE, .width = 60};
    for (guint i = 0; i < G_N_ELEMENTS(hostile); i++) {
        g_autoptr(VbSnapshot) snapshot = host();
        VbGuest *guest = g_ptr_array_index(snapshot->guests, 0);
        VbCell *cell = g_ptr_array_index(guest->cells, 0);
        char **texts[] = {&guest->name, &guest->owner_code, &guest->reason,  &guest->policy,
                          &cell->note,  &guest->uuid,       &snapshot->rival};
        for (guint t = 0; t < G_N_ELEMENTS(texts); t++) {
            g_free(*texts[t]);
            *texts[t] = g_strdup(hostile[i]);
        }
        g_autoptr(VbPlan) plan = vb_plan_new(hostile[i]);
        vb_plan_add_pin(plan, guest, hostile[i], &guest->cpu_boundary, 1, 0, hostile[i]);
        vb_plan_decline(plan, guest, hostile[i], "%s", hostile[i]);
        g_autoptr(GPtrArray) outcomes =
            g_ptr_array_new_with_free_func((GDestroyNotify)vb_outcome_free);
        g_ptr_array_add(outcomes, vb_outcome_new(0, VB_RESULT_FAILED, 0, 0, hostile[i]));
        g_autoptr(GString) text = g_string_new(NULL);
        vb_render_status(snapshot, &style, text);
        vb_render_show(snapshot, guest, &style, text);
        vb_render_plan(plan, snapshot, snapshot, &style, text);
        vb_render_outcomes(plan, outcomes, &style, text);
        g_assert_true(g_utf8_validate(text->str, -1, NULL));
        for (const char *c = text->str; *c != '\0'; c = g_utf8_next_char(c)) {
            gunichar character = g_utf8_get_char(c);
            GUnicodeType type = g_unichar_type(character);
            g_assert_true(character == '\n' ||
                          (type != G_UNICODE_CONTROL && type != G_UNICODE_FORMAT));
        }
    }
}

/* Three pins and a move; what happened to all of them is told once. */
static void
test_what_failed_whole_is_told_so_and_once(void)
{
    static const VbStyle style = {.width = 0};
    g_autoptr(VbPlan) plan = vb_plan_new("test");
    g_autoptr(GPtrArray) outcomes =
        g_ptr_array_new_with_free_func((GDestroyNotify)vb_outcome_free);
    VbGuest guest = {.uuid = (char *)"u", .name = (char *)"web1"};
    const VbCpuSet cpus = {{1}};
    for (guint i = 0; i < 3; i++) {
        vb_plan_add_pin(plan, &guest, "vcpu0", &cpus, 0, 1, "test");
        g_ptr_array_add(outcomes, vb_outcome_new(i, VB_RESULT_FAILED, 0, 0, "no"));
    }
    vb_plan_add_move(plan, &guest, 0, 0, 1, 4096, "test");
    g_ptr_array_add(outcomes, vb_outcome_new(3, VB_RESULT_CANCELLED, 0, 0, "not tried"));
    g_autoptr(GString) text = g_string_new(NULL);
    vb_render_outcomes(plan, outcomes, &style, text);
    g_auto(GStrv) lines = g_strsplit(text->str, "\n", -1);
    g_assert_cmpuint(g_strv_length(lines), ==, 6);
    g_assert_nonnull(strstr(lines[1], "  failed  "));
    g_assert_cmpstr(lines[3], ==, "web1: pin vcpu0 to node 1 and 2 more: failed: no");
    g_assert_cmpstr(lines[4], ==, "web1: move cell 0 from node 0 to 1: cancelled: not tried");
}

static void
test_what_a_move_rested_for_is_told(void)
{
    static const VbStyle style = {.width = 0};
    static const struct {
        VbRested rested;
        const char *says;
    } cases[] = {
        {{SECOND - 1, 0}, NULL},
        {{2 * SECOND, 0}, "rested 2.0 s of 9.0 s, as the host was short of memory"},
        {{0, 3 * SECOND}, "rested 3.0 s of 9.0 s, as the guest waited for CPUs"},
        {{SECOND / 2, SECOND / 2},
         "rested 1.0 s of 9.0 s, as the host was short of memory (0.5 s) and the guest waited for CPUs (0.5 s)"},
    };
    VbGuest guest = {.uuid = (char *)"u", .name = (char *)"web1"};
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(VbPlan) plan = vb_plan_new("test");
        g_autoptr(GPtrArray) outcomes = g_ptr_array_new_with_free_func((GDestroyNotify)vb_outcome_free);
        vb_plan_add_move(plan, &guest, 0, 1, 0, 4096, "test");
        VbOutcome *outcome = vb_outcome_new(0, VB_RESULT_DONE, 4096, 9 * SECOND, NULL);
        outcome->rested = cases[i].rested;
        g_ptr_array_add(outcomes, outcome);
        g_autoptr(GString) text = g_string_new(NULL);
        vb_render_outcomes(plan, outcomes, &style, text);
        g_auto(GStrv) lines = g_strsplit(text->str, "\n", -1);
        g_assert_cmpuint(g_strv_length(lines), ==, cases[i].says != NULL ? 5 : 3);
        if (cases[i].says == NULL)
            continue;
        g_assert_true(g_str_has_prefix(lines[3], "web1: the move of cell 0 from node 1 to 0 rested "));
        g_assert_true(g_str_has_suffix(lines[3], cases[i].says));
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/render/width-40", GUINT_TO_POINTER(40), test_golden);
    g_test_add_data_func("/render/width-80", GUINT_TO_POINTER(80), test_golden);
    g_test_add_data_func("/render/width-120", GUINT_TO_POINTER(120), test_golden);
    g_test_add_func("/render/ascii", test_ascii);
    g_test_add_func("/render/a-pipe-gets-all", test_a_pipe_gets_all);
    g_test_add_func("/render/colour-is-only-colour", test_colour_is_only_colour);
    g_test_add_func("/render/failed-whole-is-told-once", test_what_failed_whole_is_told_so_and_once);
    g_test_add_func("/render/rests-are-told", test_what_a_move_rested_for_is_told);
    g_test_add_func("/render/hostile-text-is-shown", test_hostile_text_is_shown);
    return g_test_run();
}

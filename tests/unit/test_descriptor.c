/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What policies declare of themselves: that it is sound, how it is told, and that the table of
 * policies/README.md says the same. */
#include "core/descriptor.h"
#include <string.h>
#include <vmbalancer/error.h>

static void
nothing(const VbPolicy *policy, const VbSnapshot *snapshot, VbPlan *plan)
{
}

static void
test_the_policies_are_sound(void)
{
    for (const VbPolicy *const *policy = vb_policy_all(); *policy != NULL; policy++) {
        g_autoptr(GError) error = NULL;
        vb_descriptor_check(*policy, &error);
        g_assert_no_error(error);
    }
}

/* A policy like any other, to be spoiled. */
static void
make_sound(VbPolicy *policy, VbParameter *parameters)
{
    parameters[0] = (VbParameter){"margin", 0, 10, 3, "bp", "a margin"};
    parameters[1] = (VbParameter){"pause-2", -5, G_MAXINT64, 3, "ns", "a pause"};
    parameters[2] = (VbParameter){NULL};
    *policy = (VbPolicy){.name = "own-2",
                         .question = "why?",
                         .needs = VB_NEEDS_SHARE,
                         .parameters = parameters,
                         .decide = nothing};
}

static void
assert_refused(const VbPolicy *policy, const char *says)
{
    g_autoptr(GError) error = NULL;
    g_assert_false(vb_descriptor_check(policy, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_INVALID);
    if (strstr(error->message, says) == NULL)
        g_error("\"%s\" does not say \"%s\"", error->message, says);
}

static void
test_bad_policies_are_refused(void)
{
    static const char *const names[] = {NULL, "", "2own", "Own", "-own", "o.n", "ow n", "\xff"};
    VbPolicy policy;
    VbParameter p[3];
    g_autoptr(GError) error = NULL;
    g_autofree char *long_name = g_strnfill(65, 'a');
    make_sound(&policy, p);
    vb_descriptor_check(&policy, &error);
    g_assert_no_error(error);
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        policy.name = names[i];
        assert_refused(&policy, "a policy's name");
    }
    policy.name = long_name;
    assert_refused(&policy, "a policy's name");
    make_sound(&policy, p);
    policy.question = "what\nnow?";
    assert_refused(&policy, "policy own-2: it has no question");
    make_sound(&policy, p);
    policy.needs = 1 << 3;
    assert_refused(&policy, "signals that do not exist");
    make_sound(&policy, p);
    policy.decide = NULL;
    assert_refused(&policy, "no decide()");
}

static void
test_bad_parameters_are_refused(void)
{
    VbPolicy policy;
    VbParameter p[3];
    make_sound(&policy, p);
    p[1].name = "margin";
    assert_refused(&policy, "parameter 2: there are two of that name");
    make_sound(&policy, p);
    p[0].name = "Margin";
    assert_refused(&policy, "parameter 1: its name");
    make_sound(&policy, p);
    p[0].unit = "miles";
    assert_refused(&policy, "its unit is none of");
    make_sound(&policy, p);
    p[0].unit = NULL;
    assert_refused(&policy, "its unit is none of");
    make_sound(&policy, p);
    p[0].fallback = 11;
    assert_refused(&policy, "its default is not within");
    make_sound(&policy, p);
    p[0].minimum = 4;
    assert_refused(&policy, "its default is not within");
    make_sound(&policy, p);
    p[0].meaning = "";
    assert_refused(&policy, "no meaning");
    VbParameter many[VB_DESCRIPTOR_PARAMETERS_MAX + 2];
    char name[VB_DESCRIPTOR_PARAMETERS_MAX + 2][8];
    for (guint i = 0; i < G_N_ELEMENTS(many); i++) {
        g_snprintf(name[i], sizeof name[i], "p%u", i);
        many[i] = (VbParameter){name[i], 0, 1, 0, "", "one of many"};
    }
    many[VB_DESCRIPTOR_PARAMETERS_MAX].name = NULL;
    policy.parameters = many;
    g_assert_true(vb_descriptor_check(&policy, NULL));
    many[VB_DESCRIPTOR_PARAMETERS_MAX].name = "more";
    many[VB_DESCRIPTOR_PARAMETERS_MAX + 1].name = NULL;
    assert_refused(&policy, "more than 64");
}

static void
test_values_are_told(void)
{
    static const struct {
        const char *unit;
        gint64 value;
        const char *words;
    } cases[] = {
        {"", 7, "7"},
        {"", G_MININT64, "-9223372036854775808"},
        {"%", 100, "100 %"},
        {"bp", 0, "0 bp"},
        {"bp", 500, "500 bp (5 %)"},
        {"bp", 10, "10 bp (0.1 %)"},
        {"bp", 1, "1 bp (0.01 %)"},
        {"bp", -150, "-150 bp (-1.5 %)"},
        {"bp", -5, "-5 bp (-0.05 %)"},
        {"ns", G_GINT64_CONSTANT(60000000000), "60000000000 ns (60 s)"},
        {"ns", 1500000, "1500000 ns (1500 us)"},
        {"ns", 17, "17 ns"},
        {"bytes", 1048576, "1048576 bytes (1 MiB)"},
        {"bytes", 12, "12 bytes"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        VbParameter parameter = {"x", 0, 1, 0, cases[i].unit, "x"};
        g_autofree char *words = vb_descriptor_value(&parameter, cases[i].value);
        g_assert_cmpstr(words, ==, cases[i].words);
    }
}

static void
test_ranges_and_names_are_told(void)
{
    VbPolicy policy;
    VbParameter p[3];
    make_sound(&policy, p);
    g_autofree char *both = vb_descriptor_range(&p[0]);
    g_autofree char *open = vb_descriptor_range(&p[1]);
    g_autofree char *names = vb_descriptor_names(&policy);
    g_assert_cmpstr(both, ==, "0 to 10 bp (0.1 %)");
    g_assert_cmpstr(open, ==, "at least -5 ns");
    g_assert_cmpstr(names, ==, "has only \"margin\", \"pause-2\"");
    g_assert_true(vb_descriptor_parameter(&policy, "pause-2") == &p[1]);
    g_assert_null(vb_descriptor_parameter(&policy, "pause"));
    policy.parameters = NULL;
    g_autofree char *none = vb_descriptor_names(&policy);
    g_assert_cmpstr(none, ==, "has no parameters");
    g_assert_null(vb_descriptor_parameter(&policy, "pause"));
}

/* --- the table in policies/README.md -------------------------------------------------------- */

/* A row begins with "| `", its cells are apart by " | ". */
static char *
read_table(void)
{
    g_autofree char *path =
        g_build_filename(g_getenv("VB_TEST_DATA"), "..", "..", "policies", "README.md", NULL);
    g_autoptr(GError) error = NULL;
    char *text;
    g_file_get_contents(path, &text, NULL, &error);
    g_assert_no_error(error);
    return text;
}

static void
assert_row(char **lines, const VbPolicy *policy)
{
    g_autofree char *signals = vb_descriptor_signals(policy->needs);
    g_autofree char *begin =
        g_strdup_printf("| `%s` | %s | %s", policy->name, policy->question, signals);
    for (guint i = 0; lines[i] != NULL; i++) {
        gsize length = strlen(begin);
        /* What it can do without stands behind a semicolon. */
        if (g_str_has_prefix(lines[i], begin) && lines[i][length] == ';')
            return;
        if (g_str_has_prefix(lines[i], begin) && g_str_has_prefix(lines[i] + length, " |"))
            return;
    }
    g_error("policies/README.md has no row that begins with \"%s |\"", begin);
}

static void
test_the_table_is_true(void)
{
    g_autofree char *text = read_table();
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    guint policies = 0, rows = 0;
    for (const VbPolicy *const *policy = vb_policy_all(); *policy != NULL; policy++, policies++)
        assert_row(lines, *policy);
    for (guint i = 0; lines[i] != NULL; i++) {
        g_auto(GStrv) cells = g_strsplit(lines[i], " | ", -1);
        if (!g_str_has_prefix(lines[i], "| `"))
            continue;
        rows++;
        g_assert_cmpuint(g_strv_length(cells), ==, 5);
    }
    g_assert_cmpuint(rows, ==, policies);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/descriptor/the-policies", test_the_policies_are_sound);
    g_test_add_func("/descriptor/bad-policies", test_bad_policies_are_refused);
    g_test_add_func("/descriptor/bad-parameters", test_bad_parameters_are_refused);
    g_test_add_func("/descriptor/values", test_values_are_told);
    g_test_add_func("/descriptor/ranges-and-names", test_ranges_and_names_are_told);
    g_test_add_func("/descriptor/the-table", test_the_table_is_true);
    return g_test_run();
}

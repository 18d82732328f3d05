/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs in a table, as JSON, and as a page. */
#include "core/codec.h"
#include "core/json_text.h"
#include "league_fixture.h"
#include "sim/report.h"
#include <string.h>

static const char *
policy_at(const VbLeague *league, guint row)
{
    const VbLeagueTable *table = g_ptr_array_index(league->tables, 0);
    return ((const VbLeagueRow *)g_ptr_array_index(table->rows, row))->policy;
}

static void
test_best_first_and_hand_last(void)
{
    g_autoptr(VbLeague) league = fixture_league();
    g_assert_cmpstr(policy_at(league, 0), ==, "balance");
    g_assert_cmpstr(policy_at(league, 1), ==, "moron");
    g_assert_cmpstr(policy_at(league, 2), ==, "none");
    g_assert_cmpstr(policy_at(league, 3), ==, VB_LEAGUE_HAND);
}

static void
test_all_are_measured_by_the_hand(void)
{
    g_autoptr(VbLeague) league = fixture_league();
    const VbLeagueTable *table = g_ptr_array_index(league->tables, 0);
    g_assert_cmpuint(vb_league_find(table, VB_LEAGUE_HAND)->score.versus_bp, ==, VB_BP);
    g_assert_cmpuint(vb_league_find(table, "none")->score.versus_bp, >, VB_BP);
    g_assert_null(vb_league_find(table, "numa-core"));
}

static void
test_without_the_hand_nothing_is_told_by_it(void)
{
    g_autoptr(VbLeague) league = vb_league_new(7);
    VbLeagueTable *table = vb_league_add(league, "a world", NULL);
    VbTrace *trace = fixture_trace("a world", "none");
    fixture_pass(trace, FIXTURE_SECOND, 2, 1);
    vb_league_table_add(table, trace);
    vb_league_table_rank(table);
    g_autoptr(JsonNode) node = vb_league_json(league, FALSE);
    g_autofree char *text = vb_codec_text(node, FALSE);
    g_assert_cmpstr(text, ==,
                    "{\"schema\":\"vmbalancer.league/1\",\"seed\":7,\"scenarios\":[{\"name\":\"a world\","
                    "\"why\":null,\"policies\":[{\"policy\":\"none\",\"local_share\":0.5,"
                    "\"mean_locality\":0.5,\"worst_locality\":0.5,\"seconds_to_95\":null,"
                    "\"bytes_moved\":0,\"moves\":0,\"pins\":0,\"ping_pongs\":0,\"cpu_overload\":0.0,"
                    "\"slowdown\":1.0,\"slowdown_versus_hand\":null}]}]}\n");
}

/* The text between two others that are in @page once each. */
static char *
between(const char *page, const char *begin, const char *end)
{
    const char *from = strstr(page, begin);
    g_assert_nonnull(from);
    from += strlen(begin);
    const char *to = strstr(from, end);
    g_assert_nonnull(to);
    return g_strndup(from, (gsize)(to - from));
}

static guint
count(const char *text, const char *what)
{
    guint found = 0;
    for (const char *at = text; (at = strstr(at, what)) != NULL; at += strlen(what))
        found++;
    return found;
}

static void
test_the_page_carries_the_whole_league(void)
{
    g_autoptr(VbLeague) league = fixture_league();
    g_autofree char *page = vb_report_html(league);
    g_autofree char *data =
        between(page, "<script type=\"application/json\" id=\"league\">", "</script>");
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonNode) carried = vb_json_text_parse(data, -1, "league", 16, 1 << 20, &error);
    g_assert_no_error(error);
    g_autoptr(JsonNode) whole = vb_league_json(league, TRUE);
    g_autofree char *was = vb_codec_text(whole, FALSE);
    g_autofree char *is = vb_codec_text(carried, FALSE);
    g_assert_cmpstr(is, ==, was);
    g_assert_cmpuint(count(is, "\\u003c"), ==, 0);
}

static void
test_a_name_is_no_markup(void)
{
    g_autoptr(VbLeague) league = fixture_league();
    g_autofree char *page = vb_report_html(league);
    g_assert_cmpuint(count(page, "</script>"), ==, 2);
    g_assert_cmpuint(count(page, "<script"), ==, 2);
    g_assert_cmpuint(count(page, "<img"), ==, 0);
    g_assert_true(g_utf8_validate(page, -1, NULL));
    /* What a name says is not filled in. */
    g_assert_cmpuint(count(page, "\"schema\":\"vmbalancer.league/1\""), ==, 1);
}

static void
test_the_page_loads_nothing(void)
{
    g_autoptr(VbLeague) league = vb_league_new(1);
    g_autofree char *page = vb_report_html(league);
    g_assert_nonnull(strstr(page, "default-src 'none'; base-uri 'none'; form-action 'none'; "
                                  "style-src 'sha256-"));
    g_assert_cmpuint(count(page, "src="), ==, 0);
    g_assert_cmpuint(count(page, "url("), ==, 0);
    g_assert_cmpuint(count(page, "@import"), ==, 0);
    g_assert_cmpuint(count(page, "<link"), ==, 0);
    /* The one address in it is the name of SVG. */
    g_assert_cmpuint(count(page, "//www"), ==, 1);
    const char *const parts[] = {"@STYLE", "@SCRIPT", "@DATA", "@VERSION"};
    for (guint i = 0; i < G_N_ELEMENTS(parts); i++)
        g_assert_null(strstr(page, parts[i]));
}

static void
test_long_runs_have_short_curves(void)
{
    g_autoptr(VbLeague) league = vb_league_new(1);
    VbLeagueTable *table = vb_league_add(league, "long", NULL);
    VbTrace *trace = fixture_trace("long", "none");
    for (guint i = 0; i < 100001; i++)
        fixture_pass(trace, FIXTURE_SECOND, 4, 1);
    fixture_pass(trace, FIXTURE_SECOND, 0, 0)->moved_bytes = 17;
    vb_league_table_add(table, trace);
    g_autoptr(JsonNode) node = vb_league_json(league, TRUE);
    g_autofree char *text = vb_codec_text(node, FALSE);
    g_assert_cmpuint(strlen(text), <, 20000);
    g_assert_nonnull(strstr(text, ",100002.0],\"local\":[0.25,0.25,"));
    g_assert_nonnull(strstr(text, ",0,17],\"guests\""));
}

/* For the browser's test: the page of the made-up league in that file. */
static int
write_page(const char *path)
{
    g_autoptr(VbLeague) league = fixture_league();
    g_autofree char *page = vb_report_html(league);
    return g_file_set_contents(path, page, -1, NULL) ? 0 : 1;
}

int
main(int argc, char **argv)
{
    if (argc == 3 && g_str_equal(argv[1], "--write"))
        return write_page(argv[2]);
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/league/order", test_best_first_and_hand_last);
    g_test_add_func("/league/hand", test_all_are_measured_by_the_hand);
    g_test_add_func("/league/json", test_without_the_hand_nothing_is_told_by_it);
    g_test_add_func("/league/page-data", test_the_page_carries_the_whole_league);
    g_test_add_func("/league/hostile-names", test_a_name_is_no_markup);
    g_test_add_func("/league/page-alone", test_the_page_loads_nothing);
    g_test_add_func("/league/long-runs", test_long_runs_have_short_curves);
    return g_test_run();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "simulate" with several policies and scenarios, and "replay --policy", as scripts run them. */
#include "command_run.h"
#include "core/codec.h"
#include "core/json_text.h"
#include "core/recording.h"
#include "temp_dir.h"
#include "world.h"
#include <gio/gio.h>
#include <string.h>

#define SCENARIO                                                                                   \
    "{\"schema\":\"vmbalancer.scenario/1\",\"name\":\"%s\",\"seconds\":60,"                        \
    "\"nodes\":[{\"cpus\":4,\"memory_mib\":8192},{\"cpus\":4,\"memory_mib\":8192}],"               \
    "\"guests\":[{\"name\":\"db</script>\",\"vcpus\":2,\"memory_mib\":1024,\"ran_on\":\"0\","      \
    "\"memory_on\":\"1\",\"phases\":[{\"seconds\":60,\"busy\":0.9}]}]}"

typedef struct {
    char *dir;
    char *one;
    char *other;
    char *page;
} Stage;

static char *
write_scenario(const Stage *stage, const char *name)
{
    char *path = g_build_filename(stage->dir, name, NULL);
    g_autofree char *text = g_strdup_printf(SCENARIO, name);
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    return path;
}

static void
set_up(Stage *stage, gconstpointer unused)
{
    stage->dir = temp_dir_new();
    stage->one = write_scenario(stage, "one");
    stage->other = write_scenario(stage, "other");
    stage->page = g_build_filename(stage->dir, "page.html", NULL);
}

static void
tear_down(Stage *stage, gconstpointer unused)
{
    temp_dir_free(stage->dir);
    g_free(stage->one);
    g_free(stage->other);
    g_free(stage->page);
}

/* "SCENARIO: POLICY POLICY ..." a line, of the league that a run printed. */
static char *
outline(const CommandEnd *end)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonNode) node = vb_json_text_parse(end->out, -1, "league", 16, 1 << 20, &error);
    g_assert_no_error(error);
    GString *text = g_string_new(NULL);
    JsonArray *tables = json_object_get_array_member(json_node_get_object(node), "scenarios");
    for (guint i = 0; i < json_array_get_length(tables); i++) {
        JsonObject *table = json_array_get_object_element(tables, i);
        JsonArray *rows = json_object_get_array_member(table, "policies");
        g_string_append_printf(text, "%s:", json_object_get_string_member(table, "name"));
        for (guint r = 0; r < json_array_get_length(rows); r++)
            g_string_append_printf(
                text, " %s",
                json_object_get_string_member(json_array_get_object_element(rows, r), "policy"));
        g_string_append_c(text, '\n');
    }
    return g_string_free(text, FALSE);
}

static CommandEnd
run_league(const Stage *stage, const char *options)
{
    g_autofree char *words =
        g_strdup_printf("simulate|-p|none,hand,home-node|%s%s|%s", options, stage->one, stage->other);
    return command_run(words);
}

static void
test_each_scenario_has_its_table(Stage *stage, gconstpointer unused)
{
    g_auto(CommandEnd) end = run_league(stage, "-o|json|");
    g_assert_cmpstr(end.err, ==, "");
    g_assert_cmpint(end.status, ==, 0);
    g_autofree char *text = outline(&end);
    g_assert_cmpstr(text, ==, "one: home-node none hand\nother: home-node none hand\n");
}

static void
test_the_same_to_the_byte(Stage *stage, gconstpointer unused)
{
    g_auto(CommandEnd) first = run_league(stage, "");
    g_auto(CommandEnd) second = run_league(stage, "");
    g_assert_cmpint(first.status, ==, 0);
    g_assert_cmpstr(first.out, ==, second.out);
    g_assert_nonnull(strstr(first.out, "\n  POLICY "));
    g_assert_nonnull(strstr(first.out, "\n  none         0.0 %"));
}

static void
test_a_policy_is_run_once(Stage *stage, gconstpointer unused)
{
    g_autofree char *words = g_strdup_printf("simulate|-o|json|-p|none,none,moron|%s", stage->one);
    g_auto(CommandEnd) end = command_run(words);
    g_autofree char *text = outline(&end);
    g_assert_cmpstr(text, ==, "one: moron none\n");
}

static void
test_the_report_is_written(Stage *stage, gconstpointer unused)
{
    g_autofree char *option = g_strdup_printf("--report|%s|", stage->page);
    g_auto(CommandEnd) end = run_league(stage, option);
    g_autofree char *page = NULL;
    g_assert_cmpint(end.status, ==, 0);
    g_assert_true(g_file_get_contents(stage->page, &page, NULL, NULL));
    g_assert_nonnull(strstr(page, "\"schema\":\"vmbalancer.league/1\""));
    g_assert_nonnull(strstr(page, "\"name\":\"db\\u003c/script\\u003e\""));
}

static void
test_a_report_that_cannot_be_written(Stage *stage, gconstpointer unused)
{
    g_autofree char *option = g_strdup_printf("--report|%s/no/page.html|", stage->dir);
    g_auto(CommandEnd) end = run_league(stage, option);
    g_assert_cmpint(end.status, ==, 1);
    command_assert_one_line(&end, "the report cannot be written: ");
}

/* --- of a recording ------------------------------------------------------------------------- */

static void
add_line(GString *lines, JsonNode *node)
{
    g_autofree char *text = vb_codec_text(node, FALSE);
    g_string_append(lines, text);
    json_node_unref(node);
}

static void
add_look(GString *lines, const VbTopology *host, gint64 second)
{
    g_autoptr(VbObservation) seen = world_look(VB_LOOK_FULL, second * SECOND, host);
    VbGuestSight *sight = world_sight(seen, 1);
    world_put(sight->facts, 0, 1, 512 * MIB);
    world_thread(sight, 0, (guint64)(second * SECOND / 2), 0)->cell = 0;
    add_line(lines, vb_recording_event(&(VbTickEvent){.call = VB_TICK_LOOK}));
    add_line(lines, vb_recording_event(&(VbTickEvent){.call = VB_TICK_FOLD, .seen = seen}));
}

/* A guest that runs on one node and lies on the other, for @looks looks. Returns: (transfer full): the file */
static char *
write_recording(const Stage *stage, guint looks)
{
    g_autofree VbTopology *host = world_topology(2, 2, 4 * GIB);
    g_autoptr(VbConfig) config = vb_config_new();
    g_autoptr(VbTick) tick = vb_tick_new(config);
    g_autoptr(GString) lines = g_string_new(NULL);
    add_line(lines, vb_recording_head(&(VbRecordingHead){.host = (char *)"h"}));
    add_line(lines, vb_recording_state(tick));
    for (guint i = 0; i < looks; i++)
        add_look(lines, host, 100 + 10 * (gint64)i);
    add_line(lines, vb_recording_end("it was stopped"));
    char *path = g_build_filename(stage->dir, "monday", NULL);
    g_autoptr(GFile) file = g_file_new_for_path(path);
    g_autoptr(GFileOutputStream) raw = g_file_replace(file, NULL, FALSE, 0, NULL, NULL);
    g_autoptr(GZlibCompressor) zlib = g_zlib_compressor_new(G_ZLIB_COMPRESSOR_FORMAT_GZIP, -1);
    g_autoptr(GOutputStream) out =
        g_converter_output_stream_new(G_OUTPUT_STREAM(raw), G_CONVERTER(zlib));
    g_assert_true(g_output_stream_write_all(out, lines->str, lines->len, NULL, NULL, NULL));
    g_assert_true(g_output_stream_close(out, NULL, NULL));
    return path;
}

static void
test_what_would_have_been(Stage *stage, gconstpointer unused)
{
    g_autofree char *path = write_recording(stage, 31);
    g_autofree char *words = g_strdup_printf("replay|%s|-p|home-node,hand|-o|json", path);
    g_auto(CommandEnd) end = command_run(words);
    g_assert_cmpstr(end.err, ==, "");
    g_assert_cmpint(end.status, ==, 0);
    g_autofree char *text = outline(&end);
    g_assert_cmpstr(text, ==, "monday: home-node recorded hand\n");
}

static void
test_it_is_said_to_be_a_model(Stage *stage, gconstpointer unused)
{
    g_autofree char *path = write_recording(stage, 31);
    g_autofree char *words = g_strdup_printf("replay|%s|-p|home-node", path);
    g_auto(CommandEnd) end = command_run(words);
    g_assert_nonnull(strstr(end.out, "A model of what would have been"));
}

static void
test_too_short_a_recording(Stage *stage, gconstpointer unused)
{
    g_autofree char *path = write_recording(stage, 1);
    g_autofree char *words = g_strdup_printf("replay|%s|-p|home-node", path);
    g_auto(CommandEnd) end = command_run(words);
    g_assert_cmpint(end.status, ==, 2);
    command_assert_one_line(&end, "monday: the recording has too little for a model of the host");
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*test)(Stage *, gconstpointer);
    } tests[] = {
        {"tables", test_each_scenario_has_its_table},
        {"same", test_the_same_to_the_byte},
        {"once", test_a_policy_is_run_once},
        {"report", test_the_report_is_written},
        {"no-report", test_a_report_that_cannot_be_written},
        {"replay", test_what_would_have_been},
        {"replay-model", test_it_is_said_to_be_a_model},
        {"replay-short", test_too_short_a_recording},
    };
    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_autofree char *path = g_strdup_printf("/league-command/%s", tests[i].name);
        g_test_add(path, Stage, NULL, set_up, tests[i].test, tear_down);
    }
    return g_test_run();
}

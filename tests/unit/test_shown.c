/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/bars.h"
#include "cli/style.h"
#include "cli/table.h"
#include "cli/text.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
test_text_is_shown(void)
{
    static const struct {
        const char *text;
        const char *utf8;
        const char *ascii;
    } cases[] = {
        {NULL, "-", "-"},
        {"", "", ""},
        {"web 1", "web 1", "web 1"},
        {"back\\slash \"q\"", "back\\slash \"q\"", "back\\slash \"q\""},
        {"a\nb\tc\rd", "a\\nb\\tc\\rd", "a\\nb\\tc\\rd"},
        {"\033[31mred\177", "\\x1b[31mred\\x7f", "\\x1b[31mred\\x7f"},
        {"\xc2\x9bJ", "\\u{009b}J", "\\u{009b}J"},
        {"a\u202eb", "a\\u{202e}b", "a\\u{202e}b"},
        {"a\u200bb\ufeff", "a\\u{200b}b\\u{feff}", "a\\u{200b}b\\u{feff}"},
        {"a\u2028b", "a\\u{2028}b", "a\\u{2028}b"},
        {"a\u00a0b\u3000c", "a b c", "a b c"},
        {"\ue000", "\\u{e000}", "\\u{e000}"},
        {"ok\xff\xfe", "ok\\xff\\xfe", "ok\\xff\\xfe"},
        {"cut\xe2\x82", "cut\\xe2\\x82", "cut\\xe2\\x82"},
        {"\u0301x", "\\u{0301}x", "\\u{0301}x"},
        {"e\u0301\u0302\u0303", "e\u0301\u0302\\u{0303}", "e\\u{0301}\\u{0302}\\u{0303}"},
        {"größe", "größe", "gr\\u{00f6}\\u{00df}e"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *utf8 = vb_text_shown(cases[i].text, TRUE);
        g_autofree char *ascii = vb_text_shown(cases[i].text, FALSE);
        g_assert_cmpstr(utf8, ==, cases[i].utf8);
        g_assert_cmpstr(ascii, ==, cases[i].ascii);
    }
}

static void
test_text_fits(void)
{
    static const struct {
        const char *text;
        guint width;
        const char *fits;
    } cases[] = {
        {"abc", 3, "abc"},
        {"abcd", 3, "ab…"},
        {"abcd", 1, "…"},
        {"abcd", 0, ""},
        {"日本", 4, "日本"},
        {"日本語", 4, "日…"},
        {"e\u0301e", 2, "e\u0301e"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *fits = vb_text_fit(cases[i].text, cases[i].width, TRUE);
        g_assert_cmpstr(fits, ==, cases[i].fits);
        g_assert_cmpuint(vb_text_width(fits), <=, cases[i].width);
    }
}

static void
test_text_wraps(void)
{
    g_autoptr(GString) text = g_string_new(NULL);
    vb_text_wrap("one two three four five", 2, 14, text);
    g_assert_cmpstr(text->str, ==, "one two\n  three four\n  five");
    g_string_truncate(text, 0);
    vb_text_wrap("a-word-that-is-longer-than-a-line", 0, 12, text);
    g_assert_cmpstr(text->str, ==, "a-word-that-\nis-longer-th\nan-a-line");
    g_string_truncate(text, 0);
    vb_text_wrap("any width", 4, 0, text);
    g_assert_cmpstr(text->str, ==, "any width");
}

static void
test_bytes(void)
{
    static const struct {
        guint64 bytes;
        const char *shown;
    } cases[] = {
        {0, "0 B"},
        {1023, "1023 B"},
        {4096, "4 KiB"},
        {(1 << 20) - 1, "1 MiB"},
        {512 << 20, "512 MiB"},
        {G_GUINT64_CONSTANT(3) << 30, "3.0 GiB"},
        {G_GUINT64_CONSTANT(3328599654), "3.1 GiB"},
        {G_GUINT64_CONSTANT(768) << 30, "768 GiB"},
        {G_GUINT64_CONSTANT(3) << 39, "1.5 TiB"},
        {G_MAXUINT64, "16.0 EiB"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *shown = vb_text_bytes(cases[i].bytes);
        g_assert_cmpstr(shown, ==, cases[i].shown);
    }
    g_autofree char *rate = vb_text_rate(512 << 20, 2 * G_GINT64_CONSTANT(1000000000));
    g_assert_cmpstr(rate, ==, "256 MiB/s");
    g_autofree char *none = vb_text_rate(0, 5);
    g_assert_cmpstr(none, ==, "-");
}

static void
test_percent(void)
{
    g_autofree char *exact = vb_text_percent_error(9700, 0, TRUE);
    g_autofree char *error = vb_text_percent_error(9700, 60, TRUE);
    g_autofree char *ascii = vb_text_percent_error(9700, 61, FALSE);
    g_assert_cmpstr(exact, ==, "97.0 %");
    g_assert_cmpstr(error, ==, "97.0 % ±0.6");
    g_assert_cmpstr(ascii, ==, "97.0 % +-0.7");
}

static void
test_duration(void)
{
    static const struct {
        double seconds;
        const char *shown;
    } cases[] = {
        {0, "0 ms"},        {0.35, "350 ms"}, {1.5, "1.5 s"},        {59.96, "1 min"},
        {125, "2 min 5 s"}, {3600, "1 h"},    {11520, "3 h 12 min"}, {439200, "5 d 2 h"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *shown = vb_text_duration((gint64)(cases[i].seconds * 1e9));
        g_assert_cmpstr(shown, ==, cases[i].shown);
    }
}

/* A little is never drawn as nothing, nearly all never as all. */
static void
test_bars(void)
{
    static const struct {
        guint bp;
        const char *utf8;
        const char *ascii;
    } cases[] = {
        {0, "░░░░", "----"},    {1, "▏░░░", "#---"},    {5000, "██░░", "##--"},
        {6250, "██▌░", "###-"}, {9999, "███▉", "###-"}, {10000, "████", "####"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *utf8 = vb_bar(cases[i].bp, 4, TRUE);
        g_autofree char *ascii = vb_bar(cases[i].bp, 4, FALSE);
        g_assert_cmpstr(utf8, ==, cases[i].utf8);
        g_assert_cmpstr(ascii, ==, cases[i].ascii);
    }
}

static void
test_node_maps(void)
{
    guint64 weight[VB_NODES_MAX] = {[0] = 50, [2] = 1, [3] = 49};
    guint64 all[VB_NODES_MAX] = {[3] = G_MAXUINT64};
    guint64 none[VB_NODES_MAX] = {0};
    VbNodeSet nodes = 0x0f;
    g_autofree char *utf8 = vb_node_map(weight, nodes, TRUE);
    g_autofree char *ascii = vb_node_map(weight, nodes, FALSE);
    g_autofree char *one = vb_node_map(all, nodes, FALSE);
    g_autofree char *nothing = vb_node_map(none, nodes, TRUE);
    g_autofree char *unknown = vb_node_map(NULL, nodes, TRUE);
    g_assert_cmpstr(utf8, ==, "▅·▁▄");
    g_assert_cmpstr(ascii, ==, "5.14");
    g_assert_cmpstr(one, ==, "...#");
    g_assert_cmpstr(nothing, ==, "····");
    g_assert_cmpstr(unknown, ==, "????");
}

/* Columns of a rank go together, the highest first; then names shrink; what must stay stays. */
static void
test_a_table_fits(void)
{
    static const VbColumn columns[] = {
        {"NAME", FALSE, 4, 0}, {"N", TRUE, 0, 0},  {"A", FALSE, 0, 1},
        {"B", FALSE, 0, 1},    {"C", FALSE, 0, 2}, {NULL},
    };
    static const struct {
        guint width;
        const char *text;
    } cases[] = {
        {0, "NAME      N  A   B   C\nlongname  7  aa  bb  cc\n"},
        {23, "NAME      N  A   B   C\nlongname  7  aa  bb  cc\n"},
        {22, "NAME     N  A   B   C\nlongna…  7  aa  bb  cc\n"},
        {19, "NAME  N  A   B   C\nlon…  7  aa  bb  cc\n"},
        {18, "NAME     N  A   B\nlongna…  7  aa  bb\n"},
        {14, "NAME      N\nlongname  7\n"},
        {8, "NAME   N\nlong…  7\n"},
        {2, "NAME  N\nlon…  7\n"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        VbStyle style = {.utf8 = TRUE, .width = cases[i].width};
        g_autoptr(VbTable) table = vb_table_new(&style, columns);
        static const char *const cells[] = {"longname", "7", "aa", "bb", "cc"};
        for (guint c = 0; c < G_N_ELEMENTS(cells); c++)
            vb_table_add(table, VB_TINT_NONE, cells[c]);
        g_autoptr(GString) text = g_string_new(NULL);
        vb_table_render(table, 0, text);
        g_assert_cmpstr(text->str, ==, cases[i].text);
    }
}

/* Returns: a terminal, or -1 where there are no pseudo terminals. */
static int
open_terminal(int *ret_master)
{
    *ret_master = posix_openpt(O_RDWR | O_NOCTTY);
    if (*ret_master < 0 || grantpt(*ret_master) != 0 || unlockpt(*ret_master) != 0)
        return -1;
    return open(ptsname(*ret_master), O_RDWR | O_NOCTTY);
}

static void
test_colour_only_where_it_is_wanted(void)
{
    int master, terminal = open_terminal(&master);
    int file = open("/dev/null", O_WRONLY);
    if (terminal < 0) {
        g_test_skip("no pseudo terminals here");
        return;
    }
    g_unsetenv("NO_COLOR");
    g_unsetenv("COLUMNS");
    g_setenv("TERM", "xterm", TRUE);
    g_assert_true(vb_style_for(terminal).colour);
    g_assert_false(vb_style_for(file).colour);
    g_assert_cmpuint(vb_style_for(file).width, ==, 0);
    g_setenv("NO_COLOR", "", TRUE);
    g_assert_true(vb_style_for(terminal).colour);
    g_setenv("NO_COLOR", "1", TRUE);
    g_assert_false(vb_style_for(terminal).colour);
    g_unsetenv("NO_COLOR");
    g_setenv("TERM", "dumb", TRUE);
    g_assert_false(vb_style_for(terminal).colour);
    g_setenv("COLUMNS", "97", TRUE);
    g_assert_cmpuint(vb_style_for(file).width, ==, 97);
    g_setenv("COLUMNS", "wide", TRUE);
    g_assert_cmpuint(vb_style_for(file).width, ==, 0);
    close(terminal);
    close(master);
    close(file);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/shown/text-is-shown", test_text_is_shown);
    g_test_add_func("/shown/text-fits", test_text_fits);
    g_test_add_func("/shown/text-wraps", test_text_wraps);
    g_test_add_func("/shown/bytes", test_bytes);
    g_test_add_func("/shown/percent", test_percent);
    g_test_add_func("/shown/duration", test_duration);
    g_test_add_func("/shown/bars", test_bars);
    g_test_add_func("/shown/node-maps", test_node_maps);
    g_test_add_func("/shown/a-table-fits", test_a_table_fits);
    g_test_add_func("/shown/colour-only-where-it-is-wanted", test_colour_only_where_it_is_wanted);
    return g_test_run();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The history as people read it, and the points in time that they ask for. */
#include "cli/render.h"
#include "cli/since.h"
#include "world.h"
#include <string.h>
#include <vmbalancer/error.h>

#define SECONDS G_GINT64_CONSTANT(1769884200) /* 2026-01-31 18:30:00 UTC */

typedef struct {
    GPtrArray *entries;
    gint64 now;
    VbStyle style;
} Stage;

static void
set_up(Stage *stage, gconstpointer unused)
{
    stage->entries = g_ptr_array_new_with_free_func((GDestroyNotify)vb_entry_free);
    stage->now = SECONDS;
    stage->style = (VbStyle){.utf8 = TRUE};
}

static void
tear_down(Stage *stage, gconstpointer unused)
{
    g_ptr_array_unref(stage->entries);
}

static VbEntry *
add(Stage *stage, guint n, const char *name, VbEntryKind kind, const char *who)
{
    g_autofree char *uuid = world_uuid(n);
    VbEntry *entry = vb_entry_new(kind, uuid, name);
    g_ptr_array_add(stage->entries, entry);
    entry->time_us = stage->now * G_USEC_PER_SEC;
    entry->who = g_strdup(who);
    return entry;
}

static VbEntry *
placed(Stage *stage, const char *name, VbEntryKind kind, int from, int to, const char *result)
{
    VbEntry *entry = add(stage, 1, name, kind, "daemon");
    entry->cause = g_strdup("locality");
    entry->policy = g_strdup("home-node");
    entry->from = from;
    entry->to = to;
    entry->result = g_strdup(result);
    entry->reason = g_strdup("its RAM is there");
    entry->duration_ns = SECOND;
    return entry;
}

static VbEntry *
pinned(Stage *stage, const char *threads, int to, const char *result)
{
    VbEntry *entry = placed(stage, "web1", VB_ENTRY_PIN, VB_NO_NODE, to, result);
    entry->threads = g_strsplit(threads, " ", -1);
    return entry;
}

static VbEntry *
moved(Stage *stage, int cell, int from, int to, guint64 bytes)
{
    VbEntry *entry = placed(stage, "web1", VB_ENTRY_MOVE, from, to, "done");
    entry->cell = cell;
    entry->bytes = bytes;
    return entry;
}

static void
assert_shown(Stage *stage, const char *wanted)
{
    g_autoptr(GString) text = g_string_new(NULL);
    vb_render_history(stage->entries, 0, &stage->style, text);
    g_assert_cmpstr(text->str, ==, wanted);
}

static void
test_nothing(Stage *stage, gconstpointer unused)
{
    assert_shown(stage, "");
}

static void
test_a_placement_is_one_story(Stage *stage, gconstpointer unused)
{
    pinned(stage, "vcpu0 vcpu1 emulator", 2, "done");
    moved(stage, 0, 1, 2, 48 * MIB);
    moved(stage, 0, 3, 2, 16 * MIB);
    assert_shown(stage,
                 "2026-01-31 18:30:00  web1: 3 threads pinned to node 2, 64 MiB moved from nodes "
                 "1,3 to node 2 in 2.0 s\n"
                 "                     locality, by the daemon, policy home-node: its RAM is "
                 "there\n");
}

static void
test_a_move_that_rested_says_for_what(Stage *stage, gconstpointer unused)
{
    moved(stage, 0, 1, 2, 48 * MIB)->rested.cpus_ns = SECOND / 2;
    moved(stage, 0, 3, 2, 16 * MIB)->rested.cpus_ns = SECOND / 2;
    g_autoptr(GString) text = g_string_new(NULL);
    vb_render_history(stage->entries, 0, &stage->style, text);
    g_assert_nonnull(strstr(text->str, "to node 2 in 2.0 s, rested 1.0 s of 2.0 s, as the guest waited for CPUs\n"));
}

static void
test_cells_are_told_apart(Stage *stage, gconstpointer unused)
{
    pinned(stage, "vcpu0", 0, "done");
    pinned(stage, "vcpu1", 1, "done");
    moved(stage, 0, 1, 0, 2 * MIB);
    moved(stage, 1, 0, 1, 4 * MIB);
    g_autoptr(GString) text = g_string_new(NULL);
    vb_render_history(stage->entries, 0, &stage->style, text);
    g_assert_nonnull(strstr(text->str, "web1: vcpu0 pinned to node 0, vcpu1 pinned to node 1, "
                                       "cell 0: 2 MiB moved from node 1 to node 0 in 1.0 s, "
                                       "cell 1: 4 MiB moved from node 0 to node 1 in 1.0 s\n"));
}

static void
test_what_went_wrong_is_told(Stage *stage, gconstpointer unused)
{
    pinned(stage, "vcpu0 vcpu1", 2, "failed")->error = g_strdup("libvirt said no");
    assert_shown(stage,
                 "2026-01-31 18:30:00  web1: 2 threads not pinned to node 2\n"
                 "                     locality, by the daemon, policy home-node: its RAM is "
                 "there\n"
                 "                     failed: libvirt said no\n");
}

static void
test_other_kinds(Stage *stage, gconstpointer unused)
{
    VbEntry *release = add(stage, 1, "web1", VB_ENTRY_RELEASE, "command");
    release->restored = 5;
    release->left = 1;
    release->result = g_strdup("done");
    release->reason = g_strdup("asked for");
    stage->now += 60;
    VbEntry *left = add(stage, 1, "web1", VB_ENTRY_GAVE_UP, "daemon");
    left->code = g_strdup("foreign-pin");
    left->reason = g_strdup("vCPU 0 is pinned to CPUs 3");
    VbEntry *other = add(stage, 2, "db", VB_ENTRY_DECLINED, "daemon");
    other->code = g_strdup("no-room");
    assert_shown(stage,
                 "2026-01-31 18:30:00  web1: 5 threads given back, 1 left to whoever pinned them "
                 "since\n"
                 "                     by the command: asked for\n"
                 "2026-01-31 18:31:00  web1: left to others from here on (foreign-pin)\n"
                 "                     by the daemon: vCPU 0 is pinned to CPUs 3\n"
                 "2026-01-31 18:31:00  db: not placed (no-room)\n");
}

/* What a guest's owner wrote, and what a file may hold, steers no terminal. */
static void
test_hostile_texts_are_shown_safely(Stage *stage, gconstpointer unused)
{
    VbEntry *entry = placed(stage, "a\x1b[31mb\nc", VB_ENTRY_PIN, 0, 1, "failed");
    g_free(entry->reason);
    g_free(entry->who);
    g_free(entry->cause);
    entry->threads = g_strsplit("t\x1b[2J", " ", -1);
    entry->reason = g_strdup("r\r\x1b]0;");
    entry->who = g_strdup("w\x1b");
    entry->cause = g_strdup("c\x07");
    entry->error = g_strdup("e\x1b");
    g_autoptr(GString) text = g_string_new(NULL);
    vb_render_history(stage->entries, 0, &stage->style, text);
    guint lines = 0;
    for (const char *c = text->str; *c != '\0'; c++) {
        g_assert_true(*c == '\n' || !g_ascii_iscntrl(*c));
        lines += *c == '\n';
    }
    g_assert_cmpuint(lines, ==, 3);
}

static void
test_points_in_time(Stage *stage, gconstpointer unused)
{
    static const struct {
        const char *text;
        gint64 seconds; /* -1: refused */
    } cases[] = {
        {"90s", SECONDS - 90},
        {"30min", SECONDS - 1800},
        {"2h", SECONDS - 7200},
        {"7d", SECONDS - 7 * 86400},
        {"0s", SECONDS},
        {"18446744073709551615d", SECONDS % 86400},
        {"2026-01-31 18:30", SECONDS},
        {"2026-01-31T18:30:00", SECONDS},
        {"2026-01-31", SECONDS - 66600},
        {"2026-01-31T18:30:00Z", SECONDS},
        {"", -1},
        {"h", -1},
        {"2", -1},
        {"-2h", -1},
        {"2 h", -1},
        {"2m", -1},
        {"yesterday", -1},
        {"2026-13-31", -1},
        {"2026-01-31 25:00", -1},
        {"\x1b", -1},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        gint64 got = -1;
        gboolean good =
            vb_since_parse(cases[i].text, SECONDS * G_USEC_PER_SEC, &got, &error);
        g_test_message("\"%s\"", cases[i].text);
        g_assert_cmpint(good, ==, cases[i].seconds >= 0);
        if (good)
            g_assert_cmpint(got, ==, cases[i].seconds * G_USEC_PER_SEC);
        else
            g_assert_error(error, VB_ERROR, VB_ERROR_INVALID);
    }
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*test)(Stage *, gconstpointer);
    } tests[] = {
        {"nothing", test_nothing},
        {"one-story", test_a_placement_is_one_story},
        {"cells", test_cells_are_told_apart},
        {"rested", test_a_move_that_rested_says_for_what},
        {"what-went-wrong", test_what_went_wrong_is_told},
        {"other-kinds", test_other_kinds},
        {"hostile", test_hostile_texts_are_shown_safely},
        {"points-in-time", test_points_in_time},
    };
    g_setenv("TZ", "UTC", TRUE);
    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_autofree char *path = g_strdup_printf("/render-history/%s", tests[i].name);
        g_test_add(path, Stage, NULL, set_up, tests[i].test, tear_down);
    }
    return g_test_run();
}

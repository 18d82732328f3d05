/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon's loop recorded to a file, and what is made of such a file. */
#include "engine/loop_record.h"
#include "engine/playback.h"
#include "fake_reach.h"
#include "temp_dir.h"
#include <fcntl.h>
#include <gio/gio.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vmbalancer/error.h>

#define PATIENCE_MS 30000
/* What a guest's owner may write. */
#define HOSTILE_NAME "policy \"1\"\\ \n\u2028\xf0\x9f\x90\xa7<&>"

typedef struct {
    char *dir;
    char *path;
    FakeReach *reach;
    VbConfig *config;
    VbLoop *loop;
    gboolean stopped;
    guint ended;
    char *reason;
    char *error;
} Stage;

static void
on_stopped(gpointer data)
{
    ((Stage *)data)->stopped = TRUE;
}

static void
on_recorded(VbRecorder *recorder, const char *reason, const GError *error, gpointer data)
{
    Stage *stage = data;
    stage->ended++;
    stage->reason = g_strdup(reason);
    stage->error = g_strdup(error != NULL ? error->message : NULL);
}

static const VbLoopWatcher watcher = {
    .stopped = on_stopped,
    .recorded = on_recorded,
};

static void
set_up(Stage *stage)
{
    memset(stage, 0, sizeof *stage);
    stage->dir = temp_dir_new();
    stage->path = g_build_filename(stage->dir, "recording", NULL);
    stage->reach = fake_reach_new();
    stage->config = vb_config_new();
    stage->config->interval_ns = SECOND / 50;
    stage->loop = vb_loop_new(fake_reach_base(stage->reach), stage->config, &watcher, stage);
}

static gboolean
on_late(gpointer late)
{
    *(gboolean *)late = TRUE;
    return G_SOURCE_REMOVE;
}

#define UNTIL(condition)                                                                           \
    do {                                                                                           \
        gboolean late = FALSE;                                                                     \
        guint timer = g_timeout_add(PATIENCE_MS, on_late, &late);                                  \
        while (!(condition) && !late)                                                              \
            g_main_context_iteration(NULL, TRUE);                                                  \
        if (late)                                                                                  \
            g_error("still not so: %s", #condition);                                               \
        g_source_remove(timer);                                                                    \
    } while (0)

static void
tear_down(Stage *stage)
{
    vb_loop_stop(stage->loop);
    UNTIL(stage->stopped);
    vb_loop_free(stage->loop);
    fake_reach_free(stage->reach);
    vb_config_free(stage->config);
    g_free(stage->reason);
    g_free(stage->error);
    g_free(stage->path);
    temp_dir_free(stage->dir);
}

static void
tell(Stage *stage, VbEventKind kind, guint n)
{
    g_autofree char *uuid = n > 0 ? world_uuid(n) : NULL;
    g_autofree char *name = g_strdup_printf("guest%u", n);
    VbEvent event = {.kind = kind, .uuid = uuid, .name = name};
    vb_loop_event(stage->loop, &event);
}

static void
record(Stage *stage, guint64 limit_bytes)
{
    g_autoptr(GError) error = NULL;
    VbRecorderOptions options = {.fd = vb_recorder_open(stage->path, FALSE, &error),
                                 .uri = "test:///default",
                                 .limit_bytes = limit_bytes};
    g_assert_no_error(error);
    g_assert_true(vb_loop_record(stage->loop, &options, &error));
    g_assert_no_error(error);
}

static void
look_often(Stage *stage, guint count)
{
    guint then = fake_reach_looks(stage->reach);
    UNTIL(fake_reach_looks(stage->reach) >= then + count);
}

static gboolean
is_home(Stage *stage, guint n, guint mib)
{
    int node = fake_reach_pinned(stage->reach, n);
    return node != VB_NO_NODE && fake_reach_mib(stage->reach, n, node) == mib;
}

/* Guests come, stray, fail, pause and are taken away. */
static void
live(Stage *stage)
{
    fake_reach_add(stage->reach, 1, "home-node", 512, 2);
    fake_reach_add(stage->reach, 2, "home-node", 256, 3);
    fake_reach_add(stage->reach, 3, "none", 256, 3);
    tell(stage, VB_EVENT_CONNECTED, 0);
    UNTIL(is_home(stage, 1, 512));
    fake_reach_fail(stage->reach, 2, TRUE);
    fake_reach_add_untouched(stage->reach, 4, "home-node", 2048);
    tell(stage, VB_EVENT_STARTED, 4);
    UNTIL(fake_reach_pinned(stage->reach, 4) != VB_NO_NODE);
    fake_reach_stray(stage->reach, 1, 3);
    look_often(stage, 10);
    fake_reach_set_policy(stage->reach, 3, HOSTILE_NAME);
    tell(stage, VB_EVENT_METADATA, 3);
    fake_reach_take_away(stage->reach, 1);
    look_often(stage, 10);
}

static void
end(Stage *stage)
{
    vb_loop_end_recording(stage->loop);
    UNTIL(stage->ended == 1);
    g_assert_cmpstr(stage->error, ==, NULL);
}

static const VbReplayReport *
replay(const Stage *stage, VbReplay *into, gboolean expect_cut)
{
    g_autoptr(GError) error = NULL;
    gboolean cut = FALSE;
    vb_playback(stage->path, into, &cut, &error);
    g_assert_no_error(error);
    g_assert_cmpint(cut, ==, expect_cut);
    return vb_replay_report(into);
}

static void
a_recorded_life_replays_bit_for_bit(void)
{
    Stage stage;
    set_up(&stage);
    record(&stage, 0);
    g_assert_true(vb_loop_is_recording(stage.loop));
    live(&stage);
    end(&stage);
    g_assert_false(vb_loop_is_recording(stage.loop));
    g_autoptr(VbReplay) again = vb_replay_new();
    const VbReplayReport *report = replay(&stage, again, FALSE);
    g_assert_cmpuint(report->looks, >=, 20);
    g_assert_cmpuint(report->decisions, >=, 20);
    g_assert_cmpuint(report->trips, >=, 3);
    g_assert_cmpuint(report->guests, ==, 4);
    g_assert_cmpuint(report->bytes_moved, >=, MIB);
    g_assert_cmpstr(report->head.uri, ==, "test:///default");
    g_assert_cmpstr(report->end, ==, "it was stopped");
    struct stat status;
    g_assert_cmpint(stat(stage.path, &status), ==, 0);
    g_assert_cmpint(status.st_mode & 0777, ==, 0600);
    tear_down(&stage);
}

static void
a_recording_may_begin_in_mid_life(void)
{
    Stage stage;
    set_up(&stage);
    fake_reach_add(stage.reach, 9, "home-node", 512, 2);
    fake_reach_hold(stage.reach, 9, TRUE);
    tell(&stage, VB_EVENT_CONNECTED, 0);
    UNTIL(fake_reach_runs(stage.reach, 9) == 1);
    record(&stage, 0);
    fake_reach_hold(stage.reach, 9, FALSE);
    live(&stage);
    end(&stage);
    g_autoptr(VbReplay) again = vb_replay_new();
    g_assert_cmpuint(replay(&stage, again, FALSE)->guests, ==, 5);
    tear_down(&stage);
}

static void
stopping_the_loop_ends_the_recording(void)
{
    Stage stage;
    set_up(&stage);
    record(&stage, 0);
    live(&stage);
    vb_loop_stop(stage.loop);
    UNTIL(stage.stopped);
    g_assert_cmpuint(stage.ended, ==, 1);
    g_autoptr(VbReplay) again = vb_replay_new();
    replay(&stage, again, FALSE);
    tear_down(&stage);
}

static void
the_limit_is_kept(void)
{
    Stage stage;
    set_up(&stage);
    record(&stage, VB_RECORDER_LIMIT_MIN);
    for (guint n = 10; n < 60; n++) {
        g_autofree char *policy = g_strdup_printf("no-such-policy-%u-%08x", n, g_random_int());
        fake_reach_add(stage.reach, n, policy, 16, (int)n % 4);
    }
    tell(&stage, VB_EVENT_CONNECTED, 0);
    UNTIL(stage.ended == 1);
    g_assert_nonnull(strstr(stage.reason, "limit"));
    struct stat status;
    g_assert_cmpint(stat(stage.path, &status), ==, 0);
    g_assert_cmpint(status.st_size, <=, VB_RECORDER_LIMIT_MIN);
    g_assert_cmpint(status.st_size, >, VB_RECORDER_LIMIT_MIN / 4);
    g_autoptr(VbReplay) again = vb_replay_new();
    const VbReplayReport *report = replay(&stage, again, FALSE);
    g_assert_cmpstr(report->end, ==, stage.reason);
    g_assert_cmpuint(report->decisions, >, 0);
    tear_down(&stage);
}

static void
a_full_disk_ends_the_recording_alone(void)
{
    Stage stage;
    set_up(&stage);
    struct rlimit before;
    record(&stage, 0);
    /* The disk is full after 1 KiB. */
    signal(SIGXFSZ, SIG_IGN);
    g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &before), ==, 0);
    struct rlimit full = {.rlim_cur = 1024, .rlim_max = before.rlim_max};
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &full), ==, 0);
    live(&stage);
    UNTIL(stage.ended == 1);
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &before), ==, 0);
    g_assert_nonnull(strstr(stage.error, "cannot write"));
    g_assert_false(vb_loop_is_recording(stage.loop));
    look_often(&stage, 5);
    tear_down(&stage);
}

static void
only_regular_files_are_recorded_to(void)
{
    static const struct {
        const char *path;
        int flags;
    } cases[] = {{"/dev/null", O_WRONLY}, {"/proc/self/exe", O_RDONLY}, {"/", O_RDONLY}};
    Stage stage;
    set_up(&stage);
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        VbRecorderOptions options = {.fd = open(cases[i].path, cases[i].flags)};
        g_assert_false(vb_loop_record(stage.loop, &options, &error));
        g_assert_error(error, VB_ERROR, VB_ERROR_INVALID);
    }
    tear_down(&stage);
}

static void
one_recording_at_a_time(void)
{
    Stage stage;
    set_up(&stage);
    record(&stage, 0);
    g_autoptr(GError) error = NULL;
    g_assert_cmpint(vb_recorder_open(stage.path, FALSE, &error), ==, -1);
    g_assert_error(error, VB_ERROR, VB_ERROR_INVALID);
    g_clear_error(&error);
    g_autofree char *other = g_strconcat(stage.path, ".2", NULL);
    VbRecorderOptions options = {.fd = vb_recorder_open(other, TRUE, &error)};
    g_assert_false(vb_loop_record(stage.loop, &options, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_FAILED);
    tear_down(&stage);
}

static void
who_only_watches_does_nothing(void)
{
    Stage stage;
    set_up(&stage);
    vb_loop_watch(stage.loop);
    record(&stage, 0);
    fake_reach_add(stage.reach, 1, "home-node", 512, 2);
    tell(&stage, VB_EVENT_CONNECTED, 0);
    look_often(&stage, 20);
    g_assert_cmpuint(fake_reach_runs(stage.reach, 1), ==, 0);
    end(&stage);
    g_autoptr(VbReplay) again = vb_replay_new();
    const VbReplayReport *report = replay(&stage, again, FALSE);
    g_assert_cmpuint(report->decisions, >=, 10);
    g_assert_cmpuint(report->trips, ==, 0);
    tear_down(&stage);
}

/* The text of the recording, uncompressed. */
static char *
text_of(const Stage *stage)
{
    g_autofree char *data = NULL;
    gsize length = 0;
    g_assert_true(g_file_get_contents(stage->path, &data, &length, NULL));
    g_autoptr(GZlibDecompressor) zlib = g_zlib_decompressor_new(G_ZLIB_COMPRESSOR_FORMAT_GZIP);
    g_autoptr(GInputStream) memory = g_memory_input_stream_new_from_data(data, (gssize)length, NULL);
    g_autoptr(GInputStream) stream = g_converter_input_stream_new(memory, G_CONVERTER(zlib));
    GString *text = g_string_new(NULL);
    char part[4096];
    gssize count;
    while ((count = g_input_stream_read(stream, part, sizeof part, NULL, NULL)) > 0)
        g_string_append_len(text, part, count);
    return g_string_free(text, FALSE);
}

static void
write_text(const Stage *stage, const char *text)
{
    g_autoptr(GZlibCompressor) zlib = g_zlib_compressor_new(G_ZLIB_COMPRESSOR_FORMAT_GZIP, -1);
    g_autoptr(GFile) file = g_file_new_for_path(stage->path);
    g_autoptr(GFileOutputStream) raw = g_file_replace(file, NULL, FALSE, 0, NULL, NULL);
    g_autoptr(GOutputStream) stream =
        g_converter_output_stream_new(G_OUTPUT_STREAM(raw), G_CONVERTER(zlib));
    g_assert_true(g_output_stream_write_all(stream, text, strlen(text), NULL, NULL, NULL));
    g_assert_true(g_output_stream_close(stream, NULL, NULL));
}

static void
expect_refusal(const Stage *stage, int code, const char *part)
{
    g_autoptr(VbReplay) again = vb_replay_new();
    g_autoptr(GError) error = NULL;
    g_assert_false(vb_playback(stage->path, again, NULL, &error));
    g_test_message("%s", error->message);
    g_assert_error(error, VB_ERROR, code);
    g_assert_nonnull(strstr(error->message, part));
    g_assert_nonnull(strstr(error->message, stage->path));
}

/* Replaces the first @from after the first @after, without that each. Returns: (transfer full) */
static char *
mutate(const char *text, const char *after, const char *from, const char *to)
{
    if (after == NULL) {
        g_auto(GStrv) parts = g_strsplit(text, from, -1);
        g_assert_cmpuint(g_strv_length(parts), >, 1);
        return g_strjoinv(to, parts);
    }
    const char *start = strstr(text, after);
    g_assert_nonnull(start);
    const char *at = strstr(start, from);
    g_assert_nonnull(at);
    g_autofree char *head = g_strndup(text, (gsize)(at - text));
    return g_strconcat(head, to, at + strlen(from), NULL);
}

static void
what_was_seen_and_is_told_otherwise_shows(void)
{
    static const struct {
        const char *after, *from, *to;
        int code;
        const char *message;
    } cases[] = {
        /* The guest's RAM was elsewhere. */
        {NULL, "\"by_node\":[0,0,536870912,0]",
         "\"by_node\":[0,536870912,0,0]", VB_ERROR_CHANGED, "the verdict is another one"},
        {"\"verdict\":{", "\"departing\":[]", "\"departing\":[\"me\"]", VB_ERROR_CHANGED,
         "the verdict is another one"},
        {"\"call\":\"land\"", "\"result\":\"done\"", "\"result\":\"fine\"", VB_ERROR_INVALID, "result"},
        {"\"call\":\"land\"", "\"uuid\":\"", "\"uuid\":\"x", VB_ERROR_INVALID, "not being placed"},
        {"\"call\":\"fold\"", "\"call\":\"fold\"", "\"call\":\"bend\"", VB_ERROR_INVALID, "call"},
        {"\"state\"", "\"tracks\":[]", "\"tracks\":[{}]", VB_ERROR_INVALID, "line 2: "},
        {"vmbalancer.recording/1", "recording/1", "recording/2", VB_ERROR_INVALID, "line 1: "},
        {"{\"end\"", "\"end\"", "\"und\"", VB_ERROR_INVALID, "call"},
        {"{\"call\":\"look\"", "{\"call\":\"look\"", "{{\"call\":\"look\"", VB_ERROR_INVALID, "line 3: "},
    };
    Stage stage;
    set_up(&stage);
    record(&stage, 0);
    live(&stage);
    end(&stage);
    g_autofree char *text = text_of(&stage);
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_test_message("%s", cases[i].to);
        g_autofree char *other = mutate(text, cases[i].after, cases[i].from, cases[i].to);
        write_text(&stage, other);
        expect_refusal(&stage, cases[i].code, cases[i].message);
    }
    write_text(&stage, text);
    g_autoptr(VbReplay) again = vb_replay_new();
    replay(&stage, again, FALSE);
    tear_down(&stage);
}

static void
a_file_that_is_no_recording_is_refused(void)
{
    Stage stage;
    set_up(&stage);
    expect_refusal(&stage, VB_ERROR_FAILED, "No such file");
    g_assert_true(g_file_set_contents(stage.path, "what is this?\n", -1, NULL));
    expect_refusal(&stage, VB_ERROR_INVALID, "not a recording");
    g_assert_true(g_file_set_contents(stage.path, "", 0, NULL));
    expect_refusal(&stage, VB_ERROR_INVALID, "ends before it begins");
    write_text(&stage, "");
    expect_refusal(&stage, VB_ERROR_INVALID, "last line");
    write_text(&stage, "{}\n");
    expect_refusal(&stage, VB_ERROR_INVALID, "line 1: ");
    write_text(&stage, "{\"schema\":\"vmbalancer.recording/1\"}\n{\"call\":\"look\"}\n");
    expect_refusal(&stage, VB_ERROR_INVALID, "line 2: ");
    tear_down(&stage);
}

/* Overwrites some of the recording at @at; what the compressor made of its middle is not always the same. */
static void
damage(const Stage *stage, const char *data, gsize length, gsize at)
{
    g_autofree char *other = g_memdup2(data, length);
    for (gsize i = at; i < MIN(at + 8, length); i++)
        other[i] = (char)~other[i];
    g_assert_true(g_file_set_contents(stage->path, other, (gssize)length, NULL));
}

static void
damage_is_told(void)
{
    Stage stage;
    set_up(&stage);
    record(&stage, 0);
    live(&stage);
    end(&stage);
    g_autofree char *data = NULL;
    gsize length = 0;
    g_assert_true(g_file_get_contents(stage.path, &data, &length, NULL));
    damage(&stage, data, length, length - 8);
    expect_refusal(&stage, VB_ERROR_INVALID, "damaged; ");
    for (gsize at = 64; at < length - 8; at += length / 16) {
        g_autoptr(VbReplay) again = vb_replay_new();
        g_autoptr(GError) error = NULL;
        gboolean cut = FALSE;
        damage(&stage, data, length, at);
        /* What it turns into may lack its end, too. */
        if (vb_playback(stage.path, again, &cut, &error))
            g_assert_true(cut);
        else
            g_assert_nonnull(strstr(error->message, stage.path));
    }
    tear_down(&stage);
}

/* A line of 65 MiB in 64 KiB. */
static void
a_decompression_bomb_is_refused(void)
{
    Stage stage;
    set_up(&stage);
    gsize length = 65 * MIB;
    g_autofree char *bomb = g_malloc(length + 1);
    memset(bomb, ' ', length);
    bomb[length] = '\0';
    write_text(&stage, bomb);
    expect_refusal(&stage, VB_ERROR_INVALID, "line 1: longer than");
    tear_down(&stage);
}

/* What the process that is killed does. */
static void
live_until_killed(const char *path, int ready)
{
    Stage stage;
    set_up(&stage);
    g_free(stage.path);
    stage.path = g_strdup(path);
    record(&stage, 0);
    live(&stage);
    gint64 flushed_us = g_get_monotonic_time() + 5 * G_USEC_PER_SEC;
    UNTIL(g_get_monotonic_time() > flushed_us);
    g_assert_cmpint(write(ready, "!", 1), ==, 1);
    for (;;)
        g_main_context_iteration(NULL, TRUE);
}

static void
who_is_killed_leaves_a_readable_recording(void)
{
    if (g_test_subprocess()) {
        live_until_killed(g_getenv("VB_TEST_RECORDING"), STDOUT_FILENO);
        return;
    }
    g_autofree char *dir = temp_dir_new();
    Stage stage = {.path = g_build_filename(dir, "killed", NULL)};
    g_autoptr(GSubprocessLauncher) launcher =
        g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_STDOUT_PIPE);
    g_subprocess_launcher_setenv(launcher, "VB_TEST_RECORDING", stage.path, TRUE);
    g_autoptr(GError) error = NULL;
    g_autoptr(GSubprocess) child = g_subprocess_launcher_spawn(
        launcher, &error, "/proc/self/exe", "--GTestSubprocess", "-p", "/record/killed", NULL);
    g_assert_no_error(error);
    char byte = 0;
    while (byte != '!')
        g_assert_cmpint(g_input_stream_read(g_subprocess_get_stdout_pipe(child), &byte, 1, NULL, NULL),
                        ==, 1);
    g_subprocess_force_exit(child);
    g_assert_true(g_subprocess_wait(child, NULL, NULL));
    g_autoptr(VbReplay) again = vb_replay_new();
    const VbReplayReport *report = replay(&stage, again, TRUE);
    g_assert_cmpuint(report->looks, >=, 20);
    g_assert_cmpuint(report->trips, >=, 2);
    g_assert_null(report->end);
    g_free(stage.path);
    temp_dir_free(g_steal_pointer(&dir));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/record/replays", a_recorded_life_replays_bit_for_bit);
    g_test_add_func("/record/mid-life", a_recording_may_begin_in_mid_life);
    g_test_add_func("/record/stop", stopping_the_loop_ends_the_recording);
    g_test_add_func("/record/limit", the_limit_is_kept);
    g_test_add_func("/record/full-disk", a_full_disk_ends_the_recording_alone);
    g_test_add_func("/record/regular-files", only_regular_files_are_recorded_to);
    g_test_add_func("/record/one-at-a-time", one_recording_at_a_time);
    g_test_add_func("/record/watch", who_only_watches_does_nothing);
    g_test_add_func("/record/mutated", what_was_seen_and_is_told_otherwise_shows);
    g_test_add_func("/record/no-recording", a_file_that_is_no_recording_is_refused);
    g_test_add_func("/record/damaged", damage_is_told);
    g_test_add_func("/record/bomb", a_decompression_bomb_is_refused);
    g_test_add_func("/record/killed", who_is_killed_leaves_a_readable_recording);
    return g_test_run();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The history on disk: what is written is read, whatever happens to the file, to its writers and to the disk. */
#include "act/history.h"
#include "engine/history.h"
#include "temp_dir.h"
#include "world.h"
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vmbalancer/error.h>

#define FILE_NAME "history.jsonl"

typedef struct {
    TempDir *dir;
    char *path;
    char *old_path;
} Stage;

static void
set_up(Stage *stage, gconstpointer unused)
{
    stage->dir = temp_dir_new();
    stage->path = g_build_filename(stage->dir, FILE_NAME, NULL);
    stage->old_path = g_strconcat(stage->path, ".1", NULL);
    g_setenv("VMBALANCER_STATE_DIR", stage->dir, TRUE);
}

static void
tear_down(Stage *stage, gconstpointer unused)
{
    temp_dir_free(stage->dir);
    g_free(stage->path);
    g_free(stage->old_path);
}

/* An entry of guest @n at @second. */
static VbEntry *
entry_of(guint n, gint64 second, const char *reason)
{
    g_autofree char *uuid = world_uuid(n);
    g_autofree char *name = g_strdup_printf("guest%u", n);
    VbEntry *entry = vb_entry_new(VB_ENTRY_MOVE, uuid, name);
    entry->time_us = second * G_USEC_PER_SEC;
    entry->who = g_strdup("command");
    entry->cause = g_strdup("manual");
    entry->result = g_strdup("done");
    entry->reason = g_strdup(reason);
    entry->bytes = MIB;
    entry->duration_ns = SECOND / 2;
    return entry;
}

static gboolean
append(const Stage *stage, guint n, gint64 second, const char *reason, GError **error)
{
    g_autoptr(GPtrArray) entries = g_ptr_array_new_with_free_func((GDestroyNotify)vb_entry_free);
    g_ptr_array_add(entries, entry_of(n, second, reason));
    return vb_history_append(stage->dir, entries, error);
}

static void
append_well(const Stage *stage, guint n, gint64 second, const char *reason)
{
    g_autoptr(GError) error = NULL;
    append(stage, n, second, reason, &error);
    g_assert_no_error(error);
}

/* The entries' reasons, with a blank between. */
static void
assert_reasons(const Stage *stage, const char *wanted)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) entries = vb_history_read(stage->dir, &error);
    g_autoptr(GString) reasons = g_string_new(NULL);
    g_assert_no_error(error);
    for (guint i = 0; i < entries->len; i++)
        g_string_append_printf(reasons, "%s%s", i > 0 ? " " : "",
                               ((const VbEntry *)g_ptr_array_index(entries, i))->reason);
    g_assert_cmpstr(reasons->str, ==, wanted);
}

static void
add_text(const char *path, const char *text, gsize length)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(write(fd, text, length), ==, length);
    close(fd);
}

static void
test_no_file_is_an_empty_history(Stage *stage, gconstpointer unused)
{
    assert_reasons(stage, "");
}

static void
test_what_is_written_is_read(Stage *stage, gconstpointer unused)
{
    append_well(stage, 1, 10, "first");
    append_well(stage, 2, 11, "second");
    assert_reasons(stage, "first second");
    struct stat status;
    g_assert_cmpint(stat(stage->path, &status), ==, 0);
    g_assert_cmpint(status.st_mode & 0777, ==, 0600);
}

/* Every member of every kind, and texts that could break a line. */
static void
test_entries_read_back_as_written(Stage *stage, gconstpointer unused)
{
    static const char *const texts[] = {"plain", "a\nline", "quote\" back\\", "\x1b[31m", "日本語"};
    for (guint i = 0; i < VB_ENTRY_KINDS * G_N_ELEMENTS(texts); i++) {
        const char *text = texts[i % G_N_ELEMENTS(texts)];
        g_autofree char *uuid = world_uuid(i);
        g_autoptr(VbEntry) entry = vb_entry_new(i / G_N_ELEMENTS(texts), uuid, text);
        gboolean placing = entry->kind == VB_ENTRY_PIN || entry->kind == VB_ENTRY_MOVE;
        entry->time_us = G_GINT64_CONSTANT(1768000000123456) + i;
        entry->who = g_strdup("daemon");
        entry->code = g_strdup(text);
        entry->reason = g_strdup(text);
        entry->error = g_strdup(text);
        if (placing) {
            entry->cause = g_strdup("load");
            entry->policy = g_strdup(text);
            entry->threads = g_strsplit("vcpu0 emulator", " ", -1);
            entry->cell = 3;
            entry->from = 0;
            entry->to = 63;
            entry->bytes = G_MAXUINT64;
            entry->duration_ns = 1234567000;
            entry->gain_bp = -1234;
        } else {
            entry->restored = entry->kind == VB_ENTRY_RELEASE ? 7 : 0;
        }
        g_autofree char *line = vb_codec_entry(entry);
        g_assert_true(strchr(line, '\n') == line + strlen(line) - 1);
        g_autoptr(GError) error = NULL;
        g_autoptr(VbEntry) read = vb_codec_entry_parse(line, -1, &error);
        g_assert_no_error(error);
        g_autofree char *again = vb_codec_entry(read);
        g_assert_cmpstr(again, ==, line);
        g_assert_cmpint(read->time_us, ==, entry->time_us);
        g_assert_cmpint(read->duration_ns, ==, entry->duration_ns);
        g_assert_cmpint(read->gain_bp, ==, entry->gain_bp);
        g_assert_cmpint(read->to, ==, entry->to);
        g_assert_cmpstr(read->error, ==, text);
    }
}

/* A line that a kill tore is left out; the next one begins on a line of its own. */
static void
test_a_torn_line_costs_itself_alone(Stage *stage, gconstpointer unused)
{
    append_well(stage, 1, 10, "first");
    g_autoptr(VbEntry) torn = entry_of(1, 11, "torn");
    g_autofree char *line = vb_codec_entry(torn);
    for (gsize length = 1; length < strlen(line) - 1; length += 7) {
        g_assert_cmpint(g_remove(stage->path), ==, 0);
        append_well(stage, 1, 10, "first");
        add_text(stage->path, line, length);
        assert_reasons(stage, "first");
        append_well(stage, 1, 12, "last");
        assert_reasons(stage, "first last");
    }
}

/* A whole line whose newline alone is missing is an entry still. */
static void
test_only_the_newline_is_missing(Stage *stage, gconstpointer unused)
{
    g_autoptr(VbEntry) cut = entry_of(1, 11, "cut");
    g_autofree char *line = vb_codec_entry(cut);
    add_text(stage->path, line, strlen(line) - 1);
    append_well(stage, 1, 12, "last");
    assert_reasons(stage, "cut last");
}

static void
test_lines_that_are_no_entries_are_left_out(Stage *stage, gconstpointer unused)
{
    static const char junk[] = "\n\n{}\nnull\n[[[[[[[[\n{\"time\":-1}\n\xff\xfe\n{\"uuid\":7}\n\0\n";
    append_well(stage, 1, 10, "first");
    add_text(stage->path, junk, sizeof junk - 1);
    append_well(stage, 1, 11, "second");
    assert_reasons(stage, "first second");
}

static goffset
size_of(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 ? status.st_size : -1;
}

static void
test_the_file_is_bounded(Stage *stage, gconstpointer unused)
{
    g_autofree char *long_reason = g_strnfill(60000, 'x');
    for (guint i = 0; i < 3 * VB_HISTORY_MAX_BYTES / 60000; i++) {
        append_well(stage, 1, 10 + i, long_reason);
        g_assert_cmpint(size_of(stage->path), <=, VB_HISTORY_MAX_BYTES);
        g_assert_cmpint(size_of(stage->old_path), <=, VB_HISTORY_MAX_BYTES);
    }
    g_assert_cmpint(size_of(stage->old_path), >, VB_HISTORY_MAX_BYTES / 2);
    /* No entry between the oldest that is left and the newest is missing. */
    g_autoptr(GPtrArray) entries = vb_history_read(stage->dir, NULL);
    g_assert_cmpuint(entries->len, >, VB_HISTORY_MAX_BYTES / 65000);
    for (guint i = 1; i < entries->len; i++) {
        const VbEntry *before = g_ptr_array_index(entries, i - 1);
        const VbEntry *entry = g_ptr_array_index(entries, i);
        g_assert_cmpint(entry->time_us - before->time_us, ==, G_USEC_PER_SEC);
    }
}

/* Several processes write and rotate at the same time: no line is lost but those of the file that went. */
static void
test_writers_do_not_tear_each_others_lines(Stage *stage, gconstpointer unused)
{
    enum { WRITERS = 4, LINES = 60 };
    g_autofree char *filler = g_strnfill(15000, 'y');
    for (guint writer = 0; writer < WRITERS; writer++) {
        pid_t child = fork();
        g_assert_cmpint(child, >=, 0);
        if (child > 0)
            continue;
        gboolean good = TRUE;
        for (guint i = 0; i < LINES; i++)
            good &= append(stage, writer, i, filler, NULL);
        _exit(!good);
    }
    for (guint writer = 0; writer < WRITERS; writer++) {
        int status;
        g_assert_cmpint(wait(&status), >, 0);
        g_assert_cmpint(status, ==, 0);
    }
    g_assert_cmpint(size_of(stage->old_path), >, 0);
    g_autoptr(GPtrArray) entries = vb_history_read(stage->dir, NULL);
    g_assert_cmpuint(entries->len, ==, WRITERS * LINES);
}

/* One that was stopped with the lock in its hands: written to all the same. */
static void
test_a_lock_that_is_never_given_back(Stage *stage, gconstpointer unused)
{
    append_well(stage, 1, 10, "first");
    int fd = open(stage->path, O_RDWR);
    g_assert_cmpint(flock(fd, LOCK_EX), ==, 0);
    append_well(stage, 1, 11, "second");
    close(fd);
    assert_reasons(stage, "first second");
}

/* A disk that takes half a line: what was there stays as it was, and the error says so. */
static void
test_a_full_disk_leaves_no_half_line(Stage *stage, gconstpointer unused)
{
    append_well(stage, 1, 10, "first");
    goffset before = size_of(stage->path);
    pid_t child = fork();
    if (child == 0) {
        struct rlimit limit = {(rlim_t)before + 50, (rlim_t)before + 50};
        g_autoptr(GError) error = NULL;
        signal(SIGXFSZ, SIG_IGN);
        gboolean good = setrlimit(RLIMIT_FSIZE, &limit) == 0 &&
                        !append(stage, 1, 11, "second", &error) &&
                        strstr(error->message, "the history cannot be written") != NULL &&
                        strstr(error->message, stage->path) != NULL;
        _exit(!good);
    }
    int status;
    g_assert_cmpint(waitpid(child, &status, 0), ==, child);
    g_assert_cmpint(status, ==, 0);
    g_assert_cmpint(size_of(stage->path), ==, before);
    append_well(stage, 1, 12, "third");
    assert_reasons(stage, "first third");
}

/* The folder may be another user's than the writer: links out of it are not followed. */
static void
test_only_a_plain_file_is_written(Stage *stage, gconstpointer unused)
{
    g_autofree char *victim = g_build_filename(stage->dir, "victim", NULL);
    g_assert_true(g_file_set_contents(victim, "mine", -1, NULL));
    for (guint kind = 0; kind < 4; kind++) {
        g_autoptr(GError) error = NULL, unread = NULL;
        g_assert_cmpint(kind == 0   ? symlink(victim, stage->path)
                        : kind == 1 ? link(victim, stage->path)
                        : kind == 2 ? mkfifo(stage->path, 0600)
                                    : symlink("/dev/full", stage->path),
                        ==, 0);
        g_assert_false(append(stage, 1, 10, "first", &error));
        g_assert_cmpint(error->domain, ==, VB_ERROR);
        g_autoptr(GPtrArray) entries = vb_history_read(stage->dir, &unread);
        g_assert_null(entries);
        g_assert_nonnull(unread);
        g_assert_cmpint(g_remove(stage->path), ==, 0);
    }
    g_assert_cmpint(size_of(victim), ==, 4);
}

static void
test_root_leaves_the_file_to_the_folders_owner(Stage *stage, gconstpointer unused)
{
    struct stat status;
    if (geteuid() != 0) {
        g_test_message("only root gives files away");
        return;
    }
    g_assert_cmpint(chown(stage->dir, 4711, 4712), ==, 0);
    append_well(stage, 1, 10, "first");
    g_assert_cmpint(stat(stage->path, &status), ==, 0);
    g_assert_cmpint(status.st_uid, ==, 4711);
    g_assert_cmpint(status.st_gid, ==, 4712);
}

/* --- what is asked of it ------------------------------------------------------------------- */

static void
assert_asked(const VbHistoryQuery *query, const VbSnapshot *snapshot, const char *wanted)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonNode) document = vb_history_document(query, snapshot, &error);
    g_assert_no_error(error);
    g_autoptr(GString) reasons = g_string_new(NULL);
    JsonArray *entries = json_object_get_array_member(json_node_get_object(document), "entries");
    for (guint i = 0; i < json_array_get_length(entries); i++)
        g_string_append(reasons, json_object_get_string_member(
                                     json_array_get_object_element(entries, i), "reason"));
    g_assert_cmpstr(reasons->str, ==, wanted);
}

static void
test_guests_times_and_numbers_can_be_asked_for(Stage *stage, gconstpointer unused)
{
    g_autofree char *uuid = world_uuid(2);
    const char *const by_name[] = {"guest1", NULL};
    const char *const by_uuid[] = {uuid, NULL};
    const char *const both[] = {"guest2", "guest1", NULL};
    append_well(stage, 1, 10, "a");
    append_well(stage, 2, 20, "b");
    append_well(stage, 1, 30, "c");
    append_well(stage, 3, 40, "d");
    assert_asked(&(VbHistoryQuery){0}, NULL, "abcd");
    assert_asked(&(VbHistoryQuery){.guests = by_name}, NULL, "ac");
    assert_asked(&(VbHistoryQuery){.guests = by_uuid}, NULL, "b");
    assert_asked(&(VbHistoryQuery){.guests = both}, NULL, "abc");
    assert_asked(&(VbHistoryQuery){.guests = both, .limit = 2}, NULL, "bc");
    assert_asked(&(VbHistoryQuery){.since_us = 20 * G_USEC_PER_SEC}, NULL, "bcd");
    assert_asked(&(VbHistoryQuery){.guests = by_name, .since_us = 99 * G_USEC_PER_SEC}, NULL, "");
}

static void
test_a_guest_that_never_was(Stage *stage, gconstpointer unused)
{
    const char *const guests[] = {"guest1", "no\x1bone", NULL};
    g_autoptr(GError) error = NULL;
    append_well(stage, 1, 10, "a");
    g_assert_null(vb_history_document(&(VbHistoryQuery){.guests = guests}, NULL, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_NO_GUEST);
}

/* One that runs and that nothing was done to is known; one that was renamed keeps its history. */
static void
test_guests_that_run_are_known(Stage *stage, gconstpointer unused)
{
    g_autoptr(VbSnapshot) host = world_host(2, 2, GIB);
    VbGuest *idle = world_guest(host, "idle", "0");
    world_guest(host, "new-name", "0");
    const char *const guests[] = {"idle", NULL};
    const char *const renamed[] = {"new-name", NULL};
    const VbGuest *other = g_ptr_array_index(host->guests, idle == host->guests->pdata[0]);
    g_autoptr(GPtrArray) entries = g_ptr_array_new_with_free_func((GDestroyNotify)vb_entry_free);
    VbEntry *entry = entry_of(1, 10, "a");
    g_free(entry->uuid);
    entry->uuid = g_strdup(other->uuid);
    g_ptr_array_add(entries, entry);
    g_assert_true(vb_history_append(stage->dir, entries, NULL));
    assert_asked(&(VbHistoryQuery){.guests = guests}, host, "");
    assert_asked(&(VbHistoryQuery){.guests = renamed}, host, "a");
}

/* A name that is somebody's UUID asks for that guest. */
static void
test_a_name_like_a_uuid_hides_nobody(Stage *stage, gconstpointer unused)
{
    g_autofree char *uuid = world_uuid(1);
    const char *const guests[] = {uuid, NULL};
    g_autoptr(GPtrArray) entries = g_ptr_array_new_with_free_func((GDestroyNotify)vb_entry_free);
    VbEntry *mimic = entry_of(2, 10, "mimic");
    g_free(mimic->guest);
    mimic->guest = g_strdup(uuid);
    g_ptr_array_add(entries, mimic);
    g_assert_true(vb_history_append(stage->dir, entries, NULL));
    append_well(stage, 1, 20, "a");
    assert_asked(&(VbHistoryQuery){.guests = guests}, NULL, "a");
}

static void
test_statistics_of_those_that_are_gone_are_counted(Stage *stage, gconstpointer unused)
{
    append_well(stage, 1, 10, "a");
    append_well(stage, 1, 10, "b"); /* of the same placement */
    append_well(stage, 1, 20, "c");
    g_autoptr(JsonNode) document =
        vb_history_document(&(VbHistoryQuery){.limit = 1}, NULL, NULL);
    JsonArray *array = json_object_get_array_member(json_node_get_object(document), "statistics");
    g_assert_cmpuint(json_array_get_length(array), ==, 1);
    JsonObject *guest = json_array_get_object_element(array, 0);
    g_assert_cmpstr(json_object_get_string_member(guest, "guest"), ==, "guest1");
    g_assert_cmpint(json_object_get_int_member(guest, "bytes_moved"), ==, 3 * MIB);
    g_assert_cmpint(json_object_get_int_member(guest, "move_rate"), ==, 2 * MIB);
    g_assert_true(json_object_get_null_member(guest, "local_bytes"));
    JsonObject *moves = json_object_get_object_member(guest, "moves");
    g_assert_cmpint(json_object_get_int_member(moves, "manual"), ==, 2);
    g_assert_cmpint(json_object_get_int_member(moves, "locality"), ==, 0);
}

/* --- what a plan leaves -------------------------------------------------------------------- */

static void
test_pins_that_went_alike_are_one_entry(Stage *stage, gconstpointer unused)
{
    g_autoptr(VbSnapshot) host = world_host(2, 2, GIB);
    VbGuest *guest = world_guest(host, "one", "0,1,1");
    VbGuest *other = world_guest(host, "two", "0");
    g_autoptr(VbPlan) plan = vb_plan_new("test");
    g_autoptr(GPtrArray) outcomes =
        g_ptr_array_new_with_free_func((GDestroyNotify)vb_outcome_free);
    const VbCpuSet *cpus = &host->topology.node[0].cpus;
    vb_plan_add_pin(plan, guest, "vcpu0", cpus, 0, 0, "why");
    vb_plan_add_pin(plan, other, "vcpu0", cpus, 1, 0, "why");
    vb_plan_add_pin(plan, guest, "vcpu1", cpus, 1, 0, "why");
    vb_plan_add_pin(plan, guest, "vcpu2", cpus, 1, 0, "why");
    vb_plan_add_move(plan, guest, 0, 1, 0, MIB, "why");
    vb_plan_add_move(plan, guest, 0, 0, 1, MIB, "why");
    for (guint i = 0; i < plan->actions->len; i++)
        g_ptr_array_add(outcomes, i == 1 ? NULL
                                         : vb_outcome_new(i, i == 3 ? VB_RESULT_FAILED : VB_RESULT_DONE,
                                                          i, SECOND, i == 3 ? "no" : NULL));
    g_autoptr(GPtrArray) entries = vb_entry_list(plan, outcomes, guest->uuid, "daemon", 7);
    g_assert_cmpuint(entries->len, ==, 4);
    const VbEntry *pins = g_ptr_array_index(entries, 0);
    const VbEntry *failed = g_ptr_array_index(entries, 1);
    const VbEntry *move = g_ptr_array_index(entries, 2);
    g_autofree char *threads = g_strjoinv(" ", pins->threads);
    g_assert_cmpstr(threads, ==, "vcpu0 vcpu1");
    g_assert_cmpint(pins->from, ==, VB_NO_NODE);
    g_assert_cmpint(pins->to, ==, 0);
    g_assert_cmpstr(failed->threads[0], ==, "vcpu2");
    g_assert_cmpstr(failed->error, ==, "no");
    g_assert_cmpuint(move->bytes, ==, 4);
    g_assert_cmpint(move->from, ==, 1);
    g_assert_cmpint(move->time_us, ==, 7);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*test)(Stage *, gconstpointer);
    } tests[] = {
        {"file/none", test_no_file_is_an_empty_history},
        {"file/read-back", test_what_is_written_is_read},
        {"file/entries", test_entries_read_back_as_written},
        {"file/torn", test_a_torn_line_costs_itself_alone},
        {"file/no-newline", test_only_the_newline_is_missing},
        {"file/junk", test_lines_that_are_no_entries_are_left_out},
        {"file/bounded", test_the_file_is_bounded},
        {"file/writers", test_writers_do_not_tear_each_others_lines},
        {"file/lock", test_a_lock_that_is_never_given_back},
        {"file/full-disk", test_a_full_disk_leaves_no_half_line},
        {"file/plain", test_only_a_plain_file_is_written},
        {"file/owner", test_root_leaves_the_file_to_the_folders_owner},
        {"ask/some", test_guests_times_and_numbers_can_be_asked_for},
        {"ask/never-was", test_a_guest_that_never_was},
        {"ask/running", test_guests_that_run_are_known},
        {"ask/mimic", test_a_name_like_a_uuid_hides_nobody},
        {"ask/statistics", test_statistics_of_those_that_are_gone_are_counted},
        {"plan/pins", test_pins_that_went_alike_are_one_entry},
    };
    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_autofree char *path = g_strdup_printf("/history/%s", tests[i].name);
        g_test_add(path, Stage, NULL, set_up, tests[i].test, tear_down);
    }
    return g_test_run();
}

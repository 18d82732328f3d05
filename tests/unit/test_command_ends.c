/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How runs of the command end: statuses, refusals, signals. */
#include "act/lock.h"
#include "command_run.h"
#include "temp_dir.h"
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- statuses ------------------------------------------------------------------------------ */

static void
test_each_end_has_its_status(void)
{
    static const struct {
        const char *words;
        int status;
        const char *says; /* on standard error; NULL = nothing at all */
    } cases[] = {
        {"status", 0, NULL},
        {"show|test", 0, NULL},
        {"show|" COMMAND_GUEST_UUID, 0, NULL},
        {"show|web1", 4, "no running guest is called \"web1\""},
        {"plan", 0, NULL},
        {"plan|test", 0, NULL},
        {"plan|web1", 4, "no running guest is called \"web1\""},
        {"plan|test|web1", 4, "no running guest is called \"web1\""},
        {"rebalance|--dry-run|test", 0, NULL},
        {"rebalance", 0, NULL},
        {"rebalance|test", 1, NULL}, /* named and refused: the reason is in the answer */
        {"rebalance|web1", 4, "no running guest is called \"web1\""},
        {"release|web1", 4, "no running guest is called \"web1\""},
        {"status|-c|qemu:///nowhere", 5, "libvirtd"},
        {"status|-c|qemu+ssh://elsewhere/system", 1, "own host"},
        {"plan|--policy|best", 2, "there is no policy \"best\""},
        {"plan|--to|63", 2, "--to: node 63 cannot be a home"},
        {"doctor", 0, NULL},
        {"doctor|-c|qemu:///nowhere", 0, NULL}, /* to find that out is what it is for */
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_auto(CommandEnd) end = command_run(cases[i].words);
        g_assert_cmpint(end.status, ==, cases[i].status);
        if (cases[i].says != NULL)
            command_assert_one_line(&end, cases[i].says);
        else
            g_assert_cmpstr(end.err, ==, "");
        g_assert_cmpint(*end.out != '\0', ==, cases[i].says == NULL);
    }
}

/* A guest that is gone has a history as long as it is remembered; one that runs may have none. */
static void
test_the_history_of_whom(void)
{
    static const char lines[] =
        "{\"time\":10.5,\"guest\":\"gone\",\"uuid\":\"00000000-0000-4000-8000-000000000001\","
        "\"who\":\"command\",\"kind\":\"release\",\"restored\":2,\"result\":\"done\","
        "\"reason\":\"asked for\"}\n{\"time\":11,\"gu";
    g_autoptr(TempDir) dir = temp_dir_new();
    g_autofree char *path = g_build_filename(dir, "history.jsonl", NULL);
    g_auto(CommandEnd) none = command_run_in(dir, "history");
    g_assert_cmpint(none.status, ==, 0);
    g_assert_cmpstr(none.out, ==, "");
    g_assert_true(g_file_set_contents(path, lines, -1, NULL));
    g_auto(CommandEnd) all = command_run_in(dir, "history");
    g_assert_cmpint(all.status, ==, 0);
    g_assert_nonnull(strstr(all.out, "gone: 2 threads given back\n"));
    g_auto(CommandEnd) gone = command_run_in(dir, "history|gone|-o|json");
    g_assert_cmpint(gone.status, ==, 0);
    g_assert_nonnull(strstr(gone.out, "\"schema\" : \"vmbalancer.history/1\""));
    g_assert_nonnull(strstr(gone.out, "\"time\" : 10.5"));
    g_auto(CommandEnd) running = command_run_in(dir, "history|test");
    g_assert_cmpint(running.status, ==, 0);
    g_assert_cmpstr(running.out, ==, "");
    g_auto(CommandEnd) old = command_run_in(dir, "history|--since|1d");
    g_assert_cmpint(old.status, ==, 0);
    g_assert_cmpstr(old.out, ==, "");
    g_auto(CommandEnd) never = command_run_in(dir, "history|never");
    g_assert_cmpint(never.status, ==, 4);
    command_assert_one_line(&never, "nothing is known of a guest \"never\"");
}

static void
test_undoing_needs_no_mover(void)
{
    g_autoptr(TempDir) dir = temp_dir_new();
    g_autofree char *mover = g_strdup(g_getenv("VMBALANCER_MOVER"));
    g_setenv("VMBALANCER_MOVER", "/nonexistent/mover", TRUE);
    g_auto(CommandEnd) release = command_run_in(dir, "release|test");
    g_auto(CommandEnd) status = command_run_in(dir, "status");
    g_auto(CommandEnd) doctor = command_run_in(dir, "doctor");
    g_setenv("VMBALANCER_MOVER", mover, TRUE);
    g_assert_cmpint(release.status, ==, 0);
    g_assert_nonnull(strstr(release.out, "nothing to release"));
    g_assert_cmpint(status.status, ==, 1);
    command_assert_one_line(&status, "/nonexistent/mover");
    g_assert_cmpint(doctor.status, ==, 0);
    g_assert_nonnull(strstr(doctor.out, "mover:"));
}

static void
test_two_commands_do_not_act_on_one_guest(void)
{
    g_autoptr(TempDir) dir = temp_dir_new();
    g_autoptr(VbLock) lock = vb_lock_take(dir, COMMAND_GUEST_UUID, "test", NULL);
    g_auto(CommandEnd) end = command_run_in(dir, "release|test");
    g_assert_cmpint(end.status, ==, 1);
    command_assert_one_line(&end, "another vmbalancer command is at work on guest test");
}

static void
test_a_damaged_record_is_a_failure_not_wrong_use(void)
{
    g_autoptr(TempDir) dir = temp_dir_new();
    g_autofree char *folder = g_build_filename(dir, "guests", NULL);
    g_autofree char *path = g_build_filename(folder, COMMAND_GUEST_UUID ".json", NULL);
    g_assert_cmpint(g_mkdir(folder, 0700), ==, 0);
    g_assert_true(g_file_set_contents(path, "{", 1, NULL));
    g_auto(CommandEnd) end = command_run_in(dir, "release|test");
    g_assert_cmpint(end.status, ==, 1);
    command_assert_one_line(&end, path);
    g_auto(CommandEnd) status = command_run_in(dir, "status");
    g_assert_cmpint(status.status, ==, 0);
}

static void
test_a_state_folder_that_cannot_be_written_is_named(void)
{
    g_auto(CommandEnd) end = command_run_in("/dev/null/state", "release|test");
    g_assert_cmpint(end.status, ==, 1);
    command_assert_one_line(&end, "/dev/null/state");
}

/* --- signals ------------------------------------------------------------------------------- */

/* Waits until the program listens for @signal. */
static void
wait_until_caught(GPid pid, int number)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/status", pid);
    for (guint tries = 0; tries < 3000; tries++) {
        g_autofree char *text = NULL;
        const char *line =
            g_file_get_contents(path, &text, NULL, NULL) ? strstr(text, "SigCgt:") : NULL;
        if (line != NULL &&
            (g_ascii_strtoull(line + strlen("SigCgt:\t"), NULL, 16) >> (number - 1) & 1) != 0)
            return;
        g_usleep(10000);
    }
    g_error("the program never listened for signal %d", number);
}

static void
test_a_signal_while_it_looks_ends_it_with_status_1(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    for (guint i = 0; i < G_N_ELEMENTS(signals); i++) {
        g_auto(GStrv) argv = command_arguments("plan|-c|" COMMAND_URI);
        g_autoptr(GError) error = NULL;
        GPid pid;
        int status, err;
        char text[1024] = "";
        g_spawn_async_with_pipes(NULL, argv, NULL,
                                 G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL,
                                 &pid, NULL, NULL, &err, &error);
        g_assert_no_error(error);
        wait_until_caught(pid, signals[i]);
        kill(pid, signals[i]);
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_true(WIFEXITED(status));
        g_assert_cmpint(WEXITSTATUS(status), ==, 1);
        g_assert_cmpint(read(err, text, sizeof text - 1), >, 0);
        g_assert_cmpstr(text, ==, "vmbalancer: cancelled while looking\n");
        close(err);
    }
}

static void
test_what_steers_a_terminal_is_shown_escaped(void)
{
    g_auto(CommandEnd) end = command_run("show|a\x1b[31m\nb");
    g_assert_cmpint(end.status, ==, 4);
    command_assert_one_line(&end, "\\x1b[31m\\nb");
    g_assert_null(strchr(end.err, '\x1b'));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/command-ends/statuses", test_each_end_has_its_status);
    g_test_add_func("/command-ends/history", test_the_history_of_whom);
    g_test_add_func("/command-ends/undoing-needs-no-mover", test_undoing_needs_no_mover);
    g_test_add_func("/command-ends/lock", test_two_commands_do_not_act_on_one_guest);
    g_test_add_func("/command-ends/damaged-record",
                    test_a_damaged_record_is_a_failure_not_wrong_use);
    g_test_add_func("/command-ends/state-folder",
                    test_a_state_folder_that_cannot_be_written_is_named);
    g_test_add_func("/command-ends/signals", test_a_signal_while_it_looks_ends_it_with_status_1);
    g_test_add_func("/command-ends/terminal-escapes", test_what_steers_a_terminal_is_shown_escaped);
    return g_test_run();
}

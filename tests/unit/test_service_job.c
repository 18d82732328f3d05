/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A rebalance that the daemon does: followed, left to it, called off, lost. */
#include "cli/render.h"
#include "command_run.h"
#include "core/codec.h"
#include "fake_service.h"
#include "world.h"
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vmbalancer/error.h>

static const VbStyle plain = {.utf8 = TRUE};

/* What became of web1's pin and move. */
typedef struct {
    VbPlan *plan;
    GPtrArray *outcomes;
    char *document;
} Ending;

static void
ending_clear(Ending *ending)
{
    vb_plan_free(ending->plan);
    g_ptr_array_unref(ending->outcomes);
    g_free(ending->document);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Ending, ending_clear)

/* @error: (nullable): of the move */
static Ending
make_ending(VbResult pin, VbResult move, guint64 moved, const char *error, int code)
{
    Ending ending = {.plan = vb_plan_new("home-node")};
    g_autoptr(VbSnapshot) host = world_host(2, 4, 8 * GIB);
    VbGuest *web = world_guest(host, "web1", "0,0");
    vb_plan_add_pin(ending.plan, web, "vcpu0", &host->topology.node[0].cpus, 1, 0, "home");
    vb_plan_add_move(ending.plan, web, 0, 1, 0, 2 * GIB, "remote");
    ending.outcomes = g_ptr_array_new_with_free_func((GDestroyNotify)vb_outcome_free);
    g_ptr_array_add(ending.outcomes, vb_outcome_new(0, pin, 0, SECOND / 10, NULL));
    VbOutcome *outcome = vb_outcome_new(1, move, moved, 2 * SECOND, error);
    outcome->code = code;
    g_ptr_array_add(ending.outcomes, outcome);
    g_autoptr(JsonNode) document = vb_codec_rebalance(ending.plan, host, ending.outcomes);
    ending.document = vb_codec_text(document, TRUE);
    return ending;
}

static char *
table_of(const Ending *ending)
{
    GString *table = g_string_new(NULL);
    vb_render_outcomes(ending->plan, ending->outcomes, &plain, table);
    vb_render_declined(ending->plan, &plain, table);
    return g_string_free(table, FALSE);
}

/* --- followed ------------------------------------------------------------------------------- */

static void
test_with_wait_it_is_followed_to_its_end(void)
{
    static const char *const states[] = {"looking", "running", "running", "done", NULL};
    g_autoptr(FakeService) service = fake_service_new(COMMAND_URI);
    g_auto(Ending) ending = make_ending(VB_RESULT_DONE, VB_RESULT_DONE, 2 * GIB, NULL, 0);
    g_autofree char *table = table_of(&ending);
    fake_service_answers(service)->job_states = states;
    fake_service_answers(service)->job_result = ending.document;
    g_auto(CommandEnd) shown = command_run("rebalance|--wait|web1|--rate|1MiB/s");
    g_assert_cmpint(shown.status, ==, 0);
    g_assert_cmpstr(shown.err, ==, "");
    g_assert_cmpstr(shown.out, ==, table);
    g_auto(CommandEnd) json = command_run("rebalance|--wait|-o|json");
    g_assert_cmpint(json.status, ==, 0);
    g_assert_cmpstr(json.out, ==, ending.document);
    g_autofree char *asked = fake_service_asked(service);
    g_assert_cmpstr(asked, ==,
                    "Rebalance(['web1'], {'rate': <uint64 1048576>})\n"
                    "Rebalance([], {})\n");
}

static void
test_the_status_is_that_of_what_became_of_it(void)
{
    static const struct {
        const char *state;
        VbResult pin, move;
        guint64 moved;
        int code;
        int status;
    } cases[] = {
        {"partly", VB_RESULT_DONE, VB_RESULT_FAILED, 0, VB_ERROR_NO_SPACE, 3},
        {"partly", VB_RESULT_FAILED, VB_RESULT_PARTIAL, MIB, VB_ERROR_NO_SPACE, 3},
        {"failed", VB_RESULT_FAILED, VB_RESULT_FAILED, 0, VB_ERROR_FAILED, 1},
        {"failed", VB_RESULT_FAILED, VB_RESULT_FAILED, 0, VB_ERROR_UNREACHABLE, 5},
        {"failed", VB_RESULT_FAILED, VB_RESULT_FAILED, 0, VB_ERROR_NO_GUEST, 4},
        {"cancelled", VB_RESULT_CANCELLED, VB_RESULT_CANCELLED, 0, VB_ERROR_CANCELLED, 1},
    };
    g_autoptr(FakeService) service = fake_service_new(COMMAND_URI);
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        const char *const states[] = {"running", cases[i].state, NULL};
        g_auto(Ending) ending =
            make_ending(cases[i].pin, cases[i].move, cases[i].moved, "it is so", cases[i].code);
        g_autofree char *table = table_of(&ending);
        fake_service_answers(service)->job_states = states;
        fake_service_answers(service)->job_result = ending.document;
        g_auto(CommandEnd) end = command_run("rebalance|--wait");
        g_assert_cmpint(end.status, ==, cases[i].status);
        g_assert_cmpstr(end.out, ==, table);
    }
}

static void
test_why_there_never_was_a_plan_is_told(void)
{
    static const struct {
        const char *error;
        const char *message;
        int status;
        const char *says;
    } cases[] = {
        {"org.vmbalancer1.Error.NoGuest", "no running guest is called \"x\"", 4,
         ": no running guest is called \"x\""},
        {"org.vmbalancer1.Error.Invalid", "there is no policy \"x\"", 2, ": there is no policy"},
        {"org.vmbalancer1.Error.Unreachable", "libvirtd is down", 5, ": libvirtd is down"},
        {"org.vmbalancer1.Error.Failed", "", 1, "org.vmbalancer1.Error.Failed"},
        {NULL, NULL, 1, "does not tell what became of it"},
    };
    static const char *const states[] = {"looking", "failed", NULL};
    static const char *const words[] = {"rebalance|x", "rebalance|x|--wait|-o|json"};
    g_autoptr(FakeService) service = fake_service_new(COMMAND_URI);
    fake_service_answers(service)->job_states = states;
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++)
        for (guint w = 0; w < G_N_ELEMENTS(words); w++) {
            fake_service_answers(service)->job_error = cases[i].error;
            fake_service_answers(service)->job_error_message = cases[i].message;
            g_auto(CommandEnd) end = command_run(words[w]);
            g_assert_cmpint(end.status, ==, cases[i].status);
            g_assert_cmpstr(end.out, ==, "");
            command_assert_one_line(&end, cases[i].says);
        }
}

/* --- left to the daemon --------------------------------------------------------------------- */

static void
test_without_wait_it_is_left_to_the_daemon_once_it_runs(void)
{
    static const char *const states[] = {"looking", "running", NULL};
    g_autoptr(FakeService) service = fake_service_new(COMMAND_URI);
    fake_service_answers(service)->job_states = states;
    g_auto(CommandEnd) shown = command_run("rebalance");
    g_assert_cmpint(shown.status, ==, 0);
    g_assert_nonnull(strstr(shown.out, "brings 2 guests home, 3 MiB to move"));
    g_assert_nonnull(strstr(shown.out, "--wait"));
    g_auto(CommandEnd) json = command_run("rebalance|-o|json");
    g_assert_cmpint(json.status, ==, 0);
    g_assert_nonnull(strstr(json.out, "\"schema\" : \"vmbalancer.job/1\""));
    g_assert_nonnull(strstr(json.out, "\"job\" : \"/org/vmbalancer1/job/1\""));
    g_assert_nonnull(strstr(json.out, "\"bytes\" : 3145728"));
    g_autofree char *asked = fake_service_asked(service);
    g_assert_null(strstr(asked, "Cancel"));
}

static void
test_without_wait_what_has_ended_by_then_is_told(void)
{
    static const char *const states[] = {"failed", NULL};
    g_autoptr(FakeService) service = fake_service_new(COMMAND_URI);
    g_auto(Ending) ending =
        make_ending(VB_RESULT_FAILED, VB_RESULT_FAILED, 0, "it is so", VB_ERROR_FAILED);
    g_autofree char *table = table_of(&ending);
    fake_service_answers(service)->job_states = states;
    fake_service_answers(service)->job_result = ending.document;
    g_auto(CommandEnd) end = command_run("rebalance");
    g_assert_cmpint(end.status, ==, 1);
    g_assert_cmpstr(end.out, ==, table);
}

/* --- called off, lost ----------------------------------------------------------------------- */

/* A command that runs beside the test. */
typedef struct {
    GPid pid;
    int out;
    int err;
} Running;

static Running
start(const char *words)
{
    Running running;
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) argv = command_arguments(words);
    g_spawn_async_with_pipes(NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &running.pid,
                             NULL, &running.out, &running.err, &error);
    g_assert_no_error(error);
    return running;
}

static char *
drain(int fd)
{
    GString *text = g_string_new(NULL);
    char piece[1024];
    gssize size;
    while ((size = read(fd, piece, sizeof piece)) > 0)
        g_string_append_len(text, piece, size);
    close(fd);
    return g_string_free(text, FALSE);
}

static CommandEnd
finish(const Running *running)
{
    CommandEnd end = {.out = drain(running->out), .err = drain(running->err)};
    int status;
    g_assert_cmpint(waitpid(running->pid, &status, 0), ==, running->pid);
    end.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return end;
}

static void
test_a_signal_calls_it_off_and_its_end_is_waited_for(void)
{
    static const char *const states[] = {"looking", "running", NULL};
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    g_autoptr(FakeService) service = fake_service_new(COMMAND_URI);
    g_auto(Ending) ending = make_ending(VB_RESULT_DONE, VB_RESULT_CANCELLED, MIB,
                                        "stopped after the current batch", VB_ERROR_CANCELLED);
    g_autofree char *table = table_of(&ending);
    fake_service_answers(service)->job_states = states;
    fake_service_answers(service)->job_result = ending.document;
    for (guint i = 0; i < G_N_ELEMENTS(signals); i++) {
        Running running = start("rebalance|--wait|-c|" COMMAND_URI);
        fake_service_wait(service, "Rebalance(");
        g_usleep(200000);
        kill(running.pid, signals[i]);
        g_auto(CommandEnd) end = finish(&running);
        g_assert_cmpint(end.status, ==, 3);
        g_assert_cmpstr(end.out, ==, table);
        g_assert_cmpstr(end.err, ==, "");
        g_autofree char *asked = fake_service_asked(service);
        g_assert_nonnull(strstr(asked, "\nCancel()\n"));
        g_assert_true(strstr(asked, "Cancel") == g_strrstr(asked, "Cancel"));
    }
}

static void
test_a_second_signal_does_not_wait(void)
{
    static const char *const states[] = {"running", NULL};
    g_autoptr(FakeService) service = fake_service_new(COMMAND_URI);
    fake_service_answers(service)->job_states = states;
    fake_service_answers(service)->job_stays = TRUE;
    Running running = start("rebalance|--wait|-c|" COMMAND_URI);
    fake_service_wait(service, "Rebalance(");
    kill(running.pid, SIGINT);
    fake_service_wait(service, "Cancel(");
    kill(running.pid, SIGINT);
    g_auto(CommandEnd) end = finish(&running);
    g_assert_cmpint(end.status, ==, 130);
}

static void
test_a_daemon_that_ends_in_mid_job_is_unreachable(void)
{
    static const char *const states[] = {"looking", "running", NULL};
    g_autoptr(FakeService) service = fake_service_new(COMMAND_URI);
    fake_service_answers(service)->job_states = states;
    Running running = start("rebalance|--wait|-c|" COMMAND_URI);
    fake_service_wait(service, "Rebalance(");
    g_usleep(300000);
    fake_service_leave(service);
    g_auto(CommandEnd) end = finish(&running);
    g_assert_cmpint(end.status, ==, 5);
    g_assert_cmpstr(end.out, ==, "");
    command_assert_one_line(&end, "vmbalancerd ended before the rebalance did");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_setenv("LC_ALL", "C.UTF-8", TRUE);
    g_unsetenv("COLUMNS");
    g_test_add_func("/service-job/wait", test_with_wait_it_is_followed_to_its_end);
    g_test_add_func("/service-job/status", test_the_status_is_that_of_what_became_of_it);
    g_test_add_func("/service-job/no-plan", test_why_there_never_was_a_plan_is_told);
    g_test_add_func("/service-job/no-wait",
                    test_without_wait_it_is_left_to_the_daemon_once_it_runs);
    g_test_add_func("/service-job/no-wait-ended", test_without_wait_what_has_ended_by_then_is_told);
    g_test_add_func("/service-job/signal", test_a_signal_calls_it_off_and_its_end_is_waited_for);
    g_test_add_func("/service-job/second-signal", test_a_second_signal_does_not_wait);
    g_test_add_func("/service-job/daemon-ends", test_a_daemon_that_ends_in_mid_job_is_unreachable);
    return g_test_run();
}

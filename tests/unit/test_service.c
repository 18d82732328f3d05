/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command and a daemon: whether it is found, and how what goes wrong between them is told. */
#include "command_run.h"
#include "fake_service.h"
#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>
#include <string.h>

/* --- found or not ---------------------------------------------------------------------------- */

static void
test_a_verb_for_the_daemon_reaches_it(void)
{
    g_autoptr(FakeService) service = fake_service_new(COMMAND_URI);
    g_auto(CommandEnd) pause = command_run("pause");
    g_assert_cmpint(pause.status, ==, 0);
    g_assert_nonnull(strstr(pause.out, "places no guest by itself"));
    g_auto(CommandEnd) resume = command_run("resume|-o|json");
    g_assert_cmpint(resume.status, ==, 0);
    g_assert_nonnull(strstr(resume.out, "\"vmbalancer.paused/1\""));
    g_assert_nonnull(strstr(resume.out, "\"paused\" : false"));
    g_autofree char *asked = fake_service_asked(service);
    g_assert_cmpstr(asked, ==, "Pause()\nResume()\n");
}

static void
test_where_no_daemon_runs_the_mend_is_named(void)
{
    g_auto(CommandEnd) end = command_run("pause");
    g_assert_cmpint(end.status, ==, 5);
    command_assert_one_line(&end, "systemctl start vmbalancerd");
}

static void
test_a_daemon_for_another_connection_is_not_asked(void)
{
    g_autoptr(FakeService) service = fake_service_new("qemu:///system");
    g_auto(CommandEnd) end = command_run("pause");
    g_assert_cmpint(end.status, ==, 5);
    command_assert_one_line(&end, "serves qemu:///system, not " COMMAND_URI);
    g_auto(CommandEnd) named = command_run("pause|-c|qemu:///system");
    g_assert_cmpint(named.status, ==, 0);
    g_autofree char *asked = fake_service_asked(service);
    g_assert_cmpstr(asked, ==, "Pause()\n");
}

static void
test_options_that_it_cannot_follow_are_wrong_use(void)
{
    static const char *const words[] = {"pause|--no-daemon", "resume|--config|/dev/null",
                                        "--qmp-passthrough|pause"};
    g_autoptr(FakeService) service = fake_service_new(COMMAND_URI);
    for (guint i = 0; i < G_N_ELEMENTS(words); i++) {
        g_auto(CommandEnd) end = command_run(words[i]);
        g_assert_cmpint(end.status, ==, 2);
        command_assert_one_line(&end, "leave --no-daemon");
    }
    g_autofree char *asked = fake_service_asked(service);
    g_assert_cmpstr(asked, ==, "");
}

/* --- what goes wrong ------------------------------------------------------------------------- */

static void
test_each_error_has_its_status_and_the_words_of_the_daemon(void)
{
    static const struct {
        const char *name;
        int status;
        const char *says; /* NULL: what the daemon said */
    } cases[] = {
        {"org.vmbalancer1.Error.Failed", 1, NULL},
        {"org.vmbalancer1.Error.Invalid", 2, NULL},
        {"org.vmbalancer1.Error.NoGuest", 4, NULL},
        {"org.vmbalancer1.Error.Unreachable", 5, NULL},
        {"org.vmbalancer1.Error.Denied", 1, NULL},
        {"org.vmbalancer1.Error.Changed", 1, NULL},
        {"org.vmbalancer1.Error.NoSpace", 1, NULL},
        {"org.vmbalancer1.Error.Timeout", 5, NULL},
        {"org.vmbalancer1.Error.Cancelled", 1, NULL},
        {"org.vmbalancer1.Error.Unsupported", 1, NULL},
        {"org.vmbalancer1.Error.OfTheFuture", 1, "vmbalancerd: "},
        {"org.freedesktop.DBus.Error.AccessDenied", 1, "run it as root"},
        {"org.freedesktop.DBus.Error.InteractiveAuthorizationRequired", 1, "run it as root"},
        {"org.freedesktop.DBus.Error.UnknownMethod", 1, "restart it if it is older"},
        {"org.freedesktop.DBus.Error.NoReply", 5, "vmbalancerd ended while it was asked"},
        {"org.freedesktop.DBus.Error.LimitsExceeded", 1, "vmbalancerd: it is as it is"},
    };
    g_autoptr(FakeService) service = fake_service_new(COMMAND_URI);
    FakeAnswers *answers = fake_service_answers(service);
    answers->manner = FAKE_FAILS;
    answers->error_message = "it is as it is";
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        answers->error_name = cases[i].name;
        g_auto(CommandEnd) end = command_run("pause");
        g_assert_cmpint(end.status, ==, cases[i].status);
        g_assert_cmpstr(end.out, ==, "");
        command_assert_one_line(&end, cases[i].says != NULL ? cases[i].says : ": it is as it is");
        g_assert_null(strstr(end.err, "GDBus"));
    }
}

static void
test_a_daemon_that_dies_in_mid_call_is_unreachable(void)
{
    g_autoptr(FakeService) service = fake_service_new(COMMAND_URI);
    fake_service_answers(service)->manner = FAKE_DIES;
    g_auto(CommandEnd) end = command_run("pause");
    g_assert_cmpint(end.status, ==, 5);
    command_assert_one_line(&end, "vmbalancerd ended while it was asked");
}

static void
test_a_daemon_that_does_not_answer_is_given_up(void)
{
    g_autoptr(FakeService) service = fake_service_new(COMMAND_URI);
    fake_service_stick(service, TRUE);
    gint64 began = g_get_monotonic_time();
    g_auto(CommandEnd) end = command_run("pause");
    g_assert_cmpint(g_get_monotonic_time() - began, <, 15 * G_TIME_SPAN_SECOND);
    g_assert_cmpint(end.status, ==, 5);
    command_assert_one_line(&end, "vmbalancerd does not answer");
    command_assert_one_line(&end, "--no-daemon");
}

/* Takes connections and says nothing. */
static void
test_a_bus_that_hangs_is_given_up(void)
{
    g_autofree char *dir = g_dir_make_tmp("vmbalancer-test-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "bus", NULL);
    g_autofree char *bus = g_strdup_printf("unix:path=%s", path);
    g_autofree char *before = g_strdup(g_getenv("DBUS_SYSTEM_BUS_ADDRESS"));
    g_autoptr(GSocketAddress) address = g_unix_socket_address_new(path);
    g_autoptr(GSocket) socket =
        g_socket_new(G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, NULL);
    g_assert_true(g_socket_bind(socket, address, FALSE, NULL) && g_socket_listen(socket, NULL));
    g_setenv("DBUS_SYSTEM_BUS_ADDRESS", bus, TRUE);
    gint64 began = g_get_monotonic_time();
    g_auto(CommandEnd) end = command_run("pause");
    g_assert_cmpint(g_get_monotonic_time() - began, <, 15 * G_TIME_SPAN_SECOND);
    g_setenv("DBUS_SYSTEM_BUS_ADDRESS", before, TRUE);
    g_assert_cmpint(end.status, ==, 5);
    command_assert_one_line(&end, "the system bus does not answer");
    g_assert_cmpint(g_unlink(path), ==, 0);
    g_assert_cmpint(g_rmdir(dir), ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/service/reached", test_a_verb_for_the_daemon_reaches_it);
    g_test_add_func("/service/none", test_where_no_daemon_runs_the_mend_is_named);
    g_test_add_func("/service/another-connection",
                    test_a_daemon_for_another_connection_is_not_asked);
    g_test_add_func("/service/options", test_options_that_it_cannot_follow_are_wrong_use);
    g_test_add_func("/service/errors", test_each_error_has_its_status_and_the_words_of_the_daemon);
    g_test_add_func("/service/dies", test_a_daemon_that_dies_in_mid_call_is_unreachable);
    g_test_add_func("/service/silent", test_a_daemon_that_does_not_answer_is_given_up);
    g_test_add_func("/service/bus-hangs", test_a_bus_that_hangs_is_given_up);
    return g_test_run();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/top.h"
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <vmbalancer/error.h>

/* The live screen on a terminal of the test's own: a child shows, this side types and reads. */

#define GUESTS 1000
#define DEADLINE_MS 20000

static gboolean
look(VbTopSight *ret, gpointer user_data, GCancellable *cancellable, GError **error)
{
    guint *looks = user_data;
    if (++*looks % 3 == 2) {
        g_set_error(error, VB_ERROR, VB_ERROR_UNREACHABLE, "libvirt went\033[31m away");
        return FALSE;
    }
    ret->snapshot = vb_snapshot_new();
    ret->snapshot->topology.nodes = 3;
    for (guint i = 0; i < GUESTS; i++) {
        VbGuest *guest = vb_guest_new();
        guest->name = g_strdup_printf("vm-%04u", i);
        guest->uuid = g_strdup_printf("uuid-%04u", i);
        g_ptr_array_add(guest->cells, vb_cell_new());
        g_ptr_array_add(ret->snapshot->guests, guest);
    }
    return TRUE;
}

static gboolean
no_look(VbTopSight *ret, gpointer user_data, GCancellable *cancellable, GError **error)
{
    g_set_error(error, VB_ERROR, VB_ERROR_UNREACHABLE, "libvirt is not there");
    return FALSE;
}

/* A child on a terminal. */
typedef struct {
    pid_t pid;
    int terminal; /* this side of it */
    struct termios before;
    GString *output;
} Child;

/* Returns: FALSE where there are no pseudo terminals; the test is then skipped. */
static gboolean
start(Child *child, VbTopLook how, const char *type)
{
    struct winsize size = {.ws_row = 24, .ws_col = 80};
    int any = posix_openpt(O_RDWR | O_NOCTTY);
    if (any < 0 || tcgetattr(any, &child->before) != 0) {
        g_test_skip("no pseudo terminals here");
        return FALSE;
    }
    close(any);
    child->pid = forkpty(&child->terminal, NULL, &child->before, &size);
    g_assert_cmpint(child->pid, >=, 0);
    if (child->pid == 0) {
        guint looks = 0;
        VbTopOptions options = {.look = how, .user_data = &looks, .interval_ms = 100};
        g_setenv("TERM", type, TRUE);
        g_unsetenv("COLUMNS");
        g_unsetenv("LINES");
        setlocale(LC_ALL, "C.UTF-8");
        VbStyle style = vb_style_for(STDOUT_FILENO);
        g_autoptr(GError) error = NULL;
        if (vb_top_run(&options, &style, &error))
            _exit(0);
        g_printerr("ERROR %s\n", error->message);
        _exit(error->code == VB_ERROR_UNSUPPORTED ? 2 : 1);
    }
    child->output = g_string_new(NULL);
    return TRUE;
}

/* Reads what is there, or comes within @wait_ms. Returns: FALSE once the child has closed its side.
 */
static gboolean
read_some(Child *child, gint64 wait_ms)
{
    char buffer[4096];
    struct pollfd ready = {.fd = child->terminal, .events = POLLIN};
    if (poll(&ready, 1, (int)MAX(wait_ms, 0)) == 0)
        return TRUE;
    ssize_t length = read(child->terminal, buffer, sizeof buffer);
    if (length <= 0)
        return FALSE;
    g_string_append_len(child->output, buffer, length);
    return TRUE;
}

/* Reads until @text came or @wait_ms went by. Returns: TRUE if it came; what is before it is
 * dropped. */
static gboolean
wait_for(Child *child, const char *text, gint64 wait_ms)
{
    gint64 deadline = g_get_monotonic_time() / 1000 + wait_ms;
    while (strstr(child->output->str, text) == NULL) {
        gint64 left = deadline - g_get_monotonic_time() / 1000;
        if (left < 0)
            return FALSE;
        if (!read_some(child, left))
            g_error("the child ended instead of showing \"%s\": %s", text, child->output->str);
    }
    const char *end = strstr(child->output->str, text) + strlen(text);
    g_string_erase(child->output, 0, end - child->output->str);
    return TRUE;
}

static void
expect(Child *child, const char *text)
{
    g_assert_true(wait_for(child, text, DEADLINE_MS));
}

static void
type(Child *child, const char *keys)
{
    g_assert_cmpint(write(child->terminal, keys, strlen(keys)), ==, (ssize_t)strlen(keys));
}

static void
resize(Child *child, guint columns, guint rows)
{
    struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};
    g_assert_cmpint(ioctl(child->terminal, TIOCSWINSZ, &size), ==, 0);
}

/*
 * As expect(), of a screen that is drawn anew, since curses else writes only what changes; again
 * and again, since the keys before may come later than the new size.
 */
static void
expect_drawn(Child *child, const char *text)
{
    static guint columns;
    for (guint i = 0; i < DEADLINE_MS / 200; i++) {
        resize(child, 100 + ++columns % 20, 24);
        if (wait_for(child, text, 200))
            return;
    }
    g_error("\"%s\" never came", text);
}

/* Returns: the child's exit status; the terminal must be as it was before. */
static int
finish(Child *child, gboolean restored)
{
    struct termios after;
    int status;
    while (read_some(child, DEADLINE_MS))
        ;
    g_assert_cmpint(waitpid(child->pid, &status, 0), ==, child->pid);
    g_assert_true(WIFEXITED(status));
    if (restored && tcgetattr(child->terminal, &after) == 0) {
        g_assert_cmpuint(after.c_lflag, ==, child->before.c_lflag);
        g_assert_cmpuint(after.c_oflag, ==, child->before.c_oflag);
        /* xterm: back from the alternate screen, cursor shown again */
        g_assert_nonnull(strstr(child->output->str, "\033[?1049l"));
    }
    close(child->terminal);
    g_string_free(child->output, TRUE);
    return WEXITSTATUS(status);
}

static void
test_keys(void)
{
    Child child;
    if (!start(&child, look, "xterm"))
        return;
    expect(&child, "vm-0000");
    type(&child, "s");
    expect_drawn(&child, "by name");
    type(&child, "\033OF"); /* End */
    expect_drawn(&child, "1000 of 1000");
    type(&child, "d7\177");
    type(&child, "0.2");
    expect_drawn(&child, "seconds: 0.2_");
    type(&child, "\r");
    expect_drawn(&child, "every 0.2 s");
    type(&child, "?");
    expect_drawn(&child, "Any key goes back");
    type(&child, "x ");
    expect_drawn(&child, "paused");
    type(&child, "q");
    g_assert_cmpint(finish(&child, TRUE), ==, 0);
}

static void
test_sizes(void)
{
    static const struct {
        guint columns, rows;
    } sizes[] = {{20, 5}, {1, 1}, {3, 2}, {500, 200}, {10, 60}, {80, 24}};
    Child child;
    if (!start(&child, look, "xterm"))
        return;
    expect(&child, "vm-0000");
    for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
        resize(&child, sizes[i].columns, sizes[i].rows);
        g_usleep(50000);
        type(&child, "s\033[6~\033OB?x");
    }
    expect_drawn(&child, "of 1000");
    type(&child, "q");
    g_assert_cmpint(finish(&child, TRUE), ==, 0);
}

static void
test_failed_looks_are_shown_and_tried_again(void)
{
    Child child;
    if (!start(&child, look, "xterm"))
        return;
    expect(&child, "vm-0000");
    expect(&child, "\\x1b[31m");
    expect(&child, "quit");
    type(&child, "q");
    g_assert_cmpint(finish(&child, TRUE), ==, 0);
}

static void
test_signals_give_the_terminal_back(gconstpointer signal_number)
{
    Child child;
    if (!start(&child, look, "xterm"))
        return;
    expect(&child, "vm-0000");
    kill(child.pid, GPOINTER_TO_INT(signal_number));
    g_assert_cmpint(finish(&child, TRUE), ==, 0);
}

static void
test_a_first_look_that_fails_ends_it(void)
{
    Child child;
    if (!start(&child, no_look, "xterm"))
        return;
    expect(&child, "ERROR libvirt is not there");
    g_assert_cmpint(finish(&child, FALSE), ==, 1);
}

static void
test_a_terminal_without_cursor_is_refused(gconstpointer terminal)
{
    Child child;
    if (!start(&child, look, terminal))
        return;
    expect(&child, "use --lines");
    g_assert_cmpint(finish(&child, FALSE), ==, 2);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/top/keys", test_keys);
    g_test_add_func("/top/sizes", test_sizes);
    g_test_add_func("/top/failed-looks-are-shown-and-tried-again",
                    test_failed_looks_are_shown_and_tried_again);
    g_test_add_data_func("/top/signal/term", GINT_TO_POINTER(SIGTERM),
                         test_signals_give_the_terminal_back);
    g_test_add_data_func("/top/signal/int", GINT_TO_POINTER(SIGINT),
                         test_signals_give_the_terminal_back);
    g_test_add_data_func("/top/signal/hup", GINT_TO_POINTER(SIGHUP),
                         test_signals_give_the_terminal_back);
    g_test_add_func("/top/a-first-look-that-fails-ends-it", test_a_first_look_that_fails_ends_it);
    g_test_add_data_func("/top/no-cursor/dumb", "dumb", test_a_terminal_without_cursor_is_refused);
    g_test_add_data_func("/top/no-cursor/unknown", "no-such-terminal",
                         test_a_terminal_without_cursor_is_refused);
    return g_test_run();
}

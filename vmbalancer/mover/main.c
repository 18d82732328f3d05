/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mover/peer.h"
#include "mover/privilege.h"
#include "mover/server.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vmbalancer/error.h>

/* Where service managers, and the client that spawns us, put the socket (sd_listen_fds(3)). */
#define SOCKET_FD 3

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static int
socket_option(int fd, int option)
{
    int value = -1;
    socklen_t size = sizeof value;
    return getsockopt(fd, SOL_SOCKET, option, &value, &size) < 0 ? -1 : value;
}

/* With LISTEN_PID the socket must be meant for us; without it, it was put there by hand. */
static gboolean
is_for_us(void)
{
    const char *pid = g_getenv("LISTEN_PID");
    const char *fds = g_getenv("LISTEN_FDS");
    return (pid == NULL || g_ascii_strtoll(pid, NULL, 10) == getpid()) &&
           (fds == NULL || g_str_equal(fds, "1"));
}

/*
 * With one client of its own it shares that one's terminal. An interrupt there is for the client, which
 * may end the move after its batch; it says so, or hangs up.
 */
static void
leave_terminal_to_client(void)
{
    static const int signals[] = {SIGINT, SIGQUIT, SIGHUP};
    for (guint i = 0; i < G_N_ELEMENTS(signals); i++)
        signal(signals[i], SIG_IGN);
}

/* Returns: the connected socket; -1 with @error. */
static int
open_socket(GError **error)
{
    if (!is_for_us() || socket_option(SOCKET_FD, SO_TYPE) != SOCK_SEQPACKET) {
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID,
                    "no SOCK_SEQPACKET socket as file descriptor %d; this program is started by "
                    "vmbalancerd, by the vmbalancer command or by a systemd socket unit, not by hand",
                    SOCKET_FD);
        return -1;
    }
    fcntl(SOCKET_FD, F_SETFD, FD_CLOEXEC);
    if (socket_option(SOCKET_FD, SO_ACCEPTCONN) != 1) {
        leave_terminal_to_client();
        return SOCKET_FD;
    }
    int fd = -1;
    do
        fd = accept4(SOCKET_FD, NULL, NULL, SOCK_CLOEXEC);
    while (fd < 0 && errno == EINTR);
    if (fd < 0)
        g_set_error(error, VB_ERROR, VB_ERROR_UNREACHABLE, "cannot accept a client: %s",
                    g_strerror(errno));
    close(SOCKET_FD);
    return fd;
}

static gboolean
parse_options(int *argc, char ***argv, gboolean *ret_version, GError **error)
{
    const GOptionEntry entries[] = {
        {"version", 'V', 0, G_OPTION_ARG_NONE, ret_version, "Print the version and exit", NULL},
        {NULL},
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_option_context_set_summary(
        context, "Samples and moves pages of QEMU guests between NUMA nodes for one client, which is "
                 "connected\nas file descriptor 3. Keeps CAP_SYS_PTRACE and CAP_SYS_NICE only.");
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, argc, argv, error))
        return FALSE;
    if (*argc > 1) {
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID, "unexpected argument \"%s\"; see --help",
                    (*argv)[1]);
        return FALSE;
    }
    return TRUE;
}

int
main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    gboolean version = FALSE;
    int fd = -1;
    if (!parse_options(&argc, &argv, &version, &error)) {
        g_printerr("vmbalancer-mover: %s\n", error->message);
        return EXIT_USAGE;
    }
    if (version) {
        g_print("vmbalancer-mover %s\n", VB_VERSION);
        return EXIT_DONE;
    }
    if (!vb_privilege_drop(&error) || (fd = open_socket(&error)) < 0 ||
        !vb_peer_check(fd, &error)) {
        g_printerr("vmbalancer-mover: %s\n", error->message);
        return g_error_matches(error, VB_ERROR, VB_ERROR_INVALID) ? EXIT_USAGE : EXIT_FAILED;
    }
    if (!vb_server_run(vb_kernel_real(), fd)) {
        g_printerr("vmbalancer-mover: the client broke the protocol; connection closed\n");
        return EXIT_FAILED;
    }
    return EXIT_DONE;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mover/spawn.h"
#include "sys/kernel.h"
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vmbalancer/error.h>

#define SOCKET_FD 3
#define END_WAIT_MS 2000
#define END_POLL_MS 10

char *
vb_spawn_find_program(void)
{
    const char *set = g_getenv("VMBALANCER_MOVER");
    if (set != NULL && *set != '\0')
        return g_strdup(set);
    VbKernel *kernel = vb_kernel_real();
    g_autofree char *self = kernel->ops->readlink(kernel, "/proc/self/exe", NULL);
    if (self != NULL) {
        static const char *const beside[] = {"vmbalancer-mover", "../mover/vmbalancer-mover"};
        g_autofree char *folder = g_path_get_dirname(self);
        for (guint i = 0; i < G_N_ELEMENTS(beside); i++) {
            g_autofree char *program = g_build_filename(folder, beside[i], NULL);
            if (g_file_test(program, G_FILE_TEST_IS_EXECUTABLE))
                return g_steal_pointer(&program);
        }
    }
    return g_build_filename(VB_LIBEXECDIR, "vmbalancer-mover", NULL);
}

gboolean
vb_spawn_start(const char *program, VbSpawned *ret, GError **error)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
        g_set_error(error, VB_ERROR, VB_ERROR_UNREACHABLE,
                    "cannot start the mover: no socket pair: %s", g_strerror(errno));
        return FALSE;
    }
    const char *const argv[] = {program, NULL};
    /* What a service manager said about our own descriptors is not about the child's. */
    g_auto(GStrv) environment = g_get_environ();
    environment = g_environ_unsetenv(environment, "LISTEN_PID");
    environment = g_environ_unsetenv(environment, "LISTEN_FDNAMES");
    environment = g_environ_unsetenv(environment, "NOTIFY_SOCKET");
    environment = g_environ_setenv(environment, "LISTEN_FDS", "1", TRUE);
    const int target = SOCKET_FD;
    g_autoptr(GError) reason = NULL;
    GPid pid = 0;
    gboolean started = g_spawn_async_with_pipes_and_fds(
        NULL, argv, (const char *const *)environment,
        G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, -1, -1, -1, &ends[1],
        &target, 1, &pid, NULL, NULL, NULL, &reason);
    close(ends[1]);
    if (!started) {
        close(ends[0]);
        g_set_error(error, VB_ERROR, VB_ERROR_UNREACHABLE,
                    "cannot start the mover: %s; install it there, or say where it is with "
                    "VMBALANCER_MOVER", reason->message);
        return FALSE;
    }
    *ret = (VbSpawned){.program = g_strdup(program), .pid = pid, .socket = ends[0]};
    return TRUE;
}

/* Returns: FALSE if it still runs; *@ret_status is -1 where somebody else has waited for it. */
static gboolean
has_ended(GPid pid, int *ret_status, int flags)
{
    pid_t got = 0;
    do
        got = waitpid(pid, ret_status, flags);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        *ret_status = -1;
    return got != 0;
}

static char *
describe(int status)
{
    if (status != -1 && WIFEXITED(status))
        return g_strdup_printf("exited with status %d", WEXITSTATUS(status));
    if (status != -1 && WIFSIGNALED(status))
        return g_strdup_printf("was killed by signal %d (%s)", WTERMSIG(status),
                               strsignal(WTERMSIG(status)));
    return g_strdup("ended");
}

char *
vb_spawn_end(VbSpawned *spawned)
{
    if (spawned->socket >= 0)
        close(spawned->socket);
    spawned->socket = -1;
    g_clear_pointer(&spawned->program, g_free);
    int status = -1;
    if (spawned->pid == 0)
        return describe(status);
    VbKernel *kernel = vb_kernel_real();
    gboolean ended = has_ended(spawned->pid, &status, WNOHANG);
    for (guint waited = 0; !ended && waited < END_WAIT_MS; waited += END_POLL_MS) {
        kernel->ops->sleep_ns(kernel, END_POLL_MS * G_GINT64_CONSTANT(1000000));
        ended = has_ended(spawned->pid, &status, WNOHANG);
    }
    if (!ended) {
        kill(spawned->pid, SIGKILL);
        has_ended(spawned->pid, &status, 0);
    }
    spawned->pid = 0;
    return describe(status);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The socket of the service manager: whom the client believes there, and whom the mover serves. */
#include "mover/peer.h"
#include "mover/unit.h"
#include "temp_dir.h"
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vmbalancer/error.h>

#define STRANGER 65534

static struct sockaddr_un
address_of(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    g_strlcpy(address.sun_path, path, sizeof address.sun_path);
    return address;
}

static int
listen_at(const char *path)
{
    struct sockaddr_un address = address_of(path);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    g_assert_cmpint(bind(fd, (struct sockaddr *)&address, sizeof address), ==, 0);
    g_assert_cmpint(listen(fd, 4), ==, 0);
    g_assert_cmpint(chmod(path, 0666), ==, 0);
    return fd;
}

/* A process of another user that connects, and stays until it is read from. */
static pid_t
stranger_connects(const char *path)
{
    struct sockaddr_un address = address_of(path);
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    int fd = setuid(STRANGER) == 0 ? socket(AF_UNIX, SOCK_SEQPACKET, 0) : -1;
    _exit(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0 ? 0 : 1);
}

/* Serves one client of the socket. Returns: whether it is welcome. */
static gboolean
welcomes_stranger(int listener, const char *path)
{
    g_autoptr(GError) error = NULL;
    pid_t pid = stranger_connects(path);
    int fd = accept(listener, NULL, NULL);
    int status = -1;
    gboolean welcome = vb_peer_check(fd, &error);
    if (!welcome)
        g_assert_error(error, VB_ERROR, VB_ERROR_DENIED);
    close(fd);
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    g_assert_cmpint(status, ==, 0);
    return welcome;
}

static gboolean
skip_without_root(void)
{
    if (geteuid() == 0)
        return FALSE;
    g_test_skip("only root can be somebody else");
    return TRUE;
}

static char *
open_dir(const char *dir)
{
    g_assert_cmpint(chmod(dir, 0777), ==, 0);
    return g_build_filename(dir, "socket", NULL);
}

static void
where_nobody_listens_there_is_no_unit(void)
{
    g_autoptr(TempDir) dir = temp_dir_new();
    g_autofree char *path = open_dir(dir);
    g_autoptr(GError) error = NULL;
    VbSpawned spawned;
    g_assert_cmpint(vb_unit_connect(path, &spawned, &error), ==, VB_UNIT_ABSENT);
    g_assert_no_error(error);
    close(listen_at(path));
    g_assert_cmpint(vb_unit_connect(path, &spawned, &error), ==, VB_UNIT_ABSENT);
    g_assert_no_error(error);
}

static void
a_path_too_long_is_an_error(void)
{
    g_autofree char *path = g_strnfill(200, 'x');
    g_autoptr(GError) error = NULL;
    VbSpawned spawned;
    g_assert_cmpint(vb_unit_connect(path, &spawned, &error), ==, VB_UNIT_FAILED);
    g_assert_error(error, VB_ERROR, VB_ERROR_UNREACHABLE);
}

static void
a_socket_that_root_made_is_believed(void)
{
    if (skip_without_root())
        return;
    g_autoptr(TempDir) dir = temp_dir_new();
    g_autofree char *path = open_dir(dir);
    int listener = listen_at(path);
    g_autoptr(GError) error = NULL;
    VbSpawned spawned;
    g_assert_cmpint(vb_unit_connect(path, &spawned, &error), ==, VB_UNIT_CONNECTED);
    g_assert_no_error(error);
    g_assert_cmpstr(spawned.program, ==, path);
    g_assert_cmpint(spawned.pid, ==, 0);
    int server = accept(listener, NULL, NULL);
    g_assert_true(vb_peer_check(server, &error));
    g_free(vb_spawn_end(&spawned));
    close(server);
    close(listener);
}

static void
a_socket_that_another_made_is_not(void)
{
    if (skip_without_root())
        return;
    g_autoptr(TempDir) dir = temp_dir_new();
    g_autofree char *path = open_dir(dir);
    int ready[2], end[2];
    g_assert_cmpint(pipe(ready) | pipe(end), ==, 0);
    pid_t pid = fork();
    if (pid == 0) {
        char byte = 0;
        close(end[1]);
        g_assert_cmpint(setuid(STRANGER), ==, 0);
        listen_at(path);
        g_assert_cmpint(write(ready[1], "", 1), ==, 1);
        _exit(read(end[0], &byte, 1) == 0 ? 0 : 1);
    }
    char byte = 0;
    g_assert_cmpint(read(ready[0], &byte, 1), ==, 1);
    g_autoptr(GError) error = NULL;
    VbSpawned spawned;
    g_assert_cmpint(vb_unit_connect(path, &spawned, &error), ==, VB_UNIT_FAILED);
    g_assert_error(error, VB_ERROR, VB_ERROR_DENIED);
    g_assert_nonnull(strstr(error->message, "user 65534"));
    close(end[1]);
    g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
    close(end[0]);
    close(ready[0]);
    close(ready[1]);
}

static void
the_mover_serves_root_and_whom_the_socket_belongs_to(void)
{
    if (skip_without_root())
        return;
    g_autoptr(TempDir) dir = temp_dir_new();
    g_autofree char *path = open_dir(dir);
    int listener = listen_at(path);
    g_assert_false(welcomes_stranger(listener, path));
    g_assert_cmpint(chown(path, STRANGER, STRANGER), ==, 0);
    g_assert_true(welcomes_stranger(listener, path));
    close(listener);
}

static void
the_mover_serves_who_started_it(void)
{
    int ends[2];
    g_autoptr(GError) error = NULL;
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), ==, 0);
    g_assert_true(vb_peer_check(ends[0], &error));
    g_assert_no_error(error);
    close(ends[0]);
    close(ends[1]);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mover-unit/where-nobody-listens-there-is-no-unit",
                    where_nobody_listens_there_is_no_unit);
    g_test_add_func("/mover-unit/a-path-too-long-is-an-error", a_path_too_long_is_an_error);
    g_test_add_func("/mover-unit/a-socket-that-root-made-is-believed",
                    a_socket_that_root_made_is_believed);
    g_test_add_func("/mover-unit/a-socket-that-another-made-is-not",
                    a_socket_that_another_made_is_not);
    g_test_add_func("/mover-unit/the-mover-serves-root-and-whom-the-socket-belongs-to",
                    the_mover_serves_root_and_whom_the_socket_belongs_to);
    g_test_add_func("/mover-unit/the-mover-serves-who-started-it", the_mover_serves_who_started_it);
    return g_test_run();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "private_libvirtd.h"

#include <glib/gstdio.h>
#include <grp.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Whom a test that runs as root runs libvirtd as: as root it would be the host's. */
#define NOBODY 65534
#define START_SECONDS 15

/* Between fork and exec: only what is safe there. */
static void
become_nobody(gpointer data)
{
    if (setgroups(0, NULL) != 0 || setgid(NOBODY) != 0 || setuid(NOBODY) != 0)
        _exit(127);
}

static GStrv
make_environment(const char *folder)
{
    static const char *const homes[] = {"HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME",
                                        "XDG_CACHE_HOME", "XDG_DATA_HOME"};
    GStrv environment = g_get_environ();
    for (guint i = 0; i < G_N_ELEMENTS(homes); i++)
        environment = g_environ_setenv(environment, homes[i], folder, TRUE);
    /* Meant for the test program; libvirtd's own warnings would kill it. */
    environment = g_environ_unsetenv(environment, "G_DEBUG");
    environment = g_environ_unsetenv(environment, "DBUS_SESSION_BUS_ADDRESS");
    return environment;
}

static char *
find_libvirtd(void)
{
    char *path = g_find_program_in_path("libvirtd");
    if (path == NULL && g_file_test("/usr/sbin/libvirtd", G_FILE_TEST_IS_EXECUTABLE))
        path = g_strdup("/usr/sbin/libvirtd");
    return path;
}

static void
write_settings(const char *folder, const char *path)
{
    g_autofree char *text = g_strdup_printf("unix_sock_dir = \"%s\"\n"
                                            "auth_unix_ro = \"none\"\nauth_unix_rw = \"none\"\n"
                                            "log_outputs = \"4:file:%s/log\"\n",
                                            folder, folder);
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static gboolean
spawn(PrivateLibvirtd *self, const char *program)
{
    g_autofree char *settings = g_build_filename(self->folder, "libvirtd.conf", NULL);
    g_autofree char *pid_file = g_build_filename(self->folder, "libvirtd.pid", NULL);
    write_settings(self->folder, settings);
    const char *const arguments[] = {program, "--config", settings, "--pid-file", pid_file, NULL};
    g_auto(GStrv) environment = make_environment(self->folder);
    gboolean root = geteuid() == 0;
    if (root)
        g_assert_cmpint(chown(self->folder, NOBODY, NOBODY), ==, 0);
    return g_spawn_async(self->folder, (char **)arguments, environment,
                         G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL |
                             G_SPAWN_STDERR_TO_DEV_NULL,
                         root ? become_nobody : NULL, NULL, &self->pid, NULL);
}

static gboolean
wait_until_it_answers(const PrivateLibvirtd *self)
{
    for (guint i = 0; i < START_SECONDS * 10; i++) {
        virConnectPtr connection = virConnectOpen(self->test_uri);
        if (connection != NULL) {
            virConnectClose(connection);
            return TRUE;
        }
        if (waitpid(self->pid, NULL, WNOHANG) == self->pid)
            return FALSE;
        g_usleep(100 * 1000);
    }
    return FALSE;
}

static void
be_quiet(void *data, virErrorPtr error)
{
}

PrivateLibvirtd *
private_libvirtd_start(void)
{
    g_autofree char *program = find_libvirtd();
    if (program == NULL) {
        g_test_skip("no libvirtd on this machine");
        return NULL;
    }
    virSetErrorFunc(NULL, be_quiet);
    g_autoptr(PrivateLibvirtd) self = g_new0(PrivateLibvirtd, 1);
    /* Not below TMPDIR, which may be long: a socket's path has 107 bytes at most. */
    self->folder = g_strdup("/tmp/vb-libvirtd-XXXXXX");
    g_assert_nonnull(g_mkdtemp(self->folder));
    self->test_uri = g_strdup_printf("test+unix:///default?socket=%s/libvirt-sock", self->folder);
    self->qemu_uri = g_strdup_printf("qemu+unix:///session?socket=%s/libvirt-sock", self->folder);
    if (spawn(self, program) && wait_until_it_answers(self))
        return g_steal_pointer(&self);
    g_test_skip("libvirtd does not start on this machine");
    return NULL;
}

void
private_libvirtd_kill(PrivateLibvirtd *self)
{
    if (self->pid == 0)
        return;
    kill(self->pid, SIGKILL);
    waitpid(self->pid, NULL, 0);
    self->pid = 0;
}

void
private_libvirtd_restart(PrivateLibvirtd *self)
{
    g_autofree char *program = find_libvirtd();
    g_assert_true(spawn(self, program));
    g_assert_true(wait_until_it_answers(self));
}

static char *
guests_folder(const PrivateLibvirtd *self)
{
    return g_build_filename(self->folder, "libvirt", "qemu", "run", NULL);
}

GPid
private_libvirtd_guest_pid(const PrivateLibvirtd *self, const char *name)
{
    g_autofree char *folder = guests_folder(self);
    g_autofree char *file = g_strconcat(folder, "/", name, ".pid", NULL);
    g_autofree char *text = NULL;
    if (!g_file_get_contents(file, &text, NULL, NULL))
        return 0;
    return (GPid)g_ascii_strtoll(text, NULL, 10);
}

static void
kill_guests(const PrivateLibvirtd *self)
{
    g_autofree char *path = guests_folder(self);
    g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);
    const char *file;
    while (folder != NULL && (file = g_dir_read_name(folder)) != NULL) {
        if (!g_str_has_suffix(file, ".pid") || g_str_equal(file, "driver.pid"))
            continue;
        g_autofree char *name = g_strndup(file, strlen(file) - strlen(".pid"));
        GPid pid = private_libvirtd_guest_pid(self, name);
        if (pid > 1)
            kill(pid, SIGKILL);
    }
}

static void
remove_tree(const char *path)
{
    g_autoptr(GDir) folder =
        g_file_test(path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open(path, 0, NULL);
    const char *name;
    while (folder != NULL && (name = g_dir_read_name(folder)) != NULL) {
        g_autofree char *inner = g_build_filename(path, name, NULL);
        remove_tree(inner);
    }
    g_remove(path);
}

void
private_libvirtd_free(PrivateLibvirtd *self)
{
    if (self == NULL)
        return;
    private_libvirtd_kill(self);
    kill_guests(self);
    remove_tree(self->folder);
    g_free(self->folder);
    g_free(self->test_uri);
    g_free(self->qemu_uri);
    g_free(self);
}

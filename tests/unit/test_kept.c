/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sys/kernel.h"
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vmbalancer/error.h>

typedef VbKernel KeptKernel;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KeptKernel, vb_kernel_kept_free)

static pid_t
start_child(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        pause();
        _exit(0);
    }
    g_assert_cmpint(pid, >, 0);
    return pid;
}

static void
end_child(pid_t pid)
{
    kill(pid, SIGKILL);
    g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
}

static char *
read_file(VbKernel *kernel, pid_t pid, const char *file, GError **error)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/%s", pid, file);
    char *text = NULL;
    return kernel->ops->read(kernel, path, 65536, &text, NULL, error) ? text : NULL;
}

static void
a_kept_file_shows_what_is_now(void)
{
    g_autoptr(KeptKernel) kernel = vb_kernel_kept_new(vb_kernel_real(), 8);
    pid_t child = start_child();
    VbProcess before, after;
    VbProcessStat stat;
    g_assert_true(vb_process_identify(kernel, child, &before, NULL));
    g_assert_cmpuint(vb_kernel_kept_count(kernel), ==, 1);
    kill(child, SIGSTOP);
    g_assert_cmpint(waitpid(child, NULL, WUNTRACED), ==, child);
    g_assert_true(vb_process_stat(kernel, child, &stat, NULL));
    g_assert_cmpint(stat.state, ==, 'T');
    g_assert_true(vb_process_identify(kernel, child, &after, NULL));
    g_assert_cmpuint(after.start_time, ==, before.start_time);
    g_assert_cmpuint(vb_kernel_kept_count(kernel), ==, 1);
    end_child(child);
}

static void
who_ended_is_not_there_and_keeps_no_file(void)
{
    g_autoptr(KeptKernel) kernel = vb_kernel_kept_new(vb_kernel_real(), 8);
    pid_t child = start_child();
    VbProcess process;
    g_assert_true(vb_process_identify(kernel, child, &process, NULL));
    end_child(child);
    g_autoptr(GError) error = NULL;
    g_assert_null(read_file(kernel, child, "stat", &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_NO_GUEST);
    g_assert_false(vb_process_alive(kernel, &process));
    g_assert_cmpuint(vb_kernel_kept_count(kernel), ==, 0);
}

/* Neither a zombie nor somebody else of that number is the process. */
static void
a_process_lives_until_it_ends(void)
{
    g_autoptr(KeptKernel) kernel = vb_kernel_kept_new(vb_kernel_real(), 8);
    pid_t child = start_child();
    VbProcess process, other;
    g_assert_true(vb_process_identify(vb_kernel_real(), child, &process, NULL));
    other = (VbProcess){process.pid, process.start_time - 1};
    g_assert_false(vb_process_alive(kernel, &other));
    g_assert_cmpuint(vb_kernel_kept_count(kernel), ==, 0);
    for (guint i = 0; i < 3; i++)
        g_assert_true(vb_process_alive(kernel, &process));
    g_assert_cmpuint(vb_kernel_kept_count(kernel), ==, 1);
    siginfo_t ended;
    kill(child, SIGKILL);
    g_assert_cmpint(waitid(P_PID, (id_t)child, &ended, WEXITED | WNOWAIT), ==, 0);
    g_assert_false(vb_process_alive(kernel, &process));
    g_assert_cmpuint(vb_kernel_kept_count(kernel), ==, 0);
    g_assert_false(vb_process_alive(kernel, &process));
    g_assert_cmpint(waitpid(child, NULL, 0), ==, child);
    g_assert_false(vb_process_alive(kernel, &process));
}

static void
files_are_kept_up_to_a_bound(void)
{
    g_autoptr(KeptKernel) kernel = vb_kernel_kept_new(vb_kernel_real(), 3);
    pid_t children[5];
    for (guint round = 0; round < 2; round++)
        for (guint i = 0; i < G_N_ELEMENTS(children); i++) {
            if (round == 0)
                children[i] = start_child();
            g_autofree char *text = read_file(kernel, children[i], "stat", NULL);
            g_autofree char *number = g_strdup_printf("%d (", children[i]);
            g_assert_true(text != NULL && g_str_has_prefix(text, number));
            g_assert_cmpuint(vb_kernel_kept_count(kernel), <=, 3);
        }
    g_assert_cmpuint(vb_kernel_kept_count(kernel), ==, 3);
    for (guint i = 0; i < G_N_ELEMENTS(children); i++)
        end_child(children[i]);
}

static void
what_is_read_once_is_not_kept(void)
{
    static const char *const files[] = {"cmdline", "maps", "comm"};
    g_autoptr(KeptKernel) kernel = vb_kernel_kept_new(vb_kernel_real(), 8);
    for (guint i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autofree char *text = read_file(kernel, getpid(), files[i], NULL);
        g_assert_nonnull(text);
    }
    g_assert_cmpuint(vb_kernel_kept_count(kernel), ==, 0);
    g_autofree char *cgroup = read_file(kernel, getpid(), "cgroup", NULL);
    g_autofree char *times = read_file(kernel, getpid(), "schedstat", NULL);
    g_assert_cmpuint(vb_kernel_kept_count(kernel), >=, 1);
}

static void
out_of_files_it_gives_back_its_own(void)
{
    g_autoptr(KeptKernel) kernel = vb_kernel_kept_new(vb_kernel_real(), 8);
    pid_t children[3];
    VbProcess seen;
    for (guint i = 0; i < 3; i++)
        children[i] = start_child();
    for (guint i = 0; i < 2; i++)
        g_assert_true(vb_process_identify(kernel, children[i], &seen, NULL));
    struct rlimit before, none;
    g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &before), ==, 0);
    int next = dup(STDIN_FILENO);
    none = (struct rlimit){.rlim_cur = (rlim_t)next, .rlim_max = before.rlim_max};
    close(next);
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &none), ==, 0);
    gboolean found = vb_process_identify(kernel, children[2], &seen, NULL);
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &before), ==, 0);
    g_assert_true(found);
    g_assert_cmpuint(vb_kernel_kept_count(kernel), ==, 2);
    for (guint i = 0; i < 3; i++)
        end_child(children[i]);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/kept/now", a_kept_file_shows_what_is_now);
    g_test_add_func("/kept/ended", who_ended_is_not_there_and_keeps_no_file);
    g_test_add_func("/kept/process", a_process_lives_until_it_ends);
    g_test_add_func("/kept/bound", files_are_kept_up_to_a_bound);
    g_test_add_func("/kept/once", what_is_read_once_is_not_kept);
    g_test_add_func("/kept/out-of-files", out_of_files_it_gives_back_its_own);
    return g_test_run();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake_kernel.h"
#include <errno.h>
#include <glib/gstdio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vmbalancer/error.h>

#define TAIL " 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 4 0 4711 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 17 13 0 0\n"

static void
stat_text_is_parsed_whatever_the_name(void)
{
    static const struct {
        const char *text;
        char state;
    } good[] = {
        {"7 (qemu) S" TAIL, 'S'},
        {"7 (a b) c) R" TAIL, 'R'},
        {"7 (CPU 0/KVM) R" TAIL, 'R'},
        {"7 () T" TAIL, 'T'},
        {"7 (x) Z 99 (y) t" TAIL, 't'},
        {"7 (new\nline\n) D" TAIL, 'D'},
    };
    for (guint i = 0; i < G_N_ELEMENTS(good); i++) {
        VbProcessStat stat;
        g_assert_true(vb_process_parse_stat(good[i].text, strlen(good[i].text), &stat));
        g_assert_cmpint(stat.state, ==, good[i].state);
        g_assert_cmpuint(stat.start_time, ==, 4711);
        g_assert_cmpint(stat.last_cpu, ==, 13);
    }
}

static void
other_text_is_no_stat(void)
{
    static const char *const bad[] = {
        "",
        ")",
        "7 qemu S" TAIL,
        "7 (qemu",
        "7 (qemu) S 1 1 1",
        "7 (qemu) SS" TAIL,
        "7 (qemu) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 4 0 -5 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 17 1 0 0",
    };
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        VbProcessStat stat = {.last_cpu = 77};
        g_assert_false(vb_process_parse_stat(bad[i], strlen(bad[i]), &stat));
        g_assert_cmpint(stat.last_cpu, ==, 77);
    }
}

static void
the_real_kernel_knows_this_process(void)
{
    VbKernel *kernel = vb_kernel_real();
    VbProcess self;
    g_autoptr(GError) error = NULL;
    g_assert_true(vb_process_identify(kernel, getpid(), &self, &error));
    g_assert_true(vb_process_alive(kernel, &self));
    VbProcess other = {.pid = self.pid, .start_time = self.start_time + 1};
    g_assert_false(vb_process_alive(kernel, &other));
    VbCpuSet cpus;
    g_assert_cmpint(kernel->ops->get_affinity(kernel, 0, &cpus), ==, 0);
    g_assert_cmpuint(vb_cpuset_count(&cpus), >, 0);
    g_assert_cmpint(kernel->ops->get_affinity(kernel, G_MAXINT, &cpus), ==, -ESRCH);
    g_autofree char *exe = kernel->ops->readlink(kernel, "/proc/self/exe", &error);
    g_assert_no_error(error);
    g_assert_true(g_path_is_absolute(exe));
}

static void
a_zombie_is_not_alive(void)
{
    VbKernel *kernel = vb_kernel_real();
    int pid = fork();
    if (pid == 0) {
        pause();
        _exit(0);
    }
    VbProcess child;
    g_assert_true(vb_process_identify(kernel, pid, &child, NULL));
    int pidfd = kernel->ops->open_process(kernel, pid);
    g_assert_cmpint(pidfd, >=, 0);
    g_assert_false(kernel->ops->process_ended(kernel, pidfd));
    kill(pid, SIGKILL);
    while (!kernel->ops->process_ended(kernel, pidfd))
        kernel->ops->sleep_ns(kernel, 1000000);
    g_assert_false(vb_process_alive(kernel, &child));
    g_autoptr(GError) error = NULL;
    g_assert_false(vb_process_identify(kernel, pid, &child, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_NO_GUEST);
    waitpid(pid, NULL, 0);
    close(pidfd);
    g_assert_cmpint(kernel->ops->open_process(kernel, pid), ==, -ESRCH);
}

static void
the_real_kernel_tells_where_a_page_is(void)
{
    VbKernel *kernel = vb_kernel_real();
    g_autofree char *memory = g_malloc(8192);
    memory[4096] = 1;
    void *page = GSIZE_TO_POINTER(GPOINTER_TO_SIZE(memory + 4096) & ~(gsize)4095);
    int node = G_MININT;
    long result = kernel->ops->move_pages(kernel, getpid(), 1, &page, NULL, &node, 0);
    if (result == -ENOSYS) {
        g_test_skip("this kernel has no NUMA");
        return;
    }
    g_assert_cmpint(result, ==, 0);
    g_assert_cmpint(node, >=, 0);
    g_assert_cmpint(kernel->ops->move_pages(kernel, G_MAXINT, 1, &page, NULL, &node, 0), ==,
                    -ESRCH);
}

static void
time_passes_by_sleeping(void)
{
    VbKernel *kernel = vb_kernel_real();
    gint64 before_ns = kernel->ops->now_ns(kernel);
    kernel->ops->sleep_ns(kernel, 2000000);
    g_assert_cmpint(kernel->ops->now_ns(kernel) - before_ns, >=, 2000000);
    kernel->ops->sleep_ns(kernel, -1);
}

static void
reading_keeps_to_its_limit_and_names_its_errors(void)
{
    VbKernel *kernel = vb_kernel_real();
    static const struct {
        const char *path;
        gsize limit;
        int code;
    } bad[] = {
        {"/proc/self/maps", 10, VB_ERROR_INVALID},
        {"/proc/self/nothing", 4096, VB_ERROR_NO_GUEST},
        {"/proc/self", 4096, VB_ERROR_FAILED},
    };
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        char *text = NULL;
        g_assert_false(
            kernel->ops->read(kernel, bad[i].path, bad[i].limit, &text, NULL, &error));
        g_assert_error(error, VB_ERROR, bad[i].code);
        g_assert_nonnull(strstr(error->message, bad[i].path));
        g_assert_null(text);
    }
}

/* Makes a captured host. Returns: its root, to remove. */
static char *
capture(void)
{
    char *root = g_dir_make_tmp("vmbalancer-XXXXXX", NULL);
    g_autofree char *folder = g_build_filename(root, "sys", NULL);
    g_autofree char *number = g_build_filename(folder, "number", NULL);
    g_autofree char *word = g_build_filename(folder, "word", NULL);
    g_assert_cmpint(g_mkdir(folder, 0700), ==, 0);
    g_assert_true(g_file_set_contents(number, "4096\n", -1, NULL));
    g_assert_true(g_file_set_contents(word, "always [madvise] never\nmore\n", -1, NULL));
    return root;
}

static void
a_captured_host_reads_from_its_folder(void)
{
    g_autofree char *root = capture();
    VbKernel *kernel = vb_kernel_captured_new(root);
    g_autoptr(GError) error = NULL;
    guint64 number = 0;
    g_assert_true(vb_kernel_read_number(kernel, "/sys/number", &number, &error));
    g_assert_cmpuint(number, ==, 4096);
    g_autofree char *line = vb_kernel_read_line(kernel, "/sys/word", &error);
    g_assert_cmpstr(line, ==, "always [madvise] never");
    g_assert_false(vb_kernel_read_number(kernel, "/sys/word", &number, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_INVALID);
    g_auto(GStrv) names = kernel->ops->list(kernel, "/sys", NULL);
    g_assert_cmpuint(g_strv_length(names), ==, 2);
    g_assert_cmpstr(names[0], ==, "number");
    g_assert_null(kernel->ops->list(kernel, "/proc", NULL));
    g_assert_cmpint(kernel->ops->move_pages(kernel, 1, 0, NULL, NULL, NULL, 0), ==, -ENOSYS);
    kernel->ops->sleep_ns(kernel, 5);
    g_assert_cmpint(kernel->ops->now_ns(kernel), ==, 5);
    vb_kernel_captured_free(kernel);
    for (guint i = 0; names[i] != NULL; i++) {
        g_autofree char *path = g_build_filename(root, "sys", names[i], NULL);
        g_unlink(path);
    }
    g_autofree char *folder = g_build_filename(root, "sys", NULL);
    g_rmdir(folder);
    g_rmdir(root);
}

static void
the_fake_kernel_keeps_processes_apart(void)
{
    g_autoptr(FakeKernel) fake = fake_kernel_new();
    FakeProcess *first = fake_kernel_start(fake, 7, 100, "/usr/bin/qemu-system-x86_64", "qemu");
    VbProcess seen;
    g_assert_true(vb_process_identify(&fake->kernel, 7, &seen, NULL));
    g_assert_cmpuint(seen.start_time, ==, 100);
    fake_kernel_start(fake, 7, 200, "/bin/true", "true");
    g_assert_true(fake_process_has_ended(first));
    g_assert_false(vb_process_alive(&fake->kernel, &seen));
    g_auto(GStrv) names = fake->kernel.ops->list(&fake->kernel, "/proc/7", NULL);
    g_assert_cmpuint(g_strv_length(names), ==, 3);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sys/stat text is parsed whatever the name", stat_text_is_parsed_whatever_the_name);
    g_test_add_func("/sys/other text is no stat", other_text_is_no_stat);
    g_test_add_func("/sys/the real kernel knows this process", the_real_kernel_knows_this_process);
    g_test_add_func("/sys/a zombie is not alive", a_zombie_is_not_alive);
    g_test_add_func("/sys/the real kernel tells where a page is",
                    the_real_kernel_tells_where_a_page_is);
    g_test_add_func("/sys/time passes by sleeping", time_passes_by_sleeping);
    g_test_add_func("/sys/reading keeps to its limit and names its errors",
                    reading_keeps_to_its_limit_and_names_its_errors);
    g_test_add_func("/sys/a captured host reads from its folder",
                    a_captured_host_reads_from_its_folder);
    g_test_add_func("/sys/the fake kernel keeps processes apart",
                    the_fake_kernel_keeps_processes_apart);
    return g_test_run();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mover/pin.h"
#include "temp_dir.h"
#include <errno.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vmbalancer/error.h>

/*
 * The real mover on the real kernel, end to end, against a real process: this program, copied and run
 * under the name of a system emulator.
 */
#define PAGE G_GUINT64_CONSTANT(4096)
#define PAGES 1000
#define TOUCHED 600

/* Child: maps PAGES pages, touches TOUCHED of them, says where, and waits for its end. */
static int
be_guest(void)
{
    char *memory = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                        -1, 0);
    if (memory == MAP_FAILED)
        return 1;
    madvise(memory, PAGES * PAGE, MADV_NOHUGEPAGE);
    for (guint i = 0; i < TOUCHED; i++)
        memory[i * PAGE] = (char)(i + 1);
    printf("%p\n", (void *)memory);
    fflush(stdout);
    return read(0, memory, 1) == 0 ? 0 : 1;
}

typedef struct {
    char *folder, *program;
    GPid pid;
    int in;
    VbProcess process;
    VbRange range;
} Guest;

static void
guest_begin(Guest *guest, const char *name)
{
    VbKernel *kernel = vb_kernel_real();
    g_autoptr(GError) error = NULL;
    g_autofree char *self = kernel->ops->readlink(kernel, "/proc/self/exe", &error);
    g_autofree char *content = NULL;
    gsize size = 0;
    guest->folder = temp_dir_new();
    guest->program = g_build_filename(guest->folder, name, NULL);
    g_assert_true(g_file_get_contents(self, &content, &size, &error));
    g_assert_true(g_file_set_contents(guest->program, content, (gssize)size, &error));
    g_assert_cmpint(g_chmod(guest->program, 0755), ==, 0);
    char *argv[] = {guest->program, (char *)"-name", (char *)"guest=test", NULL};
    int out = -1;
    g_assert_true(g_spawn_async_with_pipes(NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL,
                                           &guest->pid, &guest->in, &out, NULL, &error));
    char line[64] = "";
    g_assert_cmpint(read(out, line, sizeof line - 1), >, 0);
    close(out);
    guint64 start = g_ascii_strtoull(line, NULL, 16);
    guest->range = (VbRange){start, start + PAGES * PAGE, PAGE};
    g_assert_true(vb_process_identify(kernel, guest->pid, &guest->process, &error));
}

static void
guest_kill(Guest *guest)
{
    if (guest->pid == 0)
        return;
    kill(guest->pid, SIGKILL);
    waitpid(guest->pid, NULL, 0);
    guest->pid = 0;
}

static void
guest_end(Guest *guest)
{
    guest_kill(guest);
    close(guest->in);
    g_free(guest->program);
    temp_dir_free(guest->folder);
}

static VbMover *
spawn(void)
{
    g_autoptr(GError) error = NULL;
    VbMover *mover = vb_mover_spawn(NULL, &error);
    g_assert_no_error(error);
    return mover;
}

static gboolean
skip_without_numa(void)
{
    VbKernel *kernel = vb_kernel_real();
    void *page = NULL;
    int node;
    if (kernel->ops->move_pages(kernel, getpid(), 1, &page, NULL, &node, 0) != -ENOSYS)
        return FALSE;
    g_test_skip("this kernel has no NUMA");
    return TRUE;
}

static void
sampling_counts_the_pages_that_are_there(void)
{
    if (skip_without_numa())
        return;
    Guest guest;
    guest_begin(&guest, "qemu-system-test");
    g_autoptr(VbMover) mover = spawn();
    g_autoptr(GError) error = NULL;
    VbSample sample;
    vb_mover_sample(mover, &guest.process, &guest.range, 1, 5000, 1, &sample, &error);
    g_assert_no_error(error);
    guint64 present = 0;
    for (guint i = 0; i < VB_NODES_MAX; i++)
        present += sample.by_node[i];
    g_assert_true(sample.census);
    g_assert_cmpuint(sample.pages_total, ==, PAGES);
    g_assert_cmpuint(present, ==, TOUCHED);
    g_assert_cmpuint(sample.absent, ==, PAGES - TOUCHED);
    g_assert_cmpuint(sample.unknown, ==, 0);
    vb_mover_sample(mover, &guest.process, &guest.range, 1, 100, 1, &sample, &error);
    g_assert_no_error(error);
    g_assert_false(sample.census);
    g_assert_cmpuint(sample.absent, ==, 40); /* 100 strata of 10 pages, the border between two */
    guest_end(&guest);
}

static void
files_come_through(void)
{
    static const VbMoverFile files[] = {VB_MOVER_MAPS, VB_MOVER_NUMA_MAPS, VB_MOVER_SMAPS};
    if (skip_without_numa())
        return;
    Guest guest;
    guest_begin(&guest, "qemu-system-test");
    g_autoptr(VbMover) mover = spawn();
    g_autofree char *start = g_strdup_printf("%" G_GINT64_MODIFIER "x", guest.range.start);
    for (guint i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autoptr(GError) error = NULL;
        gsize length = 0;
        g_autofree char *text = vb_mover_read(mover, &guest.process, files[i], &length, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(strlen(text), ==, length);
        g_assert_nonnull(strstr(text, start));
    }
    guest_end(&guest);
}

static void
nothing_moves_to_where_all_is(void)
{
    if (skip_without_numa())
        return;
    Guest guest;
    guest_begin(&guest, "qemu-system-test");
    g_autoptr(VbMover) mover = spawn();
    g_autoptr(GError) error = NULL;
    VbSample sample;
    VbMoveReport report;
    VbMoveBudget budget = {0};
    vb_mover_sample(mover, &guest.process, &guest.range, 1, PAGES, 1, &sample, &error);
    g_assert_no_error(error);
    int node = 0;
    while (node < VB_NODES_MAX - 1 && sample.by_node[node] == 0)
        node++;
    if (sample.by_node[node] == TOUCHED) {
        vb_mover_move(mover, &guest.process, &guest.range, 1, node, &budget, NULL, NULL, NULL,
                      &report, &error);
        g_assert_no_error(error);
        g_assert_cmpint(report.end, ==, VB_MOVE_COMPLETE);
        g_assert_cmpuint(report.batches, ==, 0);
    }
    g_assert_false(vb_mover_move(mover, &guest.process, &guest.range, 1, VB_NODES_MAX - 1, &budget,
                                 NULL, NULL, NULL, &report, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_INVALID); /* no such node */
    guest_end(&guest);
}

static void
a_thread_runs_where_it_is_put(void)
{
    VbKernel *kernel = vb_kernel_real();
    Guest guest;
    guest_begin(&guest, "qemu-system-test");
    g_autoptr(VbMover) mover = spawn();
    g_autoptr(GError) error = NULL;
    VbCpuSet before, one = {0}, now;
    g_assert_cmpint(kernel->ops->get_affinity(kernel, guest.pid, &before), ==, 0);
    for (guint cpu = VB_CPUS_MAX; cpu-- > 0;)
        if (vb_cpuset_has(&before, cpu)) {
            vb_cpuset_add(&one, cpu);
            break;
        }
    g_assert_true(vb_mover_pin(mover, &guest.process, guest.pid, &one, &error));
    g_assert_no_error(error);
    g_assert_cmpint(kernel->ops->get_affinity(kernel, guest.pid, &now), ==, 0);
    g_assert_true(vb_cpuset_equal(&now, &one));
    g_assert_true(vb_mover_pin(mover, &guest.process, guest.pid, &before, &error));
    g_assert_cmpint(kernel->ops->get_affinity(kernel, guest.pid, &now), ==, 0);
    g_assert_true(vb_cpuset_equal(&now, &before));
    g_assert_false(vb_mover_pin(mover, &guest.process, getpid(), &one, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_FAILED); /* a thread, but not the guest's */
    guest_end(&guest);
}

static void
a_process_that_is_no_guest_is_refused(void)
{
    Guest guest;
    guest_begin(&guest, "not-qemu");
    g_autoptr(VbMover) mover = spawn();
    VbSample sample;
    VbMoveReport report;
    VbMoveBudget budget = {0};
    g_autoptr(GError) error = NULL;
    g_assert_null(vb_mover_read(mover, &guest.process, VB_MOVER_MAPS, NULL, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_DENIED);
    g_clear_error(&error);
    g_assert_false(
        vb_mover_sample(mover, &guest.process, &guest.range, 1, 1, 0, &sample, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_DENIED);
    g_clear_error(&error);
    g_assert_false(vb_mover_move(mover, &guest.process, &guest.range, 1, 0, &budget, NULL, NULL,
                                 NULL, &report, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_DENIED);
    g_clear_error(&error);
    g_assert_false(
        vb_mover_pin(mover, &guest.process, guest.pid, &(VbCpuSet){.word = {1}}, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_DENIED);
    guest_end(&guest);
}

static void
a_guest_that_ended_or_changed_is_told_so(void)
{
    Guest guest;
    guest_begin(&guest, "qemu-system-test");
    g_autoptr(VbMover) mover = spawn();
    g_autoptr(GError) error = NULL;
    VbProcess other = guest.process;
    other.start_time++;
    g_assert_null(vb_mover_read(mover, &other, VB_MOVER_MAPS, NULL, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_CHANGED);
    g_clear_error(&error);
    guest_kill(&guest);
    g_assert_null(vb_mover_read(mover, &guest.process, VB_MOVER_MAPS, NULL, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_NO_GUEST);
    g_clear_error(&error);
    VbMoveReport report;
    VbMoveBudget budget = {0};
    g_assert_true(vb_mover_move(mover, &guest.process, &guest.range, 1, 0, &budget, NULL, NULL,
                                NULL, &report, &error));
    g_assert_cmpint(report.end, ==, VB_MOVE_GONE);
    guest_end(&guest);
}

/* The mover that this process started. */
static int
find_mover(void)
{
    VbKernel *kernel = vb_kernel_real();
    g_auto(GStrv) names = kernel->ops->list(kernel, "/proc", NULL);
    g_autofree char *mark = g_strdup_printf("(vmbalancer-move) S %d ", getpid());
    g_autofree char *running = g_strdup_printf("(vmbalancer-move) R %d ", getpid());
    for (guint i = 0; names[i] != NULL; i++) {
        g_autofree char *path = g_strdup_printf("/proc/%s/stat", names[i]);
        g_autofree char *text = NULL;
        if (g_ascii_isdigit(names[i][0]) &&
            kernel->ops->read(kernel, path, 4096, &text, NULL, NULL) &&
            (strstr(text, mark) != NULL || strstr(text, running) != NULL))
            return atoi(names[i]);
    }
    return 0;
}

static gpointer
kill_soon(gpointer pid)
{
    g_usleep(200000);
    kill(GPOINTER_TO_INT(pid), SIGKILL);
    return NULL;
}

static void
a_mover_killed_half_way_is_a_clean_error(void)
{
    if (skip_without_numa())
        return;
    Guest guest;
    guest_begin(&guest, "qemu-system-test");
    g_autoptr(VbMover) mover = spawn();
    int pid = find_mover();
    g_assert_cmpint(pid, >, 0);
    GThread *killer = g_thread_new("kill", kill_soon, GINT_TO_POINTER(pid));
    /* Much to ask: it takes many seconds. */
    const VbRange wide = {PAGE, PAGE + (G_GUINT64_CONSTANT(1) << 40), PAGE};
    VbSample sample;
    g_autoptr(GError) error = NULL;
    g_assert_false(
        vb_mover_sample(mover, &guest.process, &wide, 1, 1u << 28, 0, &sample, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_UNREACHABLE);
    g_assert_nonnull(strstr(error->message, "was killed by signal 9"));
    g_thread_join(killer);
    guest_end(&guest);
}

/* They reach the client too, which decides what becomes of a move that is under way. */
static void
what_a_terminal_sends_to_all_its_processes_does_not_end_the_mover(void)
{
    static const int signals[] = {SIGINT, SIGQUIT, SIGHUP};
    g_autoptr(VbMover) mover = spawn();
    int pid = find_mover();
    g_assert_cmpint(pid, >, 0);
    for (guint i = 0; i < G_N_ELEMENTS(signals); i++) {
        g_autoptr(GError) error = NULL;
        VbProcess nobody = {G_MAXINT, 1};
        g_assert_cmpint(kill(pid, signals[i]), ==, 0);
        g_assert_null(vb_mover_read(mover, &nobody, VB_MOVER_MAPS, NULL, &error));
        g_assert_error(error, VB_ERROR, VB_ERROR_NO_GUEST);
    }
}

static void
the_mover_has_two_capabilities_at_most_and_ends_with_its_client(void)
{
    VbMover *mover = spawn();
    int pid = find_mover();
    VbKernel *kernel = vb_kernel_real();
    g_autofree char *path = g_strdup_printf("/proc/%d/status", pid);
    g_autofree char *text = NULL;
    g_assert_true(kernel->ops->read(kernel, path, 65536, &text, NULL, NULL));
    static const char *const sets[] = {"CapInh:\t", "CapPrm:\t", "CapEff:\t", "CapAmb:\t"};
    for (guint i = 0; i < G_N_ELEMENTS(sets); i++) {
        const char *line = strstr(text, sets[i]);
        g_assert_nonnull(line);
        /* CAP_SYS_PTRACE is 19, CAP_SYS_NICE is 23. */
        guint64 set = g_ascii_strtoull(line + strlen(sets[i]), NULL, 16);
        g_assert_cmphex(set & ~(G_GUINT64_CONSTANT(1) << 19 | G_GUINT64_CONSTANT(1) << 23), ==, 0);
    }
    g_assert_nonnull(strstr(text, "NoNewPrivs:\t1"));
    vb_mover_close(mover);
    g_assert_cmpint(kill(pid, 0), ==, -1);
}

int
main(int argc, char **argv)
{
    if (argc == 3 && g_str_equal(argv[2], "guest=test"))
        return be_guest();
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mover/process/a thread runs where it is put", a_thread_runs_where_it_is_put);
    g_test_add_func("/mover/process/sampling counts the pages that are there",
                    sampling_counts_the_pages_that_are_there);
    g_test_add_func("/mover/process/files come through", files_come_through);
    g_test_add_func("/mover/process/nothing moves to where all is", nothing_moves_to_where_all_is);
    g_test_add_func("/mover/process/a process that is no guest is refused",
                    a_process_that_is_no_guest_is_refused);
    g_test_add_func("/mover/process/a guest that ended or changed is told so",
                    a_guest_that_ended_or_changed_is_told_so);
    g_test_add_func("/mover/process/a mover killed half way is a clean error",
                    a_mover_killed_half_way_is_a_clean_error);
    g_test_add_func("/mover/process/what a terminal sends to all its processes does not end the mover",
                    what_a_terminal_sends_to_all_its_processes_does_not_end_the_mover);
    g_test_add_func("/mover/process/the mover has two capabilities at most and ends with its client",
                    the_mover_has_two_capabilities_at_most_and_ends_with_its_client);
    return g_test_run();
}

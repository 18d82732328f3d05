/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "observe/process.h"
#include "observe/threads.h"
#include "observe_fixture.h"

#define UUID "c7a5fdbd-edaf-9455-926a-d65c16db1801" /* of the captured guest "anonymous" */

/* A tree with a process: its command line's arguments are parted by '|'. */
static void
add_process(const char *root, int pid, guint start_time, const char *arguments)
{
    g_autofree char *cmdline = g_strdup(arguments);
    g_autofree char *path = g_strdup_printf("proc/%d/cmdline", pid);
    g_autofree char *stat_path = g_strdup_printf("proc/%d/stat", pid);
    g_autofree char *stat = g_strdup_printf(
        "%d (a ) S 9) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 %u "
        "0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 17 5 0 0 0 0 0 0 0 0 0 0 0 0 0\n", pid, start_time);
    gsize length = strlen(cmdline);
    test_tree_write(root, path, g_strdelimit(cmdline, "|", '\0'), (gssize)length);
    test_tree_write(root, stat_path, stat, -1);
}

static char *
tree_new(void)
{
    return g_dir_make_tmp("vmbalancer-observe-XXXXXX", NULL);
}

static void
the_pid_file_leads_to_the_process(void)
{
    g_autoptr(TestHost) host = test_host_new("qemu-anonymous");
    VbProcess process;
    g_autoptr(GError) error = NULL;
    g_assert_true(vb_guest_process_find(&host->kernel, "anonymous", UUID, &process, &error));
    g_assert_cmpint(process.pid, ==, test_host_pid(host, "anonymous"));
    g_assert_cmpuint(process.start_time, >, 0);
}

static void
without_a_pid_file_the_command_line_tells(void)
{
    static const char *const names[] = {"other", "", "../../../etc/passwd", "a/b", ".."};
    g_autoptr(TestHost) host = test_host_new("qemu-anonymous");
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        VbProcess process;
        g_assert_true(vb_guest_process_find(&host->kernel, names[i], UUID, &process, NULL));
        g_assert_cmpint(process.pid, ==, test_host_pid(host, "anonymous"));
    }
}

static void
refuse_paths_out_of_the_folder(const char *path, gpointer user_data)
{
    g_assert_false(g_str_has_prefix(path, "/run/libvirt/qemu/") &&
                   strchr(path + strlen("/run/libvirt/qemu/"), '/') != NULL);
}

static void
a_hostile_name_is_never_a_path(void)
{
    g_autoptr(TestHost) host = test_host_new("qemu-anonymous");
    host->before_read = refuse_paths_out_of_the_folder;
    VbProcess process;
    g_assert_true(vb_guest_process_find(&host->kernel, "../../../proc/1/x", UUID, &process, NULL));
}

static void
a_stale_pid_file_is_not_believed(void)
{
    g_autofree char *root = tree_new();
    test_tree_write(root, "run/libvirt/qemu/web.pid", "50\n", -1);
    add_process(root, 50, 1, "qemu-system-x86_64|-uuid|00000000-0000-0000-0000-000000000000|");
    add_process(root, 60, 2, "qemu-system-x86_64|-uuid|C7A5FDBD-edaf-9455-926a-d65c16db1801|-S|");
    g_autoptr(TestHost) host = test_host_new_at(root);
    VbProcess process;
    g_assert_true(vb_guest_process_find(&host->kernel, "web", UUID, &process, NULL));
    g_assert_cmpint(process.pid, ==, 60);
    g_assert_cmpuint(process.start_time, ==, 2);
    test_tree_remove(root);
}

/* The UUID must be the whole argument after "-uuid", and that argument must be complete. */
static const char *const other_guests[] = {
    "qemu|-uuid|" UUID "0|",
    "qemu|-uuid " UUID "|",
    "qemu|-name|" UUID "|",
    "qemu|-uuid|x|" UUID "|",
    "qemu|-uuid=" UUID "|",
    "qemu|-uuid|" UUID, /* cut off: could be longer */
    "qemu|-uuid|",
    "",
};

static void
another_command_line_is_not_the_guest(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(other_guests); i++) {
        g_autofree char *root = tree_new();
        add_process(root, 70, 1, other_guests[i]);
        g_autoptr(TestHost) host = test_host_new_at(root);
        VbProcess process;
        g_autoptr(GError) error = NULL;
        g_assert_false(vb_guest_process_find(&host->kernel, "web", UUID, &process, &error));
        g_assert_error(error, VB_ERROR, VB_ERROR_NO_GUEST);
        test_tree_remove(root);
    }
}

static void
two_processes_that_claim_a_guest_prove_nothing(void)
{
    g_autofree char *root = tree_new();
    add_process(root, 70, 1, "qemu|-uuid|" UUID "|");
    add_process(root, 71, 2, "sleep|-uuid|" UUID "|");
    g_autoptr(TestHost) host = test_host_new_at(root);
    VbProcess process;
    g_autoptr(GError) error = NULL;
    g_assert_false(vb_guest_process_find(&host->kernel, "web", UUID, &process, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_FAILED);
    g_assert_nonnull(strstr(error->message, "70 and 71"));
    test_tree_remove(root);
}

static guint n_cmdlines;

static void
count_cmdlines(const char *path, gpointer user_data)
{
    n_cmdlines += g_str_has_suffix(path, "/cmdline");
}

/* Or a thousand guests would cost a million reads. */
static void
many_guests_are_found_in_one_look(void)
{
    g_autofree char *root = tree_new();
    for (int pid = 100; pid < 120; pid++) {
        g_autofree char *arguments = g_strdup_printf("qemu|-uuid|guest-%d|", pid);
        add_process(root, pid, (guint)pid, arguments);
    }
    g_autoptr(TestHost) host = test_host_new_at(root);
    g_autoptr(VbProcesses) processes = vb_processes_new(&host->kernel);
    host->before_read = count_cmdlines;
    n_cmdlines = 0;
    for (int pid = 100; pid < 120; pid++) {
        g_autofree char *uuid = g_strdup_printf("GUEST-%d", pid);
        VbProcess process;
        g_assert_true(vb_processes_find(processes, "web", uuid, &process, NULL));
        g_assert_cmpint(process.pid, ==, pid);
        g_assert_cmpuint(process.start_time, ==, (guint64)pid);
    }
    g_assert_cmpuint(n_cmdlines, ==, 20);
    test_tree_remove(root);
}

/* Between the first identity and the command line the PID goes to somebody else. */
static void
reuse_pid(const char *path, gpointer user_data)
{
    if (g_str_equal(path, "/proc/70/cmdline"))
        add_process(user_data, 70, 999, "qemu|-uuid|" UUID "|");
}

static void
a_pid_that_changes_hands_is_not_the_guest(void)
{
    g_autofree char *root = tree_new();
    add_process(root, 70, 1, "qemu|-uuid|" UUID "|");
    g_autoptr(TestHost) host = test_host_new_at(root);
    host->before_read = reuse_pid;
    host->user_data = root;
    VbProcess process;
    g_assert_false(vb_guest_process_find(&host->kernel, "web", UUID, &process, NULL));
    test_tree_remove(root);
}

static const struct {
    const char *text, *path;
} cgroups[] = {
    {"0::/machine.slice/machine-qemu\\x2d1\\x2dweb.scope/libvirt/emulator\n",
     "/machine.slice/machine-qemu\\x2d1\\x2dweb.scope/libvirt/emulator"},
    {"5:memory:/m\n3:cpu,cpuset:/machine/a:b\n0::/\n", "/machine/a:b"},
    {"3:cpuset:/\n5:memory:/m\n", "/m"},
    {"0::/\n", NULL},
    {"garbage\n", NULL},
};

static void
the_cgroup_is_the_most_telling_one(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(cgroups); i++) {
        g_autofree char *root = tree_new();
        test_tree_write(root, "proc/70/cgroup", cgroups[i].text, -1);
        g_autoptr(TestHost) host = test_host_new_at(root);
        g_autofree char *path = vb_process_cgroup(&host->kernel, 70);
        g_assert_cmpstr(path, ==, cgroups[i].path);
        test_tree_remove(root);
    }
}

static const struct {
    const char *comm;
    VbThreadKind kind;
    guint id;
} comms[] = {
    {"CPU 0/KVM", VB_THREAD_VCPU, 0},
    {"CPU 1023/TCG", VB_THREAD_VCPU, 1023},
    {"ALL CPUs/TCG", VB_THREAD_ALL_VCPUS, 0},
    {"IO iothread12", VB_THREAD_IOTHREAD, 12},
    {"IO mon_iothread", VB_THREAD_OTHER, 0},
    {"CPU /KVM", VB_THREAD_OTHER, 0},
    {"CPU 1", VB_THREAD_OTHER, 0},
    {"CPU -1/KVM", VB_THREAD_OTHER, 0},
    {"CPU 9999999999/K", VB_THREAD_OTHER, 0},
    {"IO iothread1x", VB_THREAD_OTHER, 0},
    {"", VB_THREAD_OTHER, 0},
};

static void
a_thread_is_known_by_its_name(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(comms); i++) {
        guint id = 0;
        g_assert_cmpint(vb_thread_kind(comms[i].comm, &id), ==, comms[i].kind);
        g_assert_cmpuint(id, ==, comms[i].id);
    }
}

static VbGuestSight *
read_threads(TestHost *host, const char *guest, const VbDomain *live)
{
    VbGuestSight *sight = vb_guest_sight_new();
    VbProcess process;
    g_assert_true(
        vb_process_identify(&host->kernel, test_host_pid(host, guest), &process, NULL));
    sight->facts->pid = process.pid;
    sight->facts->start_time = process.start_time;
    vb_threads_read(&host->kernel, &process, live, sight);
    return sight;
}

static void
captured_threads_are_counted(void)
{
    g_autoptr(TestHost) host = test_host_new("qemu-anonymous");
    g_autoptr(VbDomain) live = test_domain_new("anonymous", UUID, 2);
    test_domain_add_cell(live, 256, VB_BACKING_ANONYMOUS);
    test_domain_add_cell(live, 256, VB_BACKING_ANONYMOUS);
    guint iothread = 1;
    g_array_append_val(live->iothreads, iothread);
    g_autoptr(VbGuestSight) sight = read_threads(host, "anonymous", live);
    g_assert_true(vb_threads_count(&host->kernel, sight));
    g_assert_cmpuint(sight->vcpus->len, ==, 2);
    for (guint i = 0; i < 2; i++) {
        const VbVcpuSight *vcpu = g_ptr_array_index(sight->vcpus, i);
        g_assert_cmpuint(vcpu->id, ==, i);
        g_assert_cmpint(vcpu->cell, ==, (int)i);
        g_assert_cmpint(vcpu->tid, >, 0);
        g_assert_true(vcpu->run_known);
        g_assert_cmpuint(vcpu->run_ns, >, 0);
        g_assert_cmpint(vcpu->last_cpu, >=, 0);
        g_assert_true(vcpu->affinity_known);
        g_assert_true(vb_cpuset_has(&vcpu->affinity, (guint)vcpu->tid % 64));
    }
    g_assert_cmpuint(sight->facts->helpers->len, ==, 2);
    const VbHelperThread *emulator = g_ptr_array_index(sight->facts->helpers, 0);
    const VbHelperThread *io = g_ptr_array_index(sight->facts->helpers, 1);
    g_assert_cmpstr(emulator->name, ==, "emulator");
    g_assert_true(vb_cpuset_has(&emulator->affinity, (guint)sight->facts->pid % 64));
    g_assert_cmpstr(io->name, ==, "iothread1");
    g_assert_true(io->affinity_known);
}

static void
one_tcg_thread_serves_all_vcpus(void)
{
    g_autoptr(TestHost) host = test_host_new("qemu-single-tcg");
    g_autoptr(VbDomain) live = test_domain_new("single-tcg", UUID, 3);
    test_domain_add_cell(live, 64, VB_BACKING_ANONYMOUS);
    g_autoptr(VbGuestSight) sight = read_threads(host, "single-tcg", live);
    g_assert_cmpuint(sight->vcpus->len, ==, 3);
    int tid = ((VbVcpuSight *)g_ptr_array_index(sight->vcpus, 0))->tid;
    g_assert_cmpint(tid, >, 0);
    for (guint i = 0; i < 3; i++)
        g_assert_cmpint(((VbVcpuSight *)g_ptr_array_index(sight->vcpus, i))->tid, ==, tid);
}

static void
a_vcpu_without_a_thread_is_unknown_not_idle(void)
{
    g_autoptr(TestHost) host = test_host_new("qemu-anonymous");
    g_autoptr(VbDomain) live = test_domain_new("anonymous", UUID, 3);
    test_domain_add_cell(live, 512, VB_BACKING_ANONYMOUS);
    guint iothread = 7;
    g_array_append_val(live->iothreads, iothread);
    g_autoptr(VbGuestSight) sight = read_threads(host, "anonymous", live);
    g_assert_true(vb_threads_count(&host->kernel, sight));
    g_assert_cmpuint(sight->vcpus->len, ==, 3);
    const VbVcpuSight *missing = g_ptr_array_index(sight->vcpus, 2);
    g_assert_cmpint(missing->tid, ==, 0);
    g_assert_false(missing->run_known);
    g_assert_false(missing->affinity_known);
    g_assert_cmpint(missing->last_cpu, ==, -1);
    const VbHelperThread *io = g_ptr_array_index(sight->facts->helpers, 1);
    g_assert_false(io->affinity_known);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/process/pid-file", the_pid_file_leads_to_the_process);
    g_test_add_func("/process/scan", without_a_pid_file_the_command_line_tells);
    g_test_add_func("/process/hostile-name", a_hostile_name_is_never_a_path);
    g_test_add_func("/process/stale-pid-file", a_stale_pid_file_is_not_believed);
    g_test_add_func("/process/others", another_command_line_is_not_the_guest);
    g_test_add_func("/process/many", many_guests_are_found_in_one_look);
    g_test_add_func("/process/two-claims", two_processes_that_claim_a_guest_prove_nothing);
    g_test_add_func("/process/pid-reuse", a_pid_that_changes_hands_is_not_the_guest);
    g_test_add_func("/process/cgroup", the_cgroup_is_the_most_telling_one);
    g_test_add_func("/threads/names", a_thread_is_known_by_its_name);
    g_test_add_func("/threads/captured", captured_threads_are_counted);
    g_test_add_func("/threads/single-tcg", one_tcg_thread_serves_all_vcpus);
    g_test_add_func("/threads/missing", a_vcpu_without_a_thread_is_unknown_not_idle);
    return g_test_run();
}

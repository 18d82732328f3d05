/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel's NUMA faults: the text of sched files, whether they tell, and what of it is kept. */
#include "fake_kernel.h"
#include "observe/faults.h"
#include "observe/threads.h"
#include <string.h>
#include <vmbalancer/error.h>

/* As Linux 6.18 writes it; 6.1 has the same lines at the end. */
#define HEAD                                                                                       \
    "CPU 0/KVM (2110, #threads: 7)\n"                                                              \
    "-------------------------------------------------------------------\n"                        \
    "se.exec_start                                :      26347867.323312\n"                        \
    "se.sum_exec_runtime                          :        231617.689911\n"                        \
    "policy                                       :                    0\n"                        \
    "mm->numa_scan_seq                            :                   12\n"                        \
    "numa_pages_migrated                          :                   17\n"                        \
    "numa_preferred_nid                           :                    1\n"                        \
    "total_numa_faults                            :                 4711\n"                        \
    "current_node=1, numa_group_id=2110\n"
#define FAULTS(node, own, others)                                                                  \
    "numa_faults node=" node " task_private=" own " task_shared=" others                           \
    " group_private=9 group_shared=8\n"

static VbFaults
parse(const char *text)
{
    g_autoptr(GError) error = NULL;
    VbFaults faults;
    g_assert_true(vb_faults_parse(text, strlen(text), &faults, &error));
    g_assert_no_error(error);
    return faults;
}

static void
faults_are_told_by_node(void)
{
    VbFaults faults = parse(HEAD FAULTS("0", "12", "3") FAULTS("1", "4000", "700"));
    g_assert_cmphex(faults.nodes, ==, 3);
    g_assert_cmpuint(faults.private_pages[0], ==, 12);
    g_assert_cmpuint(faults.shared_pages[0], ==, 3);
    g_assert_cmpuint(faults.private_pages[1], ==, 4000);
    g_assert_cmpuint(faults.shared_pages[1], ==, 700);
}

/* Nodes may be far apart, words may come in another order and new ones with them. */
static void
what_is_new_does_no_harm(void)
{
    VbFaults faults =
        parse(FAULTS("63", "1", "2")
              "numa_faults node=2 tiers=3 task_shared=5 task_private=4\n"
              "numa_faults_of_tomorrow node=2 task_private=x\n");
    g_assert_cmphex(faults.nodes, ==, VB_NODE_BIT(2) | VB_NODE_BIT(63));
    g_assert_cmpuint(faults.private_pages[2], ==, 4);
    g_assert_cmpuint(faults.shared_pages[2], ==, 5);
}

/* A kernel without CONFIG_NUMA_BALANCING; one before 3.14, which had lines of another kind. */
static void
no_counts_are_no_error(void)
{
    static const char *const texts[] = {
        "", "\n\n", "CPU 0/KVM (2110, #threads: 7)\nse.load.weight : 1048576\n",
        "numa_migrations, 12\nnuma_faults, 0, 1, 0, 1, 2000\n",
    };
    for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
        g_assert_cmphex(parse(texts[i]).nodes, ==, 0);
}

static void
a_malformed_line_is_refused_and_named(void)
{
    static const char *const bad[] = {
        "numa_faults node=0\n",
        "numa_faults node=0 task_private=1\n",
        "numa_faults node=0 task_shared=1\n",
        "numa_faults node=0 task_private=1 task_shared=1", /* cut off */
        FAULTS("64", "1", "1"),                            /* no such node can be */
        FAULTS("-1", "1", "1"),
        FAULTS("", "1", "1"),
        FAULTS("0", "-1", "1"),
        FAULTS("0", "1", "1x"),
        FAULTS("0", "1.5", "1"),
        FAULTS("0", "18446744073709551616", "1"),
        FAULTS("4294967296", "1", "1"),
        FAULTS("0", "1", "1") FAULTS("0", "1", "1"),
        "numa_faults node=0 node=0 task_private=1 task_shared=1\n",
        "numa_faults node=0 task_private=1 task_private=1 task_shared=1\n",
    };
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *text = g_strconcat(HEAD, bad[i], NULL);
        g_autoptr(GError) error = NULL;
        VbFaults faults = {.nodes = 77};
        g_test_message("%s", bad[i]);
        g_assert_false(vb_faults_parse(text, strlen(text), &faults, &error));
        g_assert_error(error, VB_ERROR, VB_ERROR_INVALID);
        g_assert_nonnull(strstr(error->message, "numa_faults"));
        g_assert_cmphex(faults.nodes, ==, 77);
    }
    static const char with_nul[] = "numa_faults node=0 task_private=1 task_shared=1\0 x\n";
    VbFaults faults;
    g_assert_false(vb_faults_parse(with_nul, sizeof with_nul - 1, &faults, NULL));
}

/* The name of a thread is the guest's to choose, newlines and all, but of 15 bytes. */
static void
a_name_makes_no_line(void)
{
    VbFaults faults = parse("\nnuma_faults no (7, #threads: 1)\n" FAULTS("0", "1", "2"));
    g_assert_cmphex(faults.nodes, ==, 1);
}

static void
whether_they_are_told_is_tried(void)
{
    static const struct {
        const char *text;
        VbFaultsProbe expected;
    } cases[] = {
        {HEAD FAULTS("0", "0", "0") FAULTS("1", "0", "0"), VB_FAULTS_TOLD},
        {"cat (7, #threads: 1)\n", VB_FAULTS_NO_COUNTS},
        {"cat (7, #threads: 1)\nnuma_faults node=a\n", VB_FAULTS_STRANGE},
    };
    g_autoptr(FakeKernel) fake = fake_kernel_new();
    g_assert_cmpint(vb_faults_probe(&fake->kernel), ==, VB_FAULTS_NO_FILE);
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        fake_kernel_write(fake, "/proc/self/sched", cases[i].text, -1);
        g_assert_cmpint(vb_faults_probe(&fake->kernel), ==, cases[i].expected);
    }
    fake_kernel_deny(fake, "/proc/self/sched");
    g_assert_cmpint(vb_faults_probe(&fake->kernel), ==, VB_FAULTS_NO_FILE);
}

/* What is read: a thread's; what is not: a thread without a file, without sense, without a tid. */
static void
threads_are_read_one_by_one(void)
{
    static const int tids[] = {11, 12, 13, 0};
    g_autoptr(FakeKernel) fake = fake_kernel_new();
    g_autoptr(VbGuestSight) sight = vb_guest_sight_new();
    sight->facts->pid = 10;
    for (guint i = 0; i < G_N_ELEMENTS(tids); i++) {
        VbVcpuSight *vcpu = vb_vcpu_sight_new();
        vcpu->id = i;
        vcpu->tid = tids[i];
        g_ptr_array_add(sight->vcpus, vcpu);
    }
    fake_kernel_write(fake, "/proc/10/task/11/sched",
                      HEAD FAULTS("0", "5", "6") FAULTS("1", "7", "8") FAULTS("2", "9", "9"), -1);
    fake_kernel_write(fake, "/proc/10/task/13/sched", HEAD "numa_faults node=0\n", -1);
    vb_faults_read(&fake->kernel, VB_NODE_BIT(0) | VB_NODE_BIT(1), sight);
    const VbVcpuSight *read = g_ptr_array_index(sight->vcpus, 0);
    g_assert_true(read->faults_known);
    g_assert_cmpuint(read->private_faults[1], ==, 7);
    g_assert_cmpuint(read->shared_faults[0], ==, 6);
    g_assert_cmpuint(read->private_faults[2], ==, 0);
    for (guint i = 1; i < G_N_ELEMENTS(tids); i++)
        g_assert_false(((VbVcpuSight *)g_ptr_array_index(sight->vcpus, i))->faults_known);
}

/* The second field of schedstat; a kernel that has but one leaves it unknown. */
static void
waiting_is_counted(void)
{
    static const struct {
        const char *schedstat;
        gboolean run, wait;
    } cases[] = {
        {"446546 61882 1\n", TRUE, TRUE}, {"446546 61882", TRUE, TRUE}, {"446546\n", TRUE, FALSE},
        {"446546 \n", TRUE, FALSE},       {"446546 -1 1\n", TRUE, FALSE},
        {"446546 99999999999999999999 1\n", TRUE, FALSE}, {"x 61882 1\n", FALSE, FALSE},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(FakeKernel) fake = fake_kernel_new();
        g_autoptr(VbGuestSight) sight = vb_guest_sight_new();
        VbVcpuSight *vcpu = vb_vcpu_sight_new();
        g_ptr_array_add(sight->vcpus, vcpu);
        fake_kernel_start(fake, 10, 5, "/usr/bin/qemu", "qemu");
        sight->facts->pid = 10;
        sight->facts->start_time = 5;
        vcpu->tid = 11;
        fake_kernel_write(fake, "/proc/10/task/11/schedstat", cases[i].schedstat, -1);
        g_assert_true(vb_threads_count(&fake->kernel, sight));
        g_test_message("\"%s\"", cases[i].schedstat);
        g_assert_cmpint(vcpu->run_known, ==, cases[i].run);
        g_assert_cmpint(vcpu->wait_known, ==, cases[i].wait);
        g_assert_cmpuint(vcpu->wait_known ? vcpu->wait_ns : 61882, ==, 61882);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/faults/by-node", faults_are_told_by_node);
    g_test_add_func("/faults/new", what_is_new_does_no_harm);
    g_test_add_func("/faults/no-counts", no_counts_are_no_error);
    g_test_add_func("/faults/malformed", a_malformed_line_is_refused_and_named);
    g_test_add_func("/faults/name", a_name_makes_no_line);
    g_test_add_func("/faults/probe", whether_they_are_told_is_tried);
    g_test_add_func("/faults/threads", threads_are_read_one_by_one);
    g_test_add_func("/faults/waiting", waiting_is_counted);
    return g_test_run();
}

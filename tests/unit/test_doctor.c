/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is found on captured hosts, and on a healthy one with one thing changed. */
#include "cli/doctor.h"
#include "observe/cpus.h"
#include "observe/observe.h"
#include "temp_dir.h"
#include "world.h"
#include <string.h>

static GPtrArray *
findings_new(void)
{
    return g_ptr_array_new_with_free_func((GDestroyNotify)vb_finding_free);
}

/* The finding on @thing that says @says, NULL if there is none. */
static const VbFinding *
find(const GPtrArray *findings, const char *thing, const char *says)
{
    for (guint i = 0; i < findings->len; i++) {
        const VbFinding *finding = g_ptr_array_index(findings, i);
        if (g_str_equal(finding->thing, thing) && strstr(finding->says, says) != NULL)
            return finding;
    }
    return NULL;
}

static void
assert_found(const GPtrArray *findings, const char *thing, VbFindingLevel level, const char *says)
{
    const VbFinding *finding = find(findings, thing, says);
    if (finding == NULL)
        g_error("nothing says of %s: %s", thing, says);
    g_assert_cmpstr(vb_finding_level_name(finding->level), ==, vb_finding_level_name(level));
}

/* --- captured hosts ------------------------------------------------------------------------ */

static void
test_captured_hosts(void)
{
    static const struct {
        const char *host;
        const char *thing;
        VbFindingLevel level;
        const char *says;
    } cases[] = {
        {"single", "nodes", VB_FINDING_BLOCKS, "one node with CPUs and memory (0)"},
        {"flat", "nodes", VB_FINDING_BLOCKS, "one node with CPUs and memory (0)"},
        {"two-socket", "nodes", VB_FINDING_GOOD, "nodes 0-1 have CPUs and memory"},
        {"two-socket", "CPUs", VB_FINDING_NOTE, "isolated (isolcpus=): 3,11;"},
        {"two-socket", "CPUs", VB_FINDING_NOTE, "node 1's 7 CPUs count as 4.9"},
        {"two-socket", "kernel.numa_balancing", VB_FINDING_NOTE, "the kernel moves pages as well"},
        {"four-near-far", "nodes", VB_FINDING_GOOD, "nodes 0-3"},
        {"sparse", "nodes", VB_FINDING_GOOD, "nodes 0,2"},
        {"two-socket", "NUMA faults", VB_FINDING_NOTE, "/proc/self/sched cannot be read"},
        {"sparse", "kernel.numa_balancing", VB_FINDING_GOOD, "off"},
        {"cxl", "nodes", VB_FINDING_GOOD, "nodes 0-1"},
        {"cxl", "nodes", VB_FINDING_NOTE, "node 2 lacks CPUs"},
        {"cxl", "bandwidth", VB_FINDING_GOOD, "HMAT"},
        {"cxl", "demotion", VB_FINDING_HINDERS, "to slower nodes"},
        {"memoryless", "nodes", VB_FINDING_NOTE, "node 1 lacks memory"},
        {"four-near-far", "nodes", VB_FINDING_GOOD, "nodes 0-3 have near neighbours"},
        {"two-socket", "CPUs", VB_FINDING_NOTE, "offline: 12;"},
        {"two-socket", "nodes", VB_FINDING_NOTE, "7 to 8 CPUs"},
        {"hugepages", "nodes", VB_FINDING_GOOD, "nodes 0-1"},
        /* Captured without /proc/self: then there is nothing to prove a right by. */
        {"two-socket", "capabilities", VB_FINDING_BLOCKS, "CAP_SYS_PTRACE"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *root =
            g_build_filename(g_getenv("VB_TEST_DATA"), "..", "hosts", cases[i].host, NULL);
        VbKernel *kernel = vb_kernel_captured_new(root);
        g_autoptr(VbObservation) host = vb_observation_new(VB_LOOK_FULL);
        g_autoptr(GPtrArray) findings = findings_new();
        g_autoptr(GError) error = NULL;
        g_test_message("%s: %s", cases[i].host, cases[i].says);
        vb_observe_host(kernel, NULL, host, &error);
        g_assert_no_error(error);
        vb_doctor_host(findings, kernel, host);
        assert_found(findings, cases[i].thing, cases[i].level, cases[i].says);
        vb_kernel_captured_free(kernel);
    }
}

/* --- a healthy host with one thing changed ------------------------------------------------- */

#define STATUS "/proc/self/status"
#define KSM "/sys/kernel/mm/ksm/"

typedef struct {
    char *root;
    VbKernel *kernel;
    VbObservation *host;
    GPtrArray *findings;
} Fixture;

static void
write_file(const Fixture *f, const char *path, const char *text)
{
    g_autofree char *file = g_build_filename(f->root, path, NULL);
    g_autofree char *folder = g_path_get_dirname(file);
    g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
    g_assert_true(g_file_set_contents(file, text, -1, NULL));
}

static void
set_up(Fixture *f, gconstpointer unused)
{
    g_autofree VbTopology *topology = world_topology(2, 4, 16 * GIB);
    f->root = temp_dir_new();
    f->kernel = vb_kernel_captured_new(f->root);
    f->host = world_look(VB_LOOK_FULL, SECOND, topology);
    f->host->thp = g_strdup("madvise");
    f->findings = findings_new();
    write_file(f, STATUS,
               "Name:\tvmbalancer\nCapEff:\t000001ffffffffff\nMems_allowed_list:\t0-1\n");
}

static void
tear_down(Fixture *f, gconstpointer unused)
{
    g_ptr_array_unref(f->findings);
    vb_observation_free(f->host);
    vb_kernel_captured_free(f->kernel);
    temp_dir_free(f->root);
}

static void
look(Fixture *f)
{
    vb_doctor_host(f->findings, f->kernel, f->host);
}

/* The change brings one finding that is not good, with a mend. */
static void
assert_only_trouble(Fixture *f, const char *thing, VbFindingLevel level, const char *says)
{
    look(f);
    assert_found(f->findings, thing, level, says);
    for (guint i = 0; i < f->findings->len; i++) {
        const VbFinding *finding = g_ptr_array_index(f->findings, i);
        if (finding->level == VB_FINDING_GOOD)
            continue;
        g_assert_cmpstr(finding->thing, ==, thing);
        g_assert_nonnull(finding->mend);
    }
}

static void
test_a_healthy_host_is_good(Fixture *f, gconstpointer unused)
{
    look(f);
    g_assert_cmpuint(f->findings->len, >, 0);
    for (guint i = 0; i < f->findings->len; i++) {
        const VbFinding *finding = g_ptr_array_index(f->findings, i);
        g_assert_cmpstr(vb_finding_level_name(finding->level), ==, "good");
        g_assert_null(finding->mend);
    }
}

static void
test_missing_capabilities_block(Fixture *f, gconstpointer unused)
{
    static const char *const sets[] = {"0000000000000000", "0000000000080000", "0000000000800000"};
    for (guint i = 0; i < G_N_ELEMENTS(sets); i++) {
        g_autofree char *status =
            g_strdup_printf("CapEff:\t%s\nMems_allowed_list:\t0-1\n", sets[i]);
        g_ptr_array_set_size(f->findings, 0);
        write_file(f, STATUS, status);
        assert_only_trouble(f, "capabilities", VB_FINDING_BLOCKS, "CAP_SYS_NICE");
    }
    g_ptr_array_set_size(f->findings, 0);
    write_file(f, STATUS, "CapEff:\t0000000000880000\nMems_allowed_list:\t0-1\n");
    look(f);
    g_assert_null(find(f->findings, "capabilities", ""));
}

static void
test_a_cpuset_of_our_own_hinders(Fixture *f, gconstpointer unused)
{
    write_file(f, STATUS, "CapEff:\t000001ffffffffff\nMems_allowed_list:\t0\n");
    assert_only_trouble(f, "cpuset", VB_FINDING_HINDERS, "bars it from nodes 1");
}

static void
test_cpus_that_no_guest_may_use(Fixture *f, gconstpointer unused)
{
    write_file(f, "/sys/devices/system/cpu/online", "0-7\n");
    write_file(f, "/sys/fs/cgroup/machine.slice/cpuset.cpus.effective", "0-2,4-6\n");
    vb_cpus_observe(f->kernel, &f->host->topology);
    assert_only_trouble(f, "CPUs", VB_FINDING_NOTE, "lacks CPUs 3,7");
    g_autofree char *left = vb_cpuset_format(&f->host->topology.node[1].cpus);
    g_assert_cmpstr(left, ==, "4-6");
    g_assert_cmpuint(f->host->topology.node[1].n_cpus, ==, 3);
    /* None of those that are online: that is no bound that could be kept to. */
    write_file(f, "/sys/fs/cgroup/machine.slice/cpuset.cpus.effective", "9\n");
    vb_cpus_observe(f->kernel, &f->host->topology);
    g_assert_cmpuint(vb_cpuset_count(&f->host->topology.barred), ==, 0);
}

static void
test_ram_that_stays_away_from_its_devices(Fixture *f, gconstpointer unused)
{
    g_autoptr(VbSnapshot) host = world_host(2, 4, 8 * GIB);
    VbGuest *guest = world_guest(host, "vm", "0");
    world_fill(host, guest, 0, 0, GIB);
    guest->devices[1] = 1;
    vb_doctor_guests(f->findings, f->kernel, host);
    g_assert_cmpuint(f->findings->len, ==, 0);
    world_cell_of(guest, 0)->movable = FALSE;
    vb_doctor_guests(f->findings, f->kernel, host);
    assert_found(f->findings, "guest vm", VB_FINDING_HINDERS, "devices are on node 1");
    g_ptr_array_set_size(f->findings, 0);
    world_fill(host, guest, 0, 1, 2 * GIB);
    vb_doctor_guests(f->findings, f->kernel, host);
    g_assert_cmpuint(f->findings->len, ==, 0);
}

static void
test_a_full_node_hinders(Fixture *f, gconstpointer unused)
{
    f->host->topology.node[1].memory_free_bytes = GIB;
    f->host->reserve_bytes[1] = GIB;
    assert_only_trouble(f, "node 1", VB_FINDING_HINDERS, "1 GiB stay in reserve");
}

static void
test_a_used_up_pool_hinders(Fixture *f, gconstpointer unused)
{
    world_pool(&f->host->topology, 0, 2 * MIB, 512, 0);
    world_pool(&f->host->topology, 1, 2 * MIB, 0, 0);
    assert_only_trouble(f, "node 0", VB_FINDING_HINDERS, "2 MiB hugepages is used up");
}

static void
test_a_rival_blocks(Fixture *f, gconstpointer unused)
{
    f->host->rival = g_strdup("numad");
    assert_only_trouble(f, "numad", VB_FINDING_BLOCKS, "--force");
}

static void
test_the_kernels_balancing_is_noted(Fixture *f, gconstpointer unused)
{
    f->host->kernel_balancing = TRUE;
    assert_only_trouble(f, "kernel.numa_balancing", VB_FINDING_NOTE, "never changes it");
}

static void
test_whether_faults_are_told_is_noted(Fixture *f, gconstpointer unused)
{
    static const struct {
        VbFaultsProbe probe;
        const char *says, *mend;
    } cases[] = {
        {VB_FAULTS_TOLD, "not counted while", "kernel.numa_balancing=1"},
        {VB_FAULTS_NO_FILE, "cannot be read", "CONFIG_SCHED_DEBUG"},
        {VB_FAULTS_NO_COUNTS, "does not have them", "CONFIG_NUMA_BALANCING"},
        {VB_FAULTS_STRANGE, "does not know", "report"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_ptr_array_set_size(f->findings, 0);
        f->host->faults = cases[i].probe;
        assert_only_trouble(f, "NUMA faults", VB_FINDING_NOTE, cases[i].says);
        const VbFinding *finding = find(f->findings, "NUMA faults", cases[i].says);
        g_assert_nonnull(strstr(finding->mend, cases[i].mend));
    }
    g_ptr_array_set_size(f->findings, 0);
    f->host->faults = VB_FAULTS_TOLD;
    f->host->kernel_balancing = TRUE;
    look(f);
    assert_found(f->findings, "NUMA faults", VB_FINDING_GOOD, "accesses go");
}

/* Of one node there is nothing to tell. */
static void
test_one_node_needs_no_faults(Fixture *f, gconstpointer unused)
{
    f->host->faults = VB_FAULTS_NO_FILE;
    f->host->topology.nodes = VB_NODE_BIT(0);
    look(f);
    g_assert_null(find(f->findings, "NUMA faults", ""));
}

static void
test_no_transparent_hugepages_hinder(Fixture *f, gconstpointer unused)
{
    g_free(f->host->thp);
    f->host->thp = g_strdup("never");
    assert_only_trouble(f, "transparent hugepages", VB_FINDING_HINDERS, "4 KiB pages");
}

static void
test_merged_pages_are_named(Fixture *f, gconstpointer unused)
{
    static const struct {
        const char *run, *across, *sharing, *says;
    } cases[] = {
        {"0\n", "1\n", "0\n", NULL},
        {"0\n", "0\n", "0\n", NULL},
        {"1\n", "0\n", "0\n", "on one node"},
        {"1\n", "1\n", "0\n", "across nodes"},
        {"0\n", "1\n", "512\n", "across nodes"},
        {"0\n", "0\n", "512\n", "2 MiB saved"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_ptr_array_set_size(f->findings, 0);
        write_file(f, KSM "run", cases[i].run);
        write_file(f, KSM "merge_across_nodes", cases[i].across);
        write_file(f, KSM "pages_sharing", cases[i].sharing);
        look(f);
        if (cases[i].says == NULL)
            g_assert_null(find(f->findings, "KSM", ""));
        else
            g_assert_nonnull(find(f->findings, "KSM", cases[i].says));
    }
}

/* --- guests -------------------------------------------------------------------------------- */

static void
test_guests_that_cannot_be_seen_or_moved(Fixture *f, gconstpointer unused)
{
    g_autoptr(VbSnapshot) host = world_host(2, 4, 16 * GIB);
    VbGuest *good = world_guest(host, "good", "0");
    VbGuest *hidden = world_guest(host, "hidden", "0");
    VbGuest *pinned = world_guest(host, "pinned", "0");
    VbGuest *fixed = world_guest(host, "fixed", "0");
    good->pid = pinned->pid = fixed->pid = 7;
    hidden->pid = 0;
    pinned->owner = VB_OWNER_HANDS_OFF;
    pinned->reason = g_strdup("the operator pinned it");
    world_cell_of(fixed, 0)->note = g_strdup("VFIO pins it");
    vb_doctor_guests(f->findings, f->kernel, host);
    g_assert_cmpuint(f->findings->len, ==, 3);
    assert_found(f->findings, "guest hidden", VB_FINDING_HINDERS, "was not found");
    assert_found(f->findings, "guest pinned", VB_FINDING_NOTE, "hands-off: the operator pinned it");
    assert_found(f->findings, "guest fixed", VB_FINDING_HINDERS, "cell 0: VFIO pins it");
}

/* What no node holds, is swapped out, in large pages, or was touched by others alone. */
static void
test_shapes_of_guests(Fixture *f, gconstpointer unused)
{
    g_autoptr(VbSnapshot) host = world_host(2, 2, 8 * GIB);
    VbGuest *wide = world_guest(host, "wide", "0,0,0"), *fat = world_guest(host, "fat", "0");
    VbGuest *slow = world_guest(host, "slow", "0"), *cells = world_guest(host, "cells", "0,0,0");
    world_cell(cells);
    world_vcpu_of(cells, 2)->cell = 1;
    wide->pid = fat->pid = cells->pid = 7;
    slow->pid = 8;
    world_fill(host, slow, 0, 0, GIB);
    world_cell_of(fat, 0)->size_bytes = 9 * GIB;
    vb_doctor_guests(f->findings, f->kernel, host);
    assert_found(f->findings, "guest wide", VB_FINDING_NOTE, "cell 0 fits on no node (3 vCPUs");
    assert_found(f->findings, "guest fat", VB_FINDING_NOTE, "9 GiB; the largest that it may use has 2 CPUs, 8 GiB)");
    g_assert_cmpuint(f->findings->len, ==, 2);
    world_cell_of(slow, 0)->page_size = GIB;
    write_file(f, "/proc/8/status", "Name:\tqemu\nVmSwap:\t  20480 kB\n");
    world_cell_of(slow, 0)->unmapped_known = TRUE;
    world_cell_of(slow, 0)->unmapped_bytes = 64 * MIB;
    vb_doctor_guests(f->findings, f->kernel, host);
    assert_found(f->findings, "guest slow", VB_FINDING_NOTE, "pages of 1 GiB");
    assert_found(f->findings, "guest slow", VB_FINDING_HINDERS, "20 MiB of its QEMU process are swapped out");
    assert_found(f->findings, "guest slow", VB_FINDING_NOTE, "64 MiB of cell 0 were touched by others");
    g_assert_cmpuint(f->findings->len, ==, 7);
    write_file(f, "/proc/8/status", "Name:\tqemu\nVmSwap:\t  1024 kB\n");
    g_ptr_array_set_size(f->findings, 0);
    vb_doctor_guests(f->findings, f->kernel, host);
    g_assert_null(find(f->findings, "guest slow", "swapped out"));
}

static void
test_who_tells_what_is_hot(Fixture *f, gconstpointer unused)
{
    static const char count[] = "/sys/kernel/mm/damon/admin/kdamonds/nr_kdamonds";
    vb_doctor_hot(f->findings, f->kernel);
    assert_found(f->findings, "DAMON", VB_FINDING_HINDERS, "cannot be asked");
    g_ptr_array_set_size(f->findings, 0);
    write_file(f, count, "1\n");
    vb_doctor_hot(f->findings, f->kernel);
    assert_found(f->findings, "DAMON", VB_FINDING_HINDERS, "somebody");
    g_ptr_array_set_size(f->findings, 0);
    write_file(f, count, "0\n");
    vb_doctor_hot(f->findings, f->kernel);
    assert_found(f->findings, "DAMON", VB_FINDING_GOOD, "accessed most");
}

#define ADD(path, test) g_test_add("/doctor/" path, Fixture, NULL, set_up, test, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/doctor/captured-hosts", test_captured_hosts);
    ADD("healthy-is-good", test_a_healthy_host_is_good);
    ADD("capabilities", test_missing_capabilities_block);
    ADD("cpuset", test_a_cpuset_of_our_own_hinders);
    ADD("barred-cpus", test_cpus_that_no_guest_may_use);
    ADD("devices", test_ram_that_stays_away_from_its_devices);
    ADD("full-node", test_a_full_node_hinders);
    ADD("used-up-pool", test_a_used_up_pool_hinders);
    ADD("rival", test_a_rival_blocks);
    ADD("kernel-balancing", test_the_kernels_balancing_is_noted);
    ADD("faults", test_whether_faults_are_told_is_noted);
    ADD("faults-of-one-node", test_one_node_needs_no_faults);
    ADD("no-thp", test_no_transparent_hugepages_hinder);
    ADD("ksm", test_merged_pages_are_named);
    ADD("hot-first", test_who_tells_what_is_hot);
    ADD("guests", test_guests_that_cannot_be_seen_or_moved);
    ADD("shapes-of-guests", test_shapes_of_guests);
    return g_test_run();
}

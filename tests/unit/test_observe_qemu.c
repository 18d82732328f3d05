/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The QEMU of this machine, without libvirt, and the built mover: finds a guest's process, threads
 * and RAM as they are today, not as they were captured. Skips where there is no QEMU or no right.
 */
#include "observe/process.h"
#include "observe/residency.h"
#include "observe/threads.h"
#include "observe_fixture.h"
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define QEMU "qemu-system-x86_64"
#define WAIT_MS 20000
#define MIB (G_GUINT64_CONSTANT(1) << 20)
#define CELLS                                                                                      \
    "-smp", "2", "-numa", "node,nodeid=0,cpus=0,memdev=ram-node0", "-numa",                        \
        "node,nodeid=1,cpus=1,memdev=ram-node1"

/* Of its own for each run, so that two at a time do not find each other's guest. */
static char *uuid;

/* QEMU ends with the test, however that ends. */
static void
die_with_parent(gpointer user_data)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static gboolean
has_vcpus(const VbProcess *process, const VbDomain *live)
{
    g_autoptr(VbGuestSight) sight = vb_guest_sight_new();
    vb_threads_read(vb_kernel_real(), process, live, sight);
    for (guint i = 0; i < sight->vcpus->len; i++)
        if (((VbVcpuSight *)g_ptr_array_index(sight->vcpus, i))->tid == 0)
            return FALSE;
    return TRUE;
}

/* Starts a guest that stands still, and waits for its vCPUs. Returns: 0 if there is no QEMU. */
static GPid
start(const char *const *options, const VbDomain *live, VbProcess *ret)
{
    const char *const common[] = {QEMU, "-S", "-display", "none", "-nodefaults", "-serial",
                                  "none", "-monitor", "none", "-accel", "tcg", "-name",
                                  "guest=x,debug-threads=on", "-uuid", uuid, NULL};
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
    g_strv_builder_addv(builder, (const char **)common);
    g_strv_builder_addv(builder, (const char **)options);
    g_auto(GStrv) argv = g_strv_builder_end(builder);
    g_autoptr(GError) error = NULL;
    GPid pid = 0;
    if (!g_spawn_async(NULL, argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD,
                       die_with_parent, NULL, &pid, &error)) {
        g_test_skip(error->message);
        return 0;
    }
    for (guint waited = 0; waited < WAIT_MS; waited += 20) {
        if (vb_guest_process_find(vb_kernel_real(), "no such file", uuid, ret, NULL) &&
            has_vcpus(ret, live))
            return pid;
        g_usleep(20000);
    }
    g_error("%s did not start its vCPUs in %d ms", QEMU, WAIT_MS);
}

static void
stop(GPid pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    g_spawn_close_pid(pid);
}

/* The mover of this build tree; NULL if it cannot serve here. */
static VbMover *
mover_of_this_build(void)
{
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *folder = g_path_get_dirname(self);
    g_autofree char *program =
        g_build_filename(folder, "..", "..", "vmbalancer", "mover", "vmbalancer-mover", NULL);
    g_autoptr(GError) error = NULL;
    VbMover *mover = vb_mover_spawn(program, &error);
    if (mover == NULL)
        g_test_message("no mover: %s", error->message);
    return mover;
}

static void
read_cells(VbMover *mover, VbRamDepth depth, const VbProcess *process, const VbDomain *live,
           GPtrArray *cells)
{
    g_autoptr(VbObservation) host = vb_observation_new(VB_LOOK_FULL);
    g_assert_true(vb_observe_host(vb_kernel_real(), NULL, host, NULL));
    VbObserver observer = {
        .kernel = vb_kernel_real(), .mover = mover, .ram = depth, .sample_pages = 2000};
    g_autoptr(VbGuestSight) sight = vb_guest_sight_new();
    VbRecall recall = {.topology = &host->topology};
    g_assert_true(vb_residency_read(&observer, process, live, &recall, sight));
    g_ptr_array_extend_and_steal(cells, g_steal_pointer(&sight->facts->cells));
    sight->facts->cells = g_ptr_array_new();
}

/* Each cell was allocated at its start: so all of it is present, on whatever nodes there are. */
static void
assert_all_present(const GPtrArray *cells, gboolean exact)
{
    for (guint i = 0; i < cells->len; i++) {
        const VbCell *cell = g_ptr_array_index(cells, i);
        g_assert_cmpstr(cell->note, ==, NULL);
        g_assert_true(cell->residency_known);
        g_assert_cmpuint(cell->present_bytes, ==, cell->size_bytes);
        g_assert_true((cell->error_bp == 0) == exact);
    }
}

static void
check_ram(const char *const *options, const VbDomain *live)
{
    VbProcess process;
    GPid pid = start(options, live, &process);
    if (pid == 0)
        return;
    VbObserver observer = {.kernel = vb_kernel_real()};
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) ram = vb_observe_ram(&observer, &process, live, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(ram->len, ==, live->cells->len);
    for (guint i = 0; i < ram->len; i++) {
        const VbRamMapping *mapping = g_ptr_array_index(ram, i);
        const VbDomainCell *cell = g_ptr_array_index(live->cells, i);
        g_assert_cmpuint(mapping->cell, ==, cell->id);
        g_assert_cmpuint(mapping->range.end - mapping->range.start, ==, cell->size_bytes);
    }
    g_autoptr(GPtrArray) exact = g_ptr_array_new_with_free_func((GDestroyNotify)vb_cell_free);
    read_cells(NULL, VB_RAM_EXACT, &process, live, exact);
    assert_all_present(exact, TRUE);
    g_autoptr(VbMover) mover = mover_of_this_build();
    if (mover != NULL) {
        g_autoptr(GPtrArray) sampled =
            g_ptr_array_new_with_free_func((GDestroyNotify)vb_cell_free);
        read_cells(mover, VB_RAM_SAMPLE, &process, live, sampled);
        assert_all_present(sampled, FALSE);
        g_autoptr(GPtrArray) moved = g_ptr_array_new_with_free_func((GDestroyNotify)vb_cell_free);
        read_cells(mover, VB_RAM_EXACT, &process, live, moved);
        assert_all_present(moved, TRUE);
    }
    stop(pid);
}

static void
anonymous_memory_is_found(void)
{
    static const char *const options[] = {
        "-m", "128M", "-smp", "2", "-object",
        "memory-backend-ram,id=pc.ram,size=128M,prealloc=on", "-machine",
        "memory-backend=pc.ram", NULL};
    g_autoptr(VbDomain) live = test_domain_new("x", uuid, 2);
    test_domain_add_cell(live, 128, VB_BACKING_ANONYMOUS);
    check_ram(options, live);
}

static void
memfds_are_found(void)
{
    static const char *const options[] = {
        "-m", "128M", "-object", "memory-backend-memfd,id=pc.ram,size=128M,prealloc=on",
        "-machine", "memory-backend=pc.ram", NULL};
    g_autoptr(VbDomain) live = test_domain_new("x", uuid, 1);
    test_domain_add_cell(live, 128, VB_BACKING_MEMFD);
    check_ram(options, live);
}

static void
two_cells_of_different_size_are_found(void)
{
    static const char *const options[] = {
        "-m", "160M", "-object", "memory-backend-ram,id=ram-node0,size=96M,prealloc=on", "-object",
        "memory-backend-ram,id=ram-node1,size=64M,prealloc=on", CELLS, NULL};
    g_autoptr(VbDomain) live = test_domain_new("x", uuid, 2);
    test_domain_add_cell(live, 96, VB_BACKING_ANONYMOUS);
    test_domain_add_cell(live, 64, VB_BACKING_ANONYMOUS);
    check_ram(options, live);
}

static void
two_files_of_one_size_are_found(void)
{
    g_autofree char *folder = g_dir_make_tmp("vmbalancer-ram-XXXXXX", NULL);
    g_autofree char *first = g_strdup_printf(
        "memory-backend-file,id=ram-node0,size=64M,prealloc=on,share=on,mem-path=%s", folder);
    g_autofree char *second = g_strdup_printf(
        "memory-backend-file,id=ram-node1,size=64M,prealloc=on,share=on,mem-path=%s", folder);
    const char *const options[] = {"-m", "128M", "-object", first, "-object", second, CELLS, NULL};
    g_autoptr(VbDomain) live = test_domain_new("x", uuid, 2);
    test_domain_add_cell(live, 64, VB_BACKING_FILE);
    test_domain_add_cell(live, 64, VB_BACKING_FILE);
    check_ram(options, live);
    test_tree_remove(folder);
}

static void
threads_and_their_affinity_are_seen(void)
{
    static const char *const options[] = {"-m", "64M", "-smp", "2", "-object",
                                          "iothread,id=iothread1", NULL};
    g_autoptr(VbDomain) live = test_domain_new("x", uuid, 2);
    test_domain_add_cell(live, 64, VB_BACKING_ANONYMOUS);
    guint iothread = 1;
    g_array_append_val(live->iothreads, iothread);
    VbProcess process;
    GPid pid = start(options, live, &process);
    if (pid == 0)
        return;
    g_autoptr(VbGuestSight) sight = vb_guest_sight_new();
    sight->facts->pid = process.pid;
    sight->facts->start_time = process.start_time;
    vb_threads_read(vb_kernel_real(), &process, live, sight);
    g_assert_true(vb_threads_count(vb_kernel_real(), sight));
    for (guint i = 0; i < 2; i++) {
        const VbVcpuSight *vcpu = g_ptr_array_index(sight->vcpus, i);
        g_assert_true(vcpu->run_known && vcpu->affinity_known);
        g_assert_cmpint(vcpu->last_cpu, >=, 0);
        g_assert_cmpuint(vb_cpuset_count(&vcpu->affinity), >, 0);
    }
    for (guint i = 0; i < 2; i++)
        g_assert_true(
            ((VbHelperThread *)g_ptr_array_index(sight->facts->helpers, i))->affinity_known);
    stop(pid);
    g_assert_false(vb_threads_count(vb_kernel_real(), sight));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/qemu/anonymous", anonymous_memory_is_found);
    g_test_add_func("/qemu/memfd", memfds_are_found);
    g_test_add_func("/qemu/two-sizes", two_cells_of_different_size_are_found);
    g_test_add_func("/qemu/two-files", two_files_of_one_size_are_found);
    g_test_add_func("/qemu/threads", threads_and_their_affinity_are_seen);
    uuid = g_uuid_string_random();
    int result = g_test_run();
    g_free(uuid);
    return result;
}

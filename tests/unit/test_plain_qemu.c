/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The real QEMU of this machine without libvirt, the real kernel, and the built mover: a guest is found
 * by its socket, pinned, and given back.
 */
#include "act/placement.h"
#include "act/undo.h"
#include "core/owner.h"
#include "observe/observe.h"
#include "plain/plain.h"
#include "qmp/qmp.h"
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <vmbalancer/error.h>

#define PATIENCE_MS 30000
#define MIB (G_GUINT64_CONSTANT(1) << 20)

typedef struct {
    char *folder, *socket, *state;
    char *uuid;
    GSubprocess *process;
    VbHypervisor *plain;
    VbObservation *host;
    VbPlacement placement;
} Stage;

/* A test that fails leaves no guest behind. */
static void
die_with_parent(gpointer data)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static void
warn(const char *text)
{
    g_test_message("warned: %s", text);
}

/* Until QEMU answers: it binds its socket before it listens. */
static VbDomainLook *
first_look(Stage *stage)
{
    for (guint i = 0; i < 600; i++) {
        g_autoptr(GPtrArray) looks = stage->plain->ops->list(stage->plain, PATIENCE_MS, NULL);
        if (looks->len == 1)
            return g_ptr_array_steal_index(looks, 0);
        g_usleep(100 * 1000);
    }
    g_error("no guest behind %s", stage->socket);
}

static void
set_up(Stage *stage)
{
    g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_NONE);
    g_autoptr(GError) error = NULL;
    stage->folder = g_dir_make_tmp("vmbalancer-plain-XXXXXX", NULL);
    stage->socket = g_build_filename(stage->folder, "7.qmp", NULL);
    stage->state = g_build_filename(stage->folder, "state", NULL);
    stage->uuid = g_uuid_string_random();
    g_autofree char *qmp = g_strdup_printf("unix:%s,server=on,wait=off", stage->socket);
    g_subprocess_launcher_set_child_setup(launcher, die_with_parent, NULL, NULL);
    stage->process = g_subprocess_launcher_spawn(
        launcher, &error, "qemu-system-x86_64", "-nodefaults", "-display", "none", "-S", "-accel",
        "tcg", "-m", "48", "-smp", "2", "-object", "iothread,id=disk", "-uuid", stage->uuid,
        "-name", "seven", "-qmp", qmp, NULL);
    g_assert_no_error(error);
    const char *patterns[] = {stage->socket, NULL};
    stage->plain = vb_plain_new(vb_kernel_real(), patterns, warn);
    stage->host = vb_observation_new(VB_LOOK_FULL);
    g_assert_true(vb_observe_host(vb_kernel_real(), NULL, stage->host, &error));
    stage->placement = (VbPlacement){stage->plain, stage->state, &stage->host->topology,
                                     PATIENCE_MS};
}

static void
remove_folder(const char *path)
{
    g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);
    for (const char *name; folder != NULL && (name = g_dir_read_name(folder)) != NULL;) {
        g_autofree char *file = g_build_filename(path, name, NULL);
        if (g_file_test(file, G_FILE_TEST_IS_DIR))
            remove_folder(file);
        else
            g_unlink(file);
    }
    g_rmdir(path);
}

static void
tear_down(Stage *stage)
{
    g_subprocess_force_exit(stage->process);
    g_assert_true(g_subprocess_wait(stage->process, NULL, NULL));
    g_object_unref(stage->process);
    vb_hypervisor_free(stage->plain);
    vb_observation_free(stage->host);
    remove_folder(stage->folder);
    g_free(stage->folder);
    g_free(stage->socket);
    g_free(stage->state);
    g_free(stage->uuid);
}

static VbDomainLook *
look(Stage *stage)
{
    g_autoptr(GError) error = NULL;
    VbDomainLook *seen =
        stage->plain->ops->look(stage->plain, stage->uuid, PATIENCE_MS, &error);
    g_assert_no_error(error);
    return seen;
}

static void
a_guest_is_found_by_its_socket(void)
{
    Stage stage;
    set_up(&stage);
    g_autoptr(VbDomainLook) seen = first_look(&stage);
    const VbDomain *live = seen->live;
    g_assert_cmpstr(seen->error, ==, NULL);
    g_assert_cmpint(seen->state, ==, VB_GUEST_PAUSED);
    g_assert_cmpstr(live->name, ==, "seven");
    g_assert_cmpstr(live->uuid, ==, stage.uuid);
    g_assert_cmpint(live->pid, ==, atoi(g_subprocess_get_identifier(stage.process)));
    g_assert_cmpuint(live->n_vcpus, ==, 2);
    g_assert_cmpuint(live->iothreads->len, ==, 1);
    g_assert_cmpuint(live->memory_bytes, ==, 48 * MIB);
    g_assert_cmpuint(live->n_hostdevs, ==, 0);
    VbObserver observer = {.kernel = vb_kernel_real(), .hypervisor = stage.plain};
    VbProcess process = {live->pid, live->start_time};
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) ram = vb_observe_ram(&observer, &process, live, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(ram->len, ==, 1);
    tear_down(&stage);
}

static void
a_held_monitor_makes_the_guest_busy(void)
{
    Stage stage;
    set_up(&stage);
    vb_domain_look_free(first_look(&stage));
    g_autoptr(GError) error = NULL;
    QmpClient *client = qmp_client_open(stage.socket, NULL, PATIENCE_MS, NULL, &error);
    g_assert_no_error(error);
    g_autoptr(VbDomainLook) held = look(&stage);
    g_assert_cmpint(held->state, ==, VB_GUEST_BUSY);
    g_assert_cmpstr(held->busy, ==, "monitor");
    qmp_client_unref(client);
    g_autoptr(VbDomainLook) free = first_look(&stage);
    g_assert_cmpstr(free->live->uuid, ==, stage.uuid);
    tear_down(&stage);
}

static VbAction *
pin_of(const Stage *stage, const char *thread, guint cpu)
{
    VbAction *action = g_new0(VbAction, 1);
    action->kind = VB_ACTION_PIN;
    action->uuid = g_strdup(stage->uuid);
    action->guest = g_strdup("seven");
    action->thread = g_strdup(thread);
    vb_cpuset_add(&action->cpus, cpu);
    return action;
}

static VbCpuSet
affinity(int tid)
{
    VbKernel *kernel = vb_kernel_real();
    VbCpuSet cpus;
    g_assert_cmpint(kernel->ops->get_affinity(kernel, tid, &cpus), ==, 0);
    return cpus;
}

/* The lowest and the highest CPU that this test may use. FALSE if there is but one. */
static gboolean
two_cpus(guint *low, guint *high)
{
    VbCpuSet own = affinity(0);
    guint n = 0;
    for (guint cpu = 0; cpu < VB_CPUS_MAX; cpu++)
        if (vb_cpuset_has(&own, cpu))
            *(n++ == 0 ? low : high) = cpu;
    return n > 1;
}

static gboolean
is_on(int tid, guint cpu)
{
    VbCpuSet now = affinity(tid);
    return vb_cpuset_count(&now) == 1 && vb_cpuset_has(&now, cpu);
}

static void
pins_are_made_and_given_back_and_foreign_ones_left(void)
{
    guint low, high;
    if (!two_cpus(&low, &high)) {
        g_test_skip("pins need two CPUs");
        return;
    }
    Stage stage;
    set_up(&stage);
    g_autoptr(VbDomainLook) before = first_look(&stage);
    int vcpu0 = vb_domain_tid_in(before->live->threads, "vcpu0");
    int vcpu1 = vb_domain_tid_in(before->live->threads, "vcpu1");
    VbCpuSet was = affinity(vcpu0);
    g_autoptr(GPtrArray) actions = g_ptr_array_new_with_free_func((GDestroyNotify)vb_action_free);
    g_ptr_array_add(actions, pin_of(&stage, "vcpu0", low));
    g_ptr_array_add(actions, pin_of(&stage, "vcpu1", low));
    g_ptr_array_add(actions, pin_of(&stage, "emulator", low));
    g_autoptr(GError) error = NULL;
    vb_placement_pin(&stage.placement, stage.uuid, actions, &error);
    g_assert_no_error(error);
    g_assert_true(is_on(vcpu0, low) && is_on(vcpu1, low) && is_on(before->live->pid, low));
    /* Somebody else takes one of them over. */
    VbCpuSet other = {0};
    vb_cpuset_add(&other, high);
    VbKernel *kernel = vb_kernel_real();
    g_assert_cmpint(kernel->ops->set_affinity(kernel, vcpu1, &other), ==, 0);
    VbRelease release;
    vb_placement_release(&stage.placement, stage.uuid, &release, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(release.restored, ==, 2);
    g_assert_cmpuint(release.left, ==, 1);
    VbCpuSet now = affinity(vcpu0), main_now = affinity(before->live->pid);
    g_assert_true(vb_cpuset_equal(&now, &was) && vb_cpuset_equal(&main_now, &was));
    g_assert_true(is_on(vcpu1, high));
    g_assert_null(vb_undo_load(stage.state, stage.uuid, &error));
    tear_down(&stage);
}

/* As a vCPU that is plugged inherits it: still ours, and given back with the others. */
static void
what_is_inherited_from_a_pinned_emulator_is_ours(void)
{
    guint low, high;
    if (!two_cpus(&low, &high)) {
        g_test_skip("pins need two CPUs");
        return;
    }
    Stage stage;
    set_up(&stage);
    g_autoptr(VbDomainLook) before = first_look(&stage);
    int vcpu1 = vb_domain_tid_in(before->live->threads, "vcpu1");
    VbCpuSet was = affinity(vcpu1), one = {0};
    g_autoptr(GPtrArray) actions = g_ptr_array_new_with_free_func((GDestroyNotify)vb_action_free);
    g_ptr_array_add(actions, pin_of(&stage, "emulator", low));
    g_autoptr(GError) error = NULL;
    vb_placement_pin(&stage.placement, stage.uuid, actions, &error);
    g_assert_no_error(error);
    VbKernel *kernel = vb_kernel_real();
    vb_cpuset_add(&one, low);
    g_assert_cmpint(kernel->ops->set_affinity(kernel, vcpu1, &one), ==, 0);
    g_autoptr(VbDomainLook) seen = look(&stage);
    g_autoptr(VbUndo) undo = vb_undo_load(stage.state, stage.uuid, &error);
    g_autoptr(GHashTable) ours = vb_undo_pins(undo);
    VbOwnerEvidence evidence = {.live = seen->live, .our_pins = ours};
    VbOwnerVerdict verdict = {0};
    vb_owner_judge(&evidence, &stage.host->topology, &verdict);
    g_assert_cmpint(verdict.owner, ==, VB_OWNER_OURS);
    vb_owner_verdict_clear(&verdict);
    VbRelease release;
    vb_placement_release(&stage.placement, stage.uuid, &release, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(release.restored, ==, 2);
    VbCpuSet now = affinity(vcpu1);
    g_assert_true(vb_cpuset_equal(&now, &was));
    tear_down(&stage);
}

/* On a host of one node, or for a guest as wide as the host, home is everywhere. */
static void
a_pin_to_all_cpus_is_none(void)
{
    Stage stage;
    set_up(&stage);
    vb_domain_look_free(first_look(&stage));
    g_autoptr(GPtrArray) actions = g_ptr_array_new_with_free_func((GDestroyNotify)vb_action_free);
    VbAction *action = pin_of(&stage, "vcpu0", 0);
    action->cpus = vb_topology_cpus_of_nodes(&stage.host->topology, stage.host->topology.nodes);
    g_ptr_array_add(actions, action);
    g_autoptr(GError) error = NULL;
    vb_placement_pin(&stage.placement, stage.uuid, actions, &error);
    g_assert_no_error(error);
    VbRelease release;
    vb_placement_release(&stage.placement, stage.uuid, &release, &error);
    g_assert_no_error(error);
    tear_down(&stage);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/plain/qemu/found", a_guest_is_found_by_its_socket);
    g_test_add_func("/plain/qemu/held", a_held_monitor_makes_the_guest_busy);
    g_test_add_func("/plain/qemu/pins", pins_are_made_and_given_back_and_foreign_ones_left);
    g_test_add_func("/plain/qemu/inherited", what_is_inherited_from_a_pinned_emulator_is_ours);
    g_test_add_func("/plain/qemu/wide", a_pin_to_all_cpus_is_none);
    return g_test_run();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake_kernel.h"
#include "observe/numa_stat.h"
#include "observe/recall.h"
#include <string.h>

#define MIB (G_GUINT64_CONSTANT(1) << 20)
#define SECOND G_GINT64_CONSTANT(1000000000)
#define SCOPE "/machine.slice/machine-qemu\\x2d1\\x2dweb.scope"

static void
a_guests_cgroup_is_found_above_its_threads(void)
{
    static const struct {
        const char *cgroup, *group;
    } cases[] = {
        {SCOPE "/libvirt/emulator", SCOPE},
        {SCOPE, SCOPE},
        {"/machine/qemu-1-web.libvirt-qemu/emulator", "/machine/qemu-1-web.libvirt-qemu"},
        {"/machine/qemu-1-web.libvirt-qemu", "/machine/qemu-1-web.libvirt-qemu"},
        {"/user.slice/user-1000.slice/session-1.scope", NULL},
        {"/machine.slice", NULL},
        {"/", NULL},
        {"/../machine-qemu.scope", NULL},
        {"", NULL},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *group = vb_numa_stat_group(cases[i].cgroup);
        g_assert_cmpstr(group, ==, cases[i].group);
    }
}

static void
anon_and_file_are_summed_by_node(void)
{
    VbNumaStat stat;
    g_assert_true(vb_numa_stat_parse("anon N0=4096 N1=8192\nfile N0=1 N1=2\nkernel_stack N0=99 N1=99\n"
                                     "file_mapped N0=7 N1=7\nanon_thp N0=4096 N1=4096\n", &stat));
    g_assert_cmpuint(stat.held_bytes[0], ==, 4097);
    g_assert_cmpuint(stat.held_bytes[1], ==, 8194);
    g_assert_cmpuint(stat.held_bytes[2], ==, 0);
    g_assert_cmpuint(stat.huge_bytes, ==, 8192);
    g_assert_cmpuint(stat.small_bytes, ==, 4096);
    /* Before Linux 5.11 it does not tell; and counts may be late. */
    g_assert_true(vb_numa_stat_parse("anon N0=4096 N1=8192\nfile N0=1 N1=2\n", &stat));
    g_assert_cmpuint(stat.small_bytes, ==, 12288);
    g_assert_true(vb_numa_stat_parse("anon N0=4096\nfile N0=1\nanon_thp N0=2097152\n", &stat));
    g_assert_cmpuint(stat.small_bytes, ==, 0);
}

static void
other_text_is_no_numa_stat(void)
{
    static const char *const bad[] = {
        "", "anon N0=1\n", "anon N0=1\nfile N64=1\n", "anon N0=1\nfile N0=\n", "anon N0=1\nfile N0=-1\n",
        "anon N0=1\nfile M0=1\n", "anon N0=18446744073709551615\nfile N0=1\n",
        "total=5 N0=5\nfile=1 N0=1\nanon=4 N0=4\n", /* cgroup v1 */
        "anon N0=1\nfile N0=1\nanon_thp N0=x\n",
        "anon N0=18446744073709551615 N1=1\nfile N0=0\n",
    };
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        VbNumaStat stat = {.held_bytes = {77}};
        g_assert_false(vb_numa_stat_parse(bad[i], &stat));
        g_assert_cmpuint(stat.held_bytes[0], ==, 77);
    }
}

static void
without_a_cgroup_of_its_own_nothing_is_known(void)
{
    g_autoptr(FakeKernel) fake = fake_kernel_new();
    VbNumaStat stat;
    fake_kernel_write(fake, "/sys/fs/cgroup" SCOPE "/memory.numa_stat", "anon N0=5\nfile N0=6\n", -1);
    g_assert_true(vb_numa_stat_read(&fake->kernel, SCOPE "/libvirt/emulator", &stat));
    g_assert_cmpuint(stat.held_bytes[0], ==, 11);
    g_assert_false(vb_numa_stat_read(&fake->kernel, "/machine/qemu-9-x.libvirt-qemu", &stat));
    g_assert_false(vb_numa_stat_read(&fake->kernel, "/system.slice", &stat));
    g_assert_false(vb_numa_stat_read(&fake->kernel, NULL, &stat));
}

/* Two looks at a guest of 512 MiB that is pinned to node 0 of two, with all of its RAM there. */
typedef struct {
    VbTopology topology;
    VbGuestSight *before, *now;
    VbRecall recall;
} Looks;

static VbGuestSight *
sight_new(const VbTopology *topology)
{
    VbGuestSight *sight = vb_guest_sight_new();
    sight->facts->pid = 7;
    sight->facts->start_time = 99;
    sight->facts->policy = g_strdup("balance");
    sight->held_known = TRUE;
    sight->held_bytes[0] = 600 * MIB;
    VbCell *cell = vb_cell_new();
    cell->size_bytes = 512 * MIB;
    cell->page_size = 4096;
    cell->movable = TRUE;
    g_ptr_array_add(sight->facts->cells, cell);
    for (guint i = 0; i < 2; i++) {
        VbVcpuSight *vcpu = vb_vcpu_sight_new();
        vcpu->id = i;
        vcpu->affinity_known = TRUE;
        vcpu->affinity = topology->node[0].cpus;
        g_ptr_array_add(sight->vcpus, vcpu);
    }
    return sight;
}

static VbCell *
cell_of(VbGuestSight *sight)
{
    return g_ptr_array_index(sight->facts->cells, 0);
}

static VbVcpuSight *
vcpu_of(VbGuestSight *sight, guint index)
{
    return g_ptr_array_index(sight->vcpus, index);
}

static void
looks_begin(Looks *looks)
{
    *looks = (Looks){.topology.nodes = 3};
    for (guint cpu = 0; cpu < 8; cpu++)
        vb_cpuset_add(&looks->topology.node[cpu / 4].cpus, cpu);
    looks->before = sight_new(&looks->topology);
    looks->now = sight_new(&looks->topology);
    VbCell *cell = cell_of(looks->before);
    cell->residency_known = TRUE;
    cell->by_node[0] = cell->present_bytes = 400 * MIB;
    cell->error_bp = 90;
    cell->unmapped_known = TRUE;
    cell->unmapped_bytes = 50 * MIB;
    cell->unmapped_error_bytes = MIB;
    looks->before->asked_ns = 1000 * SECOND;
    looks->before->asked_held_known = TRUE;
    looks->before->asked_held_bytes[0] = 600 * MIB;
    looks->recall = (VbRecall){looks->before, &looks->topology, 1010 * SECOND};
}

static void
looks_end(Looks *looks)
{
    vb_guest_sight_free(looks->before);
    vb_guest_sight_free(looks->now);
}

static void
what_did_not_change_is_not_asked_for_again(void)
{
    Looks looks;
    looks_begin(&looks);
    looks.now->held_bytes[0] += MIB; /* QEMU's own, or a stray page */
    g_assert_true(vb_recall_pages(&looks.recall, looks.now));
    const VbCell *cell = cell_of(looks.now);
    g_assert_true(cell->residency_known);
    g_assert_cmpuint(cell->by_node[0], ==, 400 * MIB);
    g_assert_cmpuint(cell->present_bytes, ==, 400 * MIB);
    g_assert_cmpuint(cell->error_bp, ==, 90);
    g_assert_true(cell->unmapped_known);
    g_assert_cmpuint(cell->unmapped_bytes, ==, 50 * MIB);
    g_assert_cmpuint(cell->unmapped_error_bytes, ==, MIB);
    g_assert_cmpint(looks.now->asked_ns, ==, 1000 * SECOND);
    /* As it was when pages were asked for: else small steps would never add up. */
    g_assert_cmpuint(looks.now->asked_held_bytes[0], ==, 600 * MIB);
    looks_end(&looks);
}

static void grew(Looks *looks) { looks->now->held_bytes[0] += 3 * MIB; }
static void shrank(Looks *looks) { looks->now->held_bytes[0] -= 3 * MIB; }
static void moved(Looks *looks) { looks->now->held_bytes[0] -= 3 * MIB, looks->now->held_bytes[1] += 3 * MIB; }
static void lost_sight(Looks *looks) { looks->now->held_known = FALSE; }
static void had_no_sight(Looks *looks) { looks->before->asked_held_known = FALSE; }
static void is_another(Looks *looks) { looks->now->facts->start_time++; }
static void has_another_pid(Looks *looks) { looks->now->facts->pid++; }
static void is_new(Looks *looks) { looks->recall.before = NULL; }
static void was_not_asked(Looks *looks) { looks->before->asked_ns = 0; }
static void aged(Looks *looks) { looks->recall.now_ns += 300 * SECOND; }
static void was_unknown(Looks *looks) { cell_of(looks->before)->residency_known = FALSE; }
static void was_plugged(Looks *looks) { cell_of(looks->now)->size_bytes += 128 * MIB; }
static void is_huge(Looks *looks)
{
    cell_of(looks->now)->page_size = cell_of(looks->before)->page_size = 2 * MIB;
}
static void was_repinned(Looks *looks) { vcpu_of(looks->now, 1)->affinity = looks->topology.node[1].cpus; }
static void is_not_known_to_be_pinned(Looks *looks) { vcpu_of(looks->now, 0)->affinity_known = FALSE; }
static void lost_a_vcpu(Looks *looks) { g_ptr_array_set_size(looks->now->vcpus, 1); }
static void was_not_pinned(Looks *looks)
{
    VbCpuSet all = vb_cpuset_or(&looks->topology.node[0].cpus, &looks->topology.node[1].cpus);
    for (guint i = 0; i < 2; i++)
        vcpu_of(looks->now, i)->affinity = vcpu_of(looks->before, i)->affinity = all;
}
static void is_remote(Looks *looks)
{
    cell_of(looks->before)->by_node[0] -= 10 * MIB; /* 2.5 % */
    cell_of(looks->before)->by_node[1] += 10 * MIB;
    looks->before->asked_held_bytes[0] = looks->now->held_bytes[0] = 590 * MIB;
    looks->before->asked_held_bytes[1] = looks->now->held_bytes[1] = 10 * MIB;
}

static void was_rough(Looks *looks) { cell_of(looks->before)->error_bp = 250; }
static void is_charged_elsewhere(Looks *looks)
{
    looks->before->asked_held_bytes[0] = looks->now->held_bytes[0] = 100 * MIB;
}
static void is_charged_nowhere(Looks *looks)
{
    looks->before->asked_held_bytes[0] = looks->now->held_bytes[0] = 0;
}
static void has_two_cells(Looks *looks)
{
    VbGuestSight *const both[] = {looks->before, looks->now};
    for (guint i = 0; i < 2; i++) {
        VbCell *cell = vb_cell_new();
        *cell = *cell_of(both[i]);
        cell->id = 1;
        g_ptr_array_add(both[i]->facts->cells, cell);
    }
}

static void
a_sign_of_change_has_the_pages_asked_for(void)
{
    static void (*const changes[])(Looks *) = {
        grew, shrank, moved, lost_sight, had_no_sight, is_another, has_another_pid, is_new,
        was_not_asked, aged, was_unknown, was_plugged, is_huge, was_repinned,
        is_not_known_to_be_pinned, lost_a_vcpu, was_not_pinned, is_remote,
        was_rough, is_charged_elsewhere, is_charged_nowhere, has_two_cells,
    };
    for (guint i = 0; i < G_N_ELEMENTS(changes); i++) {
        Looks looks;
        looks_begin(&looks);
        changes[i](&looks);
        g_test_message("change %u", i);
        g_assert_false(vb_recall_pages(&looks.recall, looks.now));
        g_assert_false(cell_of(looks.now)->residency_known);
        looks_end(&looks);
    }
}

static void
where_nobody_acts_remote_ram_is_no_reason(void)
{
    static void (*const states[])(Looks *) = {is_remote, was_not_pinned};
    for (guint i = 0; i < G_N_ELEMENTS(states); i++) {
        Looks looks;
        looks_begin(&looks);
        states[i](&looks);
        g_clear_pointer(&looks.now->facts->policy, g_free);
        g_assert_true(vb_recall_pages(&looks.recall, looks.now));
        looks_end(&looks);
    }
}

/* The same of two looks that asked for pages both times. */
static void
what_is_not_mapped_is_kept_for_a_minute(void)
{
    static const struct {
        gint64 later_ns;      /* than it was asked */
        guint64 present;      /* now; 400 MiB of 512 then */
        gboolean asked, same; /* was it asked then; is it the same process */
        gboolean kept;
    } cases[] = {
        {10 * SECOND, 400 * MIB, TRUE, TRUE, TRUE},
        {60 * SECOND, 409 * MIB, TRUE, TRUE, TRUE},
        {60 * SECOND + 1, 400 * MIB, TRUE, TRUE, FALSE},
        {10 * SECOND, 411 * MIB, TRUE, TRUE, FALSE},
        {10 * SECOND, 389 * MIB, TRUE, TRUE, FALSE},
        {10 * SECOND, 400 * MIB, FALSE, TRUE, FALSE},
        {10 * SECOND, 400 * MIB, TRUE, FALSE, FALSE},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases) * 2; i++) {
        Looks looks;
        looks_begin(&looks);
        guint n = i / 2;
        looks.before->unmapped_ns = cases[n].asked ? 900 * SECOND : 0;
        looks.recall.now_ns = 900 * SECOND + cases[n].later_ns;
        looks.now->facts->pid += !cases[n].same;
        cell_of(looks.before)->unmapped_known = i % 2 == 0; /* that it cannot be told is kept, too */
        cell_of(looks.now)->residency_known = TRUE;
        cell_of(looks.now)->present_bytes = cases[n].present;
        g_test_message("case %u", n);
        g_assert_true(vb_recall_unmapped(&looks.recall, looks.now, 0) == cases[n].kept);
        g_assert_true(cell_of(looks.now)->unmapped_known == (cases[n].kept && i % 2 == 0));
        g_assert_cmpuint(cell_of(looks.now)->unmapped_bytes, ==, cases[n].kept ? 50 * MIB : 0);
        g_assert_cmpint(looks.now->unmapped_ns, ==, cases[n].kept ? 900 * SECOND : 0);
        g_assert_false(vb_recall_unmapped(&looks.recall, looks.now, 1));
        looks_end(&looks);
    }
}

static void
small_steps_add_up(void)
{
    Looks looks;
    looks_begin(&looks);
    looks.now->held_bytes[0] += MIB;
    g_assert_true(vb_recall_pages(&looks.recall, looks.now));
    g_autoptr(VbGuestSight) third = sight_new(&looks.topology);
    third->held_bytes[0] += 3 * MIB; /* 2 MiB since the last look, 3 since the pages were asked for */
    looks.recall.before = looks.now;
    g_assert_false(vb_recall_pages(&looks.recall, third));
    looks_end(&looks);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/numa-stat/group", a_guests_cgroup_is_found_above_its_threads);
    g_test_add_func("/numa-stat/sum", anon_and_file_are_summed_by_node);
    g_test_add_func("/numa-stat/other", other_text_is_no_numa_stat);
    g_test_add_func("/numa-stat/unknown", without_a_cgroup_of_its_own_nothing_is_known);
    g_test_add_func("/recall/same", what_did_not_change_is_not_asked_for_again);
    g_test_add_func("/recall/changed", a_sign_of_change_has_the_pages_asked_for);
    g_test_add_func("/recall/nobody", where_nobody_acts_remote_ram_is_no_reason);
    g_test_add_func("/recall/unmapped", what_is_not_mapped_is_kept_for_a_minute);
    g_test_add_func("/recall/steps", small_steps_add_up);
    return g_test_run();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "observe/observe.h"
#include "observe_fixture.h"

#define UUID_TWO "c7a5fdbd-edaf-9455-926a-d65c16db1802"
#define UUID_EQUAL "c7a5fdbd-edaf-9455-926a-d65c16db1803"
#define MIB (G_GUINT64_CONSTANT(1) << 20)

/* A hypervisor with one guest, given by a function so that each list is fresh. */
typedef struct {
    VbHypervisor hypervisor;
    VbDomainLook *(*make)(void);
    const char *answers[2]; /* what gpa2hva says for the first and the second cell */
    guint n_asked;
} TestHypervisor;

static GPtrArray *
hypervisor_list(VbHypervisor *hypervisor, guint deadline_ms, GError **error)
{
    TestHypervisor *self = (TestHypervisor *)hypervisor;
    if (self->make == NULL) {
        g_set_error(error, VB_ERROR, VB_ERROR_UNREACHABLE, "libvirtd is not running");
        return NULL;
    }
    GPtrArray *looks = g_ptr_array_new_with_free_func((GDestroyNotify)vb_domain_look_free);
    g_ptr_array_add(looks, self->make());
    return looks;
}

static char *
hypervisor_monitor(VbHypervisor *hypervisor, const char *uuid, const char *command,
                   guint deadline_ms, GError **error)
{
    TestHypervisor *self = (TestHypervisor *)hypervisor;
    self->n_asked++;
    g_assert_nonnull(strstr(command, "gpa2hva"));
    /* 256 MiB and 768 MiB: the middles of two cells of 512 MiB */
    gboolean second = strstr(command, "0x30000000") != NULL;
    if (!second && strstr(command, "0x10000000") == NULL)
        return g_strdup("{\"return\":\"No memory is mapped at address 0x0\\r\\n\"}");
    return g_strdup_printf("{\"return\":\"Host virtual address for 0x%s (%s\\r\\n\"}",
                           second ? "30000000" : "10000000", self->answers[second]);
}

static const VbHypervisorOps hypervisor_ops = {
    .list = hypervisor_list, .monitor = hypervisor_monitor,
};

static VbDomainLook *
two_cells(void)
{
    VbDomain *live = test_domain_new("two-cells", UUID_TWO, 2);
    test_domain_add_cell(live, 64, VB_BACKING_ANONYMOUS);
    test_domain_add_cell(live, 32, VB_BACKING_ANONYMOUS);
    live->wish = vb_wish_new();
    vb_wish_set(live->wish, VB_WISH_POLICY, "home-node");
    vb_wish_set(live->wish, VB_WISH_MEMORY, "no");
    vb_wish_set_parameter(live->wish, "tolerance", "7");
    return look_new(live);
}

static VbDomainLook *
equal_cells(void)
{
    VbDomain *live = test_domain_new("equal-cells", UUID_EQUAL, 2);
    test_domain_add_cell(live, 512, VB_BACKING_ANONYMOUS);
    test_domain_add_cell(live, 512, VB_BACKING_ANONYMOUS);
    return look_new(live);
}

static VbDomainLook *
two_cells_with_a_passed_through_device(void)
{
    VbDomainLook *look = two_cells();
    look->live->n_hostdevs = 1;
    g_ptr_array_add(look->live->devices, g_strdup("bus/pci/devices/0000:3b:00.0"));
    g_ptr_array_add(look->live->devices, g_strdup("bus/pci/devices/0000:3c:00.0"));
    g_ptr_array_add(look->live->devices, g_strdup("bus/pci/devices/0000:3d:00.0"));
    return look;
}

static VbDomainLook *
two_cells_half_read(void)
{
    VbDomainLook *look = two_cells();
    look->error = g_strdup("its inactive XML could not be read");
    look->live->metadata_error = g_strdup("policy=\"x\" is no policy");
    return look;
}

static VbDomainLook *
a_guest_that_runs_elsewhere(void)
{
    VbDomain *live = test_domain_new("elsewhere", "00000000-0000-0000-0000-000000000000", 1);
    test_domain_add_cell(live, 64, VB_BACKING_ANONYMOUS);
    return look_new(live);
}

static VbDomainLook *
a_guest_without_facts(void)
{
    VbDomainLook *look = g_new0(VbDomainLook, 1);
    look->error = g_strdup("timed out");
    return look;
}

/* A world: the captured guest on the captured host, which a test may spoil. */
typedef struct {
    char *root;
    TestHost *host;
    TestHypervisor hypervisor;
    VbObserver observer;
    int pid;
    guint n_changes; /* how often a hook changed something */
} World;

static World *
world_new(const char *guest, VbDomainLook *(*make)(void))
{
    World *world = g_new0(World, 1);
    g_autofree char *host = g_strdup_printf("qemu-%s", guest);
    world->root = test_tree_copy(host);
    g_autofree char *from = test_host_dir("two-socket/sys");
    const char *argv[] = {"cp", "-r", from, world->root, NULL};
    g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL,
                               NULL, NULL, NULL));
    world->host = test_host_new_at(world->root);
    world->pid = test_host_pid(world->host, guest);
    world->hypervisor.hypervisor.ops = &hypervisor_ops;
    world->hypervisor.make = make;
    world->observer = (VbObserver){.kernel = &world->host->kernel,
                                   .hypervisor = &world->hypervisor.hypervisor,
                                   .ram = VB_RAM_EXACT,
                                   .deadline_ms = 1000};
    world->host->user_data = world;
    return world;
}

static void
world_free(World *world)
{
    test_tree_remove(world->root);
    g_free(world->root);
    test_host_free(world->host);
    g_free(world);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(World, world_free)

static void
world_write(World *world, const char *file, const char *text)
{
    g_autofree char *path = g_strdup_printf("proc/%d/%s", world->pid, file);
    test_tree_write(world->root, path, text, -1);
}

static VbObservation *
look(World *world)
{
    g_autoptr(GError) error = NULL;
    VbObservation *seen = vb_observe_full(&world->observer, &error);
    g_assert_no_error(error);
    return seen;
}

static const VbGuestSight *
only_guest(const VbObservation *seen)
{
    g_assert_cmpuint(seen->guests->len, ==, 1);
    return g_ptr_array_index(seen->guests, 0);
}

static const VbCell *
cell_of(const VbObservation *seen, guint cell)
{
    return g_ptr_array_index(only_guest(seen)->facts->cells, cell);
}

static void
assert_unknown(const VbCell *cell, const char *word)
{
    g_assert_false(cell->residency_known);
    g_assert_nonnull(cell->note);
    g_assert_nonnull(strstr(cell->note, word));
}

static void
a_full_look_sees_all_of_a_guest(void)
{
    g_autoptr(World) world = world_new("two-cells", two_cells);
    g_autoptr(VbObservation) seen = look(world);
    const VbGuest *facts = only_guest(seen)->facts;
    g_assert_cmpint(seen->time_ns, ==, 123456789);
    g_assert_cmpstr(facts->name, ==, "two-cells");
    g_assert_cmpstr(facts->uuid, ==, UUID_TWO);
    g_assert_cmpstr(facts->policy, ==, "home-node");
    g_assert_cmpint(facts->terms.moves, ==, VB_ANSWER_NO);
    g_assert_cmpint(*(gint64 *)g_hash_table_lookup(facts->settings, "tolerance"), ==, 7);
    g_assert_cmpint(facts->pid, ==, world->pid);
    g_assert_cmpint(facts->owner, ==, VB_OWNER_FREE);
    g_assert_cmpuint(facts->boundary, ==, 3);
    g_assert_cmpuint(only_guest(seen)->vcpus->len, ==, 2);
    g_assert_cmpuint(facts->cells->len, ==, 2);
    for (guint i = 0; i < 2; i++) {
        const VbCell *cell = cell_of(seen, i);
        g_assert_cmpstr(cell->note, ==, NULL);
        g_assert_true(cell->residency_known);
        g_assert_cmpuint(cell->error_bp, ==, 0);
        g_assert_cmpuint(cell->present_bytes, ==, (i == 0 ? 64 : 32) * MIB);
        g_assert_cmpuint(cell->by_node[0], ==, cell->present_bytes);
        g_assert_true(cell->movable);
        g_assert_cmpuint(cell->unmovable_bytes, ==, 0);
    }
}

static void
pages_that_are_not_asked_for_are_unknown(void)
{
    g_autoptr(World) world = world_new("two-cells", two_cells);
    world->observer.ram = VB_RAM_SKIP;
    g_autoptr(VbObservation) seen = look(world);
    assert_unknown(cell_of(seen, 0), "not asked for");
}

static void
passed_through_devices_pin_the_memory(void)
{
    g_autoptr(World) world = world_new("two-cells", two_cells_with_a_passed_through_device);
    g_autoptr(VbObservation) seen = look(world);
    const VbCell *cell = cell_of(seen, 0);
    g_assert_true(cell->residency_known);
    g_assert_false(cell->movable);
    g_assert_cmpuint(cell->unmovable_bytes, ==, 64 * MIB);
    g_assert_nonnull(strstr(cell->note, "VFIO"));
    /* Of one device the firmware does not tell, and one is not there. */
    g_assert_cmpuint(only_guest(seen)->facts->devices[0], ==, 0);
    g_assert_cmpuint(only_guest(seen)->facts->devices[1], ==, 1);
}

/* Writes a sched file for each of the guest's threads, and the kernel's switch. */
static void
tell_faults(World *world, const char *switched)
{
    static const char text[] = "CPU (7, #threads: 4)\n"
                               "numa_faults node=0 task_private=300 task_shared=40 "
                               "group_private=0 group_shared=0\n";
    g_autoptr(VbObservation) seen = look(world);
    const GPtrArray *vcpus = only_guest(seen)->vcpus;
    test_tree_write(world->root, "proc/sys/kernel/numa_balancing", switched, -1);
    test_tree_write(world->root, "proc/self/sched", text, -1);
    for (guint i = 0; i < vcpus->len; i++) {
        const VbVcpuSight *vcpu = g_ptr_array_index(vcpus, i);
        g_autofree char *path = g_strdup_printf("task/%d/sched", vcpu->tid);
        world_write(world, path, text);
    }
}

static void
faults_are_read_where_the_kernel_counts_them(void)
{
    g_autoptr(World) world = world_new("two-cells", two_cells);
    tell_faults(world, "1\n");
    g_autoptr(VbObservation) seen = look(world);
    const VbVcpuSight *vcpu = g_ptr_array_index(only_guest(seen)->vcpus, 1);
    g_assert_cmpint(seen->faults, ==, VB_FAULTS_TOLD);
    g_assert_true(vcpu->faults_known);
    g_assert_cmpuint(vcpu->private_faults[0], ==, 300);
    g_assert_cmpuint(vcpu->shared_faults[0], ==, 40);
    g_autoptr(VbObservation) threads = vb_observe_threads(&world->observer, seen);
    vcpu = g_ptr_array_index(only_guest(threads)->vcpus, 1);
    g_assert_true(vcpu->run_known);
    g_assert_false(vcpu->faults_known);
}

static void
refuse_sched_of_threads(const char *path, gpointer user_data)
{
    g_assert_false(g_str_has_suffix(path, "/sched") && strstr(path, "/task/") != NULL);
}

/* They are the past's, and the files are not even opened. */
static void
faults_are_not_read_where_it_does_not(void)
{
    g_autoptr(World) world = world_new("two-cells", two_cells);
    tell_faults(world, "0\n");
    world->host->before_read = refuse_sched_of_threads;
    g_autoptr(VbObservation) seen = look(world);
    g_assert_cmpint(seen->faults, ==, VB_FAULTS_TOLD);
    g_assert_false(
        ((const VbVcpuSight *)g_ptr_array_index(only_guest(seen)->vcpus, 0))->faults_known);
}

static void
a_guest_that_was_half_read_is_only_watched(void)
{
    g_autoptr(World) world = world_new("two-cells", two_cells_half_read);
    g_autoptr(VbObservation) seen = look(world);
    const VbGuest *facts = only_guest(seen)->facts;
    g_assert_cmpint(facts->owner, ==, VB_OWNER_OBSERVE_ONLY);
    g_assert_cmpstr(facts->owner_code, ==, "unread");
    g_assert_nonnull(strstr(facts->reason, "inactive XML"));
    g_assert_nonnull(strstr(facts->reason, "no policy"));
}

static void
a_guest_without_a_process_is_listed_as_unknown(void)
{
    g_autoptr(World) world = world_new("two-cells", a_guest_that_runs_elsewhere);
    g_autoptr(VbObservation) seen = look(world);
    g_assert_cmpint(only_guest(seen)->facts->pid, ==, 0);
    assert_unknown(cell_of(seen, 0), "no process");
    g_autoptr(VbObservation) threads = vb_observe_threads(&world->observer, seen);
    g_assert_cmpuint(threads->guests->len, ==, 0);
}

static void
a_guest_without_facts_is_left_out(void)
{
    g_autoptr(World) world = world_new("two-cells", a_guest_without_facts);
    g_autoptr(VbObservation) seen = look(world);
    g_assert_cmpuint(seen->guests->len, ==, 0);
}

static void
a_hypervisor_that_cannot_be_reached_is_an_error(void)
{
    g_autoptr(World) world = world_new("two-cells", NULL);
    g_autoptr(GError) error = NULL;
    g_assert_null(vb_observe_full(&world->observer, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_UNREACHABLE);
}

static void
end_process(const char *path, gpointer user_data)
{
    World *world = user_data;
    if (!g_str_has_suffix(path, "/numa_maps"))
        return;
    g_autofree char *root = g_strdup_printf("%s/proc/%d", world->root, world->pid);
    test_tree_remove(root);
}

static void
a_guest_that_ends_half_way_is_left_out(void)
{
    g_autoptr(World) world = world_new("two-cells", two_cells);
    world->host->before_read = end_process;
    g_autoptr(VbObservation) seen = look(world);
    g_assert_cmpuint(seen->guests->len, ==, 0);
}

/* The PID is another process's from the moment that somebody reads numa_maps. */
static void
restart_process(const char *path, gpointer user_data)
{
    if (g_str_has_suffix(path, "/numa_maps"))
        world_write(user_data, "stat",
                    "1 (qemu) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 77777777 0 0 0 0 0 0 0 0 0 0 "
                    "0 0 0 0 0 0 17 5 0 0 0 0 0 0 0 0 0 0 0 0 0\n");
}

static void
a_pid_that_is_reused_half_way_is_left_out(void)
{
    g_autoptr(World) world = world_new("two-cells", two_cells);
    world->host->before_read = restart_process;
    g_autoptr(VbObservation) seen = look(world);
    g_assert_cmpuint(seen->guests->len, ==, 0);
}

/* Just before numa_maps is read, the cell of 64 MiB is another mapping, n_changes times at most. */
static void
split_cell(const char *path, gpointer user_data)
{
    World *world = user_data;
    if (!g_str_has_suffix(path, "/numa_maps") || world->n_changes == 0)
        return;
    world->n_changes--;
    g_autofree char *file = g_strdup_printf("%s/proc/%d/maps", world->root, world->pid);
    g_autofree char *text = NULL;
    g_assert_true(g_file_get_contents(file, &text, NULL, NULL));
    /* one page further with each change */
    g_auto(GStrv) parts = g_strsplit(text, "-7f024fe00000 rw-p", 2);
    g_assert_cmpuint(g_strv_length(parts), ==, 2);
    g_autofree char *split = g_strdup_printf("%s-7f024d%03x000 rw-p 00000000 00:00 0 \n"
                                             "7f024d%03x000-7f024fe00000 rw-p%s",
                                             parts[0], 9 - world->n_changes,
                                             9 - world->n_changes, parts[1]);
    g_assert_true(g_file_set_contents(file, split, -1, NULL));
}

static void
a_memory_map_that_keeps_changing_is_unknown(void)
{
    g_autoptr(World) world = world_new("two-cells", two_cells);
    world->host->before_read = split_cell;
    world->n_changes = 5;
    g_autoptr(VbObservation) seen = look(world);
    assert_unknown(cell_of(seen, 0), "changed each time");
}

/* numa_maps has no line for the second piece: a wrong number would be the other answer. */
static void
a_memory_map_that_numa_maps_contradicts_is_unknown(void)
{
    g_autoptr(World) world = world_new("two-cells", two_cells);
    world->host->before_read = split_cell;
    world->n_changes = 1;
    g_autoptr(VbObservation) seen = look(world);
    assert_unknown(cell_of(seen, 0), "changed each time");
}

static void
a_malformed_memory_file_makes_pages_unknown(void)
{
    static const char *const texts[] = {
        "7f024be00000 default N0=x kernelpagesize_kB=4\n",
        "7f024be00000 default N0=99999999 kernelpagesize_kB=4\n", /* more than the cell holds */
        "",
    };
    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(World) world = world_new("two-cells", two_cells);
        world_write(world, "numa_maps", texts[i]);
        g_autoptr(VbObservation) seen = look(world);
        g_assert_false(cell_of(seen, 0)->residency_known);
        g_assert_false(cell_of(seen, 1)->residency_known);
        g_assert_nonnull(cell_of(seen, 0)->note);
    }
}

static void
a_look_at_threads_reads_only_counters(void)
{
    g_autoptr(World) world = world_new("two-cells", two_cells);
    g_autoptr(VbObservation) seen = look(world);
    world->host->n_reads = 0;
    g_autoptr(VbObservation) threads = vb_observe_threads(&world->observer, seen);
    g_assert_cmpuint(world->host->n_reads, ==, 2 + 1); /* who did not run is where it was; the identity */
    g_assert_cmpint(threads->depth, ==, VB_LOOK_THREADS);
    const VbGuestSight *guest = only_guest(threads);
    g_assert_cmpstr(guest->facts->uuid, ==, UUID_TWO);
    const VbVcpuSight *vcpu = g_ptr_array_index(guest->vcpus, 1);
    g_assert_cmpuint(vcpu->id, ==, 1);
    g_assert_cmpint(vcpu->cell, ==, 1);
    g_assert_true(vcpu->run_known);
    g_autofree char *times = g_strdup_printf("task/%d/schedstat", vcpu->tid);
    world_write(world, times, "999999999999 5 1\n");
    world->host->n_reads = 0;
    g_autoptr(VbObservation) ran = vb_observe_threads(&world->observer, seen);
    g_assert_cmpuint(world->host->n_reads, ==, 2 + 1 + 1); /* where the one is that ran */
    restart_process("/numa_maps", world);
    g_autoptr(VbObservation) later = vb_observe_threads(&world->observer, seen);
    g_assert_cmpuint(later->guests->len, ==, 0);
}

static void
a_second_look_does_not_look_for_threads_again(void)
{
    g_autoptr(World) world = world_new("two-cells", two_cells);
    g_autoptr(VbObservation) first = look(world);
    guint reads = world->host->n_reads;
    world->host->n_reads = 0;
    world->observer.before = first;
    g_autoptr(VbObservation) second = look(world);
    g_assert_cmpuint(world->host->n_reads, <, reads);
    g_assert_cmpuint(only_guest(second)->vcpus->len, ==, 2);
    for (guint i = 0; i < 2; i++)
        g_assert_cmpmem(g_ptr_array_index(only_guest(first)->vcpus, i), sizeof(VbVcpuSight),
                        g_ptr_array_index(only_guest(second)->vcpus, i), sizeof(VbVcpuSight));
    g_assert_cmpuint(only_guest(second)->facts->helpers->len, ==, 1);
    /* A thread that is gone is found out, and then all are looked for. */
    const VbVcpuSight *vcpu = g_ptr_array_index(only_guest(second)->vcpus, 1);
    g_autofree char *gone = g_strdup_printf("%s/proc/%d/task/%d", world->root, world->pid, vcpu->tid);
    test_tree_remove(gone);
    world->observer.before = second;
    g_autoptr(VbObservation) third = look(world);
    g_assert_false(((VbVcpuSight *)g_ptr_array_index(only_guest(third)->vcpus, 1))->run_known);
    world->observer.before = third;
    g_autoptr(VbObservation) fourth = look(world);
    g_assert_cmpint(((VbVcpuSight *)g_ptr_array_index(only_guest(fourth)->vcpus, 1))->tid, ==, 0);
}

/*
 * What QEMU says of the cells of the captured guest "equal-cells", and whether it is believed.
 * FIRST and SECOND stand for the pages where the capture has the cells.
 */
static const struct {
    const char *what, *first, *second;
    gboolean believed;
} answers[] = {
    {"the truth", "ram-node0) is 0xFIRST000", "/objects/ram-node1) is 0xSECOND000", TRUE},
    {"another backend", "pc.bios) is 0xFIRST000", "pc.bios) is 0xSECOND000", FALSE},
    {"nowhere", "ram-node0) is 0x1000", "ram-node1) is 0x2000", FALSE},
    {"one place", "ram-node0) is 0xFIRST000", "ram-node1) is 0xFIRST008", FALSE},
    {"nonsense", "ram-node0) is", "\\\"", FALSE},
};

/* The starts of the two mappings of 512 MiB, the first cell's first. */
static void
find_equal(World *world, guint64 start[2])
{
    g_autofree char *text = test_host_process_file("qemu-equal-cells", "equal-cells", "maps");
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    guint n = 0;
    for (guint i = 0; lines[i] != NULL; i++) {
        char *end = NULL;
        guint64 from = g_ascii_strtoull(lines[i], &end, 16);
        if (*end == '-' && g_ascii_strtoull(end + 1, NULL, 16) - from == 512 * MIB)
            start[1 - n++ % 2] = from;
    }
    g_assert_cmpuint(n, ==, 2);
}

/* Puts the addresses of this capture in place of those of the table. */
static char *
relocate(const char *answer, const guint64 start[2])
{
    g_autofree char *first = g_strdup_printf("%" G_GINT64_MODIFIER "x", start[0] >> 12);
    g_autofree char *second = g_strdup_printf("%" G_GINT64_MODIFIER "x", start[1] >> 12);
    g_autoptr(GString) text = g_string_new(answer);
    g_string_replace(text, "FIRST", first, 0);
    g_string_replace(text, "SECOND", second, 0);
    return g_string_free(g_steal_pointer(&text), FALSE);
}

static void
qemu_tells_cells_apart_that_look_alike(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(answers); i++) {
        g_autoptr(World) world = world_new("equal-cells", equal_cells);
        guint64 start[2] = {0};
        find_equal(world, start);
        g_autofree char *first = relocate(answers[i].first, start);
        g_autofree char *second = relocate(answers[i].second, start);
        world->hypervisor.answers[0] = first;
        world->hypervisor.answers[1] = second;
        world->observer.passthrough = TRUE;
        g_autoptr(VbObservation) seen = look(world);
        g_test_message("%s: %s", answers[i].what, cell_of(seen, 0)->note);
        g_assert_true(cell_of(seen, 0)->residency_known == answers[i].believed);
        g_assert_true(cell_of(seen, 1)->residency_known == answers[i].believed);
        g_assert_true((cell_of(seen, 0)->note == NULL) == answers[i].believed);
        g_assert_cmpuint(world->hypervisor.n_asked, >, 0);
        VbProcess process = {.pid = world->pid,
                             .start_time = only_guest(seen)->facts->start_time};
        g_autoptr(VbDomainLook) domain = equal_cells();
        g_autoptr(GPtrArray) ram =
            vb_observe_ram(&world->observer, &process, domain->live, NULL);
        g_assert_true((ram != NULL) == answers[i].believed);
        for (guint j = 0; ram != NULL && j < 2; j++) {
            const VbRamMapping *mapping = g_ptr_array_index(ram, j);
            g_assert_cmpuint(mapping->cell, ==, j);
            g_assert_cmphex(mapping->range.start, ==, start[j]);
        }
    }
}

static void
qemu_is_not_asked_without_leave(void)
{
    g_autoptr(World) world = world_new("equal-cells", equal_cells);
    g_autoptr(VbObservation) seen = look(world);
    assert_unknown(cell_of(seen, 0), "--qmp-passthrough");
    g_assert_cmpuint(world->hypervisor.n_asked, ==, 0);
    VbProcess process = {.pid = world->pid, .start_time = only_guest(seen)->facts->start_time};
    g_autoptr(VbDomainLook) domain = equal_cells();
    g_autoptr(GError) error = NULL;
    g_assert_null(vb_observe_ram(&world->observer, &process, domain->live, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_UNSUPPORTED);
    g_assert_nonnull(strstr(error->message, "guest equal-cells: cells 0 and 1 look alike"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/full/all", a_full_look_sees_all_of_a_guest);
    g_test_add_func("/full/skip", pages_that_are_not_asked_for_are_unknown);
    g_test_add_func("/full/vfio", passed_through_devices_pin_the_memory);
    g_test_add_func("/full/faults", faults_are_read_where_the_kernel_counts_them);
    g_test_add_func("/full/faults-off", faults_are_not_read_where_it_does_not);
    g_test_add_func("/full/half-read", a_guest_that_was_half_read_is_only_watched);
    g_test_add_func("/full/no-process", a_guest_without_a_process_is_listed_as_unknown);
    g_test_add_func("/full/no-facts", a_guest_without_facts_is_left_out);
    g_test_add_func("/full/unreachable", a_hypervisor_that_cannot_be_reached_is_an_error);
    g_test_add_func("/full/ends", a_guest_that_ends_half_way_is_left_out);
    g_test_add_func("/full/pid-reuse", a_pid_that_is_reused_half_way_is_left_out);
    g_test_add_func("/full/changing", a_memory_map_that_keeps_changing_is_unknown);
    g_test_add_func("/full/contradicted", a_memory_map_that_numa_maps_contradicts_is_unknown);
    g_test_add_func("/full/malformed", a_malformed_memory_file_makes_pages_unknown);
    g_test_add_func("/threads/cheap", a_look_at_threads_reads_only_counters);
    g_test_add_func("/full/second", a_second_look_does_not_look_for_threads_again);
    g_test_add_func("/passthrough/answers", qemu_tells_cells_apart_that_look_alike);
    g_test_add_func("/passthrough/leave", qemu_is_not_asked_without_leave);
    return g_test_run();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Guests of plain QEMU: what is told of them, and what their sockets may get wrong. */
#include "plain_stage.h"
#include "plain/guest.h"

static void
a_guest_is_told_whole(void)
{
    Stage stage;
    set_up(&stage);
    plain_qemu_say(stage.qemu, "query-iothreads",
                   "[{\"id\": \"iothread7\", \"thread-id\": 103}, "
                   "{\"id\": \"disk\", \"thread-id\": 104}]");
    plain_qemu_say(stage.qemu, "qom-list /machine/peripheral",
                   "[{\"name\": \"type\", \"type\": \"string\"}, "
                   "{\"name\": \"gpu\", \"type\": \"child<vfio-pci>\"}]");
    g_autoptr(VbDomainLook) seen = look(&stage);
    const VbDomain *live = seen->live;
    g_assert_cmpstr(seen->error, ==, NULL);
    g_assert_cmpint(seen->state, ==, VB_GUEST_RUNNING);
    g_assert_cmpstr(live->name, ==, "web");
    g_assert_cmpstr(live->uuid, ==, UUID);
    g_assert_cmpint(live->pid, ==, getpid());
    g_assert_cmpuint(live->start_time, ==, 99);
    g_assert_cmpuint(live->n_vcpus, ==, 2);
    g_assert_cmpuint(live->n_hostdevs, ==, 1);
    g_assert_true(live->own_monitor);
    g_assert_cmpint(vb_domain_tid_in(live->threads, "vcpu1"), ==, 102);
    g_assert_cmpint(vb_domain_tid_in(live->threads, "iothread7"), ==, 103);
    g_assert_cmpint(vb_domain_tid_in(live->threads, "iothread104"), ==, 104);
    g_assert_cmpuint(live->iothreads->len, ==, 2);
    g_assert_cmpuint(live->cells->len, ==, 1);
    const VbDomainCell *cell = g_ptr_array_index(live->cells, 0);
    g_assert_cmpuint(cell->size_bytes, ==, 64 * MIB);
    g_assert_cmpint(cell->backing, ==, VB_BACKING_ANONYMOUS);
    g_assert_cmpuint(vb_cpuset_count(&cell->vcpus), ==, 2);
    g_assert_cmpuint(live->pins->len, ==, 0);
    g_assert_null(seen->inactive);
    g_assert_cmpstr(warned->str, ==, "");
    tear_down(&stage);
}

/* Cells as the command line links them with backends. */
static void
cells_are_those_of_the_command_line(void)
{
    static const char memdevs[] =
        "[{\"id\": \"b\", \"size\": 33554432, \"merge\": true, \"dump\": true, \"prealloc\": false, "
        "\"share\": true, \"host-nodes\": [], \"policy\": \"default\"},"
        "{\"id\": \"a\", \"size\": 67108864, \"merge\": true, \"dump\": true, \"prealloc\": false, "
        "\"host-nodes\": [], \"policy\": \"default\"},"
        "{\"id\": \"dimm0\", \"size\": 134217728, \"merge\": true, \"dump\": true, "
        "\"prealloc\": false, \"host-nodes\": [], \"policy\": \"default\"}]";
    static const struct {
        const char *cmdline;
        const char *cells; /* "ID:BACKEND:MIB:VCPUS " each; NULL: cannot be told */
    } table[] = {
        {"qemu -numa node,nodeid=0,memdev=a -numa node,nodeid=1,memdev=b", "0:a:64:1 1:b:32:1 "},
        {"qemu --numa node,memdev=b --numa node,memdev=a", "0:b:32:1 1:a:64:1 "},
        {"qemu -numa node,nodeid=1,memdev=a,cpus=1 -numa node,nodeid=0,cpus=0", "1:a:64:1 "},
        {"qemu -machine pc,memory-backend=a", "0:a:64:2 "},
        {"qemu -M q35,memory-backend=b,mem-merge=off", "0:b:32:2 "},
        {"qemu -machine pc,memory-backend=none", NULL},
        {"qemu -name web", NULL},
        {"qemu -numa node,mem=32M -numa node,mem=64M", NULL},
        {"qemu -numa node,nodeid=128,memdev=a", NULL},
        {"qemu -numa dist,src=0,dst=1,val=20", NULL},
        {"qemu -numa", NULL},
    };
    for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
        Stage stage;
        set_up_with(&stage, table[i].cmdline);
        plain_qemu_say(stage.qemu, "query-memdev", memdevs);
        int of = table[i].cells != NULL ? atoi(table[i].cells) : 0;
        g_autofree char *devices = g_strdup_printf(
            "[{\"type\": \"dimm\", \"data\": {\"id\": \"d\", \"addr\": 4294967296, "
            "\"size\": 134217728, \"slot\": 0, \"node\": %d, \"memdev\": "
            "\"/objects/dimm0\", \"hotpluggable\": true, \"hotplugged\": true}}]", of);
        plain_qemu_say(stage.qemu, "query-memory-devices", devices);
        plain_qemu_say(
            stage.qemu, "query-cpus-fast",
            "[{\"cpu-index\": 0, \"thread-id\": 101, \"qom-path\": \"a\", \"target\": \"x\", "
            "\"props\": {\"node-id\": 0}}, {\"cpu-index\": 1, \"thread-id\": 102, "
            "\"qom-path\": \"b\", \"target\": \"x\", \"props\": {\"node-id\": 1}}]");
        g_autoptr(VbDomainLook) seen = look(&stage);
        g_autoptr(GString) cells = g_string_new(NULL);
        for (guint k = 0; k < seen->live->cells->len; k++) {
            const VbDomainCell *cell = g_ptr_array_index(seen->live->cells, k);
            g_string_append_printf(cells, "%u:%s:%u:%u ", cell->id, cell->backend,
                                   (guint)(cell->size_bytes / MIB), vb_cpuset_count(&cell->vcpus));
        }
        g_assert_cmpuint(seen->live->cells->len, >, 0);
        if (table[i].cells != NULL) {
            g_assert_cmpstr(cells->str, ==, table[i].cells);
            g_assert_cmpuint(seen->live->memory_devices->len, ==, 1);
            const VbDomainCell *device = g_ptr_array_index(seen->live->memory_devices, 0);
            g_assert_cmpuint(device->id, ==, of);
            g_assert_cmpuint(device->given_bytes, ==, 128 * MIB);
            g_assert_cmpstr(device->backend, ==, "dimm0");
        }
        g_assert_true((seen->error != NULL) == (table[i].cells == NULL));
        tear_down(&stage);
    }
}

static void
backing_is_what_qemu_says_of_it(void)
{
    static const struct {
        const char *type, *hugetlb, *size, *mem_path;
        VbBacking backing;
        guint64 page_size;
    } table[] = {
        {"memory-backend-ram", NULL, NULL, NULL, VB_BACKING_ANONYMOUS, 4096},
        {"memory-backend-memfd", "false", "0", NULL, VB_BACKING_MEMFD, 4096},
        {"memory-backend-memfd", "true", "0", NULL, VB_BACKING_HUGEPAGES, 2 * MIB},
        {"memory-backend-memfd", "true", "1073741824", NULL, VB_BACKING_HUGEPAGES, 1024 * MIB},
        {"memory-backend-memfd", "\"yes\"", "{}", NULL, VB_BACKING_MEMFD, 4096},
        {"memory-backend-file", NULL, NULL, "\"/run/hugepages/kvm\"", VB_BACKING_HUGEPAGES, 2 * MIB},
        {"memory-backend-file", NULL, NULL, "\"/big/a\"", VB_BACKING_HUGEPAGES, 1024 * MIB},
        {"memory-backend-file", NULL, NULL, "\"/bigger\"", VB_BACKING_FILE, 4096},
        {"memory-backend-file", NULL, NULL, "\"/dev/shm/x\"", VB_BACKING_FILE, 4096},
        {"memory-backend-file", NULL, NULL, "7", VB_BACKING_FILE, 4096},
    };
    for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
        Stage stage;
        set_up(&stage);
        g_autofree char *type = g_strdup_printf("\"%s\"", table[i].type);
        fake_kernel_write(stage.fake, "/proc/self/mounts",
                          "/dev/sda / ext4 rw 0 0\n"
                          "hugetlbfs /run/hugepages hugetlbfs rw,relatime,pagesize=2M 0 0\n"
                          "none /big hugetlbfs rw,pagesize=1024M 0 0\n",
                          -1);
        plain_qemu_say(stage.qemu, "qom-get /objects/pc.ram type", type);
        if (table[i].hugetlb != NULL) {
            plain_qemu_say(stage.qemu, "qom-get /objects/pc.ram hugetlb", table[i].hugetlb);
            plain_qemu_say(stage.qemu, "qom-get /objects/pc.ram hugetlbsize", table[i].size);
        }
        if (table[i].mem_path != NULL)
            plain_qemu_say(stage.qemu, "qom-get /objects/pc.ram mem-path", table[i].mem_path);
        g_autoptr(VbDomainLook) seen = look(&stage);
        const VbDomainCell *cell = g_ptr_array_index(seen->live->cells, 0);
        g_assert_cmpint(cell->backing, ==, table[i].backing);
        g_assert_cmpuint(cell->page_size, ==, table[i].page_size);
        tear_down(&stage);
    }
}

static void
an_affinity_is_a_pin_unless_it_holds_nobody(void)
{
    Stage stage;
    set_up(&stage);
    fake_kernel_set_affinity(stage.fake, 102, &(VbCpuSet){.word = {0xc}});
    g_autoptr(VbDomainLook) seen = look(&stage);
    g_assert_cmpuint(seen->live->pins->len, ==, 1);
    g_assert_cmpstr(vb_domain_pin_of(seen->live, "vcpu1"), ==, "2-3");
    g_assert_null(seen->live->vcpu_cpuset);
    tear_down(&stage);
}

/* The kernel itself leaves isolated CPUs out. */
static void
isolated_cpus_are_missed_by_nobody(void)
{
    Stage stage;
    set_up(&stage);
    fake_kernel_write(stage.fake, "/sys/devices/system/cpu/isolated", "3\n", -1);
    fake_kernel_set_affinity(stage.fake, 101, &(VbCpuSet){.word = {0x7}});
    fake_kernel_set_affinity(stage.fake, 102, &(VbCpuSet){.word = {0x3}});
    g_autoptr(VbDomainLook) seen = look(&stage);
    g_assert_cmpuint(seen->live->pins->len, ==, 1);
    g_assert_cmpstr(vb_domain_pin_of(seen->live, "vcpu1"), ==, "0-1");
    g_assert_null(seen->live->vcpu_cpuset);
    tear_down(&stage);
}

/* Nothing that its cpuset leaves out could be used anyway. */
static void
a_cpuset_bounds_and_does_not_pin(void)
{
    Stage stage;
    set_up(&stage);
    g_autofree char *cgroup = g_strdup_printf("/proc/%d/cgroup", getpid());
    fake_kernel_write(stage.fake, cgroup, "0::/qemu.slice/100.scope\n", -1);
    fake_kernel_write(stage.fake, "/sys/fs/cgroup/qemu.slice/cpuset.cpus.effective", "1-2\n", -1);
    fake_kernel_write(stage.fake, "/sys/fs/cgroup/cpuset.cpus.effective", "0-3\n", -1);
    fake_kernel_set_affinity(stage.fake, 101, &(VbCpuSet){.word = {0x6}});
    fake_kernel_set_affinity(stage.fake, 102, &(VbCpuSet){.word = {0x2}});
    fake_kernel_set_affinity(stage.fake, getpid(), &(VbCpuSet){.word = {0x6}});
    g_autoptr(VbDomainLook) seen = look(&stage);
    g_assert_cmpstr(seen->live->vcpu_cpuset, ==, "1-2");
    g_assert_cmpuint(seen->live->pins->len, ==, 1);
    g_assert_cmpstr(vb_domain_pin_of(seen->live, "vcpu1"), ==, "1");
    tear_down(&stage);
}

static void
a_guest_without_a_name_goes_by_its_socket(void)
{
    static const char *const names[] = {"{}", "{\"name\": \"\"}", "{\"name\": \"../../x\"}",
                                        "{\"name\": \"a\\u001b[31m\"}", "{\"name\": 7}"};
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        Stage stage;
        set_up(&stage);
        plain_qemu_say(stage.qemu, "query-name", names[i]);
        plain_qemu_say(stage.qemu, "query-uuid",
                       "{\"UUID\": \"00000000-0000-0000-0000-000000000000\"}");
        g_autoptr(VbDomainLook) seen = look(&stage);
        g_autoptr(VbDomainLook) again = look(&stage);
        g_assert_cmpstr(seen->live->name, ==, "100");
        g_assert_true(g_uuid_string_is_valid(seen->live->uuid));
        g_assert_cmpstr(seen->live->uuid, ==, again->live->uuid);
        g_assert_cmpstr(seen->live->uuid, !=, "00000000-0000-0000-0000-000000000000");
        tear_down(&stage);
    }
}

static void
states_are_qemus_own(void)
{
    static const struct {
        const char *status, *migration;
        VbGuestState state;
        const char *busy;
    } table[] = {
        {"running", "{}", VB_GUEST_RUNNING, NULL},
        {"running", "{\"status\": \"completed\"}", VB_GUEST_RUNNING, NULL},
        {"running", "{\"status\": \"active\"}", VB_GUEST_BUSY, "migration"},
        {"paused", "{}", VB_GUEST_PAUSED, NULL},
        {"prelaunch", "{}", VB_GUEST_PAUSED, NULL},
        {"inmigrate", "{}", VB_GUEST_BUSY, "migration"},
        {"save-vm", "{}", VB_GUEST_BUSY, "save"},
        {"something-new", "{}", VB_GUEST_UNKNOWN, NULL},
    };
    for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
        Stage stage;
        set_up(&stage);
        g_autofree char *status = g_strdup_printf("{\"status\": \"%s\"}", table[i].status);
        plain_qemu_say(stage.qemu, "query-status", status);
        plain_qemu_say(stage.qemu, "query-migrate", table[i].migration);
        g_autoptr(VbDomainLook) seen = look(&stage);
        g_assert_cmpint(seen->state, ==, table[i].state);
        g_assert_cmpstr(seen->busy, ==, table[i].busy);
        tear_down(&stage);
    }
}

/* --- what sockets get wrong ----------------------------------------------------------------- */

static void
what_makes_no_sense_is_warned_of_once(void)
{
    static const struct {
        const char *command, *reply, *word;
    } table[] = {
        {"query-uuid", "{\"UUID\": \"web\"}", "query-uuid"},
        {"query-uuid", "[]", "query-uuid"},
        {"query-status", "{\"status\": 1}", "query-status"},
        {"query-cpus-fast", "[]", "query-cpus-fast"},
        {"query-cpus-fast", "[{\"cpu-index\": -1, \"thread-id\": 1}]", "query-cpus-fast"},
        {"query-memdev", "{}", "query-memdev"},
        {"query-memdev", "[7]", "query-memdev"},
        {"query-name", "!HTTP/1.1 400 Bad Request\r\n", "monitor"},
        {"query-iothreads", "![[[[\r\n", "monitor"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
        Stage stage;
        set_up(&stage);
        plain_qemu_say(stage.qemu, table[i].command, table[i].reply);
        for (guint times = 0; times < 2; times++) {
            g_autoptr(GPtrArray) looks = list(&stage);
            g_assert_cmpuint(looks->len, ==, 0);
        }
        g_assert_nonnull(strstr(warned->str, "100.qmp"));
        g_assert_nonnull(strstr(warned->str, table[i].word));
        g_auto(GStrv) lines = g_strsplit(warned->str, "\n", -1);
        g_assert_cmpuint(g_strv_length(lines), ==, 2); /* the last is empty */
        tear_down(&stage);
    }
}

static void
a_socket_that_is_no_qmp_is_warned_of_once(void)
{
    Stage stage;
    set_up(&stage);
    stage.qemu->greeting = "SSH-2.0-OpenSSH_9.2\r\n";
    for (guint times = 0; times < 2; times++) {
        g_autoptr(GPtrArray) looks = list(&stage);
        g_assert_cmpuint(looks->len, ==, 0);
    }
    g_auto(GStrv) lines = g_strsplit(warned->str, "\n", -1);
    g_assert_cmpuint(g_strv_length(lines), ==, 2);
    stage.qemu->greeting = GREETING;
    vb_domain_look_free(look(&stage));
    tear_down(&stage);
}

static void
a_socket_that_is_left_over_is_no_trouble(void)
{
    Stage stage;
    set_up(&stage);
    plain_qemu_stop(g_steal_pointer(&stage.qemu));
    g_autoptr(GPtrArray) looks = list(&stage);
    g_assert_cmpuint(looks->len, ==, 0);
    g_assert_cmpstr(warned->str, ==, "");
    g_autoptr(GError) error = NULL;
    g_assert_null(stage.plain->ops->look(stage.plain, UUID, DEADLINE_MS, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_NO_GUEST);
    tear_down(&stage);
}

/* Another client has its monitor, or QEMU hangs: the guest is there all the same. */
static void
a_guest_that_falls_silent_is_busy(void)
{
    Stage stage;
    set_up(&stage);
    vb_domain_look_free(look(&stage));
    stage.qemu->greeting = NULL;
    g_autoptr(VbDomainLook) seen = look(&stage);
    g_assert_cmpint(seen->state, ==, VB_GUEST_BUSY);
    g_assert_cmpstr(seen->busy, ==, "monitor");
    g_assert_cmpuint(seen->live->n_vcpus, ==, 2);
    fake_process_end(stage.process);
    g_autoptr(GPtrArray) looks = list(&stage);
    g_assert_cmpuint(looks->len, ==, 0);
    tear_down(&stage);
}

static void
a_listener_that_is_no_qemu_is_refused(void)
{
    Stage stage;
    set_up(&stage);
    g_autofree char *exe = g_strdup_printf("/proc/%d/exe", getpid());
    fake_kernel_link(stage.fake, exe, "/usr/bin/socat");
    g_autoptr(GPtrArray) looks = list(&stage);
    g_assert_cmpuint(looks->len, ==, 0);
    g_assert_nonnull(strstr(warned->str, "no QEMU"));
    tear_down(&stage);
}

static void
vcpus_of_another_process_make_the_guest_unread(void)
{
    Stage stage;
    set_up(&stage);
    g_autofree char *path = g_strdup_printf("/proc/%d/task/102/stat", getpid());
    fake_kernel_remove(stage.fake, path);
    g_autoptr(VbDomainLook) seen = look(&stage);
    g_assert_nonnull(strstr(seen->error, "no threads"));
    g_assert_cmpint(vb_domain_tid_in(seen->live->threads, "vcpu1"), ==, 0);
    tear_down(&stage);
}

static void
of_two_guests_with_one_uuid_none_is_told(void)
{
    Stage stage;
    set_up(&stage);
    g_autofree char *path = path_in(&stage, "101.qmp");
    PlainQemu *other = plain_qemu_start(path);
    for (guint times = 0; times < 2; times++) {
        g_autoptr(GPtrArray) looks = list(&stage);
        g_assert_cmpuint(looks->len, ==, 0);
    }
    g_assert_nonnull(strstr(warned->str, "-uuid of its own"));
    g_auto(GStrv) lines = g_strsplit(warned->str, "\n", -1);
    g_assert_cmpuint(g_strv_length(lines), ==, 2);
    plain_qemu_say(other, "query-uuid", "{\"UUID\": \"c7a5fdbd-edaf-9455-926a-d65c16db1810\"}");
    g_autoptr(GPtrArray) looks = list(&stage);
    g_assert_cmpuint(looks->len, ==, 2);
    plain_qemu_stop(other);
    tear_down(&stage);
}

/* --- metadata, monitor ---------------------------------------------------------------------- */

static void
there_is_no_metadata_to_write(void)
{
    Stage stage;
    set_up(&stage);
    g_autoptr(GError) error = NULL;
    const char *guests[] = {"web", UUID};
    for (guint i = 0; i < G_N_ELEMENTS(guests); i++) {
        g_autoptr(VbMetadata) metadata =
            stage.plain->ops->read_metadata(stage.plain, guests[i], DEADLINE_MS, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(metadata->uuid, ==, UUID);
        g_assert_true(metadata->running && !metadata->persistent && metadata->live == NULL);
    }
    g_assert_false(stage.plain->ops->write_metadata(stage.plain, UUID, "<numa/>", TRUE, FALSE,
                                                    DEADLINE_MS, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_UNSUPPORTED);
    g_assert_nonnull(strstr(error->message, "domains.d"));
    tear_down(&stage);
}

static void
add_process(Stage *stage, int pid, const char *name, guint flags, guint start_time)
{
    static const char *const zeros = "0 0 0 0 0 0 0 0 20 0 1 0";
    g_autofree char *stat_path = g_strdup_printf("/proc/%d/stat", pid);
    g_autofree char *comm_path = g_strdup_printf("/proc/%d/comm", pid);
    g_autofree char *comm = g_strdup_printf("%s\n", name);
    g_autofree char *stat = g_strdup_printf("%d (%s) S 2 0 0 0 -1 %u %s %u 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 17 1 0 "
                                            "0 0 0 0 0 0 0 0 0 0 0 0\n",
                                            pid, name, flags, zeros, start_time);
    fake_kernel_write(stage->fake, comm_path, comm, -1);
    fake_kernel_write(stage->fake, stat_path, stat, -1);
}

/* "vhost-ID" is what the kernel calls those that thread ID made; who only says so is not one. */
static void
the_kernels_own_threads_are_the_emulators(void)
{
    static const guint kernels = 0x208040, users = 0x400000;
    Stage stage;
    set_up(&stage);
    g_autofree char *main_one = g_strdup_printf("vhost-%d", getpid());
    g_autofree char *longer = g_strdup_printf("vhost-%d0", getpid());
    add_process(&stage, 9000001, main_one, kernels, 100);
    add_process(&stage, 9000002, "vhost-103", kernels, 99);
    add_process(&stage, 9000003, main_one, users, 100);
    add_process(&stage, 9000004, main_one, kernels, 98); /* of an older process of that PID */
    add_process(&stage, 9000005, longer, kernels, 100);
    add_process(&stage, 9000006, "vhost-105", kernels, 100);
    add_process(&stage, 9000007, "vhost-", kernels, 100);
    add_process(&stage, 9000008, "kworker/0:1", kernels, 100);
    fake_kernel_write(stage.fake, "/proc/9000009/comm", main_one, -1); /* has ended since */
    g_autoptr(VbDomainLook) seen = look(&stage);
    g_autoptr(GArray) tids = vb_plain_emulator(&stage.fake->kernel, getpid(), seen->live->threads);
    g_autoptr(GString) text = g_string_new(NULL);
    for (guint i = 0; i < tids->len; i++)
        if (g_array_index(tids, int, i) > 9000000)
            g_string_append_printf(text, "%d ", g_array_index(tids, int, i));
    g_assert_cmpstr(text->str, ==, "9000001 9000002 ");
    g_assert_cmpint(g_array_index(tids, int, 0), ==, getpid());
    tear_down(&stage);
}

static void
qemu_is_asked_through_its_own_socket(void)
{
    Stage stage;
    set_up(&stage);
    plain_qemu_say(stage.qemu, "query-kvm", "{\"enabled\": true}");
    g_autofree char *reply = stage.plain->ops->monitor(
        stage.plain, UUID, "{\"execute\": \"query-kvm\", \"id\": 9}", DEADLINE_MS, NULL);
    g_assert_cmpstr(reply, ==, "{\"return\":{\"enabled\":true}}");
    g_autoptr(GError) error = NULL;
    g_assert_null(stage.plain->ops->monitor(stage.plain, UUID, "cont", DEADLINE_MS, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_INVALID);
    tear_down(&stage);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(path, test) g_test_add_func("/plain/" path, test)
    ADD("told-whole", a_guest_is_told_whole);
    ADD("cells", cells_are_those_of_the_command_line);
    ADD("backing", backing_is_what_qemu_says_of_it);
    ADD("vhost", the_kernels_own_threads_are_the_emulators);
    ADD("pins", an_affinity_is_a_pin_unless_it_holds_nobody);
    ADD("isolated", isolated_cpus_are_missed_by_nobody);
    ADD("cpuset", a_cpuset_bounds_and_does_not_pin);
    ADD("nameless", a_guest_without_a_name_goes_by_its_socket);
    ADD("states", states_are_qemus_own);
    ADD("hostile", what_makes_no_sense_is_warned_of_once);
    ADD("no-qmp", a_socket_that_is_no_qmp_is_warned_of_once);
    ADD("left-over", a_socket_that_is_left_over_is_no_trouble);
    ADD("silent", a_guest_that_falls_silent_is_busy);
    ADD("no-qemu", a_listener_that_is_no_qemu_is_refused);
    ADD("foreign-vcpus", vcpus_of_another_process_make_the_guest_unread);
    ADD("one-uuid", of_two_guests_with_one_uuid_none_is_told);
    ADD("metadata", there_is_no_metadata_to_write);
    ADD("monitor", qemu_is_asked_through_its_own_socket);
    return g_test_run();
}

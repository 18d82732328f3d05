/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The typed queries, over a passthrough that answers from a transcript or a table. */
#include "qmp/message.h"
#include "qmp/qmp.h"

#include <string.h>

#define MIB ((gint64)1024 * 1024)
#define PATIENCE_MS 30000

/* A transcript: the greeting, then command and reply line by line. */
static char **
load_transcript(const char *name)
{
    g_autofree char *path =
        g_build_filename(g_getenv("VB_TEST_DATA"), "..", "transcripts", name, NULL);
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;

    g_file_get_contents(path, &text, NULL, &error);
    g_assert_no_error(error);
    return g_strsplit(text, "\n", -1);
}

static JsonNode *
member_of(const char *text, const char *name)
{
    g_autoptr(JsonNode) root = json_from_string(text, NULL);
    JsonNode *node = json_object_get_member(json_node_get_object(root), name);

    return node != NULL ? json_node_copy(node) : NULL;
}

static gboolean
same_member(const char *a, const char *b, const char *name)
{
    g_autoptr(JsonNode) of_a = member_of(a, name);
    g_autoptr(JsonNode) of_b = member_of(b, name);

    return (of_a == NULL && of_b == NULL) ||
           (of_a != NULL && of_b != NULL && json_node_equal(of_a, of_b));
}

static char *
answer_from_transcript(const char *command, gpointer data, GError **error)
{
    char **lines = data;

    g_assert_null(strstr(command, "\"id\"")); /* libvirt refuses a command that brings its own */
    for (guint i = 1; lines[i] != NULL && lines[i + 1] != NULL; i += 2) {
        if (same_member(lines[i], command, "execute") &&
            same_member(lines[i], command, "arguments"))
            return g_strdup(lines[i + 1]);
    }
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "not in the transcript: %s", command);
    return NULL;
}

static QmpTransport *
transcript(const char *name)
{
    return qmp_passthrough_new(answer_from_transcript, load_transcript(name),
                               (GDestroyNotify)g_strfreev);
}

static const QmpMemdev *
find_memdev(GPtrArray *memdevs, const char *id)
{
    for (guint i = 0; i < memdevs->len; i++) {
        const QmpMemdev *memdev = memdevs->pdata[i];

        if (g_strcmp0(memdev->id, id) == 0)
            return memdev;
    }
    g_error("no memory backend %s", id);
}

static void
test_cpus(gconstpointer name)
{
    g_autoptr(QmpTransport) transport = transcript(name);
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) cpus = qmp_query_cpus(transport, PATIENCE_MS, NULL, &error);

    g_assert_no_error(error);
    g_assert_cmpuint(cpus->len, ==, 4);
    for (guint i = 0; i < cpus->len; i++) {
        const QmpCpu *cpu = cpus->pdata[i];

        g_assert_cmpint(cpu->index, ==, i);
        g_assert_cmpint(cpu->tid, >, 1);
        g_assert_cmpint(cpu->node_id, ==, i / 2);
        g_assert_cmpint(cpu->socket_id, ==, 0);
        g_assert_cmpint(cpu->core_id, ==, i);
        g_assert_cmpint(cpu->thread_id, ==, 0);
        g_assert_cmpint(cpu->die_id, ==, -1);
        g_assert_cmpint(cpu->cluster_id, ==, -1);
        g_assert_cmpstr(cpu->target, ==, "x86_64");
        g_assert_true(g_str_has_prefix(cpu->qom_path, "/machine/unattached/device["));
    }
}

static void
test_iothreads(gconstpointer name)
{
    g_autoptr(QmpTransport) transport = transcript(name);
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) iothreads = qmp_query_iothreads(transport, PATIENCE_MS, NULL, &error);

    g_assert_no_error(error);
    g_assert_cmpuint(iothreads->len, ==, 2);
    g_assert_cmpstr(((QmpIothread *)iothreads->pdata[0])->id, ==, "io1");
    g_assert_cmpstr(((QmpIothread *)iothreads->pdata[1])->id, ==, "io0");
    g_assert_cmpint(((QmpIothread *)iothreads->pdata[0])->tid, >, 1);
}

static void
test_memdevs(gconstpointer name)
{
    g_autoptr(QmpTransport) transport = transcript(name);
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) memdevs = qmp_query_memdevs(transport, PATIENCE_MS, NULL, &error);
    const QmpMemdev *bound, *shared;

    g_assert_no_error(error);
    bound = find_memdev(memdevs, "ram-node0");
    g_assert_cmpint(bound->size_bytes, ==, 128 * MIB);
    g_assert_cmpint(bound->policy, ==, QMP_MEMDEV_POLICY_BIND);
    g_assert_cmpuint(bound->host_nodes->len, ==, 1);
    g_assert_cmpuint(g_array_index(bound->host_nodes, guint, 0), ==, 0);
    g_assert_cmpint(bound->share, ==, FALSE);
    g_assert_cmpint(bound->prealloc, ==, FALSE);
    shared = find_memdev(memdevs, "ram-node1");
    g_assert_cmpint(shared->share, ==, TRUE);
    g_assert_cmpint(shared->merge, ==, TRUE);
    g_assert_cmpint(shared->dump, ==, TRUE);
    g_assert_cmpint(shared->policy, ==, QMP_MEMDEV_POLICY_DEFAULT);
    g_assert_cmpuint(shared->host_nodes->len, ==, 0);
}

static void
test_memory_devices(void)
{
    static const struct {
        const char *transcript;
        QmpMemoryDevice device; /* its strings are borrowed literals */
    } expected[] = {
        {"qemu-7.2-pc.json",
         {QMP_MEMORY_DEVICE_DIMM, (char *)"dimm", (char *)"dimm0", (char *)"/objects/dimm0-ram",
          4096 * MIB, 128 * MIB, -1, 1}},
        {"qemu-7.2-q35.json",
         {QMP_MEMORY_DEVICE_VIRTIO_MEM, (char *)"virtio-mem", (char *)"vmem0",
          (char *)"/objects/vmem0-ram", 4096 * MIB, 0, 256 * MIB, 1}},
        {"qemu-7.2-q35.json",
         {QMP_MEMORY_DEVICE_VIRTIO_PMEM, (char *)"virtio-pmem", NULL, (char *)"/objects/pmem0-ram",
          4352 * MIB, 64 * MIB, -1, -1}},
    };

    for (guint i = 0; i < G_N_ELEMENTS(expected); i++) {
        g_autoptr(QmpTransport) transport = transcript(expected[i].transcript);
        g_autoptr(GError) error = NULL;
        g_autoptr(GPtrArray) devices =
            qmp_query_memory_devices(transport, PATIENCE_MS, NULL, &error);
        const QmpMemoryDevice *want = &expected[i].device;
        const QmpMemoryDevice *device;

        g_assert_no_error(error);
        device = devices->pdata[devices->len == 1 ? 0 : i - 1];
        g_assert_cmpint(device->kind, ==, want->kind);
        g_assert_cmpstr(device->type, ==, want->type);
        g_assert_cmpstr(device->id, ==, want->id);
        g_assert_cmpstr(device->memdev, ==, want->memdev);
        g_assert_cmpint(device->addr, ==, want->addr);
        g_assert_cmpint(device->size_bytes, ==, want->size_bytes);
        g_assert_cmpint(device->max_bytes, ==, want->max_bytes);
        g_assert_cmpint(device->node, ==, want->node);
    }
}

static void
test_version(void)
{
    g_autoptr(QmpTransport) transport = transcript("qemu-7.2-none.json");
    g_autoptr(GError) error = NULL;
    g_autoptr(QmpVersion) version = qmp_query_version(transport, PATIENCE_MS, NULL, &error);

    g_assert_no_error(error);
    g_assert_cmpint(version->major, ==, 7);
    g_assert_cmpint(version->minor, ==, 2);
    g_assert_cmpint(version->micro, ==, 22);
    g_assert_true(g_str_has_prefix(version->package, "Debian "));
}

static void
test_gpa2hva(gconstpointer name)
{
    g_autoptr(QmpTransport) transport = transcript(name);
    g_autoptr(GError) error = NULL;
    g_autoptr(QmpGpa2hva) low = qmp_query_gpa2hva(transport, 0x1000, PATIENCE_MS, NULL, &error);
    g_autoptr(QmpGpa2hva) high = qmp_query_gpa2hva(transport, 0x8000000, PATIENCE_MS, NULL, &error);

    g_assert_no_error(error);
    g_assert_cmpstr(low->region, ==, "ram-node0");
    g_assert_cmpstr(high->region, ==, "ram-node1");
    g_assert_cmphex(high->gpa, ==, 0x8000000);
    g_assert_cmphex(high->hva >> 40, ==, 0x7f);
    g_assert_null(qmp_query_gpa2hva(transport, 0xfee00000, PATIENCE_MS, NULL, &error));
    g_assert_error(error, QMP_ERROR, QMP_ERROR_NOT_MAPPED);
    g_clear_error(&error);
    g_assert_null(qmp_query_gpa2hva(transport, 0x7000000000, PATIENCE_MS, NULL, &error));
    g_assert_error(error, QMP_ERROR, QMP_ERROR_NOT_MAPPED);
}

static void
test_empty_machine(void)
{
    g_autoptr(QmpTransport) transport = transcript("qemu-7.2-none.json");
    g_autoptr(GPtrArray) cpus = qmp_query_cpus(transport, PATIENCE_MS, NULL, NULL);
    g_autoptr(GPtrArray) memdevs = qmp_query_memdevs(transport, PATIENCE_MS, NULL, NULL);
    g_autoptr(GError) error = NULL;

    g_assert_cmpuint(cpus->len, ==, 0);
    g_assert_cmpuint(memdevs->len, ==, 0);
    g_assert_null(qmp_transport_execute(transport, "query-numa", NULL, PATIENCE_MS, NULL, &error));
    g_assert_error(error, QMP_ERROR, QMP_ERROR_COMMAND_NOT_FOUND);
    g_assert_cmpstr(
        error->message, ==,
        "query-numa: QEMU refused: CommandNotFound: The command query-numa has not been "
        "found");
}

int
main(int argc, char **argv)
{
    static const char *const machines[] = {"qemu-7.2-pc.json", "qemu-7.2-q35.json"};
    static const struct {
        const char *name;
        GTestDataFunc func;
    } tests[] = {
        {"cpus", test_cpus},
        {"iothreads", test_iothreads},
        {"memdevs", test_memdevs},
        {"gpa2hva", test_gpa2hva},
    };

    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(machines) * G_N_ELEMENTS(tests); i++) {
        const char *machine = machines[i / G_N_ELEMENTS(tests)];
        guint test = i % G_N_ELEMENTS(tests);
        g_autofree char *path = g_strdup_printf("/qmp/queries/%s/%s", machine, tests[test].name);

        g_test_add_data_func(path, machine, tests[test].func);
    }
    g_test_add_func("/qmp/queries/memory-devices", test_memory_devices);
    g_test_add_func("/qmp/queries/version", test_version);
    g_test_add_func("/qmp/queries/empty-machine", test_empty_machine);
    return g_test_run();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Replies that are wrong in one place, or newer than this library: what the typed queries say. */
#include "qmp/qmp.h"

#define PATIENCE_MS 30000

/* A reply that is wrong in one place, the query that reads it, and what its error must say. */
typedef struct {
    const char *query;
    const char *reply;
    int code;
    const char *says;
} BadReply;

#define CPU "\"cpu-index\": 0, \"qom-path\": \"/a\", \"target\": \"x86_64\""
#define MEMDEV "\"size\": 1, \"merge\": true, \"dump\": true, \"prealloc\": false"

static const BadReply bad_replies[] = {
    {"cpus", "{\"return\": {}}", QMP_ERROR_BAD_REPLY,
     "query-cpus-fast: return: an array needed, an object found"},
    {"cpus", "{\"return\": [3]}", QMP_ERROR_BAD_REPLY,
     "query-cpus-fast: return[0]: an object needed, an integer found"},
    {"cpus", "{\"return\": [{" CPU "}]}", QMP_ERROR_BAD_REPLY,
     "query-cpus-fast: return[0].thread-id: missing"},
    {"cpus", "{\"return\": [{" CPU ", \"thread-id\": \"7\"}]}", QMP_ERROR_BAD_REPLY,
     "query-cpus-fast: return[0].thread-id: an integer needed, a string found"},
    {"cpus", "{\"return\": [{" CPU ", \"thread-id\": 7.5}]}", QMP_ERROR_BAD_REPLY,
     "query-cpus-fast: return[0].thread-id: an integer needed, a fraction found"},
    {"cpus", "{\"return\": [{" CPU ", \"thread-id\": 0}]}", QMP_ERROR_BAD_REPLY,
     "query-cpus-fast: return[0].thread-id: 0 is not within 1..2147483647"},
    {"cpus", "{\"return\": [{" CPU ", \"thread-id\": 7, \"props\": []}]}", QMP_ERROR_BAD_REPLY,
     "query-cpus-fast: return[0].props: an object needed, an array found"},
    {"cpus", "{\"return\": [{" CPU ", \"thread-id\": 7, \"props\": {\"node-id\": 128}}]}",
     QMP_ERROR_BAD_REPLY, "query-cpus-fast: return[0].props.node-id: 128 is not within 0..127"},
    {"iothreads", "{\"return\": [{\"id\": null, \"thread-id\": 5}]}", QMP_ERROR_BAD_REPLY,
     "query-iothreads: return[0].id: missing"},
    {"iothreads", "{\"return\": [{\"id\": true, \"thread-id\": 5}]}", QMP_ERROR_BAD_REPLY,
     "query-iothreads: return[0].id: a string needed, a boolean found"},
    {"memdevs", "{\"return\": [{" MEMDEV ", \"policy\": \"bind\"}]}", QMP_ERROR_BAD_REPLY,
     "query-memdev: return[0].host-nodes: an array needed, nothing found"},
    {"memdevs", "{\"return\": [{" MEMDEV ", \"policy\": \"bind\", \"host-nodes\": [0, 1024]}]}",
     QMP_ERROR_BAD_REPLY, "query-memdev: return[0].host-nodes[1]: 1024 is not within 0..1023"},
    {"memdevs", "{\"return\": [{" MEMDEV ", \"share\": 1}]}", QMP_ERROR_BAD_REPLY,
     "query-memdev: return[0].share: a boolean needed, an integer found"},
    {"memdevs", "{\"return\": [{\"size\": 18446744073709551615}]}", QMP_ERROR_BAD_REPLY,
     "query-memdev: return[0].size: -1 is not within 0..9223372036854775807"},
    {"devices", "{\"return\": [{\"type\": \"dimm\"}]}", QMP_ERROR_BAD_REPLY,
     "query-memory-devices: return[0].data: an object needed, nothing found"},
    {"devices", "{\"return\": [{\"type\": \"virtio-pmem\", \"data\": {\"memdev\": \"/a\"}}]}",
     QMP_ERROR_BAD_REPLY, "query-memory-devices: return[0].data.memaddr: missing"},
    {"version", "{\"return\": {\"qemu\": {\"major\": -1}}}", QMP_ERROR_BAD_REPLY,
     "query-version: return.qemu.major: -1 is not within 0..9999"},
    {"version", "{\"return\": null}", QMP_ERROR_BAD_REPLY,
     "query-version: return: an object needed, null found"},
    {"gpa2hva", "{\"return\": 5}", QMP_ERROR_BAD_REPLY,
     "gpa2hva: return: a string needed, an integer found"},
    {"gpa2hva", "{\"return\": \"unknown command: 'gpa2hva'\\r\\n\"}", QMP_ERROR_BAD_REPLY,
     "gpa2hva: return: not an answer we know: \"unknown command: 'gpa2hva'\""},
    {"gpa2hva", "{\"return\": \"Host virtual address for 0x2000 (a) is 0x7f00\\r\\n\"}",
     QMP_ERROR_BAD_REPLY, "gpa2hva: return: the answer is about 0x2000, not 0x1000"},
    {"cpus", "{\"error\": {\"class\": \"GenericError\", \"desc\": \"no\\nway\"}}",
     QMP_ERROR_COMMAND, "query-cpus-fast: QEMU refused: GenericError: no\\nway"},
    {"cpus", "{\"return\": []} {}", QMP_ERROR_PROTOCOL,
     "query-cpus-fast: the reply is not one whole object"},
    {"cpus", "{\"return\": [", QMP_ERROR_PROTOCOL,
     "query-cpus-fast: the reply is not one whole object"},
    {"cpus", "{\"event\": \"STOP\"}", QMP_ERROR_PROTOCOL,
     "query-cpus-fast: the answer is not a reply"},
};

static char *
answer_with(const char *command, gpointer data, GError **error)
{
    return g_strdup(data);
}

static QmpTransport *
answering(const char *reply)
{
    return qmp_passthrough_new(answer_with, (gpointer)reply, NULL);
}

static gpointer
ask(const char *query, QmpTransport *transport, GError **error)
{
    if (g_str_equal(query, "cpus"))
        return qmp_query_cpus(transport, PATIENCE_MS, NULL, error);
    if (g_str_equal(query, "iothreads"))
        return qmp_query_iothreads(transport, PATIENCE_MS, NULL, error);
    if (g_str_equal(query, "memdevs"))
        return qmp_query_memdevs(transport, PATIENCE_MS, NULL, error);
    if (g_str_equal(query, "devices"))
        return qmp_query_memory_devices(transport, PATIENCE_MS, NULL, error);
    if (g_str_equal(query, "version"))
        return qmp_query_version(transport, PATIENCE_MS, NULL, error);
    return qmp_query_gpa2hva(transport, 0x1000, PATIENCE_MS, NULL, error);
}

static void
test_bad_replies(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(bad_replies); i++) {
        const BadReply *bad = &bad_replies[i];
        g_autoptr(QmpTransport) transport = answering(bad->reply);
        g_autoptr(GError) error = NULL;

        g_assert_null(ask(bad->query, transport, &error));
        g_assert_error(error, QMP_ERROR, bad->code);
        g_assert_cmpstr(error->message, ==, bad->says);
    }
}

/* Text answers of the human monitor: only the exact sentence counts. */
static void
test_gpa2hva_text(void)
{
    static const struct {
        const char *text;
        const char *region; /* NULL: refused */
    } texts[] = {
        {"Host virtual address for 0x1000 (pc.ram) is 0x7f0000001000", "pc.ram"},
        {"Host virtual address for 0x1000 (pc.ram) is 0x7f0000001000\\n", "pc.ram"},
        {"Host virtual address for 0x1000 (a) is (b) is 0x10\\r\\n", "a) is (b"},
        {"Host virtual address for 0x1000 (pc.ram) is 0x0", NULL},
        {"Host virtual address for 0x1000 (pc.ram) is 0x", NULL},
        {"Host virtual address for 0x1000 (pc.ram) is 7f00", NULL},
        {"Host virtual address for 0x1000 (pc.ram) is 0x7f00 or so", NULL},
        {"Host virtual address for 0x1000 (pc.ram) is 0x10000000000000000", NULL},
        {"Host virtual address for 4096 (pc.ram) is 0x7f00", NULL},
        {"Host virtual address for 0x1000 () is 0x7f00", NULL},
        {"Host virtual address for 0x1000", NULL},
        {"host virtual address for 0x1000 (pc.ram) is 0x7f00", NULL},
        {"", NULL},
    };

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autofree char *reply = g_strdup_printf("{\"return\": \"%s\"}", texts[i].text);
        g_autoptr(QmpTransport) transport = answering(reply);
        g_autoptr(GError) error = NULL;
        g_autoptr(QmpGpa2hva) answer =
            qmp_query_gpa2hva(transport, 0x1000, PATIENCE_MS, NULL, &error);

        if (texts[i].region != NULL) {
            g_assert_no_error(error);
            g_assert_cmpstr(answer->region, ==, texts[i].region);
        } else {
            g_assert_error(error, QMP_ERROR, QMP_ERROR_BAD_REPLY);
        }
    }
}

/* Words of a newer QEMU must not break what we do know. */
static void
test_newer_words(void)
{
    g_autoptr(QmpTransport) memdev_transport = answering(
        "{\"return\": [{" MEMDEV ", \"policy\": \"weighted\", \"host-nodes\": [], \"new\": {}}]}");
    g_autoptr(QmpTransport) device_transport = answering(
        "{\"return\": [{\"type\": \"hv-balloon\", \"data\": {\"max-size\": 9, \"memaddr\": 5}}]}");
    g_autoptr(GPtrArray) memdevs = qmp_query_memdevs(memdev_transport, PATIENCE_MS, NULL, NULL);
    g_autoptr(GPtrArray) devices =
        qmp_query_memory_devices(device_transport, PATIENCE_MS, NULL, NULL);
    const QmpMemdev *memdev = memdevs->pdata[0];
    const QmpMemoryDevice *device = devices->pdata[0];

    g_assert_cmpint(memdev->policy, ==, QMP_MEMDEV_POLICY_OTHER);
    g_assert_cmpint(memdev->share, ==, -1);
    g_assert_null(memdev->id);
    g_assert_cmpint(device->kind, ==, QMP_MEMORY_DEVICE_OTHER);
    g_assert_cmpstr(device->type, ==, "hv-balloon");
    g_assert_cmpint(device->max_bytes, ==, 9);
    g_assert_cmpint(device->addr, ==, 5);
    g_assert_cmpint(device->size_bytes, ==, -1);
    g_assert_cmpint(device->node, ==, -1);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/qmp/replies/bad", test_bad_replies);
    g_test_add_func("/qmp/replies/gpa2hva-text", test_gpa2hva_text);
    g_test_add_func("/qmp/replies/newer-words", test_newer_words);
    return g_test_run();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/codec.h"
#include <string.h>
#include <vmbalancer/error.h>

/* A good document, of which each case bends one piece. */
static const char good[] =
    "{\"schema\":\"vmbalancer.snapshot/1\",\"time_ns\":1,\"host\":{\"nodes\":["
    "{\"id\":0,\"cpus\":\"0-3\",\"memory_total_bytes\":1000,\"memory_free_bytes\":10,"
    "\"reserve_bytes\":0,\"distances\":[10,21],\"pools\":[{\"page_size\":2097152,\"total\":4,"
    "\"free\":2}]},"
    "{\"id\":2,\"cpus\":\"\",\"memory_total_bytes\":2000,\"memory_free_bytes\":20,"
    "\"reserve_bytes\":0,\"distances\":[21,10],\"pools\":[]}],"
    "\"kernel_balancing\":false,\"rival\":null},\"settings\":null,\"guests\":[{\"name\":\"web1\","
    "\"uuid\":\"11111111-2222-4333-8444-555555555555\",\"pid\":7,\"start_time\":9,"
    "\"state\":\"running\",\"owner\":\"free\",\"owner_code\":null,\"reason\":null,"
    "\"boundary\":\"0,2\",\"cpu_boundary\":\"0-3\",\"policy\":null,\"selected\":false,"
    "\"forced\":false,\"settings\":{\"margin\":3},\"last_move_ns\":0,\"helpers\":[],"
    "\"cells\":[{\"id\":0,\"size_bytes\":100,\"page_size\":4096,\"present_bytes\":80,"
    "\"by_node\":[70,10],\"error_bp\":0,\"unmovable_bytes\":0,\"movable\":true,\"note\":null,"
    "\"home\":\"0\",\"remote_seen\":0}],\"vcpus\":[{\"id\":0,\"tid\":8,\"cell\":0,"
    "\"affinity\":\"0-3\",\"busy_bp\":5000,\"share_bp\":[9000,1000]}]}]}";

static const struct {
    const char *what;
    const char *piece; /* of the good document */
    const char *bent;
    const char *error; /* that the message must contain */
} cases[] = {
    {"no-schema", "vmbalancer.snapshot/1", "vmbalancer.snapshot/2", "schema: expected one of"},
    {"schema-type", "\"vmbalancer.snapshot/1\"", "[1]", "schema: expected a string"},
    {"time-missing", "\"time_ns\":1,", "", "time_ns: missing"},
    {"time-real", "\"time_ns\":1", "\"time_ns\":1.0", "time_ns: expected an integer"},
    {"beyond-int64", "\"time_ns\":1", "\"time_ns\":9223372036854775808", "beyond 2^63 - 1"},
    {"wraps-to-minus-one", "\"pid\":7", "\"pid\":18446744073709551615", "beyond 2^63 - 1"},
    {"hex", "\"pid\":7", "\"pid\":0x7", "not JSON"},
    {"leading-zero", "\"pid\":7", "\"pid\":07", "not a JSON number"},
    {"negative-pid", "\"pid\":7", "\"pid\":-7", "guests[0].pid: -7 is outside of 0..2147483647"},
    {"bytes-negative", "[70,10]", "[70,-1]", "guests[0].cells[0].by_node[1]: -1 is outside"},
    {"bytes-text", "[70,10]", "[70,\"x\"]", "guests[0].cells[0].by_node[1]: expected a count"},
    {"bytes-too-big", "[70,10]", "[70,\"18446744073709551616\"]",
     "guests[0].cells[0].by_node[1]: expected a count"},
    {"by-node-short", "[70,10]", "[70]", "guests[0].cells[0].by_node: 1 elements, expected 2"},
    {"by-node-long", "[70,10]", "[70,1,1]", "guests[0].cells[0].by_node: 3 elements, at most 2"},
    {"by-node-object", "[70,10]", "{}", "guests[0].cells[0].by_node: expected an array"},
    {"present-missing", "\"present_bytes\":80,", "", "guests[0].cells[0].present_bytes: missing"},
    {"page-size-zero", "\"page_size\":4096", "\"page_size\":0", "cells[0].page_size: 0 is outside"},
    {"page-size-odd", "\"page_size\":4096", "\"page_size\":4097", "not a power of two"},
    {"error-range", "\"error_bp\":0", "\"error_bp\":10001",
     "error_bp: 10001 is outside of 0..10000"},
    {"movable-null", "\"movable\":true", "\"movable\":null", "cells[0].movable: missing"},
    {"movable-number", "\"movable\":true", "\"movable\":1", "movable: expected true or false"},
    {"home-list", "\"home\":\"0\"", "\"home\":\"0-64\"", "cells[0].home: node list"},
    {"no-cells", "\"cells\":[{", "\"cells\":[],\"x\":[{",
     "guests[0].cells: a guest has at least one"},
    {"cell-no-object", "\"cells\":[{", "\"cells\":[5,{", "guests[0].cells[0]: expected an object"},
    {"cell-id", "\"cells\":[{\"id\":0", "\"cells\":[{\"id\":64", "cells[0].id: 64 is outside"},
    {"name-null", "\"name\":\"web1\"", "\"name\":null", "guests[0].name: missing"},
    {"name-nul", "\"web1\"", "\"web\\u00001\"", "\\u0000 in a string"},
    {"name-surrogate", "\"web1\"", "\"\\ud800\"", "half of a surrogate pair"},
    {"name-surrogates-swapped", "\"web1\"", "\"\\udc00\\ud800\"", "half of a surrogate pair"},
    {"name-escape", "\"web1\"", "\"\\x41\"", "an unknown escape"},
    {"name-control", "\"web1\"", "\"a\nb\"", "a control character in a string"},
    {"name-bytes", "\"web1\"", "\"\xff\xfe\"", "not valid UTF-8"},
    {"uuid-short", "11111111-2222", "1111-2222", "guests[0].uuid: not an UUID"},
    {"state", "\"running\"", "\"flying\"", "guests[0].state: expected one of: running, paused"},
    {"owner", "\"free\",\"owner", "\"me\",\"owner", "guests[0].owner: expected one of"},
    {"cpus", "\"cpu_boundary\":\"0-3\"", "\"cpu_boundary\":\"0-4096\"", "cpu_boundary: CPU list"},
    {"setting", "{\"margin\":3}", "{\"margin\":\"3\"}",
     "guests[0].settings.margin: expected an int"},
    {"settings", "{\"margin\":3}", "[3]", "guests[0].settings: expected an object"},
    {"vcpu-id", "\"vcpus\":[{\"id\":0", "\"vcpus\":[{\"id\":4096", "vcpus[0].id: 4096 is outside"},
    {"vcpu-cell", "\"cell\":0", "\"cell\":1", "guests[0].vcpus[0].cell: 1 is outside of 0..0"},
    {"busy", "\"busy_bp\":5000", "\"busy_bp\":10001", "busy_bp: 10001 is outside"},
    {"share-sum", "[9000,1000]", "[9000,9000]", "share_bp: the sum is 18000, not 10000"},
    {"share-wrap", "[9000,1000]", "[9000,4294967296]", "share_bp: the sum is"},
    {"node-order", "{\"id\":2,", "{\"id\":0,", "host.nodes[1].id: 0: node ids must ascend"},
    {"node-id", "{\"id\":2,", "{\"id\":64,", "host.nodes[1].id: 64 is outside of 0..63"},
    {"distance", "[10,21]", "[10,65536]", "host.nodes[0].distances: 65536 is above 65535"},
    {"distances", "\"distances\":[21,10],", "", "host.nodes[1].distances: missing"},
    {"host", "\"host\":{", "\"host\":3,\"x\":{", "host: expected an object"},
    {"comment", "\"time_ns\"", "/* \" */\"time_ns\"", "not JSON"},
    {"single-quotes", "\"time_ns\"", "'time_ns'", "not JSON"},
    {"word", "false", "falsch", "not JSON"},
    {"trailing-comma", "[70,10]", "[70,10,]", "vmbalancer.snapshot/1:"},
    {"grammar", "\"time_ns\":1", "\"time_ns\" 1", "vmbalancer.snapshot/1:"},
    {"two-documents", "[9000,1000]}]}]}", "[9000,1000]}]}]}{}", "more after the end"},
    {"cut", "[9000,1000]}]}]}", "[9000,1000]}]}]", "the document ends early"},
    {"cut-in-string", "\"share_bp\":[9000,1000]}]}]}", "\"share", "a string without an end"},
    {"cut-in-escape", "\"share_bp\":[9000,1000]}]}]}", "\"share\\", "an unknown escape"},
    {"cut-in-unicode", "\"share_bp\":[9000,1000]}]}]}", "\"share\\u12", "four hex digits"},
    {"bracket", "{\"schema\"", "]{\"schema\"", "expected a JSON object"},
};

/* Returns: (transfer full): the good document with its first @piece replaced. */
static char *
bend(const char *piece, const char *bent)
{
    const char *at = strstr(good, piece);
    g_assert_nonnull(at);
    return g_strdup_printf("%.*s%s%s", (int)(at - good), good, bent, at + strlen(piece));
}

static void
test_good(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VbSnapshot) snapshot = vb_codec_snapshot_parse(good, -1, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(snapshot->topology.nodes, ==, 5);
    const VbGuest *guest = g_ptr_array_index(snapshot->guests, 0);
    const VbCell *cell = g_ptr_array_index(guest->cells, 0);
    g_assert_cmpuint(cell->by_node[2], ==, 10);
}

static void
test_bent(gconstpointer data)
{
    guint at = GPOINTER_TO_UINT(data);
    g_autoptr(GError) error = NULL;
    g_autofree char *text = bend(cases[at].piece, cases[at].bent);
    g_autoptr(VbSnapshot) snapshot = vb_codec_snapshot_parse(text, -1, &error);
    g_assert_error(error, VB_ERROR, VB_ERROR_INVALID);
    g_assert_null(snapshot);
    g_assert_true(g_str_has_prefix(error->message, "vmbalancer.snapshot/1: "));
    if (strstr(error->message, cases[at].error) == NULL)
        g_error("\"%s\" does not say \"%s\"", error->message, cases[at].error);
    g_assert_true(g_utf8_validate(error->message, -1, NULL));
}

static void
test_unknown_members_are_ignored(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = bend("\"time_ns\":1", "\"later\":{\"a\":[1.5e3,{}]},\"time_ns\":1");
    g_autoptr(VbSnapshot) snapshot = vb_codec_snapshot_parse(text, -1, &error);
    g_assert_no_error(error);
    g_assert_cmpint(snapshot->time_ns, ==, 1);
}

static void
test_an_uuid_twice_is_refused(void)
{
    g_autoptr(GError) error = NULL;
    const char *guest = strstr(good, "{\"name\"");
    g_autofree char *two = g_strdup_printf("%.*s,%s", (int)(strlen(guest) - 2), guest, guest);
    g_autofree char *text = g_strdup_printf("%.*s%s", (int)(guest - good), good, two);
    g_autoptr(VbSnapshot) snapshot = vb_codec_snapshot_parse(text, -1, &error);
    g_assert_error(error, VB_ERROR, VB_ERROR_INVALID);
    g_assert_null(snapshot);
    g_assert_nonnull(
        strstr(error->message, "guests[1].uuid: 11111111-2222-4333-8444-555555555555"));
}

/* 80,000 brackets end json-glib's stack; strings full of brackets are harmless. */
static void
test_depth_is_bounded(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *brackets = g_strnfill(1000000, '[');
    g_autofree char *deep = g_strdup_printf("{\"a\":%s", brackets);
    g_assert_null(vb_codec_snapshot_parse(deep, -1, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_INVALID);
    g_assert_nonnull(strstr(error->message, "nested too deeply"));
    g_autofree char *quoted = g_strdup_printf("\"x\":\"%s\",\"time_ns\":1", brackets);
    g_autofree char *text = bend("\"time_ns\":1", quoted);
    g_autoptr(GError) none = NULL;
    g_autoptr(VbSnapshot) snapshot = vb_codec_snapshot_parse(text, -1, &none);
    g_assert_no_error(none);
    g_assert_nonnull(snapshot);
}

static void
test_size_is_bounded(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = g_strnfill(VB_CODEC_SIZE_MAX + 1, ' ');
    g_assert_null(vb_codec_snapshot_parse(text, -1, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_INVALID);
    g_assert_nonnull(strstr(error->message, "at most"));
}

/* Not a byte behind the length is read, and every cut is an error. */
static void
test_every_prefix_is_an_error(void)
{
    for (gsize length = 0; length < strlen(good); length++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *text = g_memdup2(good, MAX(length, 1));
        g_assert_null(vb_codec_snapshot_parse(text, (gssize)length, &error));
        g_assert_error(error, VB_ERROR, VB_ERROR_INVALID);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/codec/good", test_good);
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strconcat("/codec/bent/", cases[i].what, NULL);
        g_test_add_data_func(path, GUINT_TO_POINTER(i), test_bent);
    }
    g_test_add_func("/codec/unknown-members-are-ignored", test_unknown_members_are_ignored);
    g_test_add_func("/codec/an-uuid-twice-is-refused", test_an_uuid_twice_is_refused);
    g_test_add_func("/codec/depth-is-bounded", test_depth_is_bounded);
    g_test_add_func("/codec/size-is-bounded", test_size_is_bounded);
    g_test_add_func("/codec/every-prefix-is-an-error", test_every_prefix_is_an_error);
    return g_test_run();
}

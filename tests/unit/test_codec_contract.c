/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/codec.h"
#include <string.h>

/* What other people's scripts rest on: each member by its path, with its very text. */

typedef struct {
    const char *path;
    const char *json;
} Member;

static void
assert_members(JsonNode *document, const Member *members, guint length)
{
    for (guint i = 0; i < length; i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(JsonNode) found = json_path_query(members[i].path, document, &error);
        g_assert_no_error(error);
        g_autofree char *text = json_to_string(found, FALSE);
        g_autofree char *expected = g_strdup_printf("[%s]", members[i].json);
        if (!g_str_equal(text, expected))
            g_error("%s is %s, not %s", members[i].path, text, expected);
    }
}

static VbSnapshot *
host(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path =
        g_build_filename(g_getenv("VB_TEST_DATA"), "data", "render", "host.json", NULL);
    g_autofree char *text = NULL;
    gsize length;
    g_file_get_contents(path, &text, &length, &error);
    g_assert_no_error(error);
    VbSnapshot *snapshot = vb_codec_snapshot_parse(text, (gssize)length, &error);
    g_assert_no_error(error);
    return snapshot;
}

static const Member status_members[] = {
    {"$.schema", "\"vmbalancer.status/1\""},
    {"$.host.nodes[0].id", "0"},
    {"$.host.nodes[1].id", "1"},
    {"$.host.nodes[0].cpus", "\"0-3\""},
    {"$.host.nodes[0].memory.total", "17179869184"},
    {"$.host.nodes[0].memory.free", "9985798963"},
    {"$.host.nodes[0].memory.reserve", "1073741824"},
    {"$.host.nodes[0].distances", "[10,21]"},
    {"$.host.nodes[0].pools[0].page_size", "2097152"},
    {"$.host.nodes[0].pools[0].free", "1024"},
    {"$.host.kernel_balancing", "true"},
    {"$.host.rival", "null"},
    {"$.guests[0].name", "\"web1\""},
    {"$.guests[0].uuid", "\"00000001-0000-4000-8000-000000000001\""},
    {"$.guests[0].pid", "2101"},
    {"$.guests[0].state", "\"running\""},
    {"$.guests[0].policy", "\"balance\""},
    {"$.guests[1].policy", "null"},
    {"$.guests[0].owner", "\"ours\""},
    {"$.guests[0].owner_code", "null"},
    {"$.guests[0].reason", "\"\""},
    {"$.guests[3].owner", "\"hands-off\""},
    {"$.guests[3].owner_code", "\"vcpupin\""},
    {"$.guests[0].asked.migrate_vcpus", "true"},
    {"$.guests[0].asked.migrate_memory", "false"},
    {"$.guests[1].asked.migrate_memory", "null"},
    {"$.guests[0].asked.locality_min", "0.90000000000000002"}, /* json-glib's own digits */
    {"$.guests[0].asked.rate", "268435456"},
    {"$.guests[0].asked.cooldown", "60.0"},
    {"$.guests[1].asked.cooldown", "null"},
    {"$.guests[0].boundary", "[0,1]"},
    {"$.guests[0].home", "[0]"},
    {"$.guests[1].home", "[0,1]"},
    {"$.guests[3].home", "[]"},
    {"$.guests[2].locality", "null"},
    {"$.guests[2].locality_error", "null"},
    {"$.guests[0].vcpus[0].id", "0"},
    {"$.guests[0].vcpus[0].tid", "2110"},
    {"$.guests[2].vcpus[0].tid", "null"},
    {"$.guests[0].vcpus[0].busy", "0.5"},
    {"$.guests[2].vcpus[0].busy", "null"},
    {"$.guests[0].vcpus[0].node_share", "[1.0,0.0]"},
    {"$.guests[2].vcpus[0].node_share", "null"},
    {"$.guests[0].vcpus[0].affinity", "\"0-3\""},
    {"$.guests[1].vcpus[0].affinity", "null"},
    {"$.guests[1].vcpus[1].cell", "1"},
    {"$.guests[0].threads[1].name", "\"iothread1\""},
    {"$.guests[0].cells[0].id", "0"},
    {"$.guests[0].cells[0].size", "5368709120"},
    {"$.guests[0].cells[0].present", "4294967296"},
    {"$.guests[0].cells[0].by_node", "[4280287232,14680064]"},
    {"$.guests[0].cells[0].unmapped", "536870912"},
    {"$.guests[0].cells[0].unmapped_error", "35651584"},
    {"$.guests[1].cells[0].unmapped", "null"},
    {"$.guests[2].cells[0].unmapped_error", "null"},
    {"$.guests[0].cells[0].page_size", "4096"},
    {"$.guests[0].cells[0].movable", "true"},
    {"$.guests[0].cells[0].note", "null"},
    {"$.guests[2].cells[0].present", "null"},
    {"$.guests[2].cells[0].by_node", "null"},
    {"$.guests[2].cells[0].note", "\"numa_maps: permission denied; run as root\""},
    {"$.guests[3].cells[0].movable", "false"},
};

static void
test_status(void)
{
    g_autoptr(VbSnapshot) snapshot = host();
    g_autoptr(JsonNode) document = vb_codec_status(snapshot);
    assert_members(document, status_members, G_N_ELEMENTS(status_members));
    g_autofree char *text = vb_codec_text(document, FALSE);
    g_assert_nonnull(strstr(text, "\"locality\":0.99,\"locality_error\":0.006,"));
    g_assert_true(g_str_has_suffix(text, "}\n"));
}

static VbPlan *
plan_of(const VbSnapshot *snapshot)
{
    const VbGuest *web = g_ptr_array_index(snapshot->guests, 0);
    VbPlan *plan = vb_plan_new("balance");
    VbCpuSet cpus = {0};
    vb_cpuset_add(&cpus, 0);
    vb_plan_add_pin(plan, web, "vcpu0", &cpus, VB_NO_NODE, 0, "home");
    vb_plan_add_move(plan, web, 0, 1, 0, 4096, "remote")->gain_bp = 4000;
    vb_plan_decline(plan, g_ptr_array_index(snapshot->guests, 3), "hands-off", "pinned");
    return plan;
}

static void
test_plan(void)
{
    static const Member members[] = {
        {"$.schema", "\"vmbalancer.plan/1\""},
        {"$.policy", "\"balance\""},
        {"$.actions[0].guest", "\"web1\""},
        {"$.actions[0].uuid", "\"00000001-0000-4000-8000-000000000001\""},
        {"$.actions[0].kind", "\"pin\""},
        {"$.actions[0].thread", "\"vcpu0\""},
        {"$.actions[0].cpus", "\"0\""},
        {"$.actions[0].cell", "null"},
        {"$.actions[0].from", "null"},
        {"$.actions[0].to", "0"},
        {"$.actions[0].bytes", "0"},
        {"$.actions[1].kind", "\"move\""},
        {"$.actions[1].thread", "null"},
        {"$.actions[1].cpus", "null"},
        {"$.actions[1].cell", "0"},
        {"$.actions[1].from", "1"},
        {"$.actions[1].bytes", "4096"},
        {"$.actions[0].all", "null"},
        {"$.actions[1].all", "false"},
        {"$.actions[1].reason", "\"remote\""},
        {"$.declined[0].guest", "\"win2022\""},
        {"$.declined[0].code", "\"hands-off\""},
        {"$.declined[0].reason", "\"pinned\""},
        {"$.predicted.guests[0].guest", "\"web1\""},
        {"$.predicted.guests[2].locality", "null"},
    };
    g_autoptr(VbSnapshot) snapshot = host();
    g_autoptr(VbPlan) plan = plan_of(snapshot);
    g_autoptr(JsonNode) document = vb_codec_plan(plan, snapshot);
    assert_members(document, members, G_N_ELEMENTS(members));
    g_autofree char *text = vb_codec_text(document, FALSE);
    g_assert_nonnull(strstr(text, "\"gain\":0.4,"));
    g_assert_nonnull(strstr(text, "\"predicted\":{\"locality\":0."));
    g_autoptr(JsonNode) unknown = vb_codec_plan(plan, NULL);
    static const Member nothing[] = {{"$.predicted.locality", "null"},
                                     {"$.predicted.guests", "[]"}};
    assert_members(unknown, nothing, G_N_ELEMENTS(nothing));
}

static void
test_rebalance(void)
{
    static const Member members[] = {
        {"$.schema", "\"vmbalancer.rebalance/1\""}, {"$.policy", "\"balance\""},
        {"$.actions[1].kind", "\"move\""},          {"$.outcomes[0].action", "1"},
        {"$.outcomes[0].result", "\"partial\""},    {"$.outcomes[0].bytes_moved", "2048"},
        {"$.outcomes[0].seconds", "1.5"},           {"$.outcomes[0].error", "\"node 0 is full\""},
        {"$.outcomes[1].result", "\"done\""},       {"$.outcomes[1].error", "\"\""},
    };
    g_autoptr(VbSnapshot) snapshot = host();
    g_autoptr(VbPlan) plan = plan_of(snapshot);
    g_autoptr(GPtrArray) outcomes = g_ptr_array_new_with_free_func((GDestroyNotify)vb_outcome_free);
    g_ptr_array_add(outcomes,
                    vb_outcome_new(1, VB_RESULT_PARTIAL, 2048, 1500000000, "node 0 is full"));
    g_ptr_array_add(outcomes, vb_outcome_new(0, VB_RESULT_DONE, 0, 1000, NULL));
    g_autoptr(JsonNode) document = vb_codec_rebalance(plan, snapshot, outcomes);
    assert_members(document, members, G_N_ELEMENTS(members));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/contract/status", test_status);
    g_test_add_func("/contract/plan", test_plan);
    g_test_add_func("/contract/rebalance", test_rebalance);
    return g_test_run();
}

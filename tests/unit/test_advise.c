/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where a guest to come would go: the answers, the words of the question, the document. */
#include "core/codec.h"
#include "engine/advise.h"
#include "world.h"
#include <string.h>
#include <vmbalancer/error.h>

static VbAdvice *
advise(const VbSnapshot *host, const char *text)
{
    g_autoptr(VbConfig) config = vb_config_new();
    g_autoptr(GError) error = NULL;
    VbAdviceRequest request = {0};
    g_assert_true(vb_advice_parse(text, &request, &error));
    VbAdvice *advice = vb_advise(host, config, &request, &error);
    g_assert_no_error(error);
    return advice;
}

static void
expect(const VbSnapshot *host, const char *text, const char *nodes)
{
    g_autoptr(VbAdvice) advice = advise(host, text);
    g_autofree char *got = vb_nodeset_format(advice->nodes);
    g_assert_cmpstr(got, ==, nodes);
}

static void
takes_the_emptier_of_equal_nodes(void)
{
    g_autoptr(VbSnapshot) host = world_host(3, 4, 8 * GIB);
    expect(host, "2:1GiB", "0");
    world_settle(&host->topology, world_guest(host, "old", "0,0"), 0);
    expect(host, "2:1GiB", "1");
    g_autoptr(VbAdvice) advice = advise(host, "2:1GiB");
    const VbAdviceNode *first = &g_array_index(advice->ranking, VbAdviceNode, 0);
    const VbAdviceNode *last = &g_array_index(advice->ranking, VbAdviceNode, 2);
    g_assert_cmpint(first->node, ==, 1);
    g_assert_cmpint(first->room_then_bytes, ==, 7 * GIB);
    g_assert_cmpuint(first->load_then_bp, ==, 2 * VB_BP);
    g_assert_cmpint(last->node, ==, 0);
    g_assert_cmpuint(last->load_bp, ==, 2 * VB_BP);
    g_assert_true(first->chosen && last->fits && !last->chosen);
}

/* A guest at home on node 0 has touched none of its 6 GiB yet. */
static void
heeds_what_is_promised(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 4, 8 * GIB);
    VbGuest *old = world_guest(host, "old", "0");
    world_cell_of(old, 0)->size_bytes = 6 * GIB;
    world_settle(&host->topology, old, 0);
    world_guest(host, "busy", "1,1,1");
    expect(host, "1:2GiB", "0");
    expect(host, "1:3GiB", "1");
    g_autoptr(VbAdvice) advice = advise(host, "1:3GiB");
    const VbAdviceNode *last = &g_array_index(advice->ranking, VbAdviceNode, 1);
    g_assert_cmpuint(last->room.promised_bytes, ==, 6 * GIB);
    g_assert_cmpint(last->room.bytes, ==, 2 * GIB);
    g_assert_false(last->fits);
}

static void
spreads_over_the_fewest_and_closest(void)
{
    g_autoptr(VbSnapshot) host = world_host(4, 4, 4 * GIB);
    world_distances(&host->topology, "10,32,21,32:32,10,32,21:21,32,10,32:32,21,32,10");
    expect(host, "2:6GiB", "0,2");
    expect(host, "6:1GiB", "0,2");
    expect(host, "9:1GiB", "0-2");
    expect(host, "16:16GiB", "0-3");
    expect(host, "17:1GiB", "");
    expect(host, "1:17GiB", "");
    g_autoptr(VbAdvice) nowhere = advise(host, "17:1GiB");
    g_assert_nonnull(strstr(nowhere->reason, "16 CPUs and room for 16 GiB"));
}

/* The roomiest nodes have too few CPUs: one small node more would be one too many. */
static void
counts_nodes_before_room(void)
{
    g_autoptr(VbSnapshot) host = world_host(4, 2, 2 * GIB);
    for (guint cpu = 100; cpu < 108; cpu++)
        vb_cpuset_add(&host->topology.node[3].cpus, cpu);
    host->topology.node[3].n_cpus = 10;
    host->topology.node[3].memory_free_bytes = GIB;
    g_autoptr(VbConfig) config = vb_config_new();
    config->default_policy = g_strdup("home-node");
    VbAdviceRequest request = {.vcpus = 6, .bytes = 2 * GIB};
    g_autoptr(VbAdvice) advice = vb_advise(host, config, &request, NULL);
    g_assert_cmpuint(advice->nodes, ==, VB_NODE_BIT(0) | VB_NODE_BIT(3));
    g_assert_nonnull(strstr(advice->reason, "would not place it"));
}

/* Where a policy spreads, each node has room for the part of its vCPUs: node 3 has not, for four of six. */
static void
says_what_goes_where(void)
{
    g_autoptr(VbSnapshot) host = world_host(4, 2, 2 * GIB);
    g_autoptr(VbAdvice) even = advise(host, "6:3GiB");
    const VbAdviceNode *first = &g_array_index(even->ranking, VbAdviceNode, 0);
    g_assert_nonnull(strstr(even->reason, "spread by balance, 2 of its vCPUs on node 0, 2 on node 1"));
    g_assert_cmpuint(first->load_then_bp, ==, 2 * VB_BP);
    g_assert_cmpint(first->room_then_bytes, ==, GIB);
    for (guint cpu = 100; cpu < 108; cpu++)
        vb_cpuset_add(&host->topology.node[3].cpus, cpu);
    host->topology.node[3].n_cpus = 10;
    host->topology.node[3].memory_free_bytes = GIB;
    expect(host, "6:2GiB", "0-2");
}

static void
looks_at_pools_for_hugepages(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 4, 8 * GIB);
    g_autoptr(VbConfig) config = vb_config_new();
    world_pool(&host->topology, 1, 2 * MIB, 512, 512);
    VbAdviceRequest request = {.vcpus = 1, .bytes = GIB - 1, .page_size = 2 * MIB};
    g_autoptr(VbAdvice) fits = vb_advise(host, config, &request, NULL);
    g_assert_cmpuint(fits->nodes, ==, VB_NODE_BIT(1));
    request.bytes = GIB + 1;
    g_autoptr(VbAdvice) nowhere = vb_advise(host, config, &request, NULL);
    g_assert_cmpuint(nowhere->nodes, ==, 0);
    request.page_size = 3 * MIB;
    g_autoptr(GError) error = NULL;
    g_assert_null(vb_advise(host, config, &request, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_INVALID);
}

static void
asks_like_numad(void)
{
    static const struct {
        const char *text;
        guint vcpus;
        guint64 bytes;
    } good[] = {{"4:2048", 4, 2 * GIB}, {"4:2GiB", 4, 2 * GIB},      {"4", 4, 0},
                {"1:0", 1, 0},          {"2:1.5 GiB", 2, 3 * GIB / 2}, {"4096:512M", 4096, 512 * MIB}};
    static const char *const bad[] = {"",      ":",     "0:1",  "-1:1",  "4097:1", "4:",     "4:-1",
                                      "4:1:1", "x:1",   "4 :1", "4:1GB/s", "4.5:1",
                                      "1:99999999999999999999", "1:9000000TiB"};
    for (guint i = 0; i < G_N_ELEMENTS(good); i++) {
        VbAdviceRequest request = {.page_size = 7};
        g_assert_true(vb_advice_parse(good[i].text, &request, NULL));
        g_assert_cmpuint(request.vcpus, ==, good[i].vcpus);
        g_assert_cmpuint(request.bytes, ==, good[i].bytes);
        g_assert_cmpuint(request.page_size, ==, 7);
    }
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        VbAdviceRequest request = {.vcpus = 7};
        g_autoptr(GError) error = NULL;
        if (vb_advice_parse(bad[i], &request, &error))
            g_error("\"%s\" was taken", bad[i]);
        g_assert_error(error, VB_ERROR, VB_ERROR_INVALID);
        g_assert_cmpuint(request.vcpus, ==, 7);
    }
}

static void
tells_it_in_json(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 4, 4 * GIB);
    host->reserve_bytes[1] = 3 * GIB;
    g_autoptr(VbAdvice) advice = advise(host, "2:2GiB");
    g_autoptr(JsonNode) node = vb_advice_json(advice);
    g_autofree char *text = vb_codec_text(node, FALSE);
    g_assert_cmpstr(text, ==,
                    "{\"schema\":\"vmbalancer.advice/1\",\"vcpus\":2,\"memory\":2147483648,"
                    "\"page_size\":4096,\"policy\":\"balance\",\"nodes\":\"0\",\"reason\":\"node 0, "
                    "by balance: room for 2 GiB with 2 GiB left beside reserve and promises, "
                    "2.0 of 4 CPUs asked for then\",\"ranking\":[{\"id\":0,\"chosen\":true,"
                    "\"fits\":true,\"free\":4294967296,\"reserve\":0,\"promised\":0,"
                    "\"room\":4294967296,\"room_then\":2147483648,\"cpus\":4,\"load\":0.0,"
                    "\"load_then\":2.0},{\"id\":1,\"chosen\":false,\"fits\":false,"
                    "\"free\":4294967296,\"reserve\":3221225472,\"promised\":0,"
                    "\"room\":1073741824,\"room_then\":null,\"cpus\":4,\"load\":0.0,"
                    "\"load_then\":null}]}\n");
}

static void
reads_what_it_tells(void)
{
    static const char *const sizes[] = {"2:2GiB", "6:2GiB", "99:2GiB"};
    g_autoptr(VbSnapshot) host = world_host(3, 4, 4 * GIB);
    host->reserve_bytes[1] = 8 * GIB;
    world_guest(host, "old", "0,1");
    for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
        g_autoptr(VbAdvice) told = advise(host, sizes[i]);
        g_autoptr(JsonNode) first = vb_advice_json(told);
        g_autofree char *text = vb_codec_text(first, FALSE);
        g_autoptr(GError) error = NULL;
        g_autoptr(VbAdvice) read = vb_advice_read(text, &error);
        g_assert_no_error(error);
        g_autoptr(JsonNode) second = vb_advice_json(read);
        g_autofree char *again = vb_codec_text(second, FALSE);
        g_assert_cmpstr(text, ==, again);
    }
    static const char *const bad[] = {
        "{}", "[]", "{\"vcpus\":1,\"memory\":1,\"page_size\":1,\"nodes\":\"0\",\"ranking\":[]}",
        "{\"vcpus\":1,\"memory\":1,\"page_size\":1,\"nodes\":\"0\",\"reason\":\"\","
        "\"ranking\":[{\"id\":64}]}"};
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(vb_advice_read(bad[i], &error));
        g_assert_error(error, VB_ERROR, VB_ERROR_INVALID);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/advise/takes-the-emptier-of-equal-nodes", takes_the_emptier_of_equal_nodes);
    g_test_add_func("/advise/heeds-what-is-promised", heeds_what_is_promised);
    g_test_add_func("/advise/spreads-over-the-fewest-and-closest",
                    spreads_over_the_fewest_and_closest);
    g_test_add_func("/advise/counts-nodes-before-room", counts_nodes_before_room);
    g_test_add_func("/advise/says-what-goes-where", says_what_goes_where);
    g_test_add_func("/advise/looks-at-pools-for-hugepages", looks_at_pools_for_hugepages);
    g_test_add_func("/advise/asks-like-numad", asks_like_numad);
    g_test_add_func("/advise/tells-it-in-json", tells_it_in_json);
    g_test_add_func("/advise/reads-what-it-tells", reads_what_it_tells);
    return g_test_run();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lists of nodes and CPUs as the kernel and virsh write them, and the questions asked of a host. */
#include "world.h"
#include <string.h>
#include <vmbalancer/error.h>

/* A list, what it is written back as, and NULL where it is refused. */
typedef struct {
    const char *text;
    const char *nodes;
    const char *cpus;
} ListCase;

static const ListCase lists[] = {
    {"", "", ""},
    {" \t\n", "", ""},
    {"0", "0", "0"},
    {"0-1,3\n", "0-1,3", "0-1,3"},
    {"3,1,0", "0-1,3", "0-1,3"},
    {"1,1,1-1", "1", "1"},
    {"0-3,2-5", "0-5", "0-5"},
    {"007", "7", "7"},
    {"63", "63", "63"},
    {"62-63", "62-63", "62-63"},
    {"0-63", "0-63", "0-63"},
    {"64", NULL, "64"},
    {"63-64", NULL, "63-64"},
    {"0,4095", NULL, "0,4095"},
    {"4096", NULL, NULL},
    {"0-4096", NULL, NULL},
    {"4294967296", NULL, NULL},
    {"18446744073709551616", NULL, NULL},
    {"99999999999999999999999", NULL, NULL},
    {"0-7,^3", NULL, "0-2,4-7"},
    {"^3,0-7", NULL, "0-2,4-7"},
    {"0-3,^0-3", NULL, ""},
    {"^5", NULL, ""},
    {",", NULL, NULL},
    {"0,", NULL, NULL},
    {",0", NULL, NULL},
    {"0,,1", NULL, NULL},
    {"0-", NULL, NULL},
    {"-1", NULL, NULL},
    {"0--1", NULL, NULL},
    {"+1", NULL, NULL},
    {"3-1", NULL, NULL},
    {"0 1", NULL, NULL},
    {"0;1", NULL, NULL},
    {"0x1", NULL, NULL},
    {"1.5", NULL, NULL},
    {"all", NULL, NULL},
    {"^", NULL, NULL},
    {"^^1", NULL, NULL},
};

static void
check_refusal(gboolean ok, const char *text, const GError *error)
{
    g_autofree char *shown = g_strescape(text, NULL);
    g_assert_false(ok);
    g_assert_error(error, VB_ERROR, VB_ERROR_INVALID);
    g_assert_nonnull(strstr(error->message, shown));
}

static void
test_node_lists(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(lists); i++) {
        g_autoptr(GError) error = NULL;
        VbNodeSet set = 0xdead;
        gboolean ok = vb_nodeset_parse(lists[i].text, &set, &error);
        g_test_message("node list \"%s\"", lists[i].text);
        if (lists[i].nodes == NULL) {
            check_refusal(ok, lists[i].text, error);
            g_assert_cmphex(set, ==, 0xdead);
            continue;
        }
        g_autofree char *back = vb_nodeset_format(set);
        g_assert_no_error(error);
        g_assert_cmpstr(back, ==, lists[i].nodes);
    }
}

static void
test_cpu_lists(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(lists); i++) {
        g_autoptr(GError) error = NULL;
        VbCpuSet set = {{1}}, before = set;
        gboolean ok = vb_cpuset_parse(lists[i].text, &set, &error);
        g_test_message("CPU list \"%s\"", lists[i].text);
        if (lists[i].cpus == NULL) {
            check_refusal(ok, lists[i].text, error);
            g_assert_true(vb_cpuset_equal(&set, &before));
            continue;
        }
        g_autofree char *back = vb_cpuset_format(&set);
        g_assert_no_error(error);
        g_assert_cmpstr(back, ==, lists[i].cpus);
    }
}

/* What is written in a message is escaped and cut, however long or odd the list was. */
static void
test_odd_text_is_shown_safely(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = g_strnfill(100000, '\033');
    VbNodeSet set;
    g_assert_false(vb_nodeset_parse(text, &set, &error));
    g_assert_cmpuint(strlen(error->message), <, 250);
    g_assert_null(strchr(error->message, '\033'));
}

static void
test_sets_answer_at_their_edges(void)
{
    VbCpuSet set = {0}, empty = {0};
    vb_cpuset_add(&set, 0);
    vb_cpuset_add(&set, VB_CPUS_MAX - 1);
    vb_cpuset_add(&set, VB_CPUS_MAX);
    vb_cpuset_add(&set, G_MAXUINT);
    g_assert_cmpuint(vb_cpuset_count(&set), ==, 2);
    g_assert_true(vb_cpuset_has(&set, VB_CPUS_MAX - 1));
    g_assert_false(vb_cpuset_has(&set, VB_CPUS_MAX));
    g_assert_true(vb_cpuset_within(&empty, &set));
    g_assert_false(vb_cpuset_within(&set, &empty));
    VbCpuSet both = vb_cpuset_and(&set, &empty), either = vb_cpuset_or(&set, &empty);
    g_assert_true(vb_cpuset_equal(&both, &empty));
    g_assert_true(vb_cpuset_equal(&either, &set));
    g_assert_cmpint(vb_nodeset_first(0), ==, VB_NO_NODE);
    g_assert_cmpint(vb_nodeset_first(VB_NODE_BIT(63)), ==, 63);
    g_assert_cmpuint(vb_nodeset_count(G_MAXUINT64), ==, 64);
}

/* Given nodes 0 and 5, 5 without CPUs, and 7 without memory: only 0 can be a home. */
static void
test_a_host_with_holes(void)
{
    g_autofree VbTopology *host = world_topology(3, 2, GIB);
    world_rename_node(host, 1, 5);
    world_rename_node(host, 2, 7);
    host->node[5].cpus = (VbCpuSet){0};
    host->node[5].n_cpus = 0;
    host->node[7].memory_total_bytes = 0;
    g_autofree char *nodes = vb_nodeset_format(host->nodes);
    g_assert_cmpstr(nodes, ==, "0,5,7");
    g_assert_cmphex(vb_topology_home_nodes(host), ==, VB_NODE_BIT(0));
    g_assert_cmpint(vb_topology_node_of_cpu(host, 1), ==, 0);
    g_assert_cmpint(vb_topology_node_of_cpu(host, 2), ==, VB_NO_NODE);
    g_assert_cmpint(vb_topology_node_of_cpu(host, 4), ==, 7);
    g_assert_cmpint(vb_topology_node_of_cpu(host, G_MAXUINT), ==, VB_NO_NODE);
    VbCpuSet all = vb_topology_cpus_of_nodes(host, G_MAXUINT64);
    g_assert_cmpuint(vb_cpuset_count(&all), ==, 4);
    g_assert_cmphex(vb_topology_nodes_of_cpus(host, &all), ==, VB_NODE_BIT(0) | VB_NODE_BIT(7));
}

static void
test_pools_are_found_by_page_size(void)
{
    g_autofree VbTopology *host = world_topology(1, 1, GIB);
    world_pool(host, 0, 2 * MIB, 10, 5);
    world_pool(host, 0, GIB, 1, 1);
    g_assert_cmpuint(vb_node_pool(&host->node[0], GIB)->free, ==, 1);
    g_assert_cmpuint(vb_node_pool(&host->node[0], 2 * MIB)->free, ==, 5);
    g_assert_null(vb_node_pool(&host->node[0], 4096));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nodeset/node-lists-round-trip-or-are-refused", test_node_lists);
    g_test_add_func("/nodeset/cpu-lists-round-trip-or-are-refused", test_cpu_lists);
    g_test_add_func("/nodeset/odd-text-is-shown-safely", test_odd_text_is_shown_safely);
    g_test_add_func("/nodeset/sets-answer-at-their-edges", test_sets_answer_at_their_edges);
    g_test_add_func("/topology/holes-are-no-homes", test_a_host_with_holes);
    g_test_add_func("/topology/pools-are-found-by-page-size", test_pools_are_found_by_page_size);
    return g_test_run();
}

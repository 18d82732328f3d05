/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "observe/observe.h"
#include "observe_fixture.h"

#define GIB (G_GUINT64_CONSTANT(1) << 30)

static VbObservation *
observe(const char *name)
{
    g_autoptr(TestHost) host = test_host_new(name);
    VbObservation *seen = vb_observation_new(VB_LOOK_FULL);
    g_autoptr(GError) error = NULL;
    vb_observe_host(&host->kernel, NULL, seen, &error);
    g_assert_no_error(error);
    return seen;
}

static void
assert_shape(const VbObservation *seen, const char *nodes, const char *homes)
{
    g_autofree char *all = vb_nodeset_format(seen->topology.nodes);
    g_autofree char *home = vb_nodeset_format(vb_topology_home_nodes(&seen->topology));
    g_assert_cmpstr(all, ==, nodes);
    g_assert_cmpstr(home, ==, homes);
}

static void
assert_cpus(const VbObservation *seen, int node, const char *expected)
{
    g_autofree char *cpus = vb_cpuset_format(&seen->topology.node[node].cpus);
    g_assert_cmpstr(cpus, ==, expected);
    g_assert_cmpuint(seen->topology.node[node].n_cpus, ==,
                     vb_cpuset_count(&seen->topology.node[node].cpus));
}

static void
two_sockets_have_online_cpus_and_room_in_the_cache(void)
{
    g_autoptr(VbObservation) seen = observe("two-socket");
    assert_shape(seen, "0-1", "0-1");
    assert_cpus(seen, 0, "0-3,8-11");
    assert_cpus(seen, 1, "4-7,13-15"); /* CPU 12 is offline */
    const VbNode *node = &seen->topology.node[0];
    g_assert_cmpuint(node->memory_total_bytes, ==, 64 * GIB);
    /* 20 free, 6 + 5 of page cache, 1 of it dirty */
    g_assert_cmpuint(node->memory_free_bytes, ==, 30 * GIB);
    g_assert_cmpuint(node->distance[0], ==, 10);
    g_assert_cmpuint(node->distance[1], ==, 21);
    g_assert_cmpuint(node->distance[2], ==, 0);
    g_assert_cmpuint(seen->reserve_bytes[0], ==, 64 * GIB / 20);
    g_assert_true(seen->kernel_balancing);
    g_assert_cmpstr(seen->thp, ==, "madvise");
    g_assert_null(seen->rival);
}

static void
two_threads_of_a_core_are_no_two_cores(void)
{
    g_autoptr(VbObservation) seen = observe("two-socket");
    g_autofree char *isolated = vb_cpuset_format(&seen->topology.isolated);
    VbCpuSet common = vb_topology_common_cpus(&seen->topology, seen->topology.nodes);
    g_autofree char *left = vb_cpuset_format(&common);
    g_assert_cmpstr(isolated, ==, "3,11");
    g_assert_cmpstr(left, ==, "0-2,4-10,13-15");
    /* Three cores of two threads; three, and one whose other thread is offline. */
    g_assert_cmpuint(vb_node_capacity_bp(&seen->topology.node[0]), ==, 3 * 13000);
    g_assert_cmpuint(vb_node_capacity_bp(&seen->topology.node[1]), ==, 3 * 13000 + 10000);
    g_autoptr(VbObservation) plain = observe("four-near-far");
    const VbNode *node = &plain->topology.node[0];
    g_assert_cmpuint(vb_node_capacity_bp(node), ==, node->n_cpus * VB_BP);
}

static void
four_nodes_have_near_and_far_neighbours_and_a_rival(void)
{
    g_autoptr(VbObservation) seen = observe("four-near-far");
    assert_shape(seen, "0-3", "0-3");
    g_assert_cmpuint(seen->topology.node[3].distance[2], ==, 12);
    g_assert_cmpuint(seen->topology.node[3].distance[0], ==, 22);
    g_assert_false(seen->kernel_balancing);
    /* its pid file is stale: it is found by name */
    g_assert_cmpstr(seen->rival, ==, "numad");
}

/* On a host of a thousand guests the walk would cost more than the guests. */
static void
a_process_that_was_a_guest_is_not_asked(void)
{
    g_autoptr(TestHost) host = test_host_new("four-near-far");
    g_autoptr(VbObservation) before = vb_observation_new(VB_LOOK_FULL);
    g_autoptr(VbObservation) seen = vb_observation_new(VB_LOOK_FULL);
    VbGuestSight *guest = vb_guest_sight_new();
    g_ptr_array_add(before->guests, guest);
    guest->facts->pid = 1;
    g_assert_true(vb_observe_host(&host->kernel, before, seen, NULL));
    g_assert_cmpstr(seen->rival, ==, "numad");
    guest->facts->pid = 4711;
    g_assert_true(vb_observe_host(&host->kernel, before, seen, NULL));
    g_assert_null(seen->rival);
}

static void
a_memory_expander_is_no_home(void)
{
    g_autoptr(VbObservation) seen = observe("cxl");
    assert_shape(seen, "0-2", "0-1");
    assert_cpus(seen, 2, "");
    g_assert_cmpuint(seen->topology.node[2].memory_free_bytes, ==, 128 * GIB);
    /* The nearest CPUs are told apart from other initiators where the kernel does so. */
    g_assert_cmpuint(seen->topology.node[0].bandwidth_mib_s, ==, 200000);
    g_assert_cmpuint(seen->topology.node[1].bandwidth_mib_s, ==, 180000);
    g_assert_cmpuint(seen->topology.node[2].bandwidth_mib_s, ==, 40000);
    g_autoptr(VbObservation) silent = observe("two-socket");
    g_assert_cmpuint(silent->topology.node[0].bandwidth_mib_s, ==, 0);
}

static void
a_node_without_memory_is_no_home(void)
{
    g_autoptr(VbObservation) seen = observe("memoryless");
    assert_shape(seen, "0-1", "0");
    assert_cpus(seen, 1, "4-7");
    g_assert_cmpuint(seen->topology.node[1].memory_total_bytes, ==, 0);
}

static void
sparse_ids_keep_their_distances_apart(void)
{
    g_autoptr(VbObservation) seen = observe("sparse");
    assert_shape(seen, "0,2", "0,2");
    g_assert_cmpuint(seen->topology.node[0].distance[2], ==, 40);
    g_assert_cmpuint(seen->topology.node[0].distance[1], ==, 0);
    g_assert_cmpuint(seen->topology.node[2].distance[0], ==, 40);
    g_assert_cmpuint(seen->reserve_bytes[2], ==, GIB); /* 5 % would be less */
    g_assert_false(seen->kernel_balancing);
}

static void
pools_are_counted_by_size(void)
{
    g_autoptr(VbObservation) seen = observe("hugepages");
    const VbNode *node = &seen->topology.node[0];
    g_assert_cmpuint(node->n_pools, ==, 2);
    const VbHugePool *small = vb_node_pool(node, 2 << 20), *large = vb_node_pool(node, GIB);
    g_assert_cmpuint(small->total, ==, 1024);
    g_assert_cmpuint(small->free, ==, 1000);
    g_assert_cmpuint(large->total, ==, 8);
    g_assert_cmpuint(large->free, ==, 3);
    g_assert_cmpuint(vb_node_pool(&seen->topology.node[1], 2 << 20)->free, ==, 0);
    g_assert_cmpstr(seen->thp, ==, "always");
}

static void
a_kernel_without_numa_is_one_node(void)
{
    g_autoptr(VbObservation) seen = observe("flat");
    assert_shape(seen, "0", "0");
    assert_cpus(seen, 0, "0-1");
    g_assert_cmpuint(seen->topology.node[0].memory_free_bytes, ==, 2 * GIB);
    g_assert_cmpuint(seen->topology.node[0].distance[0], ==, VB_DISTANCE_LOCAL);
    g_assert_cmpuint(vb_node_pool(&seen->topology.node[0], 2 << 20)->free, ==, 4);
}

static void
a_captured_machine_is_read_whole(void)
{
    g_autoptr(VbObservation) seen = observe("single");
    assert_shape(seen, "0", "0");
    const VbNode *node = &seen->topology.node[0];
    g_assert_cmpuint(node->n_cpus, ==, 2);
    g_assert_cmpuint(node->memory_free_bytes, >, 0);
    g_assert_cmpuint(node->memory_free_bytes, <=, node->memory_total_bytes);
    g_assert_cmpuint(node->n_pools, ==, 2);
}

#define NODE0 "sys/devices/system/node/node0/"
/* Each is one file of the host "hugepages", spoiled; the message names the file and the text. */
static const struct {
    const char *file, *text, *shown;
} spoiled[] = {
    {"sys/devices/system/node/online", "0-1,64\n", "0-1,64"},
    {"sys/devices/system/node/online", "zero\n", "zero"},
    {"sys/devices/system/node/online", "\n", "online"},
    {"sys/devices/system/cpu/online", "0-99999\n", "0-99999"},
    {NODE0 "cpulist", "3-0\n", "3-0"},
    {NODE0 "distance", "10\n", "10"},
    {NODE0 "distance", "10 21 30\n", "10 21 30"},
    {NODE0 "distance", "10 -21\n", "10 -21"},
    {NODE0 "distance", "10 0\n", "10 0"},
    {NODE0 "meminfo", "Node 0 MemTotal: many kB\n", "many"},
    {NODE0 "meminfo", "Node 0 MemTotal: 99999999999999999999999 kB\n", "99999999999999999999999"},
    {NODE0 "meminfo", "Node 0 MemTotal: 5 kB\n", "MemTotal: 5 kB"},
    {NODE0 "meminfo", "Node 0 MemTotal: 5 kB\nNode 0 MemFree: 6 kB\n", "MemFree: 6 kB"},
    {NODE0 "meminfo", "Node 0 MemTotal: 5 kB\nNode 0 MemTotal: 5 kB\n", "MemTotal: 5 kB"},
    {NODE0 "meminfo", "", "meminfo"},
    {NODE0 "hugepages/hugepages-2048kB/nr_hugepages", "x\n", "x"},
};

static void
a_malformed_file_is_named_with_its_text(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(spoiled); i++) {
        g_autofree char *root = test_tree_copy("hugepages");
        test_tree_write(root, spoiled[i].file, spoiled[i].text, -1);
        g_autoptr(TestHost) host = test_host_new_at(root);
        g_autoptr(VbObservation) seen = vb_observation_new(VB_LOOK_FULL);
        g_autoptr(GError) error = NULL;
        g_assert_false(vb_observe_host(&host->kernel, NULL, seen, &error));
        g_assert_error(error, VB_ERROR, VB_ERROR_INVALID);
        g_assert_nonnull(strstr(error->message, spoiled[i].file));
        g_assert_nonnull(strstr(error->message, spoiled[i].shown));
        g_assert_cmpuint(seen->topology.nodes, ==, 0);
        test_tree_remove(root);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/host/two-sockets", two_sockets_have_online_cpus_and_room_in_the_cache);
    g_test_add_func("/host/near-far", four_nodes_have_near_and_far_neighbours_and_a_rival);
    g_test_add_func("/host/guests-are-no-rivals", a_process_that_was_a_guest_is_not_asked);
    g_test_add_func("/host/threads-of-a-core", two_threads_of_a_core_are_no_two_cores);
    g_test_add_func("/host/cxl", a_memory_expander_is_no_home);
    g_test_add_func("/host/memoryless", a_node_without_memory_is_no_home);
    g_test_add_func("/host/sparse", sparse_ids_keep_their_distances_apart);
    g_test_add_func("/host/pools", pools_are_counted_by_size);
    g_test_add_func("/host/flat", a_kernel_without_numa_is_one_node);
    g_test_add_func("/host/captured", a_captured_machine_is_read_whole);
    g_test_add_func("/host/malformed", a_malformed_file_is_named_with_its_text);
    return g_test_run();
}

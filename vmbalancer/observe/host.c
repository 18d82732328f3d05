/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "observe/cpus.h"
#include "observe/faults.h"
#include "observe/meminfo.h"
#include "observe/number.h"
#include "observe/observe.h"
#include "observe/rival.h"
#include <stdlib.h>
#include <string.h>
#include <vmbalancer/error.h>

#define NODE_DIR "/sys/devices/system/node"
#define CPU_ONLINE "/sys/devices/system/cpu/online"
#define HOST_POOLS "/sys/kernel/mm/hugepages"
#define THP_FILE "/sys/kernel/mm/transparent_hugepage/enabled"
/* A list of 4,096 CPUs one by one is 20 KiB; a node's meminfo is 2 KiB. */
#define FILE_MAX (64 * 1024)
#define RESERVE_MIN_BYTES (G_GUINT64_CONSTANT(1) << 30)
#define RESERVE_DIVISOR 20 /* 5 % */

/* Puts the file's name before what the list parser says. */
static gboolean
read_cpus(VbKernel *kernel, const char *path, VbCpuSet *ret, GError **error)
{
    g_autofree char *line = vb_kernel_read_line(kernel, path, error);
    if (line == NULL)
        return FALSE;
    if (vb_cpuset_parse(line, ret, error))
        return TRUE;
    g_prefix_error(error, "%s: ", path);
    return FALSE;
}

static gboolean
read_nodes(VbKernel *kernel, const char *path, VbNodeSet *ret, GError **error)
{
    g_autofree char *line = vb_kernel_read_line(kernel, path, error);
    if (line == NULL)
        return FALSE;
    if (vb_nodeset_parse(line, ret, error))
        return TRUE;
    g_prefix_error(error, "%s: ", path);
    return FALSE;
}

static gboolean
read_memory(VbKernel *kernel, const char *path, VbNode *node, GError **error)
{
    g_autofree char *text = NULL;
    if (!kernel->ops->read(kernel, path, FILE_MAX, &text, NULL, error))
        return FALSE;
    VbMeminfo memory;
    if (!vb_meminfo_parse(text, path, &memory, error))
        return FALSE;
    node->memory_total_bytes = memory.total_bytes;
    node->memory_free_bytes = memory.usable_bytes;
    return TRUE;
}

/* "hugepages-2048kB": 2 MiB. Returns: FALSE for any other name. */
static gboolean
pool_size(const char *name, guint64 *ret_bytes)
{
    if (!g_str_has_prefix(name, "hugepages-"))
        return FALSE;
    const char *cursor = name + strlen("hugepages-");
    guint64 kib;
    if (!vb_number_take(&cursor, 10, &kib) || !g_str_equal(cursor, "kB"))
        return FALSE;
    if (kib == 0 || kib > G_MAXUINT64 / 1024)
        return FALSE;
    *ret_bytes = kib * 1024;
    return TRUE;
}

static int
compare_pools(const void *a, const void *b)
{
    guint64 left = ((const VbHugePool *)a)->page_size;
    guint64 right = ((const VbHugePool *)b)->page_size;
    return (left > right) - (left < right);
}

static gboolean
read_pools(VbKernel *kernel, const char *directory, VbNode *node, GError **error)
{
    g_autoptr(GError) listing = NULL;
    g_auto(GStrv) names = kernel->ops->list(kernel, directory, &listing);
    if (names == NULL) {
        /* A kernel without hugetlb has no such folder; a node may lack it too. */
        if (g_error_matches(listing, VB_ERROR, VB_ERROR_NO_GUEST))
            return TRUE;
        g_propagate_error(error, g_steal_pointer(&listing));
        return FALSE;
    }
    for (guint i = 0; names[i] != NULL && node->n_pools < VB_POOLS_MAX; i++) {
        VbHugePool pool = {0};
        if (!pool_size(names[i], &pool.page_size))
            continue;
        g_autofree char *total = g_build_filename(directory, names[i], "nr_hugepages", NULL);
        g_autofree char *available = g_build_filename(directory, names[i], "free_hugepages", NULL);
        if (!vb_kernel_read_number(kernel, total, &pool.total, error) ||
            !vb_kernel_read_number(kernel, available, &pool.free, error))
            return FALSE;
        node->pools[node->n_pools++] = pool;
    }
    qsort(node->pools, node->n_pools, sizeof node->pools[0], compare_pools);
    return TRUE;
}

/* One distance for each online node, in the order of their ids. */
static gboolean
read_distances(VbKernel *kernel, const char *path, VbNodeSet nodes, VbNode *node, GError **error)
{
    g_autofree char *line = vb_kernel_read_line(kernel, path, error);
    if (line == NULL)
        return FALSE;
    const char *cursor = line;
    int id;
    VB_NODESET_FOREACH(id, nodes)
    {
        guint64 distance = 0;
        cursor += strspn(cursor, " \t");
        if (!vb_number_take(&cursor, 10, &distance) || distance < VB_DISTANCE_LOCAL ||
            distance > 255) {
            vb_number_invalid(error, path, line, "one distance of 10 to 255 for each online node");
            return FALSE;
        }
        node->distance[id] = (guint16)distance;
    }
    if (cursor[strspn(cursor, " \t")] != '\0') {
        vb_number_invalid(error, path, line, "one distance of 10 to 255 for each online node");
        return FALSE;
    }
    return TRUE;
}

/*
 * What the firmware tells of the node's RAM as its nearest initiators read it (ACPI 6.5, 5.2.28; Linux,
 * admin-guide/mm/numaperf): class 1 knows CPUs only, and is not in every kernel.
 */
static guint
read_bandwidth(VbKernel *kernel, const char *directory)
{
    static const char *const classes[] = {"access1", "access0"};
    guint64 bandwidth = 0;
    for (guint i = 0; i < G_N_ELEMENTS(classes) && bandwidth == 0; i++) {
        g_autofree char *path =
            g_build_filename(directory, classes[i], "initiators", "read_bandwidth", NULL);
        if (!vb_kernel_read_number(kernel, path, &bandwidth, NULL))
            bandwidth = 0;
    }
    return (guint)MIN(bandwidth, G_MAXUINT);
}

static gboolean
read_node(VbKernel *kernel, int id, const VbCpuSet *online, VbTopology *topology, GError **error)
{
    VbNode *node = &topology->node[id];
    g_autofree char *directory = g_strdup_printf(NODE_DIR "/node%d", id);
    g_autofree char *cpulist = g_build_filename(directory, "cpulist", NULL);
    g_autofree char *meminfo = g_build_filename(directory, "meminfo", NULL);
    g_autofree char *distance = g_build_filename(directory, "distance", NULL);
    g_autofree char *pools = g_build_filename(directory, "hugepages", NULL);
    VbCpuSet cpus;
    if (!read_cpus(kernel, cpulist, &cpus, error))
        return FALSE;
    node->cpus = vb_cpuset_and(&cpus, online);
    node->n_cpus = vb_cpuset_count(&node->cpus);
    node->bandwidth_mib_s = read_bandwidth(kernel, directory);
    return read_memory(kernel, meminfo, node, error) &&
           read_distances(kernel, distance, topology->nodes, node, error) &&
           read_pools(kernel, pools, node, error);
}

/* A kernel built without NUMA: the host is one node. */
static gboolean
read_flat(VbKernel *kernel, const VbCpuSet *online, VbTopology *topology, GError **error)
{
    VbNode *node = &topology->node[0];
    topology->nodes = VB_NODE_BIT(0);
    node->cpus = *online;
    node->n_cpus = vb_cpuset_count(online);
    node->distance[0] = VB_DISTANCE_LOCAL;
    return read_memory(kernel, "/proc/meminfo", node, error) &&
           read_pools(kernel, HOST_POOLS, node, error);
}

static gboolean
read_topology(VbKernel *kernel, VbTopology *topology, GError **error)
{
    VbCpuSet online;
    if (!read_cpus(kernel, CPU_ONLINE, &online, error))
        return FALSE;
    g_autoptr(GError) absent = NULL;
    if (!read_nodes(kernel, NODE_DIR "/online", &topology->nodes, &absent)) {
        if (g_error_matches(absent, VB_ERROR, VB_ERROR_NO_GUEST))
            return read_flat(kernel, &online, topology, error);
        g_propagate_error(error, g_steal_pointer(&absent));
        return FALSE;
    }
    if (topology->nodes == 0) {
        vb_number_invalid(error, NODE_DIR "/online", "", "a list of nodes");
        return FALSE;
    }
    int id;
    VB_NODESET_FOREACH(id, topology->nodes)
    if (!read_node(kernel, id, &online, topology, error))
        return FALSE;
    return TRUE;
}

/* "always [madvise] never": the word in brackets. Returns: (transfer full), NULL if unknown. */
static char *
read_thp(VbKernel *kernel)
{
    g_autofree char *line = vb_kernel_read_line(kernel, THP_FILE, NULL);
    const char *open = line != NULL ? strchr(line, '[') : NULL;
    const char *close = open != NULL ? strchr(open, ']') : NULL;
    return close != NULL ? g_strndup(open + 1, (gsize)(close - open - 1)) : NULL;
}

gboolean
vb_observe_host(VbKernel *kernel, const VbObservation *before, VbObservation *observation,
                GError **error)
{
    g_autofree VbTopology *topology = g_new0(VbTopology, 1);
    if (!read_topology(kernel, topology, error))
        return FALSE;
    vb_cpus_observe(kernel, topology);
    observation->topology = *topology;
    int id;
    VB_NODESET_FOREACH(id, topology->nodes)
    {
        guint64 total = topology->node[id].memory_total_bytes;
        observation->reserve_bytes[id] = MAX(total / RESERVE_DIVISOR, RESERVE_MIN_BYTES);
    }
    /* A kernel without the knob does not balance. */
    guint64 balancing = 0;
    observation->kernel_balancing =
        vb_kernel_read_number(kernel, "/proc/sys/kernel/numa_balancing", &balancing, NULL) &&
        balancing != 0;
    observation->faults = vb_faults_probe(kernel);
    g_free(observation->thp);
    observation->thp = read_thp(kernel);
    g_free(observation->rival);
    observation->rival = vb_rival_find(kernel, before);
    return TRUE;
}

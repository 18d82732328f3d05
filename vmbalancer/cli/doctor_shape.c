/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/doctor.h"

#define CPU_DIR "/sys/devices/system/cpu"
/* Nodes of one socket that the firmware has split (sub-NUMA clustering) are nearer than sockets are: ACPI has 20
 * for the first neighbour, and 11 to 17 is what such hosts tell. */
#define NEAR_BELOW 20

/* "node 4" or "nodes 2,4". */
static char *
title_of(VbNodeSet nodes)
{
    g_autofree char *text = vb_nodeset_format(nodes);
    return g_strdup_printf("%s %s", vb_nodeset_count(nodes) == 1 ? "node" : "nodes", text);
}

static void
check_incomplete(GPtrArray *findings, const VbTopology *topology)
{
    VbNodeSet slow = 0, bare = 0;
    int id;
    VB_NODESET_FOREACH(id, topology->nodes)
    {
        const VbNode *node = &topology->node[id];
        if (node->n_cpus == 0)
            slow |= VB_NODE_BIT(id);
        else if (node->memory_total_bytes == 0)
            bare |= VB_NODE_BIT(id);
    }
    g_autofree char *slow_text = title_of(slow);
    g_autofree char *bare_text = title_of(bare);
    if (slow != 0)
        vb_doctor_add(findings, VB_FINDING_NOTE, "nodes",
                      "to keep guests off it: <numatune> that names other nodes",
                      "%s %s CPUs that guests may use (a memory expander, or all taken): never a home; "
                      "guests' RAM that lies there is remote, and comes home where there is room",
                      slow_text, vb_nodeset_count(slow) == 1 ? "lacks" : "lack");
    if (bare != 0)
        vb_doctor_add(findings, VB_FINDING_NOTE, "nodes", "memory in that socket's slots",
                      "%s %s memory: never a home, so that no guest is pinned to CPUs there",
                      bare_text, vb_nodeset_count(bare) == 1 ? "lacks" : "lack");
}

static void
check_near(GPtrArray *findings, const VbTopology *topology)
{
    VbNodeSet homes = vb_topology_home_nodes(topology), near = 0;
    int a, b;
    VB_NODESET_FOREACH(a, homes)
    VB_NODESET_FOREACH(b, homes)
    if (a != b && topology->node[a].distance[b] < NEAR_BELOW)
        near |= VB_NODE_BIT(a) | VB_NODE_BIT(b);
    g_autofree char *text = vb_nodeset_format(near);
    if (near != 0)
        vb_doctor_add(findings, VB_FINDING_GOOD, "nodes", NULL,
                      "nodes %s have near neighbours (sub-NUMA clustering, or dies of one package): what "
                      "does not fit on one goes to its neighbours first",
                      text);
}

static void
check_uneven(GPtrArray *findings, const VbTopology *topology)
{
    guint fewest = G_MAXUINT, most = 0;
    guint64 least = G_MAXUINT64, largest = 0;
    int id;
    VB_NODESET_FOREACH(id, vb_topology_home_nodes(topology))
    {
        const VbNode *node = &topology->node[id];
        fewest = MIN(fewest, node->n_cpus);
        most = MAX(most, node->n_cpus);
        least = MIN(least, node->memory_total_bytes);
        largest = MAX(largest, node->memory_total_bytes);
    }
    /* The kernel itself takes some memory, more of the first node. */
    if (most > 0 && (most != fewest || largest - least > largest / 8))
        vb_doctor_add(findings, VB_FINDING_NOTE, "nodes",
                      "if that is not meant: memory in equal slots, and CPUs online",
                      "they are uneven (%u to %u CPUs, %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT
                      " MiB): large guests fit on the larger ones only",
                      fewest, most, least >> 20, largest >> 20);
}

static void
check_offline(GPtrArray *findings, VbKernel *kernel)
{
    VbCpuSet present, online;
    g_autofree char *here = vb_kernel_read_line(kernel, CPU_DIR "/present", NULL);
    g_autofree char *used = vb_kernel_read_line(kernel, CPU_DIR "/online", NULL);
    if (here == NULL || used == NULL || !vb_cpuset_parse(here, &present, NULL) ||
        !vb_cpuset_parse(used, &online, NULL))
        return;
    VbCpuSet off = vb_cpuset_minus(&present, &online);
    g_autofree char *text = vb_cpuset_format(&off);
    if (*text != '\0')
        vb_doctor_add(findings, VB_FINDING_NOTE, "CPUs",
                      "to use them: echo 1 > " CPU_DIR "/cpuN/online",
                      "offline: %s; no guest can run there", text);
}

static void
check_tiers(GPtrArray *findings, VbKernel *kernel, const VbTopology *topology)
{
    g_autofree char *demotion =
        vb_kernel_read_line(kernel, "/sys/kernel/mm/numa/demotion_enabled", NULL);
    gboolean told = FALSE;
    int id;
    VB_NODESET_FOREACH(id, topology->nodes)
    told |= topology->node[id].bandwidth_mib_s > 0;
    if (g_strcmp0(demotion, "true") == 0 || g_strcmp0(demotion, "1") == 0)
        vb_doctor_add(findings, VB_FINDING_HINDERS, "demotion",
                      "echo false > /sys/kernel/mm/numa/demotion_enabled",
                      "on: the kernel sends pages that are little used to slower nodes, from where vmbalancer "
                      "brings guests' RAM home again");
    if (told)
        vb_doctor_add(findings, VB_FINDING_GOOD, "bandwidth", NULL,
                      "the firmware tells it (HMAT): the policy balance weighs by it what a node's RAM serves");
}

void
vb_doctor_shape(GPtrArray *findings, VbKernel *kernel, const VbTopology *topology)
{
    check_incomplete(findings, topology);
    check_near(findings, topology);
    check_uneven(findings, topology);
    check_offline(findings, kernel);
    check_tiers(findings, kernel, topology);
}

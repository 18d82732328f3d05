/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <vmbalancer/topology.h>

int
vb_topology_node_of_cpu(const VbTopology *topology, guint cpu)
{
    int id;
    VB_NODESET_FOREACH(id, topology->nodes)
    if (vb_cpuset_has(&topology->node[id].cpus, cpu))
        return id;
    return VB_NO_NODE;
}

VbNodeSet
vb_topology_nodes_of_cpus(const VbTopology *topology, const VbCpuSet *cpus)
{
    VbNodeSet nodes = 0;
    int id;
    VB_NODESET_FOREACH(id, topology->nodes)
    {
        VbCpuSet both = vb_cpuset_and(&topology->node[id].cpus, cpus);
        if (vb_cpuset_count(&both) > 0)
            nodes |= VB_NODE_BIT(id);
    }
    return nodes;
}

VbCpuSet
vb_topology_cpus_of_nodes(const VbTopology *topology, VbNodeSet nodes)
{
    VbCpuSet cpus = {0};
    int id;
    VB_NODESET_FOREACH(id, nodes & topology->nodes)
    cpus = vb_cpuset_or(&cpus, &topology->node[id].cpus);
    return cpus;
}

VbCpuSet
vb_topology_common_cpus(const VbTopology *topology, VbNodeSet nodes)
{
    VbCpuSet cpus = vb_topology_cpus_of_nodes(topology, nodes);
    return vb_cpuset_minus(&cpus, &topology->isolated);
}

guint
vb_node_capacity_bp(const VbNode *node)
{
    return node->capacity_bp != 0 ? node->capacity_bp : node->n_cpus * VB_BP;
}

VbNodeSet
vb_topology_home_nodes(const VbTopology *topology)
{
    VbNodeSet nodes = 0;
    int id;
    VB_NODESET_FOREACH(id, topology->nodes)
    if (topology->node[id].n_cpus > 0 && topology->node[id].memory_total_bytes > 0)
        nodes |= VB_NODE_BIT(id);
    return nodes;
}

const VbHugePool *
vb_node_pool(const VbNode *node, guint64 page_size)
{
    for (guint i = 0; i < node->n_pools; i++)
        if (node->pools[i].page_size == page_size)
            return &node->pools[i];
    return NULL;
}

guint64
vb_pool_borrowed(const VbHugePool *pool, guint64 pages)
{
    guint64 own = pool->free - MIN(pool->borrow, pool->free);
    return MIN(pages - MIN(own, pages), pool->borrow);
}

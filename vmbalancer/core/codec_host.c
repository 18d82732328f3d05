/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/codec_parts.h"

static void
put_node(JsonArray *nodes, const VbTopology *topology, int id, guint64 reserve_bytes)
{
    const VbNode *node = &topology->node[id];
    JsonObject *object = vb_json_append_object(nodes);
    json_object_set_int_member(object, "id", id);
    vb_json_put_cpuset(object, "cpus", &node->cpus);
    if (node->capacity_bp != 0)
        json_object_set_int_member(object, "capacity_bp", node->capacity_bp);
    if (node->bandwidth_mib_s != 0)
        json_object_set_int_member(object, "bandwidth_mib_s", node->bandwidth_mib_s);
    vb_json_put_u64(object, "memory_total_bytes", node->memory_total_bytes);
    vb_json_put_u64(object, "memory_free_bytes", node->memory_free_bytes);
    vb_json_put_u64(object, "reserve_bytes", reserve_bytes);
    JsonArray *distances = vb_json_put_array(object, "distances");
    int other;
    VB_NODESET_FOREACH(other, topology->nodes)
    json_array_add_int_element(distances, node->distance[other]);
    JsonArray *pools = vb_json_put_array(object, "pools");
    for (guint i = 0; i < node->n_pools; i++) {
        JsonObject *pool = vb_json_append_object(pools);
        vb_json_put_u64(pool, "page_size", node->pools[i].page_size);
        vb_json_put_u64(pool, "total", node->pools[i].total);
        vb_json_put_u64(pool, "free", node->pools[i].free);
        if (node->pools[i].borrow != 0)
            vb_json_put_u64(pool, "borrow", node->pools[i].borrow);
    }
}

void
vb_codec_put_host(JsonObject *document, const VbTopology *topology, const guint64 *reserve_bytes,
                  gboolean kernel_balancing, const char *rival)
{
    JsonObject *object = vb_json_put_object(document, "host");
    JsonArray *nodes = vb_json_put_array(object, "nodes");
    int id;
    VB_NODESET_FOREACH(id, topology->nodes)
    put_node(nodes, topology, id, reserve_bytes[id]);
    if (vb_cpuset_count(&topology->isolated) > 0)
        vb_json_put_cpuset(object, "isolated", &topology->isolated);
    if (vb_cpuset_count(&topology->barred) > 0)
        vb_json_put_cpuset(object, "barred", &topology->barred);
    json_object_set_boolean_member(object, "kernel_balancing", kernel_balancing);
    vb_json_put_text(object, "rival", rival);
}

/* First the ids alone, since what is by node needs all of them. */
static void
read_node_id(VbJsonReader *reader, JsonObject *object, gpointer into)
{
    VbTopology *topology = into;
    int id = (int)vb_json_int(reader, object, "id", 0, VB_NODES_MAX - 1);
    if (topology->nodes >> id != 0)
        vb_json_fail(reader, "id", "%d: node ids must ascend", id);
    topology->nodes |= VB_NODE_BIT(id);
}

static void
read_pool(VbJsonReader *reader, JsonObject *object, gpointer into)
{
    VbNode *node = into;
    VbHugePool *pool = &node->pools[node->n_pools++];
    pool->page_size = (guint64)vb_json_int(reader, object, "page_size", 1, G_MAXINT64);
    pool->total = vb_json_u64(reader, object, "total");
    pool->free = vb_json_u64(reader, object, "free");
    pool->borrow = vb_json_has(object, "borrow") ? vb_json_u64(reader, object, "borrow") : 0;
    if (pool->borrow > pool->free)
        vb_json_fail(reader, "borrow", "more than are free");
}

static void
read_distances(VbJsonReader *reader, JsonObject *object, VbNodeSet nodes, VbNode *node)
{
    guint64 distance[VB_NODES_MAX] = {0};
    if (!vb_codec_read_by_node(reader, object, "distances", nodes, distance))
        vb_json_fail(reader, "distances", "missing");
    int id;
    VB_NODESET_FOREACH(id, nodes)
    {
        if (distance[id] > G_MAXUINT16)
            vb_json_fail(reader, "distances", "%" G_GUINT64_FORMAT " is above %d", distance[id],
                         G_MAXUINT16);
        node->distance[id] = (guint16)distance[id];
    }
}

static void
read_node(VbJsonReader *reader, JsonObject *object, gpointer into)
{
    const VbCodecHost *host = into;
    int id = (int)vb_json_int(reader, object, "id", 0, VB_NODES_MAX - 1);
    VbNode *node = &host->topology->node[id];
    if (!vb_json_cpuset(reader, object, "cpus", &node->cpus))
        vb_json_fail(reader, "cpus", "missing");
    node->n_cpus = vb_cpuset_count(&node->cpus);
    if (json_object_has_member(object, "capacity_bp"))
        node->capacity_bp =
            (guint)vb_json_int(reader, object, "capacity_bp", 0, (gint64)VB_CPUS_MAX * VB_BP);
    node->bandwidth_mib_s =
        (guint)vb_json_int_or(reader, object, "bandwidth_mib_s", 0, G_MAXUINT, 0);
    node->memory_total_bytes = vb_json_u64(reader, object, "memory_total_bytes");
    node->memory_free_bytes = vb_json_u64(reader, object, "memory_free_bytes");
    host->reserve_bytes[id] = vb_json_u64(reader, object, "reserve_bytes");
    read_distances(reader, object, host->topology->nodes, node);
    vb_json_each(reader, object, "pools", VB_POOLS_MAX, read_pool, node);
}

static void
read_host(VbJsonReader *reader, JsonObject *object, gpointer into)
{
    VbCodecHost *host = into;
    vb_json_each(reader, object, "nodes", VB_NODES_MAX, read_node_id, host->topology);
    vb_json_each(reader, object, "nodes", VB_NODES_MAX, read_node, host);
    vb_json_cpuset(reader, object, "isolated", &host->topology->isolated);
    vb_json_cpuset(reader, object, "barred", &host->topology->barred);
    *host->kernel_balancing = vb_json_bool(reader, object, "kernel_balancing");
    *host->rival = vb_json_text(reader, object, "rival", VB_CODEC_TEXT_MAX);
}

void
vb_codec_read_host(VbJsonReader *reader, JsonObject *document, VbCodecHost *host)
{
    vb_json_inside(reader, document, "host", read_host, host);
}

gboolean
vb_codec_read_by_node(VbJsonReader *reader, JsonObject *object, const char *name, VbNodeSet nodes,
                      guint64 *ret)
{
    guint64 value[VB_NODES_MAX];
    if (!vb_json_u64s(reader, object, name, vb_nodeset_count(nodes), value))
        return FALSE;
    guint next = 0;
    int id;
    VB_NODESET_FOREACH(id, nodes)
    ret[id] = value[next++];
    return TRUE;
}

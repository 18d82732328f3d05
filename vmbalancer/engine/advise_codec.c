/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/codec.h"
#include "core/json_read.h"
#include "core/json_text.h"
#include "core/json_write.h"
#include "engine/advise.h"

#define SCHEMA "vmbalancer.advice/1"
#define TEXT_MAX 4096

/* Signed: room may lack. */
static void
put_room(JsonObject *object, const char *name, gboolean known, gint64 bytes)
{
    vb_json_put_known(object, name, known, bytes);
}

static void
put_node(JsonArray *array, const VbAdviceNode *one)
{
    JsonObject *object = vb_json_append_object(array);
    json_object_set_int_member(object, "id", one->node);
    json_object_set_boolean_member(object, "chosen", one->chosen);
    json_object_set_boolean_member(object, "fits", one->fits);
    vb_json_put_u64(object, "free", one->room.free_bytes);
    vb_json_put_u64(object, "reserve", one->room.reserve_bytes);
    vb_json_put_u64(object, "promised", one->room.promised_bytes);
    put_room(object, "room", TRUE, one->room.bytes);
    put_room(object, "room_then", one->then_known, one->room_then_bytes);
    json_object_set_int_member(object, "cpus", one->n_cpus);
    vb_json_put_bp(object, "load", (int)one->load_bp);
    if (one->then_known)
        vb_json_put_bp(object, "load_then", (int)one->load_then_bp);
    else
        json_object_set_null_member(object, "load_then");
}

JsonNode *
vb_advice_json(const VbAdvice *advice)
{
    JsonNode *document = vb_json_document(SCHEMA);
    JsonObject *object = json_node_get_object(document);
    json_object_set_int_member(object, "vcpus", advice->request.vcpus);
    vb_json_put_u64(object, "memory", advice->request.bytes);
    vb_json_put_u64(object, "page_size", MAX(advice->request.page_size, 4096));
    vb_json_put_text(object, "policy", advice->policy);
    vb_json_put_nodeset(object, "nodes", advice->nodes);
    vb_json_put_text(object, "reason", advice->reason);
    JsonArray *ranking = vb_json_put_array(object, "ranking");
    for (guint i = 0; i < advice->ranking->len; i++)
        put_node(ranking, &g_array_index(advice->ranking, VbAdviceNode, i));
    return document;
}

/* A number of CPUs, as a fraction. */
static guint
read_load(VbJsonReader *reader, JsonObject *object, const char *name)
{
    JsonNode *node = json_object_get_member(object, name);
    gboolean number = node != NULL && JSON_NODE_HOLDS_VALUE(node) &&
                      (json_node_get_value_type(node) == G_TYPE_DOUBLE ||
                       json_node_get_value_type(node) == G_TYPE_INT64);
    double load = number ? json_node_get_double(node) : -1;
    if (load >= 0 && load <= G_MAXINT / VB_BP)
        return (guint)(load * VB_BP + 0.5);
    vb_json_fail(reader, name, "expected a number of CPUs");
    return 0;
}

static void
read_node(VbJsonReader *reader, JsonObject *object, gpointer into)
{
    VbAdviceNode one = {
        .node = (int)vb_json_int(reader, object, "id", 0, VB_NODES_MAX - 1),
        .chosen = vb_json_bool(reader, object, "chosen"),
        .fits = vb_json_bool(reader, object, "fits"),
        .room = {.free_bytes = vb_json_u64(reader, object, "free"),
                 .reserve_bytes = vb_json_u64(reader, object, "reserve"),
                 .promised_bytes = vb_json_u64(reader, object, "promised"),
                 .bytes = vb_json_int(reader, object, "room", -G_MAXINT64, G_MAXINT64)},
        .n_cpus = (guint)vb_json_int(reader, object, "cpus", 0, VB_CPUS_MAX),
        .load_bp = read_load(reader, object, "load"),
        .then_known = vb_json_has(object, "room_then"),
    };
    if (one.then_known) {
        one.room_then_bytes =
            vb_json_int(reader, object, "room_then", -G_MAXINT64, G_MAXINT64);
        one.load_then_bp = read_load(reader, object, "load_then");
    }
    g_array_append_val((GArray *)into, one);
}

VbAdvice *
vb_advice_read(const char *text, GError **error)
{
    g_autoptr(JsonNode) document =
        vb_json_text_parse(text, -1, SCHEMA, VB_CODEC_DEPTH_MAX, VB_CODEC_SIZE_MAX, error);
    if (document == NULL)
        return NULL;
    JsonObject *object = json_node_get_object(document);
    g_autoptr(VbJsonReader) reader = vb_json_reader_new(SCHEMA);
    g_autoptr(VbAdvice) advice = g_new0(VbAdvice, 1);
    advice->request.vcpus = (guint)vb_json_int(reader, object, "vcpus", 1, VB_CPUS_MAX);
    advice->request.bytes = vb_json_u64(reader, object, "memory");
    advice->request.page_size = vb_json_u64(reader, object, "page_size");
    advice->policy = vb_json_text(reader, object, "policy", TEXT_MAX);
    advice->nodes = vb_json_nodeset(reader, object, "nodes");
    advice->reason = vb_json_text(reader, object, "reason", TEXT_MAX);
    advice->ranking = g_array_new(FALSE, TRUE, sizeof(VbAdviceNode));
    vb_json_each(reader, object, "ranking", VB_NODES_MAX, read_node, advice->ranking);
    if (!vb_json_failed(reader) && advice->reason == NULL)
        vb_json_fail(reader, "reason", "expected a text");
    return vb_json_finish(reader, error) ? g_steal_pointer(&advice) : NULL;
}

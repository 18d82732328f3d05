/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/json_write.h"
#include "engine/advise.h"

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
    JsonNode *document = vb_json_document("vmbalancer.advice/1");
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

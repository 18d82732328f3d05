/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/json_write.h"
#include <math.h>
#include <string.h>

/* The count as an integer node, or as text where it would turn negative. */
static JsonNode *
u64_node(guint64 value)
{
    if (value <= G_MAXINT64)
        return json_node_init_int(json_node_alloc(), (gint64)value);
    g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT, value);
    return json_node_init_string(json_node_alloc(), text);
}

void
vb_json_put_u64(JsonObject *object, const char *name, guint64 value)
{
    json_object_set_member(object, name, u64_node(value));
}

void
vb_json_put_text(JsonObject *object, const char *name, const char *text)
{
    if (text != NULL)
        json_object_set_string_member(object, name, text);
    else
        json_object_set_null_member(object, name);
}

void
vb_json_put_bp(JsonObject *object, const char *name, int bp)
{
    json_object_set_double_member(object, name, (double)bp / VB_BP);
}

/* json-glib 1.6 writes 3e-09 as "3e-09.0", which is no JSON: the next number up has a fraction. */
static double
writable(double value)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];
    while (strchr(g_ascii_dtostr(text, sizeof text, value), 'e') != NULL && strchr(text, '.') == NULL)
        value = nextafter(value, G_MAXDOUBLE);
    return value;
}

void
vb_json_put_seconds(JsonObject *object, const char *name, gint64 ns)
{
    json_object_set_double_member(object, name, writable((double)ns / 1e9));
}

void
vb_json_put_known(JsonObject *object, const char *name, gboolean known, gint64 value)
{
    if (known)
        json_object_set_int_member(object, name, value);
    else
        json_object_set_null_member(object, name);
}

void
vb_json_put_nodeset(JsonObject *object, const char *name, VbNodeSet set)
{
    g_autofree char *list = vb_nodeset_format(set);
    json_object_set_string_member(object, name, list);
}

void
vb_json_put_node_ids(JsonObject *object, const char *name, VbNodeSet set)
{
    JsonArray *ids = vb_json_put_array(object, name);
    int id;
    VB_NODESET_FOREACH(id, set)
    json_array_add_int_element(ids, id);
}

void
vb_json_put_cpuset(JsonObject *object, const char *name, const VbCpuSet *set)
{
    g_autofree char *list = set != NULL ? vb_cpuset_format(set) : NULL;
    vb_json_put_text(object, name, list);
}

void
vb_json_put_by_node(JsonObject *object, const char *name, VbNodeSet nodes, const guint64 *value)
{
    JsonArray *array = vb_json_put_array(object, name);
    int id;
    VB_NODESET_FOREACH(id, nodes)
    json_array_add_element(array, u64_node(value[id]));
}

void
vb_json_put_settings(JsonObject *object, const char *name, GHashTable *settings)
{
    if (settings == NULL) {
        json_object_set_null_member(object, name);
        return;
    }
    JsonObject *members = vb_json_put_object(object, name);
    g_autoptr(GList) keys = g_list_sort(g_hash_table_get_keys(settings), (GCompareFunc)g_strcmp0);
    for (GList *key = keys; key != NULL; key = key->next)
        json_object_set_int_member(members, key->data,
                                   *(gint64 *)g_hash_table_lookup(settings, key->data));
}

JsonArray *
vb_json_put_array(JsonObject *object, const char *name)
{
    JsonArray *array = json_array_new();
    json_object_set_array_member(object, name, array);
    return array;
}

JsonObject *
vb_json_put_object(JsonObject *object, const char *name)
{
    JsonObject *member = json_object_new();
    json_object_set_object_member(object, name, member);
    return member;
}

JsonObject *
vb_json_append_object(JsonArray *array)
{
    JsonObject *element = json_object_new();
    json_array_add_object_element(array, element);
    return element;
}

JsonNode *
vb_json_document(const char *schema)
{
    g_autoptr(JsonObject) object = json_object_new();
    json_object_set_string_member(object, "schema", schema);
    return json_node_init_object(json_node_alloc(), object);
}

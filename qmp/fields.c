/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qmp/fields.h"

#include "qmp/error.h"

static const char *
kind_name(JsonNode *node)
{
    if (node == NULL)
        return "nothing";
    switch (JSON_NODE_TYPE(node)) {
    case JSON_NODE_OBJECT:
        return "an object";
    case JSON_NODE_ARRAY:
        return "an array";
    case JSON_NODE_NULL:
        return "null";
    case JSON_NODE_VALUE:
    default:
        break;
    }
    switch (json_node_get_value_type(node)) {
    case G_TYPE_INT64:
        return "an integer";
    case G_TYPE_DOUBLE:
        return "a fraction";
    case G_TYPE_BOOLEAN:
        return "a boolean";
    default:
        return "a string";
    }
}

gboolean
qmp_fields_mismatch(JsonNode *node, const char *needed, const char *where, GError **error)
{
    g_set_error(error, QMP_ERROR, QMP_ERROR_BAD_REPLY, "%s: %s needed, %s found", where, needed,
                kind_name(node));
    return FALSE;
}

static gboolean
holds(JsonNode *node, GType type)
{
    return node != NULL && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == type;
}

gboolean
qmp_fields_int(JsonNode *node, gint64 min, gint64 max, const char *where, gint64 *ret,
               GError **error)
{
    gint64 value;

    if (!holds(node, G_TYPE_INT64))
        return qmp_fields_mismatch(node, "an integer", where, error);
    value = json_node_get_int(node);
    if (value < min || value > max) {
        g_set_error(error, QMP_ERROR, QMP_ERROR_BAD_REPLY,
                    "%s: %" G_GINT64_FORMAT " is not within %" G_GINT64_FORMAT
                    "..%" G_GINT64_FORMAT,
                    where, value, min, max);
        return FALSE;
    }
    *ret = value;
    return TRUE;
}

static gboolean
read_int(const QmpField *field, JsonNode *node, gpointer into, const char *where, GError **error)
{
    gint64 *out = into;

    if (node == NULL) {
        *out = -1;
        return TRUE;
    }
    return qmp_fields_int(node, field->min, field->max, where, out, error);
}

static gboolean
read_bool(const QmpField *field, JsonNode *node, gpointer into, const char *where, GError **error)
{
    int *out = into;

    if (node != NULL && !holds(node, G_TYPE_BOOLEAN))
        return qmp_fields_mismatch(node, "a boolean", where, error);
    *out = node != NULL ? json_node_get_boolean(node) : -1;
    return TRUE;
}

static gboolean
read_string(const QmpField *field, JsonNode *node, gpointer into, const char *where, GError **error)
{
    char **out = into;

    if (node != NULL && !holds(node, G_TYPE_STRING))
        return qmp_fields_mismatch(node, "a string", where, error);
    g_free(*out);
    *out = node != NULL ? g_strdup(json_node_get_string(node)) : NULL;
    return TRUE;
}

static gboolean (*const readers[])(const QmpField *, JsonNode *, gpointer, const char *,
                                   GError **) = {
    [QMP_FIELD_INT] = read_int,
    [QMP_FIELD_BOOL] = read_bool,
    [QMP_FIELD_STRING] = read_string,
};

/* An explicit null is an absent member: QAPI knows no null where it knows optional. */
static JsonNode *
find_member(JsonObject *object, const char *name)
{
    JsonNode *node = json_object_get_member(object, name);

    return node != NULL && JSON_NODE_HOLDS_NULL(node) ? NULL : node;
}

gboolean
qmp_fields_read(JsonObject *object, const QmpField *fields, gsize n_fields, gpointer into,
                const char *where, GError **error)
{
    for (gsize i = 0; i < n_fields; i++) {
        const QmpField *field = &fields[i];
        JsonNode *node = find_member(object, field->name);
        g_autofree char *member = g_strdup_printf("%s.%s", where, field->name);

        if (node == NULL && !field->optional) {
            g_set_error(error, QMP_ERROR, QMP_ERROR_BAD_REPLY, "%s: missing", member);
            return FALSE;
        }
        if (!readers[field->kind](field, node, (char *)into + field->offset, member, error))
            return FALSE;
    }
    return TRUE;
}

gboolean
qmp_fields_object(JsonObject *object, const char *name, gboolean optional, const char *where,
                  JsonObject **ret, GError **error)
{
    JsonNode *node = find_member(object, name);
    g_autofree char *member = g_strdup_printf("%s.%s", where, name);

    *ret = NULL;
    if (node == NULL && optional)
        return TRUE;
    if (node == NULL || !JSON_NODE_HOLDS_OBJECT(node))
        return qmp_fields_mismatch(node, "an object", member, error);
    *ret = json_node_get_object(node);
    return TRUE;
}

GPtrArray *
qmp_fields_list(JsonNode *reply, const char *command, QmpItemFunc item, GDestroyNotify destroy,
                GError **error)
{
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(destroy);
    g_autofree char *root = g_strdup_printf("%s: return", command);
    JsonArray *array;

    if (!JSON_NODE_HOLDS_ARRAY(reply)) {
        qmp_fields_mismatch(reply, "an array", root, error);
        return NULL;
    }
    array = json_node_get_array(reply);
    for (guint i = 0; i < json_array_get_length(array); i++) {
        JsonNode *node = json_array_get_element(array, i);
        g_autofree char *where = g_strdup_printf("%s[%u]", root, i);
        gpointer made;

        if (!JSON_NODE_HOLDS_OBJECT(node)) {
            qmp_fields_mismatch(node, "an object", where, error);
            return NULL;
        }
        made = item(json_node_get_object(node), where, error);
        if (made == NULL)
            return NULL;
        g_ptr_array_add(list, made);
    }
    return g_steal_pointer(&list);
}

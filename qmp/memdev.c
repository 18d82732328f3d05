/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qmp/fields.h"
#include "qmp/parse.h"

#define AT(member) G_STRUCT_OFFSET(QmpMemdev, member)

static const QmpField fields[] = {
    {"id", QMP_FIELD_STRING, AT(id), QMP_OPTIONAL},
    {"size", QMP_FIELD_INT, AT(size_bytes), QMP_REQUIRED, 0, G_MAXINT64},
    {"merge", QMP_FIELD_BOOL, AT(merge), QMP_REQUIRED},
    {"dump", QMP_FIELD_BOOL, AT(dump), QMP_REQUIRED},
    {"prealloc", QMP_FIELD_BOOL, AT(prealloc), QMP_REQUIRED},
    {"share", QMP_FIELD_BOOL, AT(share), QMP_OPTIONAL},
};

static const char *const policy_words[] = {
    [QMP_MEMDEV_POLICY_DEFAULT] = "default",
    [QMP_MEMDEV_POLICY_PREFERRED] = "preferred",
    [QMP_MEMDEV_POLICY_BIND] = "bind",
    [QMP_MEMDEV_POLICY_INTERLEAVE] = "interleave",
};

void
qmp_memdev_free(QmpMemdev *self)
{
    if (self == NULL)
        return;
    g_free(self->id);
    g_array_unref(self->host_nodes);
    g_free(self);
}

static gboolean
read_host_nodes(QmpMemdev *self, JsonObject *object, const char *where, GError **error)
{
    JsonNode *node = json_object_get_member(object, "host-nodes");
    g_autofree char *member = g_strdup_printf("%s.host-nodes", where);
    JsonArray *array;

    if (node == NULL || !JSON_NODE_HOLDS_ARRAY(node))
        return qmp_fields_mismatch(node, "an array", member, error);
    array = json_node_get_array(node);
    for (guint i = 0; i < json_array_get_length(array); i++) {
        g_autofree char *element = g_strdup_printf("%s[%u]", member, i);
        gint64 value = 0;
        guint id;

        if (!qmp_fields_int(json_array_get_element(array, i), 0, QMP_HOST_NODE_MAX, element, &value,
                            error))
            return FALSE;
        id = (guint)value;
        g_array_append_val(self->host_nodes, id);
    }
    return TRUE;
}

static gboolean
read_policy(QmpMemdev *self, JsonObject *object, const char *where, GError **error)
{
    static const QmpField field = {"policy", QMP_FIELD_STRING, 0, QMP_REQUIRED};
    g_autofree char *word = NULL;

    if (!qmp_fields_read(object, &field, 1, &word, where, error))
        return FALSE;
    self->policy = QMP_MEMDEV_POLICY_OTHER;
    for (guint i = 0; i < G_N_ELEMENTS(policy_words); i++) {
        if (g_str_equal(word, policy_words[i]))
            self->policy = i;
    }
    return TRUE;
}

static gpointer
read_memdev(JsonObject *object, const char *where, GError **error)
{
    g_autoptr(QmpMemdev) self = g_new0(QmpMemdev, 1);

    self->host_nodes = g_array_new(FALSE, FALSE, sizeof(guint));
    if (!qmp_fields_read(object, fields, G_N_ELEMENTS(fields), self, where, error) ||
        !read_host_nodes(self, object, where, error) || !read_policy(self, object, where, error))
        return NULL;
    return g_steal_pointer(&self);
}

gpointer
qmp_memdevs_parse(JsonNode *reply, GError **error)
{
    return qmp_fields_list(reply, "query-memdev", read_memdev, (GDestroyNotify)qmp_memdev_free,
                           error);
}

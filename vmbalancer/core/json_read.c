/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/json_read.h"
#include <string.h>
#include <vmbalancer/error.h>

struct VbJsonReader {
    const char *schema;
    GString *path; /* "guests[3].cells[0]" */
    GError *error; /* the first one */
};

VbJsonReader *
vb_json_reader_new(const char *schema)
{
    VbJsonReader *reader = g_new0(VbJsonReader, 1);
    reader->schema = schema;
    reader->path = g_string_new(NULL);
    return reader;
}

void
vb_json_reader_free(VbJsonReader *reader)
{
    if (reader == NULL)
        return;
    g_string_free(reader->path, TRUE);
    g_clear_error(&reader->error);
    g_free(reader);
}

void
vb_json_fail(VbJsonReader *reader, const char *name, const char *format, ...)
{
    if (reader->error != NULL)
        return;
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *reason = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    gboolean dot = reader->path->len > 0 && name != NULL && name[0] != '[';
    g_autofree char *member =
        g_strconcat(reader->path->str, dot ? "." : "", name != NULL ? name : "", NULL);
    g_set_error(&reader->error, VB_ERROR, VB_ERROR_INVALID, "%s: %s%s%s", reader->schema, member,
                *member != '\0' ? ": " : "", reason);
}

gboolean
vb_json_finish(VbJsonReader *reader, GError **error)
{
    if (reader->error == NULL)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&reader->error));
    return FALSE;
}

gboolean
vb_json_failed(const VbJsonReader *reader)
{
    return reader->error != NULL;
}

gboolean
vb_json_has(JsonObject *object, const char *name)
{
    JsonNode *node = json_object_get_member(object, name);
    return node != NULL && !JSON_NODE_HOLDS_NULL(node);
}

/* The member's node, NULL if it is null or something went wrong before. */
static JsonNode *
member(const VbJsonReader *reader, JsonObject *object, const char *name)
{
    if (reader->error != NULL || !vb_json_has(object, name))
        return NULL;
    return json_object_get_member(object, name);
}

/* As member(), but that it is null is wrong. */
static JsonNode *
required(VbJsonReader *reader, JsonObject *object, const char *name)
{
    JsonNode *node = member(reader, object, name);
    if (node == NULL)
        vb_json_fail(reader, name, "missing");
    return node;
}

static gboolean
holds(JsonNode *node, GType type)
{
    return JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == type;
}

static gint64
int_of(VbJsonReader *reader, JsonNode *node, const char *name, gint64 minimum, gint64 maximum)
{
    if (!holds(node, G_TYPE_INT64)) {
        vb_json_fail(reader, name, "expected an integer");
        return 0;
    }
    gint64 value = json_node_get_int(node);
    if (value < minimum || value > maximum) {
        vb_json_fail(reader, name,
                     "%" G_GINT64_FORMAT " is outside of %" G_GINT64_FORMAT "..%" G_GINT64_FORMAT,
                     value, minimum, maximum);
        return 0;
    }
    return value;
}

gint64
vb_json_int(VbJsonReader *reader, JsonObject *object, const char *name, gint64 minimum,
            gint64 maximum)
{
    JsonNode *node = required(reader, object, name);
    return node != NULL ? int_of(reader, node, name, minimum, maximum) : 0;
}

gint64
vb_json_int_or(VbJsonReader *reader, JsonObject *object, const char *name, gint64 minimum,
               gint64 maximum, gint64 otherwise)
{
    JsonNode *node = member(reader, object, name);
    return node != NULL ? int_of(reader, node, name, minimum, maximum) : otherwise;
}

static guint64
u64_of(VbJsonReader *reader, JsonNode *node, const char *name)
{
    guint64 value = 0;
    if (holds(node, G_TYPE_INT64))
        return (guint64)int_of(reader, node, name, 0, G_MAXINT64);
    if (!holds(node, G_TYPE_STRING) ||
        !g_ascii_string_to_unsigned(json_node_get_string(node), 10, 0, G_MAXUINT64, &value, NULL))
        vb_json_fail(reader, name, "expected a count");
    return value;
}

guint64
vb_json_u64(VbJsonReader *reader, JsonObject *object, const char *name)
{
    JsonNode *node = required(reader, object, name);
    return node != NULL ? u64_of(reader, node, name) : 0;
}

/* The array of @node. NULL if it is none, or longer than @length. */
static JsonArray *
array_of(VbJsonReader *reader, JsonNode *node, const char *name, guint length)
{
    if (!JSON_NODE_HOLDS_ARRAY(node)) {
        vb_json_fail(reader, name, "expected an array");
        return NULL;
    }
    JsonArray *array = json_node_get_array(node);
    if (json_array_get_length(array) > length) {
        vb_json_fail(reader, name, "%u elements, at most %u may be", json_array_get_length(array),
                     length);
        return NULL;
    }
    return array;
}

gboolean
vb_json_u64s(VbJsonReader *reader, JsonObject *object, const char *name, guint length, guint64 *ret)
{
    JsonNode *node = member(reader, object, name);
    JsonArray *array = node != NULL ? array_of(reader, node, name, length) : NULL;
    if (array == NULL)
        return FALSE;
    if (json_array_get_length(array) != length) {
        vb_json_fail(reader, name, "%u elements, expected %u, one a node of host.nodes",
                     json_array_get_length(array), length);
        return FALSE;
    }
    for (guint i = 0; i < length && reader->error == NULL; i++) {
        g_autofree char *element = g_strdup_printf("%s[%u]", name, i);
        ret[i] = u64_of(reader, json_array_get_element(array, i), element);
    }
    return reader->error == NULL;
}

gint64
vb_json_scaled(VbJsonReader *reader, JsonObject *object, const char *name, gint64 scale,
               gint64 minimum, gint64 maximum)
{
    JsonNode *node = required(reader, object, name);
    if (node == NULL)
        return 0;
    if (!holds(node, G_TYPE_INT64) && !holds(node, G_TYPE_DOUBLE)) {
        vb_json_fail(reader, name, "expected a number");
        return 0;
    }
    double scaled = json_node_get_double(node) * (double)scale;
    /* As integers are compared, but for the highest, which no double is. */
    if (scaled >= (double)minimum - 0.5 && scaled < (double)maximum + 0.5 &&
        scaled < (double)G_MAXINT64)
        return (gint64)(scaled + (scaled < 0 ? -0.5 : 0.5));
    vb_json_fail(reader, name, "out of range");
    return 0;
}

gboolean
vb_json_bool(VbJsonReader *reader, JsonObject *object, const char *name)
{
    JsonNode *node = required(reader, object, name);
    if (node != NULL && holds(node, G_TYPE_BOOLEAN))
        return json_node_get_boolean(node);
    vb_json_fail(reader, name, "expected true or false");
    return FALSE;
}

/* The string of @name, NULL if it is null or none. */
static const char *
string_of(VbJsonReader *reader, JsonObject *object, const char *name, gsize size)
{
    JsonNode *node = member(reader, object, name);
    if (node == NULL)
        return NULL;
    const char *text = holds(node, G_TYPE_STRING) ? json_node_get_string(node) : NULL;
    if (text == NULL)
        vb_json_fail(reader, name, "expected a string");
    else if (strlen(text) > size)
        vb_json_fail(reader, name, "longer than %" G_GSIZE_FORMAT " bytes", size);
    else if (!g_utf8_validate(text, -1, NULL))
        vb_json_fail(reader, name, "not valid UTF-8");
    return reader->error == NULL ? text : NULL;
}

char *
vb_json_text(VbJsonReader *reader, JsonObject *object, const char *name, gsize size)
{
    return g_strdup(string_of(reader, object, name, size));
}

guint
vb_json_word(VbJsonReader *reader, JsonObject *object, const char *name, const char *const *words)
{
    const char *text = string_of(reader, object, name, 64);
    for (guint i = 0; text != NULL && words[i] != NULL; i++)
        if (g_str_equal(text, words[i]))
            return i;
    g_autofree char *known = g_strjoinv(", ", (char **)words);
    vb_json_fail(reader, name, "expected one of: %s", known);
    return 0;
}

/* Over what the longest sensible list of VB_CPUS_MAX numbers needs. */
#define LIST_SIZE_MAX 32768

VbNodeSet
vb_json_nodeset(VbJsonReader *reader, JsonObject *object, const char *name)
{
    const char *text = string_of(reader, object, name, LIST_SIZE_MAX);
    g_autoptr(GError) error = NULL;
    VbNodeSet set = 0;
    if (text != NULL && !vb_nodeset_parse(text, &set, &error))
        vb_json_fail(reader, name, "%s", error->message);
    return set;
}

gboolean
vb_json_cpuset(VbJsonReader *reader, JsonObject *object, const char *name, VbCpuSet *ret)
{
    const char *text = string_of(reader, object, name, LIST_SIZE_MAX);
    g_autoptr(GError) error = NULL;
    if (text == NULL)
        return FALSE;
    if (vb_cpuset_parse(text, ret, &error))
        return TRUE;
    vb_json_fail(reader, name, "%s", error->message);
    return FALSE;
}

/* Reads the object of @node by @read, with @step added to the path. */
static void
descend(VbJsonReader *reader, JsonNode *node, const char *step, VbJsonInto read, gpointer into)
{
    if (!JSON_NODE_HOLDS_OBJECT(node)) {
        vb_json_fail(reader, step, "expected an object");
        return;
    }
    gsize before = reader->path->len;
    g_string_append_printf(reader->path, "%s%s", before > 0 && step[0] != '[' ? "." : "", step);
    read(reader, json_node_get_object(node), into);
    g_string_truncate(reader->path, before);
}

void
vb_json_inside(VbJsonReader *reader, JsonObject *object, const char *name, VbJsonInto read,
               gpointer into)
{
    JsonNode *node = required(reader, object, name);
    if (node != NULL)
        descend(reader, node, name, read, into);
}

void
vb_json_each(VbJsonReader *reader, JsonObject *object, const char *name, guint length,
             VbJsonInto read, gpointer into)
{
    JsonNode *node = required(reader, object, name);
    JsonArray *array = node != NULL ? array_of(reader, node, name, length) : NULL;
    if (array == NULL)
        return;
    for (guint i = 0; i < json_array_get_length(array) && reader->error == NULL; i++) {
        g_autofree char *step = g_strdup_printf("%s[%u]", name, i);
        descend(reader, json_array_get_element(array, i), step, read, into);
    }
}

static void
read_settings(VbJsonReader *reader, JsonObject *object, gpointer into)
{
    GHashTable *settings = into;
    JsonObjectIter iter;
    const char *name;
    JsonNode *node;
    json_object_iter_init(&iter, object);
    while (reader->error == NULL && json_object_iter_next(&iter, &name, &node)) {
        if (strlen(name) > 256 || !g_utf8_validate(name, -1, NULL)) {
            vb_json_fail(reader, NULL, "a parameter's name is too long or not valid UTF-8");
            return;
        }
        gint64 value = int_of(reader, node, name, -G_MAXINT64, G_MAXINT64);
        g_hash_table_insert(settings, g_strdup(name), g_memdup2(&value, sizeof value));
    }
}

GHashTable *
vb_json_settings(VbJsonReader *reader, JsonObject *object, const char *name, guint length)
{
    JsonNode *node = member(reader, object, name);
    if (node == NULL)
        return NULL;
    g_autoptr(GHashTable) settings = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    if (JSON_NODE_HOLDS_OBJECT(node) && json_object_get_size(json_node_get_object(node)) > length)
        vb_json_fail(reader, name, "more than %u parameters", length);
    else
        descend(reader, node, name, read_settings, settings);
    return reader->error == NULL ? g_steal_pointer(&settings) : NULL;
}

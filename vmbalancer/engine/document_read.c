/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/json_read.h"
#include "core/json_text.h"
#include "engine/document.h"

#define POLICY_SCHEMA "vmbalancer.policy/1"
#define RELEASE_SCHEMA "vmbalancer.release/1"
/* A libvirt name, a path; an element of metadata or a sentence. */
#define NAME_MAX_BYTES 4096
#define TEXT_MAX_BYTES 65536
#define NOTES_MAX 1000

/* A field of a wish that is being read. */
typedef struct {
    VbSettled *settled;
    VbWishField field;
} IntoField;

static void
read_field(VbJsonReader *reader, JsonObject *object, gpointer into)
{
    static const char *const sources[] = {"default", "metadata", "host", NULL};
    const IntoField *where = into;
    g_autofree char *value = vb_json_text(reader, object, "value", NAME_MAX_BYTES);
    if (value != NULL && !vb_wish_set(where->settled->wish, where->field, value))
        vb_json_fail(reader, "value", "expected %s", vb_wish_words(where->field)->expected);
    where->settled->source[where->field] = vb_json_word(reader, object, "source", sources);
}

static void
read_asked(VbJsonReader *reader, JsonObject *object, gpointer into)
{
    for (guint field = 0; field < VB_WISH_FIELDS; field++) {
        IntoField where = {into, field};
        vb_json_inside(reader, object, vb_wish_words(field)->key, read_field, &where);
    }
}

static void
read_notes(VbJsonReader *reader, JsonObject *object, GPtrArray *notes)
{
    JsonNode *node = json_object_get_member(object, "notes");
    JsonArray *array =
        node != NULL && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
    if (array == NULL || json_array_get_length(array) > NOTES_MAX) {
        vb_json_fail(reader, "notes", "expected an array of at most %d", NOTES_MAX);
        return;
    }
    for (guint i = 0; i < json_array_get_length(array); i++) {
        JsonNode *element = json_array_get_element(array, i);
        if (JSON_NODE_HOLDS_VALUE(element) && json_node_get_value_type(element) == G_TYPE_STRING)
            g_ptr_array_add(notes, json_node_dup_string(element));
        else
            vb_json_fail(reader, "notes", "expected strings");
    }
}

static void
read_metadata(VbJsonReader *reader, JsonObject *object, VbMetadata *metadata)
{
    metadata->name = vb_json_text(reader, object, "guest", NAME_MAX_BYTES);
    metadata->uuid = vb_json_text(reader, object, "uuid", NAME_MAX_BYTES);
    if (metadata->name == NULL || metadata->uuid == NULL)
        vb_json_fail(reader, metadata->name == NULL ? "guest" : "uuid", "missing");
    metadata->running = vb_json_bool(reader, object, "running");
    metadata->persistent = vb_json_bool(reader, object, "persistent");
    metadata->live = vb_json_text(reader, object, "live", TEXT_MAX_BYTES);
    metadata->config = vb_json_text(reader, object, "config", TEXT_MAX_BYTES);
}

static VbSettled *
settled_new(void)
{
    VbSettled *settled = g_new0(VbSettled, 1);
    settled->wish = vb_wish_new();
    settled->notes = g_ptr_array_new_with_free_func(g_free);
    return settled;
}

static JsonNode *
read_document(const char *text, gssize length, const char *schema, VbJsonReader *reader,
              GError **error)
{
    JsonNode *document =
        vb_json_text_parse(text, length, schema, VB_CODEC_DEPTH_MAX, VB_CODEC_SIZE_MAX, error);
    if (document != NULL)
        vb_json_word(reader, json_node_get_object(document), "schema",
                     (const char *const[]){schema, NULL});
    return document;
}

VbGuestPolicy *
vb_document_policy_parse(const char *text, gssize length, GError **error)
{
    g_autoptr(VbJsonReader) reader = vb_json_reader_new(POLICY_SCHEMA);
    g_autoptr(JsonNode) document = read_document(text, length, POLICY_SCHEMA, reader, error);
    if (document == NULL)
        return NULL;
    JsonObject *object = json_node_get_object(document);
    g_autoptr(VbGuestPolicy) policy = g_new0(VbGuestPolicy, 1);
    policy->metadata = g_new0(VbMetadata, 1);
    policy->settled = settled_new();
    read_metadata(reader, object, policy->metadata);
    g_autofree char *name = vb_json_text(reader, object, "policy", NAME_MAX_BYTES);
    if (name == NULL)
        vb_json_fail(reader, "policy", "missing");
    policy->policy = g_intern_string(name);
    policy->known = vb_json_bool(reader, object, "known");
    vb_json_inside(reader, object, "asked", read_asked, policy->settled);
    GHashTable *parameters = vb_json_settings(reader, object, "parameters", VB_WISH_PARAMETERS_MAX);
    if (parameters != NULL) {
        g_hash_table_unref(policy->settled->wish->parameters);
        policy->settled->wish->parameters = parameters;
    }
    policy->settled->origin = vb_json_text(reader, object, "file", NAME_MAX_BYTES);
    read_notes(reader, object, policy->settled->notes);
    return vb_json_finish(reader, error) ? g_steal_pointer(&policy) : NULL;
}

gboolean
vb_document_release_parse(const char *text, gssize length, VbRelease *ret, GError **error)
{
    g_autoptr(VbJsonReader) reader = vb_json_reader_new(RELEASE_SCHEMA);
    g_autoptr(JsonNode) document = read_document(text, length, RELEASE_SCHEMA, reader, error);
    if (document == NULL)
        return FALSE;
    JsonObject *object = json_node_get_object(document);
    VbRelease release = {
        .restored = (guint)vb_json_int(reader, object, "restored", 0, G_MAXUINT),
        .left = (guint)vb_json_int(reader, object, "left", 0, G_MAXUINT),
        .absent = (guint)vb_json_int(reader, object, "absent", 0, G_MAXUINT),
        .recorded = vb_json_bool(reader, object, "recorded"),
    };
    if (!vb_json_finish(reader, error))
        return FALSE;
    *ret = release;
    return TRUE;
}

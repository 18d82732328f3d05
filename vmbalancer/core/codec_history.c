/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/codec_history.h"
#include "core/codec.h"
#include "core/codec_parts.h"
#include "core/json_text.h"

#define SCHEMA "vmbalancer.history/1"
#define ENTRY "an entry of the history"
#define ENTRY_DEPTH_MAX 4
#define ENTRIES_MAX 1000000
/* Beyond it a double cannot tell them apart: the year 2255. */
#define MICROSECONDS_MAX (G_GINT64_CONSTANT(1) << 53)

static void
put_entry(JsonObject *object, const VbEntry *entry)
{
    json_object_set_double_member(object, "time", (double)entry->time_us / G_USEC_PER_SEC);
    vb_json_put_text(object, "guest", entry->guest);
    vb_json_put_text(object, "uuid", entry->uuid);
    vb_json_put_text(object, "who", entry->who);
    json_object_set_string_member(object, "kind", vb_entry_kind_names[entry->kind]);
    vb_json_put_text(object, "cause", entry->cause);
    vb_json_put_text(object, "policy", entry->policy);
    if (entry->threads != NULL) {
        JsonArray *threads = vb_json_put_array(object, "threads");
        for (char **thread = entry->threads; *thread != NULL; thread++)
            json_array_add_string_element(threads, *thread);
    }
    if (entry->kind == VB_ENTRY_PIN || entry->kind == VB_ENTRY_MOVE) {
        vb_json_put_known(object, "cell", entry->cell >= 0, entry->cell);
        vb_json_put_known(object, "from", entry->from != VB_NO_NODE, entry->from);
        vb_json_put_known(object, "to", entry->to != VB_NO_NODE, entry->to);
        vb_json_put_u64(object, "bytes", entry->bytes);
        vb_json_put_seconds(object, "seconds", entry->duration_ns);
        vb_json_put_bp(object, "gain", entry->gain_bp);
    }
    if (entry->kind == VB_ENTRY_MOVE)
        vb_codec_put_rested(object, &entry->rested);
    if (entry->kind == VB_ENTRY_RELEASE) {
        json_object_set_int_member(object, "restored", entry->restored);
        json_object_set_int_member(object, "left", entry->left);
        json_object_set_int_member(object, "absent", entry->absent);
    }
    vb_json_put_text(object, "result", entry->result);
    vb_json_put_text(object, "code", entry->code);
    vb_json_put_text(object, "reason", entry->reason != NULL ? entry->reason : "");
    vb_json_put_text(object, "error", entry->error != NULL ? entry->error : "");
}

/* Empty is as good as none. */
static char *
read_text(VbJsonReader *reader, JsonObject *object, const char *name)
{
    char *text = vb_json_text(reader, object, name, VB_CODEC_TEXT_MAX);
    if (text != NULL && *text == '\0')
        g_clear_pointer(&text, g_free);
    return text;
}

/* Threads are names alone; anything else in the array is left out. */
static char **
read_threads(JsonObject *object)
{
    g_autoptr(GPtrArray) threads = g_ptr_array_new_with_free_func(g_free);
    JsonNode *node = json_object_get_member(object, "threads");
    if (node == NULL || !JSON_NODE_HOLDS_ARRAY(node))
        return NULL;
    JsonArray *array = json_node_get_array(node);
    for (guint i = 0; i < json_array_get_length(array); i++) {
        JsonNode *element = json_array_get_element(array, i);
        if (json_node_get_value_type(element) == G_TYPE_STRING)
            g_ptr_array_add(threads, json_node_dup_string(element));
    }
    g_ptr_array_add(threads, NULL);
    return (char **)g_ptr_array_steal(threads, NULL);
}

static gint64
read_seconds(VbJsonReader *reader, JsonObject *object, const char *name)
{
    return vb_json_scaled(reader, object, name, G_USEC_PER_SEC, 0, MICROSECONDS_MAX);
}

static void
read_entry(VbJsonReader *reader, JsonObject *object, VbEntry *entry)
{
    entry->time_us = read_seconds(reader, object, "time");
    entry->guest = vb_json_text(reader, object, "guest", VB_CODEC_NAME_MAX);
    entry->uuid = vb_json_text(reader, object, "uuid", VB_CODEC_NAME_MAX);
    if (entry->uuid == NULL || !g_uuid_string_is_valid(entry->uuid))
        vb_json_fail(reader, "uuid", "not an UUID");
    entry->who = read_text(reader, object, "who");
    entry->kind = vb_json_word(reader, object, "kind", vb_entry_kind_names);
    entry->cause = read_text(reader, object, "cause");
    entry->policy = read_text(reader, object, "policy");
    entry->threads = read_threads(object);
    entry->cell = (int)vb_json_int_or(reader, object, "cell", 0, VB_CODEC_CELLS_MAX - 1, -1);
    entry->from = (int)vb_json_int_or(reader, object, "from", 0, VB_NODES_MAX - 1, VB_NO_NODE);
    entry->to = (int)vb_json_int_or(reader, object, "to", 0, VB_NODES_MAX - 1, VB_NO_NODE);
    if (vb_json_has(object, "bytes"))
        entry->bytes = vb_json_u64(reader, object, "bytes");
    if (vb_json_has(object, "seconds"))
        entry->duration_ns = read_seconds(reader, object, "seconds") * 1000;
    vb_codec_read_rested(reader, object, &entry->rested);
    if (vb_json_has(object, "gain"))
        entry->gain_bp = (int)vb_json_scaled(reader, object, "gain", VB_BP, -VB_BP, VB_BP);
    entry->restored = (guint)vb_json_int_or(reader, object, "restored", 0, G_MAXUINT, 0);
    entry->left = (guint)vb_json_int_or(reader, object, "left", 0, G_MAXUINT, 0);
    entry->absent = (guint)vb_json_int_or(reader, object, "absent", 0, G_MAXUINT, 0);
    entry->result = read_text(reader, object, "result");
    entry->code = read_text(reader, object, "code");
    entry->reason = read_text(reader, object, "reason");
    entry->error = read_text(reader, object, "error");
}

char *
vb_codec_entry(const VbEntry *entry)
{
    g_autoptr(JsonNode) node = json_node_new(JSON_NODE_OBJECT);
    json_node_take_object(node, json_object_new());
    put_entry(json_node_get_object(node), entry);
    return vb_json_text_write(node, FALSE);
}

VbEntry *
vb_codec_entry_parse(const char *line, gssize length, GError **error)
{
    g_autoptr(JsonNode) node =
        vb_json_text_parse(line, length, ENTRY, ENTRY_DEPTH_MAX, VB_ENTRY_LINE_MAX, error);
    if (node == NULL)
        return NULL;
    g_autoptr(VbJsonReader) reader = vb_json_reader_new(ENTRY);
    g_autoptr(VbEntry) entry = vb_entry_new(VB_ENTRY_PIN, NULL, NULL);
    read_entry(reader, json_node_get_object(node), entry);
    return vb_json_finish(reader, error) ? g_steal_pointer(&entry) : NULL;
}

/* --- the document -------------------------------------------------------------------------- */

static void
put_known(JsonArray *into, const VbGuest *guest, gint64 now_ns)
{
    JsonObject *object = vb_json_append_object(into);
    guint locality;
    vb_json_put_text(object, "guest", guest->name);
    vb_json_put_text(object, "uuid", guest->uuid);
    vb_json_put_node_ids(object, "home", vb_guest_home(guest));
    if (vb_guest_locality(guest, &locality, NULL))
        vb_json_put_bp(object, "locality", (int)locality);
    else
        json_object_set_null_member(object, "locality");
    vb_codec_put_statistics(object, guest, now_ns);
}

/* A guest that is not looked at, as far as its entries tell. */
static void
put_counted(JsonArray *into, const GPtrArray *entries, guint last)
{
    static const char *const unknown[] = {"home",         "locality",           "seconds",
                                          "local_bytes",  "remote_bytes",       "cumulative_locality"};
    const VbEntry *newest = g_ptr_array_index(entries, last);
    JsonObject *object = vb_json_append_object(into);
    guint64 bytes = 0, rate = 0, moving_us = 0;
    gint64 before_us = G_MININT64;
    guint placed[VB_CAUSES] = {0};
    for (guint i = 0; i <= last; i++) {
        const VbEntry *entry = g_ptr_array_index(entries, i);
        gboolean acted = g_strcmp0(entry->result, "done") == 0 ||
                         g_strcmp0(entry->result, "partial") == 0 || entry->bytes > 0;
        if (g_strcmp0(entry->uuid, newest->uuid) != 0 || entry->cause == NULL || !acted)
            continue;
        for (guint cause = 0; entry->time_us != before_us && cause < VB_CAUSES; cause++)
            placed[cause] += g_str_equal(vb_cause_name(cause), entry->cause);
        before_us = entry->time_us;
        bytes += entry->bytes;
        moving_us += entry->kind == VB_ENTRY_MOVE ? (guint64)entry->duration_ns / 1000 : 0;
    }
    vb_json_put_text(object, "guest", newest->guest);
    vb_json_put_text(object, "uuid", newest->uuid);
    for (guint i = 0; i < G_N_ELEMENTS(unknown); i++)
        json_object_set_null_member(object, unknown[i]);
    JsonObject *moves = vb_json_put_object(object, "moves");
    for (guint cause = VB_CAUSE_NONE + 1; cause < VB_CAUSES; cause++)
        json_object_set_int_member(moves, vb_cause_name(cause), placed[cause]);
    if (moving_us > 0)
        rate = (guint64)((double)bytes * G_USEC_PER_SEC / (double)moving_us);
    vb_json_put_u64(object, "bytes_moved", bytes);
    vb_json_put_u64(object, "move_rate", rate);
}

static gboolean
is_named(const char *const *guests, const char *uuid, const char *name)
{
    return guests == NULL || guests[0] == NULL || g_strv_contains(guests, uuid) ||
           (name != NULL && g_strv_contains(guests, name));
}

JsonNode *
vb_codec_history(const GPtrArray *entries, guint first, const VbSnapshot *snapshot,
                 const char *const *guests)
{
    JsonNode *document = vb_json_document(SCHEMA);
    JsonObject *object = json_node_get_object(document);
    JsonArray *array = vb_json_put_array(object, "entries");
    for (guint i = first; i < entries->len; i++)
        put_entry(vb_json_append_object(array), g_ptr_array_index(entries, i));
    JsonArray *statistics = vb_json_put_array(object, "statistics");
    g_autoptr(GHashTable) told = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; snapshot != NULL && i < snapshot->guests->len; i++) {
        const VbGuest *guest = g_ptr_array_index(snapshot->guests, i);
        g_hash_table_add(told, guest->uuid);
        if (is_named(guests, guest->uuid, guest->name))
            put_known(statistics, guest, snapshot->time_ns);
    }
    for (guint i = entries->len; i > 0; i--) {
        const VbEntry *entry = g_ptr_array_index(entries, i - 1);
        if (g_hash_table_add(told, entry->uuid))
            put_counted(statistics, entries, i - 1);
    }
    return document;
}

static void
read_element(VbJsonReader *reader, JsonObject *object, gpointer into)
{
    VbEntry *entry = vb_entry_new(VB_ENTRY_PIN, NULL, NULL);
    g_ptr_array_add(into, entry);
    read_entry(reader, object, entry);
}

GPtrArray *
vb_codec_history_parse(const char *text, gssize length, GError **error)
{
    g_autoptr(JsonNode) document =
        vb_json_text_parse(text, length, SCHEMA, VB_CODEC_DEPTH_MAX, VB_CODEC_SIZE_MAX, error);
    if (document == NULL)
        return NULL;
    JsonObject *object = json_node_get_object(document);
    g_autoptr(VbJsonReader) reader = vb_json_reader_new(SCHEMA);
    g_autoptr(GPtrArray) entries = g_ptr_array_new_with_free_func((GDestroyNotify)vb_entry_free);
    vb_json_word(reader, object, "schema", (const char *const[]){SCHEMA, NULL});
    vb_json_each(reader, object, "entries", ENTRIES_MAX, read_element, entries);
    return vb_json_finish(reader, error) ? g_steal_pointer(&entries) : NULL;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "act/undo.h"
#include <errno.h>
#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <string.h>
#include <sys/stat.h>
#include <vmbalancer/error.h>

#define SCHEMA "vmbalancer.undo/1"
/* A record of 4,096 vCPUs is well below this. */
#define SIZE_MAX_BYTES (4 * 1024 * 1024)

const char *
vb_undo_default_dir(void)
{
    const char *dir = g_getenv("VMBALANCER_STATE_DIR");
    return dir != NULL && *dir != '\0' ? dir : "/var/lib/vmbalancer";
}

static void
pin_free(VbUndoPin *pin)
{
    g_free(pin->thread);
    g_free(pin->before);
    g_free(pin->ours);
    g_free(pin);
}

VbUndo *
vb_undo_new(const char *uuid, const char *name)
{
    VbUndo *undo = g_new0(VbUndo, 1);
    undo->uuid = g_strdup(uuid);
    undo->name = g_strdup(name);
    undo->pins = g_ptr_array_new_with_free_func((GDestroyNotify)pin_free);
    return undo;
}

void
vb_undo_free(VbUndo *undo)
{
    if (undo == NULL)
        return;
    g_free(undo->uuid);
    g_free(undo->name);
    g_ptr_array_unref(undo->pins);
    g_free(undo);
}

/* UUIDs name files: only canonical ones do. */
static char *
path_of(const char *dir, const char *uuid, GError **error)
{
    if (uuid == NULL || !g_uuid_string_is_valid(uuid)) {
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID, "\"%.40s\" is no UUID",
                    uuid != NULL ? uuid : "");
        return NULL;
    }
    return g_strdup_printf("%s/guests/%s.json", dir, uuid);
}

static const char *
string_member(JsonObject *object, const char *name)
{
    JsonNode *node = json_object_get_member(object, name);
    return node != NULL && json_node_get_value_type(node) == G_TYPE_STRING
               ? json_node_get_string(node)
               : NULL;
}

static gboolean
read_pins(VbUndo *undo, JsonArray *array)
{
    for (guint i = 0; i < json_array_get_length(array); i++) {
        JsonNode *node = json_array_get_element(array, i);
        if (!JSON_NODE_HOLDS_OBJECT(node))
            return FALSE;
        JsonObject *object = json_node_get_object(node);
        const char *thread = string_member(object, "thread");
        const char *ours = string_member(object, "ours");
        if (thread == NULL || ours == NULL)
            return FALSE;
        vb_undo_note(undo, thread, string_member(object, "before"), ours);
    }
    return TRUE;
}

static VbUndo *
undo_of(JsonNode *root, const char *uuid)
{
    if (root == NULL || !JSON_NODE_HOLDS_OBJECT(root))
        return NULL;
    JsonObject *object = json_node_get_object(root);
    JsonNode *pins = json_object_get_member(object, "pins");
    if (g_strcmp0(string_member(object, "schema"), SCHEMA) != 0 ||
        g_strcmp0(string_member(object, "uuid"), uuid) != 0 || pins == NULL ||
        !JSON_NODE_HOLDS_ARRAY(pins))
        return NULL;
    g_autoptr(VbUndo) undo = vb_undo_new(uuid, string_member(object, "name"));
    return read_pins(undo, json_node_get_array(pins)) ? g_steal_pointer(&undo) : NULL;
}

VbUndo *
vb_undo_load(const char *dir, const char *uuid, GError **error)
{
    g_autofree char *path = path_of(dir, uuid, error);
    g_autoptr(GError) why = NULL;
    g_autofree char *text = NULL;
    gsize length = 0;
    if (path == NULL)
        return NULL;
    if (!g_file_get_contents(path, &text, &length, &why)) {
        if (g_error_matches(why, G_FILE_ERROR, G_FILE_ERROR_NOENT))
            return NULL;
        g_set_error(error, VB_ERROR,
                    g_error_matches(why, G_FILE_ERROR, G_FILE_ERROR_ACCES) ? VB_ERROR_DENIED
                                                                           : VB_ERROR_FAILED,
                    "the undo record cannot be read: %s", why->message);
        return NULL;
    }
    g_autoptr(JsonParser) parser = json_parser_new();
    VbUndo *undo = NULL;
    if (length <= SIZE_MAX_BYTES && json_parser_load_from_data(parser, text, (gssize)length, &why))
        undo = undo_of(json_parser_get_root(parser), uuid);
    if (undo == NULL)
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID,
                    "%s: damaged undo record (%s): look at the guest's pins with virsh vcpupin, "
                    "mend them, then remove the file",
                    path, why != NULL ? why->message : "not " SCHEMA);
    return undo;
}

static char *
text_of(const VbUndo *undo)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();
    json_builder_begin_object(builder);
    json_builder_set_member_name(builder, "schema");
    json_builder_add_string_value(builder, SCHEMA);
    json_builder_set_member_name(builder, "uuid");
    json_builder_add_string_value(builder, undo->uuid);
    json_builder_set_member_name(builder, "name");
    json_builder_add_string_value(builder, undo->name != NULL ? undo->name : "");
    json_builder_set_member_name(builder, "pins");
    json_builder_begin_array(builder);
    for (guint i = 0; i < undo->pins->len; i++) {
        const VbUndoPin *pin = g_ptr_array_index(undo->pins, i);
        json_builder_begin_object(builder);
        json_builder_set_member_name(builder, "thread");
        json_builder_add_string_value(builder, pin->thread);
        json_builder_set_member_name(builder, "before");
        if (pin->before != NULL)
            json_builder_add_string_value(builder, pin->before);
        else
            json_builder_add_null_value(builder);
        json_builder_set_member_name(builder, "ours");
        json_builder_add_string_value(builder, pin->ours);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
    json_builder_end_object(builder);
    g_autoptr(JsonNode) root = json_builder_get_root(builder);
    return json_to_string(root, TRUE);
}

gboolean
vb_undo_save(const char *dir, const VbUndo *undo, GError **error)
{
    g_autofree char *path = path_of(dir, undo->uuid, error);
    if (path == NULL)
        return FALSE;
    g_autofree char *folder = g_path_get_dirname(path);
    g_autofree char *text = text_of(undo);
    g_autoptr(GError) why = NULL;
    if (g_mkdir_with_parents(folder, 0700) != 0) {
        int saved = errno;
        g_set_error(error, VB_ERROR, saved == EACCES ? VB_ERROR_DENIED : VB_ERROR_FAILED,
                    "%s: the folder for undo records cannot be made: %s", folder,
                    g_strerror(saved));
        return FALSE;
    }
    if (g_file_set_contents_full(path, text, -1,
                                 G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE,
                                 0600, &why))
        return TRUE;
    g_set_error(error, VB_ERROR, VB_ERROR_FAILED,
                "%s: the undo record cannot be written, so nothing was changed: %s", path,
                why->message);
    return FALSE;
}

gboolean
vb_undo_remove(const char *dir, const char *uuid, GError **error)
{
    g_autofree char *path = path_of(dir, uuid, error);
    if (path == NULL)
        return FALSE;
    if (g_unlink(path) == 0 || errno == ENOENT)
        return TRUE;
    g_set_error(error, VB_ERROR, VB_ERROR_FAILED, "%s: the undo record cannot be removed: %s",
                path, g_strerror(errno));
    return FALSE;
}

VbUndoPin *
vb_undo_find(const VbUndo *undo, const char *thread)
{
    for (guint i = 0; i < undo->pins->len; i++) {
        VbUndoPin *pin = g_ptr_array_index(undo->pins, i);
        if (g_str_equal(pin->thread, thread))
            return pin;
    }
    return NULL;
}

void
vb_undo_note(VbUndo *undo, const char *thread, const char *before, const char *ours)
{
    VbUndoPin *pin = vb_undo_find(undo, thread);
    g_autofree char *kept_before = g_strdup(before), *kept_ours = g_strdup(ours);
    if (pin == NULL) {
        pin = g_new0(VbUndoPin, 1);
        pin->thread = g_strdup(thread);
        g_ptr_array_add(undo->pins, pin);
    }
    g_free(pin->before);
    g_free(pin->ours);
    pin->before = g_steal_pointer(&kept_before);
    pin->ours = g_steal_pointer(&kept_ours);
}

GHashTable *
vb_undo_pins(const VbUndo *undo)
{
    GHashTable *pins = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    for (guint i = 0; i < undo->pins->len; i++) {
        const VbUndoPin *pin = g_ptr_array_index(undo->pins, i);
        g_hash_table_replace(pins, g_strdup(pin->thread), g_strdup(pin->ours));
    }
    return pins;
}

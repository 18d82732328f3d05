/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "act/undo.h"
#include "act/state.h"
#include "core/json_text.h"
#include "core/json_write.h"
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <vmbalancer/error.h>

#define SCHEMA "vmbalancer.undo/1"
#define FOLDER "guests"
#define SUFFIX ".json"
/* A record of 4,096 vCPUs is well below this. */
#define SIZE_MAX_BYTES (4 * 1024 * 1024)
/* An object of an array of objects. */
#define DEPTH_MAX 4

VbUndo *
vb_undo_new(const char *uuid, const char *name)
{
    VbUndo *undo = g_new0(VbUndo, 1);
    undo->uuid = g_strdup(uuid);
    undo->name = g_strdup(name);
    undo->pins = g_ptr_array_new_with_free_func((GDestroyNotify)vb_mark_free);
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
    return g_strdup_printf("%s/" FOLDER "/%s" SUFFIX, dir, uuid);
}

/* A string, or NULL for null and absent. Returns: FALSE if it is anything else. */
static gboolean
read_text(JsonObject *object, const char *name, const char **ret)
{
    JsonNode *node = json_object_get_member(object, name);
    *ret = NULL;
    if (node == NULL || JSON_NODE_HOLDS_NULL(node))
        return TRUE;
    if (json_node_get_value_type(node) != G_TYPE_STRING)
        return FALSE;
    *ret = json_node_get_string(node);
    return TRUE;
}

static gboolean
read_pins(VbUndo *undo, JsonArray *array)
{
    for (guint i = 0; i < json_array_get_length(array); i++) {
        JsonNode *node = json_array_get_element(array, i);
        const char *thread, *before, *ours, *meant;
        if (!JSON_NODE_HOLDS_OBJECT(node))
            return FALSE;
        JsonObject *object = json_node_get_object(node);
        if (!read_text(object, "thread", &thread) || !read_text(object, "before", &before) ||
            !read_text(object, "ours", &ours) || !read_text(object, "meant", &meant) ||
            !vb_mark_is_valid(thread, before, ours, meant))
            return FALSE;
        vb_undo_note(undo, thread, before, ours, meant);
    }
    return TRUE;
}

static VbUndo *
undo_of(JsonNode *root, const char *uuid)
{
    JsonObject *object = json_node_get_object(root);
    JsonNode *pins = json_object_get_member(object, "pins");
    const char *schema, *whose, *name;
    if (!read_text(object, "schema", &schema) || g_strcmp0(schema, SCHEMA) != 0 ||
        !read_text(object, "uuid", &whose) || g_strcmp0(whose, uuid) != 0 ||
        !read_text(object, "name", &name) || pins == NULL || !JSON_NODE_HOLDS_ARRAY(pins))
        return NULL;
    g_autoptr(VbUndo) undo = vb_undo_new(uuid, name);
    return read_pins(undo, json_node_get_array(pins)) ? g_steal_pointer(&undo) : NULL;
}

static VbUndo *
parse(const char *text, gsize length, const char *uuid, const char *path, GError **error)
{
    g_autoptr(GError) why = NULL;
    g_autoptr(JsonNode) root =
        vb_json_text_parse(text, (gssize)length, SCHEMA, DEPTH_MAX, SIZE_MAX_BYTES, &why);
    VbUndo *undo = root != NULL ? undo_of(root, uuid) : NULL;
    if (undo == NULL)
        g_set_error(error, VB_ERROR, VB_ERROR_FAILED,
                    "%s: damaged undo record (%s): look at the guest's pins with virsh vcpupin and "
                    "emulatorpin, mend them, then remove the file",
                    path, why != NULL ? why->message : "it is no " SCHEMA " of this guest");
    return undo;
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
    g_auto(VbStateVisit) visit G_GNUC_UNUSED = vb_state_enter(dir);
    if (g_file_get_contents(path, &text, &length, &why))
        return parse(text, length, uuid, path, error);
    if (g_error_matches(why, G_FILE_ERROR, G_FILE_ERROR_NOENT))
        return NULL;
    gboolean denied = g_error_matches(why, G_FILE_ERROR, G_FILE_ERROR_ACCES) ||
                      g_error_matches(why, G_FILE_ERROR, G_FILE_ERROR_PERM);
    g_set_error(error, VB_ERROR, denied ? VB_ERROR_DENIED : VB_ERROR_FAILED,
                "the undo record cannot be read: %s%s", why->message,
                denied ? "; run as root" : "");
    return NULL;
}

static char *
text_of(const VbUndo *undo)
{
    g_autoptr(JsonNode) document = vb_json_document(SCHEMA);
    JsonObject *object = json_node_get_object(document);
    vb_json_put_text(object, "uuid", undo->uuid);
    vb_json_put_text(object, "name", undo->name);
    JsonArray *pins = vb_json_put_array(object, "pins");
    for (guint i = 0; i < undo->pins->len; i++) {
        const VbMark *pin = g_ptr_array_index(undo->pins, i);
        JsonObject *into = vb_json_append_object(pins);
        vb_json_put_text(into, "thread", pin->thread);
        vb_json_put_text(into, "before", pin->before);
        vb_json_put_text(into, "ours", pin->ours);
        vb_json_put_text(into, "meant", pin->meant);
    }
    return vb_json_text_write(document, TRUE);
}

/* GLib's words name its temporary file; the code alone is what matters. */
static int
errno_of(const GError *error)
{
    static const struct {
        GFileError glib;
        int code;
    } codes[] = {
        {G_FILE_ERROR_ACCES, EACCES}, {G_FILE_ERROR_PERM, EPERM},   {G_FILE_ERROR_ROFS, EROFS},
        {G_FILE_ERROR_NOSPC, ENOSPC}, {G_FILE_ERROR_ISDIR, EISDIR},
    };
    for (guint i = 0; i < G_N_ELEMENTS(codes); i++)
        if (g_error_matches(error, G_FILE_ERROR, (int)codes[i].glib))
            return codes[i].code;
    return EIO;
}

gboolean
vb_undo_save(const char *dir, const VbUndo *undo, GError **error)
{
    g_autofree char *path = path_of(dir, undo->uuid, error);
    if (path == NULL)
        return FALSE;
    g_autofree char *folder = g_path_get_dirname(path);
    g_autofree char *text = text_of(undo);
    g_auto(VbStateVisit) visit G_GNUC_UNUSED = vb_state_enter(dir);
    if (!vb_state_make_folder(folder, error))
        return FALSE;
    g_autoptr(GError) why = NULL;
    if (g_file_set_contents_full(path, text, -1,
                                 G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0600,
                                 &why))
        return TRUE;
    vb_state_set_error(error, errno_of(why), path,
                       "the undo record cannot be written, so nothing was changed");
    return FALSE;
}

/* "UUID.json", or with a dot and more, as GLib names a file until it is whole. */
static char *
uuid_of_file(const char *name, gboolean *ret_whole)
{
    const char *suffix = strstr(name, SUFFIX);
    g_autofree char *uuid = suffix != NULL ? g_strndup(name, (gsize)(suffix - name)) : NULL;
    if (uuid == NULL || !g_uuid_string_is_valid(uuid))
        return NULL;
    const char *rest = suffix + strlen(SUFFIX);
    *ret_whole = *rest == '\0';
    return *rest == '\0' || *rest == '.' ? g_steal_pointer(&uuid) : NULL;
}

/* Whoever calls holds the guest's lock, so that nobody is writing one just now. */
static void
remove_parts(const char *dir, const char *uuid)
{
    g_autofree char *folder = g_build_filename(dir, FOLDER, NULL);
    g_autoptr(GDir) listing = g_dir_open(folder, 0, NULL);
    const char *name;
    while (listing != NULL && (name = g_dir_read_name(listing)) != NULL) {
        gboolean whole;
        g_autofree char *whose = uuid_of_file(name, &whole);
        g_autofree char *path = g_build_filename(folder, name, NULL);
        if (g_strcmp0(whose, uuid) == 0 && !whole)
            g_unlink(path);
    }
}

static int
by_text(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

GPtrArray *
vb_undo_list(const char *dir, GError **error)
{
    g_autoptr(GPtrArray) uuids = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *folder = g_build_filename(dir, FOLDER, NULL);
    g_autoptr(GError) why = NULL;
    g_auto(VbStateVisit) visit G_GNUC_UNUSED = vb_state_enter(dir);
    g_autoptr(GDir) listing = g_dir_open(folder, 0, &why);
    if (listing == NULL && !g_error_matches(why, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
        vb_state_set_error(error, errno_of(why), folder, "the undo records cannot be listed");
        return NULL;
    }
    const char *name;
    while (listing != NULL && (name = g_dir_read_name(listing)) != NULL) {
        gboolean whole;
        g_autofree char *uuid = uuid_of_file(name, &whole);
        if (uuid != NULL && !g_ptr_array_find_with_equal_func(uuids, uuid, g_str_equal, NULL))
            g_ptr_array_add(uuids, g_steal_pointer(&uuid));
    }
    g_ptr_array_sort(uuids, by_text);
    return g_steal_pointer(&uuids);
}

gboolean
vb_undo_remove(const char *dir, const char *uuid, GError **error)
{
    g_autofree char *path = path_of(dir, uuid, error);
    if (path == NULL)
        return FALSE;
    g_auto(VbStateVisit) visit G_GNUC_UNUSED = vb_state_enter(dir);
    remove_parts(dir, uuid);
    if (g_unlink(path) == 0 || errno == ENOENT)
        return TRUE;
    vb_state_set_error(error, errno, path, "the undo record cannot be removed");
    return FALSE;
}

VbMark *
vb_undo_find(const VbUndo *undo, const char *thread)
{
    return vb_mark_find(undo->pins, thread);
}

void
vb_undo_note(VbUndo *undo, const char *thread, const char *before, const char *ours,
             const char *meant)
{
    VbMark *noted = vb_mark_new(thread, before, ours, meant);
    guint index;
    if (g_ptr_array_find(undo->pins, vb_undo_find(undo, thread), &index)) {
        vb_mark_free(undo->pins->pdata[index]);
        undo->pins->pdata[index] = noted;
    } else {
        g_ptr_array_add(undo->pins, noted);
    }
}

void
vb_undo_forget(VbUndo *undo, const char *thread)
{
    g_ptr_array_remove(undo->pins, vb_undo_find(undo, thread));
}

void
vb_undo_settle(VbUndo *undo)
{
    for (guint i = 0; i < undo->pins->len; i++) {
        VbMark *pin = g_ptr_array_index(undo->pins, i);
        if (pin->meant == NULL)
            continue;
        g_free(pin->ours);
        pin->ours = g_steal_pointer(&pin->meant);
    }
}

GHashTable *
vb_undo_pins(const VbUndo *undo)
{
    GHashTable *pins = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    for (guint i = 0; i < undo->pins->len; i++) {
        const VbMark *pin = g_ptr_array_index(undo->pins, i);
        g_hash_table_replace(pins, g_strdup(pin->thread),
                             g_strjoin(";", pin->ours, pin->meant, NULL));
    }
    return pins;
}

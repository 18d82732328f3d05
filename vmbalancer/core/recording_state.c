/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/codec.h"
#include "core/recording_parts.h"
#include "core/tick_private.h"
#include <vmbalancer/error.h>

/* "NAME.parameter" of [policy NAME]. */
#define SETTINGS_MAX 4096

const char *const vb_recording_holds[] = {"starting", "released", "awaited", NULL};

void
vb_recording_put(JsonObject *object, const char *name, JsonNode *document)
{
    json_object_set_member(object, name, document);
}

JsonObject *
vb_recording_object(JsonObject *object, const char *name, GError **error)
{
    JsonNode *node = json_object_get_member(object, name);
    if (node != NULL && JSON_NODE_HOLDS_OBJECT(node))
        return json_node_get_object(node);
    g_set_error(error, VB_ERROR, VB_ERROR_INVALID, "%s: %s: expected an object",
                VB_RECORDING_SCHEMA, name);
    return NULL;
}

/* --- configuration -------------------------------------------------------------------------- */

JsonNode *
vb_recording_config(const VbConfig *config)
{
    g_autoptr(JsonObject) object = json_object_new();
    vb_json_put_text(object, "default_policy", config->default_policy);
    vb_json_put_nodeset(object, "reserved_nodes", config->reserved_nodes);
    vb_json_put_settings(object, "settings", config->settings);
    return json_node_init_object(json_node_alloc(), object);
}

VbConfig *
vb_recording_read_config(JsonObject *object, GError **error)
{
    g_autoptr(VbJsonReader) reader = vb_json_reader_new(VB_RECORDING_SCHEMA);
    g_autoptr(VbConfig) config = vb_config_new();
    config->default_policy = vb_json_text(reader, object, "default_policy", VB_CODEC_NAME_MAX);
    config->reserved_nodes = vb_json_nodeset(reader, object, "reserved_nodes");
    g_autoptr(GHashTable) settings = vb_json_settings(reader, object, "settings", SETTINGS_MAX);
    if (settings != NULL) {
        g_hash_table_unref(config->settings);
        config->settings = g_steal_pointer(&settings);
    }
    return vb_json_finish(reader, error) ? g_steal_pointer(&config) : NULL;
}

/* --- guests by UUID ------------------------------------------------------------------------- */

/* (transfer container): sorted, so that the same state is the same text. */
static GList *
uuids_of(GHashTable *table)
{
    return g_list_sort(g_hash_table_get_keys(table), (GCompareFunc)g_strcmp0);
}

static void
put_held(JsonObject *state, GHashTable *held)
{
    JsonArray *array = vb_json_put_array(state, "held");
    g_autoptr(GList) uuids = uuids_of(held);
    for (GList *uuid = uuids; uuid != NULL; uuid = uuid->next) {
        guint flags = GPOINTER_TO_UINT(g_hash_table_lookup(held, uuid->data));
        for (guint i = 0; vb_recording_holds[i] != NULL; i++) {
            if ((flags & 1U << i) == 0)
                continue;
            JsonObject *object = vb_json_append_object(array);
            vb_json_put_text(object, "uuid", uuid->data);
            vb_json_put_text(object, "why", vb_recording_holds[i]);
        }
    }
}

static void
read_held(VbJsonReader *reader, JsonObject *object, gpointer tick)
{
    g_autofree char *uuid = vb_json_text(reader, object, "uuid", VB_CODEC_NAME_MAX);
    guint bit = vb_json_word(reader, object, "why", vb_recording_holds);
    if (uuid == NULL)
        vb_json_fail(reader, "uuid", "missing");
    else
        vb_tick_hold(tick, uuid, 1U << bit, TRUE);
}

static void
put_rests(JsonObject *state, GHashTable *rests)
{
    JsonArray *array = vb_json_put_array(state, "rests");
    g_autoptr(GList) uuids = uuids_of(rests);
    for (GList *uuid = uuids; uuid != NULL; uuid = uuid->next) {
        const VbRest *rest = g_hash_table_lookup(rests, uuid->data);
        JsonObject *object = vb_json_append_object(array);
        vb_json_put_text(object, "uuid", uuid->data);
        json_object_set_int_member(object, "failures", rest->failures);
        json_object_set_int_member(object, "until_ns", rest->until_ns);
    }
}

static void
read_rest(VbJsonReader *reader, JsonObject *object, gpointer tick)
{
    char *uuid = vb_json_text(reader, object, "uuid", VB_CODEC_NAME_MAX);
    VbRest rest = {
        .failures = (guint)vb_json_int(reader, object, "failures", 0, G_MAXUINT),
        .until_ns = vb_json_int(reader, object, "until_ns", G_MININT64, G_MAXINT64),
    };
    if (uuid == NULL)
        vb_json_fail(reader, "uuid", "missing");
    else
        g_hash_table_replace(((VbTick *)tick)->rests, uuid, g_memdup2(&rest, sizeof rest));
}

/* As a snapshot of the host, so that they are written as guests of one are. */
static JsonNode *
newcomers_node(const VbTick *tick)
{
    g_autoptr(VbSnapshot) snapshot = vb_model_snapshot(tick->model);
    g_ptr_array_set_size(snapshot->guests, 0);
    GHashTableIter iter;
    gpointer guest;
    g_hash_table_iter_init(&iter, tick->newcomers);
    while (g_hash_table_iter_next(&iter, NULL, &guest))
        g_ptr_array_add(snapshot->guests, vb_guest_copy(guest));
    vb_snapshot_sort(snapshot);
    return vb_codec_snapshot(snapshot);
}

static gboolean
read_newcomers(VbTick *tick, JsonObject *state, GError **error)
{
    JsonObject *object = vb_recording_object(state, "newcomers", error);
    g_autoptr(VbSnapshot) snapshot = object != NULL ? vb_codec_snapshot_read(object, error) : NULL;
    for (guint i = 0; snapshot != NULL && i < snapshot->guests->len; i++) {
        const VbGuest *guest = g_ptr_array_index(snapshot->guests, i);
        g_hash_table_replace(tick->newcomers, g_strdup(guest->uuid), vb_guest_copy(guest));
    }
    return snapshot != NULL;
}

/* --- trips ---------------------------------------------------------------------------------- */

static void
put_trips(JsonObject *state, const char *name, const GPtrArray *trips)
{
    JsonArray *array = vb_json_put_array(state, name);
    for (guint i = 0; i < trips->len; i++) {
        const VbTrip *trip = g_ptr_array_index(trips, i);
        JsonObject *object = vb_json_append_object(array);
        vb_json_put_text(object, "uuid", trip->uuid);
        json_object_set_boolean_member(object, "initial", trip->initial);
        vb_recording_put(object, "plan", vb_codec_plan(trip->plan, NULL));
    }
}

static void
read_trip(VbJsonReader *reader, JsonObject *object, gpointer trips)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *uuid = vb_json_text(reader, object, "uuid", VB_CODEC_NAME_MAX);
    JsonObject *document = vb_recording_object(object, "plan", &error);
    g_autoptr(VbPlan) plan = document != NULL ? vb_codec_plan_read(document, &error) : NULL;
    if (uuid == NULL)
        vb_json_fail(reader, "uuid", "missing");
    if (plan == NULL)
        vb_json_fail(reader, "plan", "%s", error->message);
    if (uuid == NULL || plan == NULL)
        return;
    VbTrip *trip = vb_trip_new(plan, uuid);
    trip->initial = vb_json_bool(reader, object, "initial");
    g_ptr_array_add(trips, trip);
}

/* --- the whole ------------------------------------------------------------------------------ */

JsonNode *
vb_recording_state(const VbTick *tick)
{
    g_autoptr(JsonObject) line = json_object_new();
    JsonObject *state = vb_json_put_object(line, "state");
    vb_recording_put(state, "config", vb_recording_config(tick->config));
    json_object_set_boolean_member(state, "watching", tick->watching);
    json_object_set_boolean_member(state, "fresh_window", tick->fresh_window);
    vb_recording_put(state, "model", vb_codec_model(tick->model));
    vb_recording_put(state, "newcomers", newcomers_node(tick));
    put_held(state, tick->held);
    put_rests(state, tick->rests);
    put_trips(state, "trips", tick->trips);
    put_trips(state, "landed", tick->landed);
    put_trips(state, "settling", tick->settling);
    return json_node_init_object(json_node_alloc(), line);
}

static gboolean
read_rest_of_state(VbTick *tick, JsonObject *state, GError **error)
{
    g_autoptr(VbJsonReader) reader = vb_json_reader_new(VB_RECORDING_SCHEMA);
    tick->watching = vb_json_bool(reader, state, "watching");
    tick->fresh_window = vb_json_bool(reader, state, "fresh_window");
    vb_json_each(reader, state, "held", VB_RECORDING_MEMBERS_MAX, read_held, tick);
    vb_json_each(reader, state, "rests", VB_RECORDING_MEMBERS_MAX, read_rest, tick);
    vb_json_each(reader, state, "trips", VB_RECORDING_MEMBERS_MAX, read_trip, tick->trips);
    vb_json_each(reader, state, "landed", VB_RECORDING_MEMBERS_MAX, read_trip, tick->landed);
    vb_json_each(reader, state, "settling", VB_RECORDING_MEMBERS_MAX, read_trip, tick->settling);
    return vb_json_finish(reader, error) && read_newcomers(tick, state, error);
}

VbTick *
vb_recording_read_state(JsonObject *state, GError **error)
{
    JsonObject *object = vb_recording_object(state, "config", error);
    g_autoptr(VbConfig) config = object != NULL ? vb_recording_read_config(object, error) : NULL;
    object = config != NULL ? vb_recording_object(state, "model", error) : NULL;
    VbModel *model = object != NULL ? vb_codec_model_read(object, error) : NULL;
    if (model == NULL)
        return NULL;
    g_autoptr(VbTick) tick = vb_tick_new(config);
    vb_model_free(tick->model);
    tick->model = model;
    return read_rest_of_state(tick, state, error) ? g_steal_pointer(&tick) : NULL;
}

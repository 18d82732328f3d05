/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/codec.h"
#include "core/codec_parts.h"
#include "core/recording_parts.h"
#include <vmbalancer/error.h>

JsonNode *
vb_recording_head(const VbRecordingHead *head)
{
    JsonNode *line = vb_json_document(VB_RECORDING_SCHEMA);
    JsonObject *object = json_node_get_object(line);
    vb_json_put_text(object, "program", head->program);
    vb_json_put_text(object, "host", head->host);
    vb_json_put_text(object, "uri", head->uri);
    vb_json_put_text(object, "begun", head->begun);
    return line;
}

JsonNode *
vb_recording_end(const char *reason)
{
    g_autoptr(JsonObject) object = json_object_new();
    json_object_set_string_member(object, "end", reason);
    return json_node_init_object(json_node_alloc(), object);
}

JsonNode *
vb_recording_verdict(const VbVerdict *verdict)
{
    if (verdict == NULL)
        return json_node_init_null(json_node_alloc());
    g_autoptr(JsonObject) object = json_object_new();
    JsonArray *guests = vb_json_put_array(object, "guests");
    for (guint i = 0; i < verdict->guests->len; i++)
        json_array_add_string_element(guests, g_ptr_array_index(verdict->guests, i));
    JsonArray *departing = vb_json_put_array(object, "departing");
    for (guint i = 0; i < verdict->departing->len; i++)
        json_array_add_string_element(
            departing, ((const VbTrip *)g_ptr_array_index(verdict->departing, i))->uuid);
    vb_recording_put(object, "plan",
                     vb_codec_plan(verdict->decision->plan, verdict->decision->predicted));
    return json_node_init_object(json_node_alloc(), object);
}

/* Of a look at threads only counters count, and it is taken every second. */
static JsonNode *
threads_node(const VbObservation *seen)
{
    g_autoptr(VbObservation) sparse = vb_observation_new(VB_LOOK_THREADS);
    sparse->time_ns = seen->time_ns;
    for (guint i = 0; i < seen->guests->len; i++) {
        const VbGuestSight *sight = g_ptr_array_index(seen->guests, i);
        VbGuestSight *guest = vb_guest_sight_new();
        guest->facts->uuid = g_strdup(sight->facts->uuid);
        guest->facts->pid = sight->facts->pid;
        guest->facts->start_time = sight->facts->start_time;
        for (guint v = 0; v < sight->vcpus->len; v++) {
            VbVcpuSight *vcpu = g_memdup2(g_ptr_array_index(sight->vcpus, v), sizeof *vcpu);
            vcpu->affinity_known = FALSE;
            g_ptr_array_add(guest->vcpus, vcpu);
        }
        g_ptr_array_add(sparse->guests, guest);
    }
    return vb_codec_observation(sparse);
}

static void
put_seen(JsonObject *object, const VbObservation *seen)
{
    vb_recording_put(object, "observation",
                     seen->depth == VB_LOOK_THREADS ? threads_node(seen)
                                                    : vb_codec_observation(seen));
}

static void
put_outcomes(JsonObject *object, const GPtrArray *outcomes)
{
    JsonArray *array = vb_json_put_array(object, "outcomes");
    for (guint i = 0; i < outcomes->len; i++) {
        const VbOutcome *outcome = g_ptr_array_index(outcomes, i);
        JsonObject *element = vb_json_append_object(array);
        json_object_set_int_member(element, "action", outcome->action);
        json_object_set_string_member(element, "result", vb_result_name(outcome->result));
        vb_json_put_u64(element, "bytes_moved", outcome->bytes_moved);
        if (outcome->bytes_stuck > 0)
            vb_json_put_u64(element, "bytes_stuck", outcome->bytes_stuck);
        json_object_set_int_member(element, "duration_ns", outcome->duration_ns);
        vb_json_put_text(element, "error", outcome->error);
        if (outcome->code == VB_ERROR_UNREACHABLE)
            vb_json_put_text(element, "code", vb_codec_error_names()[outcome->code]);
    }
}

static void
put_hold(JsonObject *object, const VbTickEvent *event)
{
    for (guint i = 0; vb_recording_holds[i] != NULL; i++)
        if (event->why == 1U << i)
            vb_json_put_text(object, "why", vb_recording_holds[i]);
    json_object_set_boolean_member(object, "held", event->yes);
}

static void
put_land(JsonObject *object, const VbTickEvent *event)
{
    json_object_set_int_member(object, "now_ns", event->now_ns);
    json_object_set_boolean_member(object, "failed", event->yes);
    put_outcomes(object, event->outcomes);
}

JsonNode *
vb_recording_event(const VbTickEvent *event)
{
    g_autoptr(JsonObject) object = json_object_new();
    json_object_set_string_member(object, "call", vb_recording_calls[event->call]);
    if (event->uuid != NULL)
        vb_json_put_text(object, "uuid", event->uuid);
    if (event->call == VB_TICK_CONFIGURE)
        vb_recording_put(object, "config", vb_recording_config(event->config));
    else if (event->call == VB_TICK_WATCH)
        json_object_set_boolean_member(object, "watching", event->yes);
    else if (event->call == VB_TICK_HOLD)
        put_hold(object, event);
    else if (event->call == VB_TICK_DECIDE)
        json_object_set_int_member(object, "now_ns", event->now_ns);
    else if (event->call == VB_TICK_DEPART)
        vb_recording_put(object, "plan", vb_codec_plan(event->plan, NULL));
    else if (event->call == VB_TICK_LAND)
        put_land(object, event);
    if (event->seen != NULL)
        put_seen(object, event->seen);
    if (event->call == VB_TICK_DECIDE || event->call == VB_TICK_PLACE)
        vb_recording_put(object, "verdict", vb_recording_verdict(event->verdict));
    return json_node_init_object(json_node_alloc(), object);
}

const char *const vb_recording_calls[] = {"configure", "watch",  "look", "fold", "hold",
                                          "decide",    "place", "depart", "land", NULL};

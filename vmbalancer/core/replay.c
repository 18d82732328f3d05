/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/replay.h"
#include "core/codec.h"
#include "core/codec_parts.h"
#include "core/json_text.h"
#include "core/recording_parts.h"
#include <vmbalancer/error.h>

/* Of what differs so much is told. */
#define EXCERPT 60

struct VbReplay {
    VbReplayReport report;
    VbTick *tick;
    GHashTable *guests; /* uuids */
    VbTickTap tap;
    gpointer tap_data;
};

typedef gboolean (*Call)(VbReplay *replay, JsonObject *line, GError **error);

VbReplay *
vb_replay_new(void)
{
    VbReplay *replay = g_new0(VbReplay, 1);
    replay->guests = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return replay;
}

void
vb_replay_free(VbReplay *replay)
{
    if (replay == NULL)
        return;
    vb_tick_free(replay->tick);
    g_hash_table_unref(replay->guests);
    g_free(replay->report.head.program);
    g_free(replay->report.head.host);
    g_free(replay->report.head.uri);
    g_free(replay->report.head.begun);
    g_free(replay->report.end);
    g_free(replay);
}

const VbReplayReport *
vb_replay_report(const VbReplay *replay)
{
    return &replay->report;
}

void
vb_replay_tap(VbReplay *replay, VbTickTap tap, gpointer user_data)
{
    replay->tap = tap;
    replay->tap_data = user_data;
}

VbTick *
vb_replay_tick(VbReplay *replay)
{
    return replay->tick;
}

static gboolean
refuse(GError **error, const char *reason)
{
    g_set_error_literal(error, VB_ERROR, VB_ERROR_INVALID, reason);
    return FALSE;
}

/* --- what is seen --------------------------------------------------------------------------- */

static VbObservation *
read_seen(VbReplay *replay, JsonObject *line, GError **error)
{
    JsonObject *object = vb_recording_object(line, "observation", error);
    VbObservation *seen = object != NULL ? vb_codec_observation_read(object, error) : NULL;
    for (guint i = 0; seen != NULL && i < seen->guests->len; i++)
        g_hash_table_add(replay->guests,
                         g_strdup(((const VbGuestSight *)g_ptr_array_index(seen->guests, i))
                                      ->facts->uuid));
    replay->report.guests = g_hash_table_size(replay->guests);
    return seen;
}

static gboolean
call_look(VbReplay *replay, JsonObject *line, GError **error)
{
    vb_tick_look(replay->tick);
    return TRUE;
}

static gboolean
call_fold(VbReplay *replay, JsonObject *line, GError **error)
{
    VbReplayReport *report = &replay->report;
    g_autoptr(VbObservation) seen = read_seen(replay, line, error);
    if (seen == NULL)
        return FALSE;
    vb_tick_fold(replay->tick, seen);
    if (report->looks == 0 && report->thread_looks == 0)
        report->first_ns = seen->time_ns;
    report->last_ns = seen->time_ns;
    report->looks += seen->depth == VB_LOOK_FULL;
    report->thread_looks += seen->depth == VB_LOOK_THREADS;
    return TRUE;
}

/* --- what is decided ------------------------------------------------------------------------ */

static gboolean
compare(const char *recorded, const char *now, GError **error)
{
    gsize at = 0;
    while (recorded[at] == now[at] && now[at] != '\0')
        at++;
    if (recorded[at] == now[at])
        return TRUE;
    /* Not from within a character. */
    while (at > 0 && ((guchar)recorded[at] & 0xc0) == 0x80)
        at--;
    g_autofree char *was = g_utf8_substring(recorded + at, 0, MIN(EXCERPT, g_utf8_strlen(recorded + at, -1)));
    g_autofree char *is = g_utf8_substring(now + at, 0, MIN(EXCERPT, g_utf8_strlen(now + at, -1)));
    g_set_error(error, VB_ERROR, VB_ERROR_CHANGED,
                "the verdict is another one than the recorded, from its byte %" G_GSIZE_FORMAT
                " on: recorded %s, now %s",
                at + 1, was, is);
    return FALSE;
}

static gboolean
check_verdict(VbReplay *replay, JsonObject *line, const VbVerdict *verdict, GError **error)
{
    JsonNode *recorded = json_object_get_member(line, "verdict");
    if (recorded == NULL)
        return refuse(error, "verdict: missing");
    g_autoptr(JsonNode) node = vb_recording_verdict(verdict);
    g_autofree char *was = vb_codec_text(recorded, FALSE);
    g_autofree char *is = vb_codec_text(node, FALSE);
    replay->report.decisions++;
    return compare(was, is, error);
}

static gboolean
call_decide(VbReplay *replay, JsonObject *line, GError **error)
{
    g_autoptr(VbJsonReader) reader = vb_json_reader_new(VB_RECORDING_SCHEMA);
    gint64 now_ns = vb_json_int(reader, line, "now_ns", G_MININT64, G_MAXINT64);
    if (!vb_json_finish(reader, error))
        return FALSE;
    g_autoptr(VbVerdict) verdict = vb_tick_decide(replay->tick, now_ns, NULL);
    return check_verdict(replay, line, verdict, error);
}

static gboolean
call_place(VbReplay *replay, JsonObject *line, GError **error)
{
    g_autoptr(VbObservation) alone = read_seen(replay, line, error);
    if (alone == NULL)
        return FALSE;
    if (alone->depth != VB_LOOK_FULL || alone->guests->len != 1)
        return refuse(error, "observation: expected a full look at one guest");
    const VbGuestSight *sight = g_ptr_array_index(alone->guests, 0);
    if (vb_tick_trip(replay->tick, sight->facts->uuid) != NULL)
        return refuse(error, "the guest is being placed already");
    g_autoptr(VbVerdict) verdict = vb_tick_place(replay->tick, alone, NULL);
    return check_verdict(replay, line, verdict, error);
}

/* --- what is done --------------------------------------------------------------------------- */

static gboolean
call_depart(VbReplay *replay, JsonObject *line, GError **error)
{
    g_autoptr(VbJsonReader) reader = vb_json_reader_new(VB_RECORDING_SCHEMA);
    g_autofree char *uuid = vb_json_text(reader, line, "uuid", VB_CODEC_NAME_MAX);
    JsonObject *object = vb_recording_object(line, "plan", error);
    g_autoptr(VbPlan) plan = object != NULL ? vb_codec_plan_read(object, error) : NULL;
    if (plan == NULL || !vb_json_finish(reader, error))
        return FALSE;
    if (uuid == NULL || vb_tick_trip(replay->tick, uuid) != NULL)
        return refuse(error, "uuid: missing, or that guest is being placed already");
    vb_tick_depart(replay->tick, plan, uuid);
    return TRUE;
}

static void
read_outcome(VbJsonReader *reader, JsonObject *object, gpointer outcomes)
{
    static const char *const results[] = {"done", "partial", "failed", "cancelled", NULL};
    guint action = (guint)vb_json_int(reader, object, "action", 0, VB_RECORDING_ACTIONS_MAX);
    VbResult result = vb_json_word(reader, object, "result", results);
    guint64 bytes = vb_json_u64(reader, object, "bytes_moved");
    gint64 duration_ns = vb_json_int(reader, object, "duration_ns", 0, G_MAXINT64);
    VbOutcome *outcome = vb_outcome_new(action, result, bytes, duration_ns, NULL);
    g_ptr_array_add(outcomes, outcome);
    if (vb_json_has(object, "bytes_stuck"))
        outcome->bytes_stuck = vb_json_u64(reader, object, "bytes_stuck");
    if (vb_json_has(object, "code"))
        outcome->code = (int)vb_json_word(reader, object, "code", vb_codec_error_names());
}

static gboolean
call_land(VbReplay *replay, JsonObject *line, GError **error)
{
    g_autoptr(VbJsonReader) reader = vb_json_reader_new(VB_RECORDING_SCHEMA);
    g_autofree char *uuid = vb_json_text(reader, line, "uuid", VB_CODEC_NAME_MAX);
    gint64 now_ns = vb_json_int(reader, line, "now_ns", G_MININT64, G_MAXINT64 / 2);
    gboolean failed = vb_json_bool(reader, line, "failed");
    g_autoptr(GPtrArray) outcomes = g_ptr_array_new_with_free_func((GDestroyNotify)vb_outcome_free);
    vb_json_each(reader, line, "outcomes", VB_RECORDING_ACTIONS_MAX, read_outcome, outcomes);
    if (!vb_json_finish(reader, error))
        return FALSE;
    if (uuid == NULL || vb_tick_trip(replay->tick, uuid) == NULL)
        return refuse(error, "uuid: missing, or that guest is not being placed");
    vb_tick_land(replay->tick, uuid, outcomes, failed, now_ns);
    replay->report.trips++;
    for (guint i = 0; i < outcomes->len; i++)
        replay->report.bytes_moved += ((const VbOutcome *)g_ptr_array_index(outcomes, i))->bytes_moved;
    return TRUE;
}

/* --- how it is told to ---------------------------------------------------------------------- */

static gboolean
call_configure(VbReplay *replay, JsonObject *line, GError **error)
{
    JsonObject *object = vb_recording_object(line, "config", error);
    g_autoptr(VbConfig) config = object != NULL ? vb_recording_read_config(object, error) : NULL;
    if (config != NULL)
        vb_tick_configure(replay->tick, config);
    return config != NULL;
}

static gboolean
call_watch(VbReplay *replay, JsonObject *line, GError **error)
{
    g_autoptr(VbJsonReader) reader = vb_json_reader_new(VB_RECORDING_SCHEMA);
    gboolean watching = vb_json_bool(reader, line, "watching");
    if (!vb_json_finish(reader, error))
        return FALSE;
    vb_tick_watch(replay->tick, watching);
    return TRUE;
}

static gboolean
call_hold(VbReplay *replay, JsonObject *line, GError **error)
{
    g_autoptr(VbJsonReader) reader = vb_json_reader_new(VB_RECORDING_SCHEMA);
    g_autofree char *uuid = vb_json_text(reader, line, "uuid", VB_CODEC_NAME_MAX);
    guint bit = vb_json_word(reader, line, "why", vb_recording_holds);
    gboolean held = vb_json_bool(reader, line, "held");
    if (!vb_json_finish(reader, error))
        return FALSE;
    if (uuid == NULL)
        return refuse(error, "uuid: missing");
    vb_tick_hold(replay->tick, uuid, 1U << bit, held);
    return TRUE;
}

static const Call calls[] = {
    [VB_TICK_CONFIGURE] = call_configure,
    [VB_TICK_WATCH] = call_watch,
    [VB_TICK_LOOK] = call_look,
    [VB_TICK_FOLD] = call_fold,
    [VB_TICK_HOLD] = call_hold,
    [VB_TICK_DECIDE] = call_decide,
    [VB_TICK_PLACE] = call_place,
    [VB_TICK_DEPART] = call_depart,
    [VB_TICK_LAND] = call_land,
};

/* --- lines ---------------------------------------------------------------------------------- */

static gboolean
read_head(VbReplay *replay, JsonObject *line, GError **error)
{
    VbRecordingHead *head = &replay->report.head;
    g_autoptr(VbJsonReader) reader = vb_json_reader_new(VB_RECORDING_SCHEMA);
    vb_json_word(reader, line, "schema", (const char *const[]){VB_RECORDING_SCHEMA, NULL});
    head->program = vb_json_text(reader, line, "program", VB_CODEC_NAME_MAX);
    head->host = vb_json_text(reader, line, "host", VB_CODEC_NAME_MAX);
    head->uri = vb_json_text(reader, line, "uri", VB_CODEC_NAME_MAX);
    head->begun = vb_json_text(reader, line, "begun", VB_CODEC_NAME_MAX);
    return vb_json_finish(reader, error);
}

static gboolean
read_call(VbReplay *replay, JsonObject *line, GError **error)
{
    g_autoptr(VbJsonReader) reader = vb_json_reader_new(VB_RECORDING_SCHEMA);
    if (replay->report.end != NULL)
        return refuse(error, "there is more after the end of the recording");
    if (vb_json_has(line, "end")) {
        replay->report.end = vb_json_text(reader, line, "end", VB_CODEC_TEXT_MAX);
        return vb_json_finish(reader, error);
    }
    guint call = vb_json_word(reader, line, "call", vb_recording_calls);
    return vb_json_finish(reader, error) && calls[call](replay, line, error);
}

static gboolean
read_line(VbReplay *replay, JsonObject *line, GError **error)
{
    if (replay->report.lines == 1)
        return read_head(replay, line, error);
    if (replay->report.lines > 2)
        return read_call(replay, line, error);
    JsonObject *state = vb_recording_object(line, "state", error);
    replay->tick = state != NULL ? vb_recording_read_state(state, error) : NULL;
    if (replay->tick != NULL)
        vb_tick_tap(replay->tick, replay->tap, replay->tap_data);
    return replay->tick != NULL;
}

gboolean
vb_replay_line(VbReplay *replay, const char *line, gsize length, GError **error)
{
    replay->report.lines++;
    g_autoptr(JsonNode) document =
        vb_json_text_parse(line, (gssize)length, VB_RECORDING_SCHEMA, VB_CODEC_DEPTH_MAX,
                           VB_CODEC_SIZE_MAX, error);
    if (document != NULL && read_line(replay, json_node_get_object(document), error))
        return TRUE;
    g_prefix_error(error, "line %" G_GUINT64_FORMAT ": ", replay->report.lines);
    return FALSE;
}

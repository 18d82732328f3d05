/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/codec.h"
#include "core/model_private.h"
#include "core/recording_parts.h"

#define SCHEMA "vmbalancer.model/1"

/* Waiting, and what the kernel's faults say. */
static void
put_signals(JsonObject *object, const VbVcpuTrack *track, guint cells)
{
    if (track->wait_known)
        vb_json_put_u64(object, "wait_ns", track->wait_ns);
    vb_json_put_u64(object, "waited_ns", track->waited_ns);
    json_object_set_int_member(object, "wait_elapsed_ns", track->wait_elapsed_ns);
    vb_json_put_known(object, "private_bp", track->faults_known, track->private_bp);
    JsonArray *array = vb_json_put_array(object, "cell");
    for (guint i = 0; i < MIN(cells, VB_CELLS_MAX); i++)
        json_array_add_int_element(array, track->cell[i]);
}

static void
put_track(JsonArray *vcpus, const VbVcpuTrack *track, VbNodeSet nodes, guint cells)
{
    JsonObject *object = vb_json_append_object(vcpus);
    if (track->run_known)
        vb_json_put_u64(object, "run_ns", track->run_ns);
    else
        json_object_set_null_member(object, "run_ns");
    vb_json_put_known(object, "last_cpu", track->last_cpu >= 0, track->last_cpu);
    vb_json_put_by_node(object, "window_ns", nodes, track->window_ns);
    vb_json_put_u64(object, "ran_ns", track->ran_ns);
    json_object_set_int_member(object, "elapsed_ns", track->elapsed_ns);
    guint64 access[VB_NODES_MAX];
    for (guint node = 0; node < VB_NODES_MAX; node++)
        access[node] = track->access[node];
    vb_json_put_by_node(object, "access", nodes, access);
    put_signals(object, track, cells);
    json_object_set_int_member(object, "intent", track->intent);
    json_object_set_int_member(object, "intent_seen", track->intent_seen);
}

static gint
compare_uuids(gconstpointer a, gconstpointer b)
{
    return g_strcmp0((*(const VbGuestTrack *const *)a)->facts->uuid,
                     (*(const VbGuestTrack *const *)b)->facts->uuid);
}

/* (transfer container) (element-type VbGuestTrack), by UUID. */
static GPtrArray *
sorted(const VbModel *model)
{
    GPtrArray *tracks = g_ptr_array_new();
    GHashTableIter iter;
    gpointer track;
    g_hash_table_iter_init(&iter, model->guests);
    while (g_hash_table_iter_next(&iter, NULL, &track))
        g_ptr_array_add(tracks, track);
    g_ptr_array_sort(tracks, compare_uuids);
    return tracks;
}

static void
put_strangers(JsonObject *object, GHashTable *strangers)
{
    JsonArray *array = vb_json_put_array(object, "strangers");
    g_autoptr(GList) uuids =
        g_list_sort(g_hash_table_get_keys(strangers), (GCompareFunc)g_strcmp0);
    for (GList *uuid = uuids; uuid != NULL; uuid = uuid->next) {
        const VbStranger *stranger = g_hash_table_lookup(strangers, uuid->data);
        JsonObject *element = vb_json_append_object(array);
        vb_json_put_text(element, "uuid", uuid->data);
        json_object_set_int_member(element, "looks", stranger->looks);
        vb_codec_put_counted(vb_json_put_object(element, "statistics"), &stranger->statistics);
    }
}

/* Host, facts and sights are those of a look. */
JsonNode *
vb_codec_model(const VbModel *model)
{
    JsonNode *document = vb_json_document(SCHEMA);
    JsonObject *object = json_node_get_object(document);
    g_autoptr(GPtrArray) tracks = sorted(model);
    g_autoptr(GPtrArray) sights = g_ptr_array_new_with_free_func(g_free);
    VbObservation *seen = g_new0(VbObservation, 1);
    seen->time_ns = model->host->time_ns;
    seen->depth = VB_LOOK_FULL;
    seen->topology = model->host->topology;
    for (guint i = 0; i < VB_NODES_MAX; i++)
        seen->reserve_bytes[i] = model->host->reserve_bytes[i];
    seen->rival = model->host->rival;
    seen->kernel_balancing = model->host->kernel_balancing;
    seen->guests = sights;
    for (guint i = 0; i < tracks->len; i++) {
        const VbGuestTrack *track = g_ptr_array_index(tracks, i);
        VbGuestSight *sight = g_new0(VbGuestSight, 1);
        *sight = (VbGuestSight){track->facts, track->sights};
        g_ptr_array_add(sights, sight);
    }
    vb_recording_put(object, "seen", vb_codec_observation(seen));
    g_free(seen);
    JsonArray *array = vb_json_put_array(object, "tracks");
    for (guint i = 0; i < tracks->len; i++) {
        const VbGuestTrack *track = g_ptr_array_index(tracks, i);
        JsonObject *element = vb_json_append_object(array);
        json_object_set_int_member(element, "seen_ns", track->seen_ns);
        json_object_set_int_member(element, "full_ns", track->full_ns);
        JsonArray *vcpus = vb_json_put_array(element, "vcpus");
        for (guint v = 0; v < track->tracks->len; v++)
            put_track(vcpus, &g_array_index(track->tracks, VbVcpuTrack, v),
                      model->host->topology.nodes, track->facts->cells->len);
    }
    put_strangers(object, model->strangers);
    return document;
}

/* Where tracks go. */
typedef struct {
    VbModel *model;
    VbObservation *seen;
    guint next;           /* guest of @seen */
    VbGuestTrack *track;  /* whose vCPUs are being read */
} Into;

/* Documents from before there were such signals have none. */
static void
read_signals(VbJsonReader *reader, JsonObject *object, guint cells, VbVcpuTrack *track)
{
    guint64 cell[VB_CELLS_MAX] = {0};
    track->wait_known = vb_json_has(object, "wait_ns");
    if (track->wait_known)
        track->wait_ns = vb_json_u64(reader, object, "wait_ns");
    if (vb_json_has(object, "waited_ns"))
        track->waited_ns = vb_json_u64(reader, object, "waited_ns");
    track->wait_elapsed_ns =
        vb_json_int_or(reader, object, "wait_elapsed_ns", 0, G_MAXINT64, 0);
    track->faults_known = vb_json_has(object, "private_bp");
    track->private_bp = (guint)vb_json_int_or(reader, object, "private_bp", 0, VB_BP, 0);
    if (vb_json_u64s(reader, object, "cell", MIN(cells, VB_CELLS_MAX), cell))
        for (guint i = 0; i < VB_CELLS_MAX; i++)
            track->cell[i] = (guint)MIN(cell[i], 2 * VB_BP);
}

static void
read_vcpu(VbJsonReader *reader, JsonObject *object, gpointer data)
{
    const Into *into = data;
    VbVcpuTrack track = {0};
    track.run_known = vb_json_has(object, "run_ns");
    if (track.run_known)
        track.run_ns = vb_json_u64(reader, object, "run_ns");
    track.last_cpu = (int)vb_json_int_or(reader, object, "last_cpu", 0, VB_CPUS_MAX - 1, -1);
    if (!vb_codec_read_by_node(reader, object, "window_ns", into->model->host->topology.nodes,
                               track.window_ns))
        vb_json_fail(reader, "window_ns", "missing");
    track.ran_ns = vb_json_u64(reader, object, "ran_ns");
    track.elapsed_ns = vb_json_int(reader, object, "elapsed_ns", 0, G_MAXINT64);
    guint64 access[VB_NODES_MAX] = {0};
    if (!vb_codec_read_by_node(reader, object, "access", into->model->host->topology.nodes,
                               access))
        vb_json_fail(reader, "access", "missing");
    for (guint node = 0; node < VB_NODES_MAX; node++)
        track.access[node] = (guint)MIN(access[node], 2 * VB_BP);
    read_signals(reader, object, into->track->facts->cells->len, &track);
    track.intent = (int)vb_json_int(reader, object, "intent", VB_NO_NODE, VB_NODES_MAX - 1);
    track.intent_seen = (guint)vb_json_int(reader, object, "intent_seen", 0, G_MAXUINT);
    g_array_append_val(into->track->tracks, track);
}

static void
read_track(VbJsonReader *reader, JsonObject *object, gpointer data)
{
    Into *into = data;
    if (into->next >= into->seen->guests->len) {
        vb_json_fail(reader, NULL, "there is no such guest");
        return;
    }
    const VbGuestSight *sight = g_ptr_array_index(into->seen->guests, into->next++);
    into->track = vb_guest_track_new(sight->facts);
    g_hash_table_replace(into->model->guests, g_strdup(sight->facts->uuid), into->track);
    for (guint i = 0; i < sight->vcpus->len; i++)
        g_ptr_array_add(into->track->sights,
                        g_memdup2(g_ptr_array_index(sight->vcpus, i), sizeof(VbVcpuSight)));
    into->track->seen_ns = vb_json_int(reader, object, "seen_ns", G_MININT64, G_MAXINT64);
    into->track->full_ns = vb_json_int(reader, object, "full_ns", G_MININT64, G_MAXINT64);
    vb_json_each(reader, object, "vcpus", VB_CPUS_MAX, read_vcpu, into);
    if (into->track->tracks->len != into->track->sights->len)
        vb_json_fail(reader, "vcpus", "not as many as the guest has");
}

static void
read_stranger(VbJsonReader *reader, JsonObject *object, gpointer model)
{
    VbStranger *stranger = g_new0(VbStranger, 1);
    char *uuid = vb_json_text(reader, object, "uuid", VB_CODEC_NAME_MAX);
    g_hash_table_replace(((VbModel *)model)->strangers, uuid != NULL ? uuid : g_strdup(""), stranger);
    stranger->looks = (guint)vb_json_int(reader, object, "looks", 0, G_MAXINT);
    vb_json_inside(reader, object, "statistics", vb_codec_read_counted, &stranger->statistics);
}

VbModel *
vb_codec_model_read(JsonObject *object, GError **error)
{
    JsonObject *look = vb_recording_object(object, "seen", error);
    g_autoptr(VbObservation) seen = look != NULL ? vb_codec_observation_read(look, error) : NULL;
    if (seen == NULL)
        return NULL;
    g_autoptr(VbJsonReader) reader = vb_json_reader_new(SCHEMA);
    g_autoptr(VbModel) model = vb_model_new();
    model->host->time_ns = seen->time_ns;
    model->host->topology = seen->topology;
    for (guint i = 0; i < VB_NODES_MAX; i++)
        model->host->reserve_bytes[i] = seen->reserve_bytes[i];
    model->host->rival = g_strdup(seen->rival);
    model->host->kernel_balancing = seen->kernel_balancing;
    Into into = {.model = model, .seen = seen};
    vb_json_each(reader, object, "tracks", VB_CODEC_GUESTS_MAX, read_track, &into);
    vb_json_each(reader, object, "strangers", VB_CODEC_GUESTS_MAX, read_stranger, model);
    if (into.next != seen->guests->len)
        vb_json_fail(reader, "tracks", "not as many as there are guests");
    if (seen->depth != VB_LOOK_FULL)
        vb_json_fail(reader, "seen", "not a full look");
    return vb_json_finish(reader, error) ? g_steal_pointer(&model) : NULL;
}

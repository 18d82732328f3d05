/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/codec.h"
#include "core/codec_parts.h"
#include "core/json_text.h"

#define SCHEMA "vmbalancer.observation/1"

static const char *const depth_names[] = {"threads", "full", NULL};
static const char *const faults_names[] = {"unasked",   "told",    "no-file",
                                           "no-counts", "strange", NULL};

static void
put_vcpu(JsonArray *vcpus, const VbVcpuSight *vcpu, VbNodeSet nodes)
{
    JsonObject *object = vb_json_append_object(vcpus);
    json_object_set_int_member(object, "id", vcpu->id);
    json_object_set_int_member(object, "tid", vcpu->tid);
    vb_json_put_known(object, "cell", vcpu->cell >= 0, vcpu->cell);
    vb_json_put_cpuset(object, "affinity", vcpu->affinity_known ? &vcpu->affinity : NULL);
    if (vcpu->run_known)
        vb_json_put_u64(object, "run_ns", vcpu->run_ns);
    else
        json_object_set_null_member(object, "run_ns");
    if (vcpu->wait_known)
        vb_json_put_u64(object, "wait_ns", vcpu->wait_ns);
    vb_json_put_known(object, "last_cpu", vcpu->last_cpu >= 0, vcpu->last_cpu);
    if (vcpu->faults_known) {
        vb_json_put_by_node(object, "private_faults", nodes, vcpu->private_faults);
        vb_json_put_by_node(object, "shared_faults", nodes, vcpu->shared_faults);
    }
}

/* Looks at threads have none of it. */
static void
put_asked(JsonObject *object, const VbGuestSight *sight, VbNodeSet nodes)
{
    if (sight->held_known)
        vb_json_put_by_node(object, "held_bytes", nodes, sight->held_bytes);
    if (sight->asked_ns != 0)
        json_object_set_int_member(object, "asked_ns", sight->asked_ns);
    if (sight->asked_held_known)
        vb_json_put_by_node(object, "asked_held_bytes", nodes, sight->asked_held_bytes);
}

JsonNode *
vb_codec_observation(const VbObservation *observation)
{
    JsonNode *document = vb_json_document(SCHEMA);
    JsonObject *object = json_node_get_object(document);
    json_object_set_int_member(object, "time_ns", observation->time_ns);
    json_object_set_string_member(object, "depth", depth_names[observation->depth]);
    vb_codec_put_host(object, &observation->topology, observation->reserve_bytes,
                      observation->kernel_balancing, observation->rival);
    json_object_set_string_member(object, "faults", faults_names[observation->faults]);
    vb_json_put_text(object, "thp", observation->thp);
    JsonArray *guests = vb_json_put_array(object, "guests");
    for (guint i = 0; i < observation->guests->len; i++) {
        const VbGuestSight *sight = g_ptr_array_index(observation->guests, i);
        JsonObject *element = vb_json_append_object(guests);
        vb_codec_put_guest(element, sight->facts, observation->topology.nodes);
        put_asked(element, sight, observation->topology.nodes);
        JsonArray *vcpus = vb_json_put_array(element, "vcpus");
        for (guint j = 0; j < sight->vcpus->len; j++)
            put_vcpu(vcpus, g_ptr_array_index(sight->vcpus, j), observation->topology.nodes);
    }
    return document;
}

/* Where guests and their vCPUs go. */
typedef struct {
    VbObservation *observation;
    VbCodecGuests guests;
    VbGuestSight *sight; /* whose vCPUs are being read */
    VbCpuSet seen;       /* ids of those read so far */
} Into;

static void
read_vcpu(VbJsonReader *reader, JsonObject *object, gpointer user_data)
{
    Into *into = user_data;
    VbVcpuSight *vcpu = vb_vcpu_sight_new();
    g_ptr_array_add(into->sight->vcpus, vcpu);
    vb_codec_read_thread(reader, object, into->sight->facts, &into->seen, &vcpu->id, &vcpu->tid,
                         &vcpu->cell);
    vcpu->affinity_known = vb_json_cpuset(reader, object, "affinity", &vcpu->affinity);
    vcpu->run_known = vb_json_has(object, "run_ns");
    if (vcpu->run_known)
        vcpu->run_ns = vb_json_u64(reader, object, "run_ns");
    vcpu->wait_known = vb_json_has(object, "wait_ns");
    if (vcpu->wait_known)
        vcpu->wait_ns = vb_json_u64(reader, object, "wait_ns");
    vcpu->last_cpu = (int)vb_json_int_or(reader, object, "last_cpu", 0, VB_CPUS_MAX - 1, -1);
    vcpu->faults_known = vb_codec_read_by_node(reader, object, "private_faults",
                                               into->guests.nodes, vcpu->private_faults) &&
                         vb_codec_read_by_node(reader, object, "shared_faults",
                                               into->guests.nodes, vcpu->shared_faults);
}

static void
read_guest(VbJsonReader *reader, JsonObject *object, gpointer user_data)
{
    Into *into = user_data;
    into->sight = vb_guest_sight_new();
    into->seen = (VbCpuSet){0};
    g_ptr_array_add(into->observation->guests, into->sight);
    vb_codec_read_guest(reader, object, into->sight->facts, &into->guests);
    VbGuestSight *sight = into->sight;
    /* Documents from before these were noted have none. */
    sight->held_known = vb_codec_read_by_node(reader, object, "held_bytes", into->guests.nodes,
                                              sight->held_bytes);
    sight->asked_ns = vb_json_int_or(reader, object, "asked_ns", G_MININT64, G_MAXINT64, 0);
    sight->asked_held_known = vb_codec_read_by_node(reader, object, "asked_held_bytes",
                                                    into->guests.nodes, sight->asked_held_bytes);
    vb_json_each(reader, object, "vcpus", VB_CPUS_MAX, read_vcpu, into);
}

VbObservation *
vb_codec_observation_read(JsonObject *object, GError **error)
{
    g_autoptr(VbJsonReader) reader = vb_json_reader_new(SCHEMA);
    g_autoptr(VbObservation) observation = vb_observation_new(VB_LOOK_FULL);
    g_autoptr(GHashTable) uuids = g_hash_table_new(g_str_hash, g_str_equal);
    vb_json_word(reader, object, "schema", (const char *const[]){SCHEMA, NULL});
    observation->time_ns = vb_json_int(reader, object, "time_ns", G_MININT64, G_MAXINT64);
    observation->depth = vb_json_word(reader, object, "depth", depth_names);
    VbCodecHost host = {&observation->topology, observation->reserve_bytes,
                        &observation->kernel_balancing, &observation->rival};
    vb_codec_read_host(reader, object, &host);
    /* Documents from before that was asked say nothing. */
    if (vb_json_has(object, "faults"))
        observation->faults = vb_json_word(reader, object, "faults", faults_names);
    observation->thp = vb_json_text(reader, object, "thp", VB_CODEC_NAME_MAX);
    gboolean sparse = observation->depth == VB_LOOK_THREADS;
    Into into = {.observation = observation,
                 .guests = {observation->topology.nodes, sparse, uuids}};
    vb_json_each(reader, object, "guests", VB_CODEC_GUESTS_MAX, read_guest, &into);
    return vb_json_finish(reader, error) ? g_steal_pointer(&observation) : NULL;
}

VbObservation *
vb_codec_observation_parse(const char *text, gssize length, GError **error)
{
    g_autoptr(JsonNode) document =
        vb_json_text_parse(text, length, SCHEMA, VB_CODEC_DEPTH_MAX, VB_CODEC_SIZE_MAX, error);
    return document != NULL ? vb_codec_observation_read(json_node_get_object(document), error)
                            : NULL;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/codec.h"
#include "core/codec_parts.h"
#include "core/json_text.h"

#define SCHEMA "vmbalancer.snapshot/1"

/* @shares: NULL if unknown */
static void
put_shares(JsonObject *object, const char *name, const guint *shares, VbNodeSet nodes)
{
    if (shares == NULL) {
        json_object_set_null_member(object, name);
        return;
    }
    JsonArray *array = vb_json_put_array(object, name);
    int id;
    VB_NODESET_FOREACH(id, nodes)
    json_array_add_int_element(array, shares[id]);
}

/* What the kernel's faults say of it. */
static void
put_faults(JsonObject *object, const VbVcpu *vcpu, guint cells)
{
    if (vcpu->faults_known)
        json_object_set_int_member(object, "private_bp", vcpu->private_bp);
    if (!vcpu->cells_known)
        return;
    JsonArray *array = vb_json_put_array(object, "cell_bp");
    for (guint i = 0; i < MIN(cells, VB_CELLS_MAX); i++)
        json_array_add_int_element(array, vcpu->cell_bp[i]);
}

static void
put_vcpu(JsonArray *vcpus, const VbVcpu *vcpu, VbNodeSet nodes, guint cells)
{
    JsonObject *object = vb_json_append_object(vcpus);
    json_object_set_int_member(object, "id", vcpu->id);
    json_object_set_int_member(object, "tid", vcpu->tid);
    vb_json_put_known(object, "cell", vcpu->cell >= 0, vcpu->cell);
    vb_json_put_cpuset(object, "affinity", vcpu->affinity_known ? &vcpu->affinity : NULL);
    vb_json_put_known(object, "busy_bp", vcpu->busy_known, vcpu->busy_bp);
    vb_json_put_known(object, "wait_bp", vcpu->wait_known, vcpu->wait_bp);
    put_shares(object, "share_bp", vcpu->share_known ? vcpu->share_bp : NULL, nodes);
    put_shares(object, "access_bp", vcpu->access_known ? vcpu->access_bp : NULL, nodes);
    put_faults(object, vcpu, cells);
    json_object_set_int_member(object, "intent", vcpu->intent);
    json_object_set_int_member(object, "intent_seen", vcpu->intent_seen);
}

JsonNode *
vb_codec_snapshot(const VbSnapshot *snapshot)
{
    VbNodeSet nodes = snapshot->topology.nodes;
    JsonNode *document = vb_json_document(SCHEMA);
    JsonObject *object = json_node_get_object(document);
    json_object_set_int_member(object, "time_ns", snapshot->time_ns);
    vb_codec_put_host(object, &snapshot->topology, snapshot->reserve_bytes,
                      snapshot->kernel_balancing, snapshot->rival);
    vb_json_put_settings(object, "settings", snapshot->settings);
    JsonArray *guests = vb_json_put_array(object, "guests");
    for (guint i = 0; i < snapshot->guests->len; i++) {
        const VbGuest *guest = g_ptr_array_index(snapshot->guests, i);
        JsonObject *element = vb_json_append_object(guests);
        vb_codec_put_guest(element, guest, nodes);
        JsonArray *vcpus = vb_json_put_array(element, "vcpus");
        for (guint j = 0; j < guest->vcpus->len; j++)
            put_vcpu(vcpus, g_ptr_array_index(guest->vcpus, j), nodes, guest->cells->len);
    }
    return document;
}

/* Where guests and their vCPUs go. */
typedef struct {
    VbSnapshot *snapshot;
    VbCodecGuests guests;
    VbGuest *guest; /* whose vCPUs are being read */
    VbCpuSet seen;  /* ids of those read so far */
} Into;

/* @count shares, each of which may have been rounded. */
static void
take_shares(VbJsonReader *reader, const char *name, const guint64 *share, guint count, guint parts,
            guint *ret)
{
    guint64 sum = 0;
    for (guint i = 0; i < count; i++) {
        ret[i] = (guint)MIN(share[i], G_MAXUINT);
        sum += ret[i];
    }
    if (sum > VB_BP + parts || sum + parts < VB_BP)
        vb_json_fail(reader, name, "the sum is %" G_GUINT64_FORMAT ", not %d", sum, VB_BP);
}

static gboolean
read_shares(VbJsonReader *reader, JsonObject *object, const char *name, VbNodeSet nodes, guint *ret)
{
    guint64 share[VB_NODES_MAX] = {0};
    if (!vb_codec_read_by_node(reader, object, name, nodes, share))
        return FALSE;
    take_shares(reader, name, share, VB_NODES_MAX, vb_nodeset_count(nodes), ret);
    return TRUE;
}

static void
read_faults(VbJsonReader *reader, JsonObject *object, const VbGuest *guest, VbVcpu *vcpu)
{
    guint64 share[VB_CELLS_MAX] = {0};
    guint cells = MIN(guest->cells->len, VB_CELLS_MAX);
    vcpu->faults_known = vb_json_has(object, "private_bp");
    vcpu->private_bp = (guint)vb_json_int_or(reader, object, "private_bp", 0, VB_BP, 0);
    vcpu->cells_known = vb_json_u64s(reader, object, "cell_bp", cells, share);
    if (vcpu->cells_known)
        take_shares(reader, "cell_bp", share, VB_CELLS_MAX, cells, vcpu->cell_bp);
}

static void
read_vcpu(VbJsonReader *reader, JsonObject *object, gpointer user_data)
{
    Into *into = user_data;
    VbVcpu *vcpu = vb_vcpu_new();
    g_ptr_array_add(into->guest->vcpus, vcpu);
    vb_codec_read_thread(reader, object, into->guest, &into->seen, &vcpu->id, &vcpu->tid,
                         &vcpu->cell);
    vcpu->affinity_known = vb_json_cpuset(reader, object, "affinity", &vcpu->affinity);
    vcpu->busy_known = vb_json_has(object, "busy_bp");
    vcpu->busy_bp = (guint)vb_json_int_or(reader, object, "busy_bp", 0, VB_BP, 0);
    vcpu->wait_known = vb_json_has(object, "wait_bp");
    vcpu->wait_bp = (guint)vb_json_int_or(reader, object, "wait_bp", 0, VB_BP, 0);
    vcpu->share_known =
        read_shares(reader, object, "share_bp", into->guests.nodes, vcpu->share_bp);
    if (vb_json_has(object, "access_bp"))
        vcpu->access_known =
            read_shares(reader, object, "access_bp", into->guests.nodes, vcpu->access_bp);
    read_faults(reader, object, into->guest, vcpu);
    vcpu->intent =
        (int)vb_json_int_or(reader, object, "intent", VB_NO_NODE, VB_NODES_MAX - 1, VB_NO_NODE);
    vcpu->intent_seen = (guint)vb_json_int_or(reader, object, "intent_seen", 0, G_MAXUINT, 0);
}

static void
read_guest(VbJsonReader *reader, JsonObject *object, gpointer user_data)
{
    Into *into = user_data;
    into->guest = vb_guest_new();
    into->seen = (VbCpuSet){0};
    g_ptr_array_add(into->snapshot->guests, into->guest);
    vb_codec_read_guest(reader, object, into->guest, &into->guests);
    vb_json_each(reader, object, "vcpus", VB_CPUS_MAX, read_vcpu, into);
}

VbSnapshot *
vb_codec_snapshot_read(JsonObject *object, GError **error)
{
    g_autoptr(VbJsonReader) reader = vb_json_reader_new(SCHEMA);
    g_autoptr(VbSnapshot) snapshot = vb_snapshot_new();
    g_autoptr(GHashTable) uuids = g_hash_table_new(g_str_hash, g_str_equal);
    vb_json_word(reader, object, "schema", (const char *const[]){SCHEMA, NULL});
    snapshot->time_ns = vb_json_int(reader, object, "time_ns", G_MININT64, G_MAXINT64);
    VbCodecHost host = {&snapshot->topology, snapshot->reserve_bytes, &snapshot->kernel_balancing,
                        &snapshot->rival};
    vb_codec_read_host(reader, object, &host);
    snapshot->settings = vb_json_settings(reader, object, "settings", VB_CODEC_SETTINGS_MAX);
    Into into = {.snapshot = snapshot, .guests = {snapshot->topology.nodes, FALSE, uuids}};
    vb_json_each(reader, object, "guests", VB_CODEC_GUESTS_MAX, read_guest, &into);
    if (!vb_json_finish(reader, error))
        return NULL;
    vb_snapshot_sort(snapshot);
    return g_steal_pointer(&snapshot);
}

VbSnapshot *
vb_codec_snapshot_parse(const char *text, gssize length, GError **error)
{
    g_autoptr(JsonNode) document =
        vb_json_text_parse(text, length, SCHEMA, VB_CODEC_DEPTH_MAX, VB_CODEC_SIZE_MAX, error);
    return document != NULL ? vb_codec_snapshot_read(json_node_get_object(document), error) : NULL;
}

char *
vb_codec_text(JsonNode *node, gboolean pretty)
{
    return vb_json_text_write(node, pretty);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/codec.h"
#include "core/codec_parts.h"

/* For people's scripts: fractions of one, null for what is not known, node ids as numbers. */

static void
put_node(JsonArray *nodes, const VbSnapshot *snapshot, int id)
{
    const VbTopology *topology = &snapshot->topology;
    const VbNode *node = &topology->node[id];
    JsonObject *object = vb_json_append_object(nodes);
    json_object_set_int_member(object, "id", id);
    vb_json_put_cpuset(object, "cpus", &node->cpus);
    JsonObject *memory = vb_json_put_object(object, "memory");
    vb_json_put_u64(memory, "total", node->memory_total_bytes);
    vb_json_put_u64(memory, "free", node->memory_free_bytes);
    vb_json_put_u64(memory, "reserve", snapshot->reserve_bytes[id]);
    JsonArray *distances = vb_json_put_array(object, "distances");
    int other;
    VB_NODESET_FOREACH(other, topology->nodes)
    json_array_add_int_element(distances, node->distance[other]);
    JsonArray *pools = vb_json_put_array(object, "pools");
    for (guint i = 0; i < node->n_pools; i++) {
        JsonObject *pool = vb_json_append_object(pools);
        vb_json_put_u64(pool, "page_size", node->pools[i].page_size);
        vb_json_put_u64(pool, "total", node->pools[i].total);
        vb_json_put_u64(pool, "free", node->pools[i].free - node->pools[i].borrow);
    }
}

/* @shares: NULL if unknown */
static void
put_shares(JsonObject *object, const char *name, const guint *shares, VbNodeSet which)
{
    if (shares == NULL) {
        json_object_set_null_member(object, name);
        return;
    }
    JsonArray *array = vb_json_put_array(object, name);
    int id;
    VB_NODESET_FOREACH(id, which)
    json_array_add_double_element(array, (double)shares[id] / VB_BP);
}

static void
put_share(JsonObject *object, const char *name, gboolean known, guint bp)
{
    if (known)
        vb_json_put_bp(object, name, (int)bp);
    else
        json_object_set_null_member(object, name);
}

static void
put_vcpu(JsonArray *vcpus, const VbGuest *guest, const VbVcpu *vcpu, VbNodeSet nodes)
{
    JsonObject *object = vb_json_append_object(vcpus);
    json_object_set_int_member(object, "id", vcpu->id);
    vb_json_put_known(object, "tid", vcpu->tid != 0, vcpu->tid);
    gboolean placed = vcpu->cell >= 0 && (guint)vcpu->cell < guest->cells->len;
    const VbCell *cell = placed ? g_ptr_array_index(guest->cells, vcpu->cell) : NULL;
    vb_json_put_known(object, "cell", placed, placed ? cell->id : 0);
    put_share(object, "busy", vcpu->busy_known, vcpu->busy_bp);
    put_share(object, "wait", vcpu->wait_known, vcpu->wait_bp);
    put_shares(object, "node_share", vcpu->share_known ? vcpu->share_bp : NULL, nodes);
    put_shares(object, "access", vcpu->faults_known ? vcpu->access_bp : NULL, nodes);
    put_share(object, "private", vcpu->faults_known, vcpu->private_bp);
    vb_json_put_cpuset(object, "affinity", vcpu->affinity_known ? &vcpu->affinity : NULL);
}

static void
put_unmapped(JsonObject *object, const VbCell *cell)
{
    if (cell->residency_known && cell->unmapped_known) {
        vb_json_put_u64(object, "unmapped", cell->unmapped_bytes);
        vb_json_put_u64(object, "unmapped_error", cell->unmapped_error_bytes);
    } else {
        json_object_set_null_member(object, "unmapped");
        json_object_set_null_member(object, "unmapped_error");
    }
}

static void
put_cell(JsonArray *cells, const VbCell *cell, VbNodeSet nodes)
{
    JsonObject *object = vb_json_append_object(cells);
    json_object_set_int_member(object, "id", cell->id);
    vb_json_put_u64(object, "size", cell->size_bytes);
    vb_json_put_u64(object, "page_size", cell->page_size);
    if (cell->residency_known) {
        vb_json_put_u64(object, "present", cell->present_bytes);
        vb_json_put_by_node(object, "by_node", nodes, cell->by_node);
        vb_json_put_bp(object, "error", (int)cell->error_bp);
        vb_json_put_u64(object, "unmovable", cell->unmovable_bytes);
    } else {
        json_object_set_null_member(object, "present");
        json_object_set_null_member(object, "by_node");
        json_object_set_null_member(object, "error");
        json_object_set_null_member(object, "unmovable");
    }
    put_unmapped(object, cell);
    json_object_set_boolean_member(object, "movable", cell->movable);
    vb_json_put_node_ids(object, "home", cell->home);
    vb_json_put_text(object, "note", cell->note);
}

static void
put_locality(JsonObject *object, const VbGuest *guest)
{
    guint locality, error;
    if (vb_guest_locality(guest, &locality, &error)) {
        vb_json_put_bp(object, "locality", (int)locality);
        vb_json_put_bp(object, "locality_error", (int)error);
    } else {
        json_object_set_null_member(object, "locality");
        json_object_set_null_member(object, "locality_error");
    }
}

static void
put_answer(JsonObject *object, const char *name, VbAnswer answer)
{
    if (answer == VB_ANSWER_UNSET)
        json_object_set_null_member(object, name);
    else
        json_object_set_boolean_member(object, name, answer == VB_ANSWER_YES);
}

/* What is asked for the guest beside its policy; null where nothing is. */
static void
put_terms(JsonObject *object, const VbTerms *terms, GHashTable *parameters)
{
    put_answer(object, "migrate_vcpus", terms->pins);
    put_answer(object, "migrate_memory", terms->moves);
    put_share(object, "locality_min", terms->locality_min_known, terms->locality_min_bp);
    put_share(object, "locality_target", terms->locality_target_known, terms->locality_target_bp);
    if (terms->rate_known)
        vb_json_put_u64(object, "rate", terms->rate_bytes_per_s);
    else
        json_object_set_null_member(object, "rate");
    if (terms->cooldown_known)
        vb_json_put_seconds(object, "cooldown", terms->cooldown_ns);
    else
        json_object_set_null_member(object, "cooldown");
    vb_json_put_settings(object, "parameters", parameters);
}

void
vb_codec_put_statistics(JsonObject *object, const VbGuest *guest, gint64 now_ns)
{
    const VbStatistics *statistics = &guest->statistics;
    gint64 seen_ns = MAX(now_ns - statistics->since_ns, 0);
    guint64 local = 0, remote = 0;
    guint cumulative = 0;
    json_object_set_int_member(object, "seconds", seen_ns / 1000000000);
    gboolean homed = vb_guest_home_bytes(guest, &local, &remote);
    vb_json_put_known(object, "local_bytes", homed, (gint64)local);
    vb_json_put_known(object, "remote_bytes", homed, (gint64)remote);
    gboolean watched = vb_guest_cumulative_locality(guest, &cumulative);
    put_share(object, "cumulative_locality", watched, cumulative);
    JsonObject *moves = vb_json_put_object(object, "moves");
    for (guint cause = VB_CAUSE_NONE + 1; cause < VB_CAUSES; cause++)
        json_object_set_int_member(moves, vb_cause_name(cause), statistics->placed[cause]);
    vb_json_put_u64(object, "bytes_moved", statistics->moved_bytes);
    vb_json_put_u64(object, "move_rate", vb_statistics_move_rate(statistics));
}

static void
put_guest(JsonArray *guests, const VbGuest *guest, VbNodeSet nodes, gint64 now_ns)
{
    JsonObject *object = vb_json_append_object(guests);
    vb_json_put_text(object, "name", guest->name);
    vb_json_put_text(object, "uuid", guest->uuid);
    vb_json_put_known(object, "pid", guest->pid != 0, guest->pid);
    json_object_set_string_member(object, "state", vb_guest_state_name(guest->state));
    vb_json_put_text(object, "policy", guest->policy);
    put_terms(vb_json_put_object(object, "asked"), &guest->terms, guest->settings);
    json_object_set_string_member(object, "owner", vb_owner_name(guest->owner));
    vb_json_put_text(object, "owner_code", guest->owner_code);
    vb_json_put_text(object, "reason", guest->reason != NULL ? guest->reason : "");
    vb_json_put_node_ids(object, "boundary", guest->boundary);
    vb_json_put_cpuset(object, "cpu_boundary", &guest->cpu_boundary);
    vb_json_put_node_ids(object, "home", vb_guest_home(guest));
    put_locality(object, guest);
    vb_codec_put_statistics(vb_json_put_object(object, "statistics"), guest, now_ns);
    JsonArray *vcpus = vb_json_put_array(object, "vcpus");
    for (guint i = 0; i < guest->vcpus->len; i++)
        put_vcpu(vcpus, guest, g_ptr_array_index(guest->vcpus, i), nodes);
    JsonArray *threads = vb_json_put_array(object, "threads");
    for (guint i = 0; i < guest->helpers->len; i++) {
        const VbHelperThread *helper = g_ptr_array_index(guest->helpers, i);
        JsonObject *thread = vb_json_append_object(threads);
        vb_json_put_text(thread, "name", helper->name);
        vb_json_put_cpuset(thread, "affinity", helper->affinity_known ? &helper->affinity : NULL);
    }
    JsonArray *cells = vb_json_put_array(object, "cells");
    for (guint i = 0; i < guest->cells->len; i++)
        put_cell(cells, g_ptr_array_index(guest->cells, i), nodes);
}

JsonNode *
vb_codec_status(const VbSnapshot *snapshot)
{
    JsonNode *document = vb_json_document("vmbalancer.status/1");
    JsonObject *object = json_node_get_object(document);
    JsonObject *host = vb_json_put_object(object, "host");
    JsonArray *nodes = vb_json_put_array(host, "nodes");
    int id;
    VB_NODESET_FOREACH(id, snapshot->topology.nodes)
    put_node(nodes, snapshot, id);
    json_object_set_boolean_member(host, "kernel_balancing", snapshot->kernel_balancing);
    vb_json_put_text(host, "rival", snapshot->rival);
    JsonArray *guests = vb_json_put_array(object, "guests");
    for (guint i = 0; i < snapshot->guests->len; i++)
        put_guest(guests, g_ptr_array_index(snapshot->guests, i), snapshot->topology.nodes,
                  snapshot->time_ns);
    return document;
}

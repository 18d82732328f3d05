/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/model.h"

/* A look counts as remote from this share of a cell's RAM away from home: 1 %, the noise of sampling. */
#define REMOTE_BP 100

/* What a vCPU thread did since the window began. */
typedef struct {
    gboolean run_known;
    guint64 run_ns;                  /* counter at the last look */
    int last_cpu;
    guint64 window_ns[VB_NODES_MAX]; /* run time by node */
    gint64 elapsed_ns;
} VcpuTrack;

/* A guest over time. */
typedef struct {
    VbGuest *facts;   /* of the last full look; its cells carry home and remote_seen */
    GPtrArray *sights; /* (element-type VbVcpuSight), of the last look */
    GArray *tracks;   /* (element-type VcpuTrack), as sights */
    gint64 seen_ns;
} GuestTrack;

struct VbModel {
    VbSnapshot *host;    /* without guests */
    GHashTable *guests;  /* uuid -> GuestTrack */
};

static void
guest_track_free(GuestTrack *track)
{
    vb_guest_free(track->facts);
    g_ptr_array_unref(track->sights);
    g_array_unref(track->tracks);
    g_free(track);
}

VbModel *
vb_model_new(void)
{
    VbModel *model = g_new0(VbModel, 1);
    model->host = vb_snapshot_new();
    model->guests = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                          (GDestroyNotify)guest_track_free);
    return model;
}

void
vb_model_free(VbModel *model)
{
    if (model == NULL)
        return;
    vb_snapshot_free(model->host);
    g_hash_table_unref(model->guests);
    g_free(model);
}

static GuestTrack *
guest_track_new(const VbGuest *facts)
{
    GuestTrack *track = g_new0(GuestTrack, 1);
    track->facts = vb_guest_copy(facts);
    track->sights = g_ptr_array_new_with_free_func((GDestroyNotify)vb_vcpu_sight_free);
    track->tracks = g_array_new(FALSE, TRUE, sizeof(VcpuTrack));
    return track;
}

static gboolean
same_process(const VbGuest *a, const VbGuest *b)
{
    return a->pid == b->pid && a->start_time == b->start_time;
}

static const VcpuTrack *
find_track(const GPtrArray *sights, const GArray *tracks, const VbVcpuSight *wanted)
{
    for (guint i = 0; i < sights->len; i++) {
        const VbVcpuSight *sight = g_ptr_array_index(sights, i);
        if (sight->id == wanted->id && sight->tid == wanted->tid)
            return &g_array_index(tracks, VcpuTrack, i);
    }
    return NULL;
}

/* Run time since the last look counts for the node of the CPU that the thread was last seen on. */
static VcpuTrack
advance(const VcpuTrack *before, const VbVcpuSight *sight, gint64 elapsed_ns,
        const VbTopology *topology)
{
    VcpuTrack track = {.last_cpu = -1};
    if (before != NULL) {
        track = *before;
        if (before->run_known && sight->run_known && sight->run_ns >= before->run_ns) {
            int node = sight->last_cpu >= 0
                           ? vb_topology_node_of_cpu(topology, (guint)sight->last_cpu)
                           : VB_NO_NODE;
            if (node != VB_NO_NODE)
                track.window_ns[node] += sight->run_ns - before->run_ns;
            track.elapsed_ns += elapsed_ns;
        }
    }
    track.run_known = sight->run_known;
    track.run_ns = sight->run_ns;
    track.last_cpu = sight->last_cpu;
    return track;
}

static void
fold_vcpus(GuestTrack *track, const GPtrArray *sights, gint64 now_ns, const VbTopology *topology)
{
    g_autoptr(GArray) tracks = g_array_new(FALSE, TRUE, sizeof(VcpuTrack));
    g_autoptr(GPtrArray) copies =
        g_ptr_array_new_with_free_func((GDestroyNotify)vb_vcpu_sight_free);
    for (guint i = 0; i < sights->len; i++) {
        const VbVcpuSight *sight = g_ptr_array_index(sights, i);
        VcpuTrack next = advance(find_track(track->sights, track->tracks, sight), sight,
                                 now_ns - track->seen_ns, topology);
        g_array_append_val(tracks, next);
        g_ptr_array_add(copies, g_memdup2(sight, sizeof *sight));
    }
    g_array_unref(track->tracks);
    g_ptr_array_unref(track->sights);
    track->tracks = g_steal_pointer(&tracks);
    track->sights = g_steal_pointer(&copies);
    track->seen_ns = now_ns;
}

static VbCell *
find_cell(const VbGuest *guest, guint id)
{
    for (guint i = 0; i < guest->cells->len; i++) {
        VbCell *cell = g_ptr_array_index(guest->cells, i);
        if (cell->id == id)
            return cell;
    }
    return NULL;
}

/* The node whose CPUs hold every vCPU's affinity: where our own pins say the home is. */
static VbNodeSet
pinned_home(const GPtrArray *sights, const VbTopology *topology)
{
    int id;
    if (sights->len == 0 || vb_nodeset_count(topology->nodes) < 2)
        return 0;
    VB_NODESET_FOREACH(id, topology->nodes)
    {
        guint inside = 0;
        for (guint i = 0; i < sights->len; i++) {
            const VbVcpuSight *sight = g_ptr_array_index(sights, i);
            inside += sight->affinity_known &&
                      vb_cpuset_within(&sight->affinity, &topology->node[id].cpus);
        }
        if (inside == sights->len)
            return VB_NODE_BIT(id);
    }
    return 0;
}

static guint64
bytes_off(const VbCell *cell, VbNodeSet nodes)
{
    guint64 bytes = 0;
    for (guint node = 0; node < VB_NODES_MAX; node++)
        if ((nodes & VB_NODE_BIT(node)) == 0)
            bytes += cell->by_node[node];
    return bytes;
}

/* Homes and counts outlive a look; a guest of ours that the model does not know keeps its pins' home. */
static void
carry_state(GuestTrack *track, const VbGuest *before, const GPtrArray *sights,
            const VbTopology *topology)
{
    VbNodeSet pinned = track->facts->owner == VB_OWNER_OURS ? pinned_home(sights, topology) : 0;
    for (guint i = 0; i < track->facts->cells->len; i++) {
        VbCell *cell = g_ptr_array_index(track->facts->cells, i);
        const VbCell *old = before != NULL ? find_cell(before, cell->id) : NULL;
        cell->home = old != NULL && old->home != 0 ? old->home : pinned;
        cell->remote_seen = old != NULL ? old->remote_seen : 0;
        if (!cell->residency_known)
            continue;
        /* Without a home, a single node that holds everything is the only place that is not remote. */
        guint64 off = cell->home != 0 ? bytes_off(cell, cell->home) : cell->present_bytes;
        gboolean remote = off * VB_BP > cell->present_bytes * REMOTE_BP;
        cell->remote_seen = remote ? cell->remote_seen + 1 : 0;
    }
    track->facts->last_move_ns = before != NULL ? before->last_move_ns : 0;
}

static void
fold_host(VbModel *model, const VbObservation *observation)
{
    model->host->topology = observation->topology;
    for (guint i = 0; i < VB_NODES_MAX; i++)
        model->host->reserve_bytes[i] = observation->reserve_bytes[i];
    g_free(model->host->rival);
    model->host->rival = g_strdup(observation->rival);
    model->host->kernel_balancing = observation->kernel_balancing;
}

static void
fold_full(VbModel *model, const VbObservation *observation)
{
    g_autoptr(GHashTable) before = g_steal_pointer(&model->guests);
    model->guests = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                          (GDestroyNotify)guest_track_free);
    fold_host(model, observation);
    for (guint i = 0; i < observation->guests->len; i++) {
        const VbGuestSight *sight = g_ptr_array_index(observation->guests, i);
        g_autofree char *key = NULL;
        GuestTrack *track = NULL;
        if (g_hash_table_steal_extended(before, sight->facts->uuid, (gpointer *)&key,
                                        (gpointer *)&track) &&
            !same_process(track->facts, sight->facts))
            g_clear_pointer(&track, guest_track_free);
        if (track == NULL) {
            track = guest_track_new(sight->facts);
            carry_state(track, NULL, sight->vcpus, &observation->topology);
            track->seen_ns = observation->time_ns;
        } else {
            g_autoptr(VbGuest) old = g_steal_pointer(&track->facts);
            track->facts = vb_guest_copy(sight->facts);
            carry_state(track, old, sight->vcpus, &observation->topology);
        }
        fold_vcpus(track, sight->vcpus, observation->time_ns, &observation->topology);
        g_hash_table_replace(model->guests, g_strdup(sight->facts->uuid), track);
    }
}

void
vb_model_fold(VbModel *model, const VbObservation *observation)
{
    model->host->time_ns = observation->time_ns;
    if (observation->depth == VB_LOOK_FULL) {
        fold_full(model, observation);
        return;
    }
    for (guint i = 0; i < observation->guests->len; i++) {
        const VbGuestSight *sight = g_ptr_array_index(observation->guests, i);
        GuestTrack *track = g_hash_table_lookup(model->guests, sight->facts->uuid);
        if (track != NULL && same_process(track->facts, sight->facts))
            fold_vcpus(track, sight->vcpus, observation->time_ns, &model->host->topology);
    }
}

void
vb_model_begin_window(VbModel *model)
{
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, model->guests);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        GuestTrack *guest = value;
        for (guint i = 0; i < guest->tracks->len; i++) {
            VcpuTrack *track = &g_array_index(guest->tracks, VcpuTrack, i);
            for (guint node = 0; node < VB_NODES_MAX; node++)
                track->window_ns[node] = 0;
            track->elapsed_ns = 0;
        }
    }
}

static void
note_action(GuestTrack *track, const VbAction *action, gint64 now_ns)
{
    track->facts->last_move_ns = now_ns;
    for (guint i = 0; i < track->facts->cells->len; i++) {
        VbCell *cell = g_ptr_array_index(track->facts->cells, i);
        if (action->kind == VB_ACTION_MOVE && cell->id == action->cell)
            cell->remote_seen = 0;
        if (action->kind == VB_ACTION_PIN && g_str_has_prefix(action->thread, "vcpu"))
            cell->home = VB_NODE_BIT(action->to);
    }
}

void
vb_model_note(VbModel *model, const VbPlan *plan, const GPtrArray *outcomes, gint64 now_ns)
{
    for (guint i = 0; i < outcomes->len; i++) {
        const VbOutcome *outcome = g_ptr_array_index(outcomes, i);
        const VbAction *action = g_ptr_array_index(plan->actions, outcome->action);
        GuestTrack *track = g_hash_table_lookup(model->guests, action->uuid);
        if (track != NULL &&
            (outcome->result == VB_RESULT_DONE || outcome->result == VB_RESULT_PARTIAL))
            note_action(track, action, now_ns);
    }
}

/* Shares that sum to exactly VB_BP: what rounding leaves goes to the largest. */
static void
shares_of(const guint64 *window_ns, guint64 total, guint *share_bp)
{
    guint sum = 0, top = 0;
    for (guint node = 0; node < VB_NODES_MAX; node++) {
        share_bp[node] = (guint)((unsigned __int128)window_ns[node] * VB_BP / total);
        sum += share_bp[node];
        if (window_ns[node] > window_ns[top])
            top = node;
    }
    share_bp[top] += VB_BP - sum;
}

/* A vCPU that did not run in the window is where it last ran. */
static VbVcpu *
vcpu_of(const VbVcpuSight *sight, const VcpuTrack *track, const VbTopology *topology)
{
    VbVcpu *vcpu = vb_vcpu_new();
    vcpu->id = sight->id;
    vcpu->tid = sight->tid;
    vcpu->cell = sight->cell;
    vcpu->affinity_known = sight->affinity_known;
    vcpu->affinity = sight->affinity;
    guint64 total = 0;
    for (guint node = 0; node < VB_NODES_MAX; node++)
        total += track->window_ns[node];
    int last = track->last_cpu >= 0 ? vb_topology_node_of_cpu(topology, (guint)track->last_cpu)
                                    : VB_NO_NODE;
    if (total > 0) {
        vcpu->share_known = TRUE;
        shares_of(track->window_ns, total, vcpu->share_bp);
    } else if (last != VB_NO_NODE) {
        vcpu->share_known = TRUE;
        vcpu->share_bp[last] = VB_BP;
    }
    if (track->run_known && track->elapsed_ns > 0) {
        vcpu->busy_known = TRUE;
        vcpu->busy_bp =
            (guint)MIN((unsigned __int128)total * VB_BP / (guint64)track->elapsed_ns, VB_BP);
    }
    return vcpu;
}

VbSnapshot *
vb_model_snapshot(const VbModel *model)
{
    VbSnapshot *snapshot = vb_snapshot_copy(model->host);
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, model->guests);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const GuestTrack *track = value;
        VbGuest *guest = vb_guest_copy(track->facts);
        for (guint i = 0; i < track->sights->len; i++)
            g_ptr_array_add(guest->vcpus,
                            vcpu_of(g_ptr_array_index(track->sights, i),
                                    &g_array_index(track->tracks, VcpuTrack, i),
                                    &snapshot->topology));
        g_ptr_array_add(snapshot->guests, guest);
    }
    vb_snapshot_sort(snapshot);
    return snapshot;
}

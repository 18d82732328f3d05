/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/model_private.h"
#include "core/home.h"
#include "core/statistics.h"
#include "core/stuck.h"

/* A look counts as remote from this share of a cell's RAM away from home: 1 %, the noise of sampling. */
#define REMOTE_BP 100

/* So many looks may miss a guest that something was done to: the one under way when it started, another. */
#define STRANGER_LOOKS 2

void
vb_guest_track_free(VbGuestTrack *track)
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
                                          (GDestroyNotify)vb_guest_track_free);
    model->strangers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return model;
}

void
vb_model_free(VbModel *model)
{
    if (model == NULL)
        return;
    vb_snapshot_free(model->host);
    g_hash_table_unref(model->guests);
    g_hash_table_unref(model->strangers);
    g_free(model);
}

VbGuestTrack *
vb_guest_track_new(const VbGuest *facts)
{
    VbGuestTrack *track = g_new0(VbGuestTrack, 1);
    track->facts = vb_guest_copy(facts);
    track->sights = g_ptr_array_new_with_free_func((GDestroyNotify)vb_vcpu_sight_free);
    track->tracks = g_array_new(FALSE, TRUE, sizeof(VbVcpuTrack));
    return track;
}

static gboolean
same_process(const VbGuest *a, const VbGuest *b)
{
    return a->pid == b->pid && a->start_time == b->start_time;
}

static const VbVcpuTrack *
find_track(const GPtrArray *sights, const GArray *tracks, const VbVcpuSight *wanted)
{
    for (guint i = 0; i < sights->len; i++) {
        const VbVcpuSight *sight = g_ptr_array_index(sights, i);
        if (sight->id == wanted->id && sight->tid == wanted->tid)
            return &g_array_index(tracks, VbVcpuTrack, i);
    }
    return NULL;
}

static void
fold_vcpus(VbGuestTrack *track, const GPtrArray *sights, gint64 now_ns, const VbTopology *topology)
{
    g_autoptr(GArray) tracks = g_array_new(FALSE, TRUE, sizeof(VbVcpuTrack));
    g_autoptr(GPtrArray) copies =
        g_ptr_array_new_with_free_func((GDestroyNotify)vb_vcpu_sight_free);
    for (guint i = 0; i < sights->len; i++) {
        const VbVcpuSight *sight = g_ptr_array_index(sights, i);
        VbVcpuTrack next = vb_vcpu_track_advance(find_track(track->sights, track->tracks, sight), sight,
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

static const VbVcpuSight *
find_sight(const GPtrArray *sights, const VbVcpuSight *wanted)
{
    for (guint i = 0; i < sights->len; i++) {
        const VbVcpuSight *sight = g_ptr_array_index(sights, i);
        if (sight->id == wanted->id && sight->tid == wanted->tid)
            return sight;
    }
    return NULL;
}

/* A look at threads brings counters only; a thread that it missed is there, but unread. */
static void
fold_counters(VbGuestTrack *track, const GPtrArray *counters, gint64 now_ns,
              const VbTopology *topology)
{
    g_autoptr(GPtrArray) sights =
        g_ptr_array_new_with_free_func((GDestroyNotify)vb_vcpu_sight_free);
    for (guint i = 0; i < track->sights->len; i++) {
        const VbVcpuSight *known = g_ptr_array_index(track->sights, i);
        const VbVcpuSight *counter = find_sight(counters, known);
        VbVcpuSight *sight = g_memdup2(known, sizeof *known);
        sight->run_known = counter != NULL && counter->run_known;
        sight->run_ns = counter != NULL ? counter->run_ns : 0;
        sight->wait_known = counter != NULL && counter->wait_known;
        sight->wait_ns = counter != NULL ? counter->wait_ns : 0;
        sight->last_cpu = counter != NULL ? counter->last_cpu : known->last_cpu;
        g_ptr_array_add(sights, sight);
    }
    fold_vcpus(track, sights, now_ns, topology);
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

/* The one node that holds a thread, VB_NO_NODE if none or several do. */
static int
held_by(const VbVcpuSight *sight, const VbTopology *topology)
{
    VbNodeSet nodes = sight->affinity_known
                          ? vb_topology_nodes_of_cpus(topology, &sight->affinity)
                          : 0;
    return vb_nodeset_count(nodes) == 1 ? vb_nodeset_first(nodes) : VB_NO_NODE;
}

/*
 * A guest that the model does not know, but that vmbalancer may have placed before it was restarted: the
 * nodes that hold its vCPUs are the homes. (A bounded guest that its owner holds to one node can
 * live nowhere else anyway.)
 */
static void
recover_homes(VbGuest *guest, const GPtrArray *sights, const VbTopology *topology)
{
    g_autofree VbHomeVote *votes = vb_home_votes_new(guest);
    if ((guest->owner != VB_OWNER_OURS && guest->owner != VB_OWNER_BOUNDED) ||
        vb_nodeset_count(topology->nodes) < 2)
        return;
    for (guint i = 0; i < sights->len; i++) {
        const VbVcpuSight *sight = g_ptr_array_index(sights, i);
        int node = held_by(sight, topology);
        if (node == VB_NO_NODE)
            return;
        vb_home_vote(votes, guest, sight->cell, node);
    }
    vb_home_settle(guest, votes);
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

/* A cell without a home yet is away from wherever that will be. */
static gboolean
is_remote(const VbCell *cell)
{
    guint64 off = cell->home != 0 ? bytes_off(cell, cell->home) : cell->present_bytes;
    return (unsigned __int128)off * VB_BP > (unsigned __int128)cell->present_bytes * REMOTE_BP;
}

/* The node with most of the cell's RAM; of equals the lowest. */
static int
top_of(const VbCell *cell)
{
    int top = VB_NO_NODE;
    for (int node = 0; node < VB_NODES_MAX; node++)
        if (cell->by_node[node] > (top != VB_NO_NODE ? cell->by_node[top] : 0))
            top = node;
    return top;
}

/* How often in a row the same node was seen to hold most. */
static void
count_top(VbCell *cell, const VbCell *old)
{
    cell->top = old != NULL ? old->top : VB_NO_NODE;
    cell->top_seen = old != NULL ? old->top_seen : 0;
    if (!cell->residency_known)
        return;
    int top = top_of(cell);
    cell->top_seen = top != VB_NO_NODE && top == cell->top ? cell->top_seen + 1 : top != VB_NO_NODE;
    cell->top = top;
}

/* Homes and counts outlive a look. */
static void
carry_state(VbGuestTrack *track, const VbGuest *before, const GPtrArray *sights,
            const VbObservation *observation)
{
    const VbTopology *topology = &observation->topology;
    VbGuest *guest = track->facts;
    for (guint i = 0; i < guest->cells->len; i++) {
        VbCell *cell = g_ptr_array_index(guest->cells, i);
        const VbCell *old = before != NULL ? find_cell(before, cell->id) : NULL;
        cell->home = old != NULL ? old->home & topology->nodes : 0;
        cell->remote_seen = old != NULL ? old->remote_seen : 0;
        count_top(cell, old);
        vb_stuck_carry(cell, old, observation->time_ns);
    }
    if (vb_guest_home(guest) == 0)
        recover_homes(guest, sights, topology);
    for (guint i = 0; i < guest->cells->len; i++) {
        VbCell *cell = g_ptr_array_index(guest->cells, i);
        if (cell->residency_known)
            cell->remote_seen = is_remote(cell) ? cell->remote_seen + 1 : 0;
    }
    guest->last_move_ns = before != NULL ? before->last_move_ns : 0;
    guest->statistics = before != NULL ? before->statistics : (VbStatistics){0};
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

/* A look at all: where the accesses of each vCPU go. */
static void
fold_access(VbGuestTrack *track)
{
    for (guint i = 0; i < track->sights->len; i++) {
        const VbVcpuSight *sight = g_ptr_array_index(track->sights, i);
        vb_vcpu_track_access(&g_array_index(track->tracks, VbVcpuTrack, i), sight, track->facts);
    }
}

static void
show_stuck(gpointer cell, gpointer unused)
{
    vb_stuck_show(cell);
}

/* The guest as a snapshot shows it: facts, and vCPUs over the window. */
static VbGuest *
guest_of(const VbGuestTrack *track, const VbTopology *topology)
{
    VbGuest *guest = vb_guest_copy(track->facts);
    guest->selected = guest->forced = FALSE;
    g_ptr_array_foreach(guest->cells, show_stuck, NULL);
    for (guint i = 0; i < track->sights->len; i++)
        g_ptr_array_add(guest->vcpus, vb_vcpu_track_show(&g_array_index(track->tracks, VbVcpuTrack, i),
                                                         g_ptr_array_index(track->sights, i),
                                              topology));
    return guest;
}

/* A guest's first look: what was done to it before that is its own. */
static void
begin_statistics(VbModel *model, VbGuestTrack *track, gint64 now_ns)
{
    VbStatistics *statistics = &track->facts->statistics;
    const VbStranger *stranger = g_hash_table_lookup(model->strangers, track->facts->uuid);
    if (stranger != NULL)
        *statistics = stranger->statistics;
    statistics->since_ns = now_ns;
    track->full_ns = now_ns;
}

static void
watch(VbGuestTrack *track, gint64 now_ns, const VbTopology *topology)
{
    g_autoptr(VbGuest) guest = guest_of(track, topology);
    vb_statistics_watch(&track->facts->statistics, guest, now_ns - track->full_ns);
    track->full_ns = now_ns;
}

/* Those that are known by now, or never came. */
static gboolean
is_no_stranger(gpointer uuid, gpointer stranger, gpointer model)
{
    return g_hash_table_contains(((VbModel *)model)->guests, uuid) ||
           ++((VbStranger *)stranger)->looks >= STRANGER_LOOKS;
}

static void
fold_full(VbModel *model, const VbObservation *observation)
{
    g_autoptr(GHashTable) before = g_steal_pointer(&model->guests);
    model->guests = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                          (GDestroyNotify)vb_guest_track_free);
    fold_host(model, observation);
    for (guint i = 0; i < observation->guests->len; i++) {
        const VbGuestSight *sight = g_ptr_array_index(observation->guests, i);
        g_autofree char *key = NULL;
        VbGuestTrack *track = NULL;
        if (g_hash_table_steal_extended(before, sight->facts->uuid, (gpointer *)&key,
                                        (gpointer *)&track) &&
            !same_process(track->facts, sight->facts))
            g_clear_pointer(&track, vb_guest_track_free);
        if (track == NULL) {
            track = vb_guest_track_new(sight->facts);
            carry_state(track, NULL, sight->vcpus, observation);
            begin_statistics(model, track, observation->time_ns);
            track->seen_ns = observation->time_ns;
        } else {
            g_autoptr(VbGuest) old = g_steal_pointer(&track->facts);
            track->facts = vb_guest_copy(sight->facts);
            carry_state(track, old, sight->vcpus, observation);
        }
        fold_vcpus(track, sight->vcpus, observation->time_ns, &observation->topology);
        fold_access(track);
        watch(track, observation->time_ns, &observation->topology);
        g_hash_table_replace(model->guests, g_strdup(sight->facts->uuid), track);
    }
    g_hash_table_foreach_remove(model->strangers, is_no_stranger, model);
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
        VbGuestTrack *track = g_hash_table_lookup(model->guests, sight->facts->uuid);
        if (track != NULL && same_process(track->facts, sight->facts))
            fold_counters(track, sight->vcpus, observation->time_ns, &model->host->topology);
    }
}

void
vb_model_begin_window(VbModel *model)
{
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, model->guests);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        VbGuestTrack *guest = value;
        for (guint i = 0; i < guest->tracks->len; i++)
            vb_vcpu_track_begin_window(&g_array_index(guest->tracks, VbVcpuTrack, i));
    }
}

static void
note_action(VbGuestTrack *track, const VbAction *action, VbHomeVote *votes, gint64 now_ns)
{
    VbCell *moved = action->kind == VB_ACTION_MOVE ? find_cell(track->facts, action->cell) : NULL;
    track->facts->last_move_ns = now_ns;
    if (moved != NULL)
        moved->remote_seen = 0;
    for (guint i = 0; action->kind == VB_ACTION_PIN && i < track->sights->len; i++) {
        const VbVcpuSight *sight = g_ptr_array_index(track->sights, i);
        g_autofree char *name = g_strdup_printf("vcpu%u", sight->id);
        if (g_str_equal(name, action->thread))
            vb_home_vote(votes, track->facts, sight->cell, action->to);
    }
}

static void
note_guest(VbGuestTrack *track, const VbPlan *plan, const GPtrArray *outcomes, gint64 now_ns,
           const VbSnapshot *host)
{
    g_autofree VbHomeVote *votes = vb_home_votes_new(track->facts);
    for (guint i = 0; i < track->sights->len; i++)
        vb_home_vote(votes, track->facts,
                     ((const VbVcpuSight *)g_ptr_array_index(track->sights, i))->cell, VB_NO_NODE);
    for (guint i = 0; i < outcomes->len; i++) {
        const VbOutcome *outcome = g_ptr_array_index(outcomes, i);
        if (outcome->action >= plan->actions->len || !vb_outcome_acted(outcome))
            continue;
        const VbAction *action = g_ptr_array_index(plan->actions, outcome->action);
        if (g_str_equal(action->uuid, track->facts->uuid))
            note_action(track, action, votes, now_ns);
    }
    vb_home_settle(track->facts, votes);
    for (guint i = 0; i < track->facts->cells->len; i++)
        vb_stuck_note(g_ptr_array_index(track->facts->cells, i), host->topology.nodes,
                      track->facts->uuid, plan, outcomes, host->time_ns);
    vb_statistics_note(&track->facts->statistics, plan, outcomes, track->facts->uuid);
}

/* Guests that no look has shown yet are counted for all the same. */
static void
note_strangers(VbModel *model, const VbPlan *plan, const GPtrArray *outcomes)
{
    g_autoptr(GHashTable) noted = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < plan->actions->len; i++) {
        const VbAction *action = g_ptr_array_index(plan->actions, i);
        if (g_hash_table_contains(model->guests, action->uuid) ||
            !g_hash_table_add(noted, action->uuid))
            continue;
        VbStranger *stranger = g_hash_table_lookup(model->strangers, action->uuid);
        if (stranger == NULL) {
            stranger = g_new0(VbStranger, 1);
            g_hash_table_insert(model->strangers, g_strdup(action->uuid), stranger);
        }
        vb_statistics_note(&stranger->statistics, plan, outcomes, action->uuid);
    }
}

void
vb_model_note(VbModel *model, const VbPlan *plan, const GPtrArray *outcomes, gint64 now_ns)
{
    GHashTableIter iter;
    gpointer track;
    g_hash_table_iter_init(&iter, model->guests);
    while (g_hash_table_iter_next(&iter, NULL, &track))
        note_guest(track, plan, outcomes, now_ns, model->host);
    note_strangers(model, plan, outcomes);
}

VbSnapshot *
vb_model_snapshot(const VbModel *model)
{
    VbSnapshot *snapshot = vb_snapshot_copy(model->host);
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, model->guests);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        g_ptr_array_add(snapshot->guests, guest_of(value, &snapshot->topology));
    }
    vb_snapshot_sort(snapshot);
    return snapshot;
}

void
vb_model_lean(VbModel *model, const VbPlan *plan)
{
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, model->guests);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        VbGuestTrack *guest = value;
        for (guint i = 0; i < guest->sights->len; i++) {
            const VbVcpuSight *sight = g_ptr_array_index(guest->sights, i);
            vb_vcpu_track_lean(&g_array_index(guest->tracks, VbVcpuTrack, i),
                               vb_plan_intent(plan, guest->facts->uuid, sight->id));
        }
    }
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/tick_event.h"
#include "sim/recorded_parts.h"
#include "sim/world.h"
#include <string.h>

/* A scenario's guests wait for memory for that share of their time, where nobody says otherwise. */
#define MEMORY_BP 4000
/* No host is up for so long: what says so is no clock. */
#define CLOCK_MAX_NS (G_MAXINT64 / 1024)

static void
guest_free(gpointer data)
{
    VbRecordedGuest *guest = data;
    vb_guest_free(guest->first);
    g_array_unref(guest->samples);
    g_free(guest);
}

/* --- guests --------------------------------------------------------------------------------- */

static guint64
run_of(const VbGuestSight *sight)
{
    guint64 run_ns = 0;
    for (guint i = 0; i < sight->vcpus->len; i++) {
        const VbVcpuSight *vcpu = g_ptr_array_index(sight->vcpus, i);
        run_ns += vcpu->run_known ? vcpu->run_ns : 0;
    }
    return run_ns;
}

static void
see_residency(VbRecordedGuest *guest, const VbGuest *facts)
{
    memset(guest->end, 0, sizeof guest->end);
    guest->present_bytes = vb_guest_present_bytes(facts);
    for (guint c = 0; c < facts->cells->len; c++)
        for (guint n = 0; n < VB_NODES_MAX; n++)
            guest->end[n] += ((const VbCell *)g_ptr_array_index(facts->cells, c))->by_node[n];
}

static void
arrive(VbRecorded *recorded, const VbGuestSight *sight, gint64 now_ns)
{
    VbRecordedGuest *guest = g_new0(VbRecordedGuest, 1);
    guest->first = vb_guest_copy(sight->facts);
    guest->vcpus = sight->vcpus->len;
    guest->arrived_ns = guest->seen_ns = now_ns;
    guest->run_ns = run_of(sight);
    guest->samples = g_array_new(FALSE, TRUE, sizeof(VbRecordedSample));
    for (guint i = 0; i < sight->vcpus->len; i++) {
        const VbVcpuSight *vcpu = g_ptr_array_index(sight->vcpus, i);
        int node = vcpu->last_cpu >= 0
                       ? vb_topology_node_of_cpu(&recorded->topology, (guint)vcpu->last_cpu)
                       : VB_NO_NODE;
        guest->ran_on |= node >= 0 ? VB_NODE_BIT(node) : 0;
    }
    see_residency(guest, sight->facts);
    g_ptr_array_add(recorded->guests, guest);
    g_hash_table_insert(recorded->here, guest->first->uuid, guest);
}

static void
stay(VbRecordedGuest *guest, const VbGuestSight *sight, gint64 now_ns)
{
    guint64 run_ns = run_of(sight), before_bytes = guest->present_bytes;
    see_residency(guest, sight->facts);
    VbRecordedSample sample = {
        .from_ns = guest->seen_ns,
        .to_ns = now_ns,
        /* Of a thread that began anew all is since then. */
        .run_ns = MIN(run_ns >= guest->run_ns ? run_ns - guest->run_ns : run_ns,
                      (guint64)(now_ns - guest->seen_ns) * guest->vcpus),
        .touched_bytes = guest->present_bytes > before_bytes ? guest->present_bytes - before_bytes : 0,
    };
    guest->seen_ns = now_ns;
    guest->run_ns = run_ns;
    if (sample.to_ns > sample.from_ns)
        g_array_append_val(guest->samples, sample);
}

static gboolean
is_gone(gpointer uuid, gpointer guest, gpointer now_ns)
{
    return ((const VbRecordedGuest *)guest)->seen_ns != *(const gint64 *)now_ns;
}

/* --- the host's sums ------------------------------------------------------------------------ */

/* Mean distance of its accesses, 1000 for local ones, as vb_guest_locality() has them spread. */
static guint64
distance_of(const VbSnapshot *snapshot, const VbGuest *guest)
{
    guint64 sum = 0, weights = 0;
    for (guint i = 0; i < guest->vcpus->len; i++) {
        const VbVcpu *vcpu = g_ptr_array_index(guest->vcpus, i);
        const VbCell *cell = g_ptr_array_index(guest->cells, vcpu->cell);
        guint64 mib = cell->present_bytes >> 20, far = 0;
        int from, to;
        VB_NODESET_FOREACH(from, snapshot->topology.nodes)
        VB_NODESET_FOREACH(to, snapshot->topology.nodes)
        far += vcpu->share_bp[from] * (cell->by_node[to] >> 20) *
               snapshot->topology.node[from].distance[to];
        guint busy = vcpu->busy_known ? vcpu->busy_bp : VB_BP;
        sum += busy * (mib > 0 ? far / mib / (VB_BP / 100) : 1000);
        weights += busy;
    }
    return weights > 0 ? sum / weights : 1000;
}

static void
add_guest(VbMoment *now, const VbSnapshot *snapshot, const VbGuest *guest, guint64 run_ns)
{
    guint local_bp;
    if (run_ns == 0 || !vb_guest_locality(guest, &local_bp, NULL))
        return;
    guint64 stretch_permille =
        (VB_BP - MEMORY_BP + MEMORY_BP * MAX(distance_of(snapshot, guest), 1000) / 1000) / 10;
    guint64 work_ns = run_ns / MAX(stretch_permille, 1) * 1000;
    guint64 accesses = work_ns * MEMORY_BP / VB_BP * VB_WORLD_ACCESSES_PER_US / 1000;
    now->wanted_ns += run_ns;
    now->given_ns += run_ns;
    now->work_ns += work_ns;
    now->accesses += accesses;
    now->local += accesses / VB_BP * local_bp;
    now->worst_bp = MIN(now->worst_bp, local_bp);
}

static VbMoment
moment_after(const VbRecorded *recorded)
{
    VbMoment now = {0};
    if (recorded->moments->len > 0)
        now = g_array_index(recorded->moments, VbMoment, recorded->moments->len - 1);
    now.worst_bp = VB_BP;
    return now;
}

static void
note(VbRecorded *recorded, gint64 now_ns)
{
    VbMoment now = moment_after(recorded);
    g_autoptr(VbSnapshot) snapshot = vb_tick_snapshot(vb_replay_tick(recorded->replay));
    for (guint i = 0; i < snapshot->guests->len; i++) {
        const VbGuest *guest = g_ptr_array_index(snapshot->guests, i);
        const VbRecordedGuest *known = g_hash_table_lookup(recorded->here, guest->uuid);
        if (known == NULL || known->samples->len == 0)
            continue;
        const VbRecordedSample *sample =
            &g_array_index(known->samples, VbRecordedSample, known->samples->len - 1);
        if (sample->to_ns == now_ns)
            add_guest(&now, snapshot, guest, sample->run_ns);
    }
    now.time_ns = now_ns - recorded->first_ns;
    g_array_append_val(recorded->moments, now);
}

static void
see(VbRecorded *recorded, const VbObservation *seen)
{
    gint64 now_ns = seen->time_ns;
    if (seen->depth != VB_LOOK_FULL || now_ns < 0 || now_ns > CLOCK_MAX_NS ||
        (recorded->looks > 0 && now_ns <= recorded->last_ns))
        return;
    if (recorded->looks++ == 0) {
        recorded->topology = seen->topology;
        memcpy(recorded->reserve_bytes, seen->reserve_bytes, sizeof recorded->reserve_bytes);
        recorded->first_ns = now_ns;
    }
    recorded->last_ns = now_ns;
    for (guint i = 0; i < seen->guests->len; i++) {
        const VbGuestSight *sight = g_ptr_array_index(seen->guests, i);
        VbRecordedGuest *guest = g_hash_table_lookup(recorded->here, sight->facts->uuid);
        if (guest != NULL)
            stay(guest, sight, now_ns);
        else
            arrive(recorded, sight, now_ns);
    }
    g_hash_table_foreach_remove(recorded->here, is_gone, &now_ns);
    note(recorded, now_ns);
}

/* --- what was done -------------------------------------------------------------------------- */

static void
count_ping_pong(VbRecorded *recorded, VbMoment *now, const VbAction *action)
{
    g_autofree char *to = g_strdup_printf("%s %u %d", action->uuid, action->cell, action->to);
    char *from = g_strdup_printf("%s %u %d", action->uuid, action->cell, action->from);
    const gint64 *left_ns = g_hash_table_lookup(recorded->left, to);
    now->ping_pongs += left_ns != NULL && recorded->last_ns - *left_ns < VB_WORLD_PING_PONG_NS;
    g_hash_table_replace(recorded->left, from, g_memdup2(&recorded->last_ns, sizeof(gint64)));
}

/* The part of a plan that begins with one guest. */
static void
depart(VbRecorded *recorded, const VbPlan *plan, const char *uuid)
{
    gboolean moves = FALSE, pins = FALSE;
    if (recorded->moments->len == 0)
        return;
    VbMoment *now = &g_array_index(recorded->moments, VbMoment, recorded->moments->len - 1);
    for (guint i = 0; i < plan->actions->len; i++) {
        const VbAction *action = g_ptr_array_index(plan->actions, i);
        if (g_strcmp0(action->uuid, uuid) != 0)
            continue;
        pins = pins || action->kind == VB_ACTION_PIN;
        moves = moves || action->kind == VB_ACTION_MOVE;
        if (action->kind == VB_ACTION_MOVE)
            count_ping_pong(recorded, now, action);
    }
    now->pins += pins;
    now->moves += moves;
}

static void
hear(const VbTickEvent *event, gpointer data)
{
    VbRecorded *recorded = data;
    if (event->call == VB_TICK_FOLD)
        see(recorded, event->seen);
    if (event->call == VB_TICK_DEPART)
        depart(recorded, event->plan, event->uuid);
    for (guint i = 0; event->verdict != NULL && i < event->verdict->departing->len; i++) {
        const VbTrip *trip = g_ptr_array_index(event->verdict->departing, i);
        depart(recorded, trip->plan, trip->uuid);
    }
    if (event->call != VB_TICK_LAND || recorded->moments->len == 0)
        return;
    VbMoment *now = &g_array_index(recorded->moments, VbMoment, recorded->moments->len - 1);
    for (guint i = 0; i < event->outcomes->len; i++)
        now->moved_bytes += ((const VbOutcome *)g_ptr_array_index(event->outcomes, i))->bytes_moved;
}

/* --- the whole ------------------------------------------------------------------------------ */

VbRecorded *
vb_recorded_new(VbReplay *replay)
{
    VbRecorded *recorded = g_new0(VbRecorded, 1);
    recorded->replay = replay;
    recorded->guests = g_ptr_array_new_with_free_func(guest_free);
    recorded->here = g_hash_table_new(g_str_hash, g_str_equal);
    recorded->moments = g_array_new(FALSE, TRUE, sizeof(VbMoment));
    recorded->left = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    vb_replay_tap(replay, hear, recorded);
    return recorded;
}

void
vb_recorded_free(VbRecorded *recorded)
{
    if (recorded == NULL)
        return;
    g_hash_table_unref(recorded->here);
    g_ptr_array_unref(recorded->guests);
    g_array_unref(recorded->moments);
    g_hash_table_unref(recorded->left);
    g_free(recorded);
}

/* Bytes by node id as bytes by the node's number in the scenario. */
static void
number(const VbRecorded *recorded, const guint64 *by_id, guint64 *ret)
{
    guint count = 0;
    int id;
    VB_NODESET_FOREACH(id, recorded->topology.nodes)
    ret[count++] += by_id[id];
}

VbTrace *
vb_recorded_trace(const VbRecorded *recorded, const char *name)
{
    VbTrace *trace =
        vb_trace_new(name, VB_RECORDED_POLICY, 0, vb_nodeset_count(recorded->topology.nodes));
    g_array_append_vals(trace->moments, recorded->moments->data, recorded->moments->len);
    for (guint i = 0; i < recorded->guests->len; i++) {
        const VbRecordedGuest *guest = g_ptr_array_index(recorded->guests, i);
        VbTraceGuest *one = vb_trace_add_guest(trace, guest->first->name, guest->first->uuid,
                                               guest->arrived_ns - recorded->first_ns,
                                               VB_TRACE_MOMENTS);
        if (guest->seen_ns < recorded->last_ns)
            one->left_ns = guest->seen_ns - recorded->first_ns;
        for (guint c = 0; c < guest->first->cells->len; c++)
            number(recorded, ((const VbCell *)g_ptr_array_index(guest->first->cells, c))->by_node,
                   one->begin);
        number(recorded, guest->end, one->end);
    }
    return trace;
}

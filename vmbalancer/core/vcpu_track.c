/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/vcpu_track.h"

static int
node_of(const VbTopology *topology, int cpu)
{
    return cpu >= 0 ? vb_topology_node_of_cpu(topology, (guint)cpu) : VB_NO_NODE;
}

VbVcpuTrack
vb_vcpu_track_advance(const VbVcpuTrack *before, const VbVcpuSight *sight, gint64 elapsed_ns,
                      const VbTopology *topology)
{
    VbVcpuTrack track = {.last_cpu = -1, .intent = VB_NO_NODE};
    if (before != NULL)
        track = *before;
    if (before != NULL && before->run_known && sight->run_known && elapsed_ns > 0 &&
        sight->run_ns >= before->run_ns) {
        int node = node_of(topology, sight->last_cpu);
        if (node != VB_NO_NODE)
            track.window_ns[node] += sight->run_ns - before->run_ns;
        track.ran_ns += sight->run_ns - before->run_ns;
        track.elapsed_ns += elapsed_ns;
    }
    track.run_known = sight->run_known;
    track.run_ns = sight->run_ns;
    track.last_cpu = sight->last_cpu;
    return track;
}

void
vb_vcpu_track_begin_window(VbVcpuTrack *track)
{
    for (guint node = 0; node < VB_NODES_MAX; node++)
        track->window_ns[node] = 0;
    track->ran_ns = 0;
    track->elapsed_ns = 0;
}

void
vb_vcpu_track_access(VbVcpuTrack *track, const VbCell *cell)
{
    if (!cell->residency_known || cell->present_bytes == 0)
        return;
    for (guint node = 0; node < VB_NODES_MAX; node++)
        track->access[node] =
            track->access[node] / 2 +
            (guint)((unsigned __int128)cell->by_node[node] * VB_BP / cell->present_bytes);
}

void
vb_vcpu_track_lean(VbVcpuTrack *track, int node)
{
    track->intent_seen = node == VB_NO_NODE      ? 0
                         : node == track->intent ? track->intent_seen + 1
                                                 : 1;
    track->intent = node;
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

static void
show_state(VbVcpu *vcpu, const VbVcpuTrack *track)
{
    guint64 access[VB_NODES_MAX], total = 0;
    for (guint node = 0; node < VB_NODES_MAX; node++) {
        access[node] = track->access[node];
        total += access[node];
    }
    vcpu->access_known = total > 0;
    if (vcpu->access_known)
        shares_of(access, total, vcpu->access_bp);
    vcpu->intent = track->intent;
    vcpu->intent_seen = track->intent_seen;
}

VbVcpu *
vb_vcpu_track_show(const VbVcpuTrack *track, const VbVcpuSight *sight, const VbTopology *topology)
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
    int last = node_of(topology, track->last_cpu);
    if (total > 0) {
        vcpu->share_known = TRUE;
        shares_of(track->window_ns, total, vcpu->share_bp);
    } else if (last != VB_NO_NODE) {
        vcpu->share_known = TRUE;
        vcpu->share_bp[last] = VB_BP;
    }
    if (track->run_known && track->elapsed_ns > 0) {
        vcpu->busy_known = TRUE;
        vcpu->busy_bp = (guint)MIN(
            (unsigned __int128)track->ran_ns * VB_BP / (guint64)track->elapsed_ns, VB_BP);
    }
    show_state(vcpu, track);
    return vcpu;
}

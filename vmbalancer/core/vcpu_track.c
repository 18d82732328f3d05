/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/vcpu_track.h"
#include <string.h>

/* Of so many a share is known to 10 points (95 %, the worst case), and QEMU's own pages are few. */
#define FAULTS_MIN 100
/* More pages than an address space has, and more bytes of a cell than a node: all sums of them fit. */
#define FAULTS_MAX (G_GUINT64_CONSTANT(1) << 48)
#define RAM_MAX (G_GUINT64_CONSTANT(1) << 51)
/* A node with less than this share of a guest's RAM has nothing to be accessed: the noise of sampling. */
#define GONE_BP 100
#define SMALL_PAGE 4096

static int
node_of(const VbTopology *topology, int cpu)
{
    return cpu >= 0 ? vb_topology_node_of_cpu(topology, (guint)cpu) : VB_NO_NODE;
}

/* @part of @whole in bp, rounded down. */
static guint
part_of(guint64 part, guint64 whole)
{
    return (guint)((unsigned __int128)part * VB_BP / whole);
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
    if (before != NULL && before->wait_known && sight->wait_known && elapsed_ns > 0 &&
        sight->wait_ns >= before->wait_ns) {
        track.waited_ns += sight->wait_ns - before->wait_ns;
        track.wait_elapsed_ns += elapsed_ns;
    }
    track.wait_known = sight->wait_known;
    track.wait_ns = sight->wait_ns;
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
    track->waited_ns = 0;
    track->wait_elapsed_ns = 0;
}

/* Of RAM alone: its own cell, evenly. */
static void
fold_residency(VbVcpuTrack *track, const VbCell *cell)
{
    if (!cell->residency_known || cell->present_bytes == 0)
        return;
    for (guint node = 0; node < VB_NODES_MAX; node++)
        track->access[node] = track->access[node] / 2 + part_of(cell->by_node[node], cell->present_bytes);
}

/* The guest's RAM by node. Returns: FALSE if it is not known, or not such as the kernel faults on. */
static gboolean
ram_of(const VbGuest *guest, guint64 *ram, guint64 *ret_sum)
{
    guint64 sum = 0;
    if (guest->cells->len > VB_CELLS_MAX)
        return FALSE;
    for (guint i = 0; i < guest->cells->len; i++) {
        const VbCell *cell = g_ptr_array_index(guest->cells, i);
        /* Hugepages never fault: what does is QEMU's own. */
        if (!cell->residency_known || cell->page_size > SMALL_PAGE)
            return FALSE;
        for (guint node = 0; node < VB_NODES_MAX; node++) {
            guint64 bytes = MIN(cell->by_node[node], RAM_MAX);
            ram[node] += bytes;
            sum += bytes;
        }
    }
    *ret_sum = sum;
    return sum > 0;
}

/*
 * Its faults by node, those that still mean something: pages that left a node since took their
 * accesses along, but the kernel's numbers stay until it scans again. Returns: their sum, 0 if they
 * are too few.
 */
static guint64
count_faults(const VbVcpuSight *sight, const guint64 *ram, guint64 ram_sum, guint64 *faults,
             guint64 *ret_private)
{
    guint64 sum = 0;
    *ret_private = 0;
    for (guint node = 0; node < VB_NODES_MAX; node++) {
        guint64 own = MIN(sight->private_faults[node], FAULTS_MAX);
        faults[node] = 0;
        if (part_of(ram[node], ram_sum) < GONE_BP)
            continue;
        faults[node] = own + MIN(sight->shared_faults[node], FAULTS_MAX);
        *ret_private += own;
        sum += faults[node];
    }
    return sum >= FAULTS_MIN ? sum : 0;
}

/* Each node's accesses go to the cells by what they have of the RAM there. */
static void
fold_cells(VbVcpuTrack *track, const VbGuest *guest, const guint64 *ram)
{
    for (guint i = 0; i < guest->cells->len; i++) {
        const VbCell *cell = g_ptr_array_index(guest->cells, i);
        guint64 weight = 0;
        for (guint node = 0; node < VB_NODES_MAX; node++)
            if (ram[node] > 0)
                weight += (guint64)track->access[node] / 2 *
                          part_of(MIN(cell->by_node[node], RAM_MAX), ram[node]);
        track->cell[i] = track->cell[i] / 2 + (guint)(weight / VB_BP);
    }
}

void
vb_vcpu_track_access(VbVcpuTrack *track, const VbVcpuSight *sight, const VbGuest *guest)
{
    guint64 ram[VB_NODES_MAX] = {0}, faults[VB_NODES_MAX], ram_sum = 0, own = 0;
    guint64 sum = sight->faults_known && ram_of(guest, ram, &ram_sum)
                      ? count_faults(sight, ram, ram_sum, faults, &own)
                      : 0;
    track->faults_known = sum > 0;
    if (!track->faults_known) {
        memset(track->cell, 0, sizeof track->cell);
        if (sight->cell >= 0 && (guint)sight->cell < guest->cells->len)
            fold_residency(track, g_ptr_array_index(guest->cells, (guint)sight->cell));
        return;
    }
    /* Twice the share: what the other way comes to in the end, so that one can follow the other. */
    for (guint node = 0; node < VB_NODES_MAX; node++)
        track->access[node] = 2 * part_of(faults[node], sum);
    track->private_bp = part_of(own, sum);
    fold_cells(track, guest, ram);
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

/* As shares of one, those that by cell. */
static void
show_cells(VbVcpu *vcpu, const VbVcpuTrack *track)
{
    guint64 cell[VB_NODES_MAX], total = 0;
    G_STATIC_ASSERT(VB_CELLS_MAX == VB_NODES_MAX);
    for (guint i = 0; i < VB_CELLS_MAX; i++) {
        cell[i] = track->cell[i];
        total += cell[i];
    }
    vcpu->cells_known = total > 0;
    if (vcpu->cells_known)
        shares_of(cell, total, vcpu->cell_bp);
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
    vcpu->faults_known = track->faults_known;
    vcpu->private_bp = track->faults_known ? track->private_bp : 0;
    show_cells(vcpu, track);
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
    if (track->wait_known && track->wait_elapsed_ns > 0) {
        vcpu->wait_known = TRUE;
        vcpu->wait_bp = (guint)MIN((unsigned __int128)track->waited_ns * VB_BP /
                                       (guint64)track->wait_elapsed_ns,
                                   VB_BP);
    }
    show_state(vcpu, track);
    return vcpu;
}

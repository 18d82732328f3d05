/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sim/world_parts.h"

#define SECOND G_GINT64_CONSTANT(1000000000)
#define ALL ((guint64)VB_WORLD_ALL)
#define ACCESS_BYTES 64
/* No queue grows without end: who waits makes no further accesses. */
#define STRETCH_MAX (64 * ALL)

/* How the shared RAM of a guest lies, each of ALL. */
typedef struct {
    guint64 cell[VB_NODES_MAX];
    gboolean cell_present;
    guint64 guest[VB_NODES_MAX];
    gboolean guest_present;
} Lie;

static guint64
share(guint64 bytes, guint64 all)
{
    return bytes * ALL / all;
}

static void
lie_of_guest(const VbWorldGuest *guest, guint n_nodes, Lie *lie)
{
    guint64 all = 0;
    for (guint cell = 0; cell < guest->cells->len; cell++)
        all += vb_world_cell(guest, cell)->shared.present_bytes;
    lie->guest_present = all > 0;
    for (guint node = 0; all > 0 && node < n_nodes; node++) {
        guint64 bytes = 0;
        for (guint cell = 0; cell < guest->cells->len; cell++)
            bytes += vb_world_cell(guest, cell)->shared.by_node[node];
        lie->guest[node] = share(bytes, all);
    }
}

static void
lie_of_cell(const VbWorldGuest *guest, guint cell, guint n_nodes, Lie *lie)
{
    const VbPart *shared = &vb_world_cell(guest, cell)->shared;
    lie->cell_present = shared->present_bytes > 0;
    for (guint node = 0; lie->cell_present && node < n_nodes; node++)
        lie->cell[node] = share(shared->by_node[node], shared->present_bytes);
}

/* Where the vCPU's accesses go: by its phase, as far as there is something to access. */
static void
spread_out(VbWorldVcpu *vcpu, const VbPhase *phase, guint n_nodes, const Lie *lie)
{
    const VbPart *part = &vcpu->own;
    guint64 own = part->present_bytes > 0 ? (guint64)phase->private_bp * VB_BP : 0;
    guint64 near = lie->cell_present
                       ? (guint64)(VB_BP - phase->private_bp) * (VB_BP - phase->across_bp)
                       : 0;
    guint64 across =
        lie->guest_present ? (guint64)(VB_BP - phase->private_bp) * phase->across_bp : 0;
    /* A phase may say that all goes to what is not there: then it goes to what is. */
    if (own + near + across == 0)
        own = part->present_bytes > 0;
    if (own + near + across == 0)
        near = lie->cell_present;
    for (guint node = 0; node < n_nodes; node++) {
        guint64 weight = near * lie->cell[node] + across * lie->guest[node];
        if (own > 0)
            weight += own * share(part->by_node[node], part->present_bytes);
        vcpu->spread[node] =
            own + near + across > 0 ? (guint32)(weight / (own + near + across)) : 0;
    }
}

/* By how much its time stretches, of ALL; @load: (nullable): by node, of ALL. */
static guint64
stretch_of(const VbWorld *world, const VbWorldVcpu *vcpu, const guint64 *load)
{
    const guint16 *distance = world->topology.node[vcpu->node].distance;
    guint64 sum = 0, waits = 0;
    for (guint node = 0; node < world->scenario->n_nodes; node++) {
        guint64 far = (guint64)vcpu->spread[node] * distance[node] / VB_DISTANCE_LOCAL;
        waits += load != NULL ? far * load[node] / ALL : far;
        sum += vcpu->spread[node];
    }
    return sum > 0 ? ((VB_BP - vcpu->memory_bp) * ALL + vcpu->memory_bp * waits) / VB_BP : ALL;
}

static guint64
accesses_of(const VbWorldVcpu *vcpu, guint64 work_ns)
{
    return work_ns * vcpu->memory_bp / VB_BP * VB_WORLD_ACCESSES_PER_US / 1000;
}

/* What all want of the nodes' memory in a step, were it not loaded. */
static void
add_demand(const VbWorld *world, const VbWorldGuest *guest, guint64 *bytes)
{
    for (guint i = 0; i < guest->vcpus->len; i++) {
        const VbWorldVcpu *vcpu = vb_world_vcpu(guest, i);
        guint64 stretch = stretch_of(world, vcpu, NULL);
        guint64 accesses = accesses_of(vcpu, vcpu->given_ns * ALL / stretch);
        for (guint node = 0; node < world->scenario->n_nodes; node++)
            bytes[node] += accesses * ACCESS_BYTES / 1024 * vcpu->spread[node] / (ALL / 1024);
    }
}

static void
load_of(const VbWorld *world, const guint64 *bytes, guint64 *ret)
{
    for (guint node = 0; node < world->scenario->n_nodes; node++) {
        guint64 bandwidth = world->scenario->node[node].bandwidth_bytes_per_s;
        guint64 capacity = bandwidth / (guint64)(SECOND / VB_WORLD_STEP_NS) / 5 * 4;
        ret[node] = ALL;
        if (bandwidth > 0 && bytes[node] > capacity)
            ret[node] = MIN((guint64)((unsigned __int128)bytes[node] * ALL / capacity), STRETCH_MAX);
    }
}

static void
work(VbWorld *world, VbWorldGuest *guest, const guint64 *load)
{
    for (guint i = 0; i < guest->vcpus->len; i++) {
        const VbWorldVcpu *vcpu = vb_world_vcpu(guest, i);
        guint64 done_ns = vcpu->given_ns * ALL / stretch_of(world, vcpu, load);
        guint64 sum = 0;
        for (guint node = 0; node < world->scenario->n_nodes; node++)
            sum += vcpu->spread[node];
        guint64 accesses = sum > 0 ? accesses_of(vcpu, done_ns) : 0;
        guint64 local = accesses * vcpu->spread[vcpu->node] / MAX(sum, 1);
        guest->accesses += accesses;
        guest->local += local;
        world->sums.accesses += accesses;
        world->sums.local += local;
        world->sums.work_ns += done_ns;
    }
}

static void
spread_guest(const VbWorld *world, VbWorldGuest *guest)
{
    const VbPhase *phase = vb_world_phase(world, guest);
    guint n_nodes = world->scenario->n_nodes, cell = G_MAXUINT;
    Lie lie = {.cell_present = FALSE};
    lie_of_guest(guest, n_nodes, &lie);
    for (guint i = 0; i < guest->vcpus->len; i++) {
        VbWorldVcpu *vcpu = vb_world_vcpu(guest, i);
        if (vcpu->cell != cell)
            lie_of_cell(guest, vcpu->cell, n_nodes, &lie);
        cell = vcpu->cell;
        spread_out(vcpu, phase, n_nodes, &lie);
    }
}

void
vb_world_work(VbWorld *world)
{
    guint64 bytes[VB_NODES_MAX] = {0}, load[VB_NODES_MAX];
    for (guint g = 0; g < world->guests->len; g++) {
        VbWorldGuest *guest = vb_world_guest(world, g);
        if (!guest->here)
            continue;
        spread_guest(world, guest);
        add_demand(world, guest, bytes);
    }
    load_of(world, bytes, load);
    for (guint g = 0; g < world->guests->len; g++)
        if (vb_world_guest(world, g)->here)
            work(world, vb_world_guest(world, g), load);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sim/world_parts.h"

/* As vmbalancer's own observer: a twentieth of a node stays free, a GiB at least. */
#define RESERVE_DIVISOR 20
#define RESERVE_MIN_BYTES (G_GUINT64_CONSTANT(1) << 30)

/* The error of a look: something of what one node has is seen on another. */
static void
blur(const VbWorld *world, const VbWorldGuest *guest, VbCell *cell)
{
    guint64 seed = world->seed, who = (guint64)guest->number << 16 | cell->id;
    guint n_nodes = world->scenario->n_nodes, half_bp = world->scenario->look_error_bp / 2;
    guint from = (guint)vb_dice_below(seed, VB_DICE_LOOK, who, world->step * 4, n_nodes);
    guint to = (guint)vb_dice_below(seed, VB_DICE_LOOK, who, world->step * 4 + 1, n_nodes);
    guint64 bp = vb_dice_below(seed, VB_DICE_LOOK, who, world->step * 4 + 2, half_bp + 1);
    guint64 off = MIN(cell->present_bytes / VB_BP * bp, cell->by_node[from]);
    /* A node of which no sample was seen has none. */
    if (cell->by_node[to] == 0)
        return;
    cell->by_node[from] -= off;
    cell->by_node[to] += off;
}

static VbCell *
see_cell(const VbWorld *world, const VbWorldGuest *guest, guint i)
{
    VbCell *cell = vb_cell_new();
    cell->id = i;
    cell->page_size = guest->plot->page_size;
    cell->residency_known = cell->movable = TRUE;
    cell->size_bytes = vb_world_cell(guest, i)->shared.size_bytes;
    for (guint v = 0; v < guest->vcpus->len; v++)
        if (vb_world_vcpu(guest, v)->cell == i)
            cell->size_bytes += vb_world_vcpu(guest, v)->own.size_bytes;
    for (guint node = 0; node < world->scenario->n_nodes; node++) {
        cell->by_node[node] = vb_world_on(guest, i, (int)node, FALSE);
        cell->present_bytes += cell->by_node[node];
    }
    cell->error_bp = world->scenario->look_error_bp;
    blur(world, guest, cell);
    return cell;
}

static void
see_facts(const VbWorld *world, const VbWorldGuest *guest, VbGuest *facts)
{
    VbHelperThread *emulator = vb_helper_thread_new("emulator");
    emulator->affinity_known = TRUE;
    emulator->affinity = guest->emulator;
    facts->name = g_strdup(guest->plot->name);
    facts->state = guest->busy ? VB_GUEST_BUSY : VB_GUEST_RUNNING;
    facts->owner = guest->ours ? VB_OWNER_OURS : VB_OWNER_FREE;
    facts->boundary = world->topology.nodes;
    facts->cpu_boundary = vb_topology_cpus_of_nodes(&world->topology, world->topology.nodes);
    facts->policy = g_strdup(guest->plot->policy);
    g_ptr_array_add(facts->helpers, emulator);
    for (guint i = 0; i < guest->cells->len; i++)
        g_ptr_array_add(facts->cells, see_cell(world, guest, i));
}

/* A CPU of its node that it may run on; -1 if there is none, which would be the world's mistake. */
static int
a_cpu(const VbWorld *world, const VbWorldVcpu *vcpu)
{
    VbCpuSet cpus = vb_cpuset_and(&world->topology.node[vcpu->node].cpus, &vcpu->affinity);
    for (int cpu = 0; cpu < VB_CPUS_MAX; cpu++)
        if (vb_cpuset_has(&cpus, (guint)cpu))
            return cpu;
    return -1;
}

static void
see_guest(const VbWorld *world, const VbWorldGuest *guest, VbObservation *seen)
{
    VbGuestSight *sight = vb_guest_sight_new();
    sight->facts->uuid = g_strdup(guest->uuid);
    sight->facts->pid = 1000 + (int)guest->number;
    sight->facts->start_time = 1000 + guest->number;
    if (seen->depth == VB_LOOK_FULL)
        see_facts(world, guest, sight->facts);
    for (guint i = 0; i < guest->vcpus->len; i++) {
        const VbWorldVcpu *vcpu = vb_world_vcpu(guest, i);
        VbVcpuSight *thread = vb_vcpu_sight_new();
        thread->id = i;
        thread->tid = sight->facts->pid * 1000 + (int)i + 1;
        thread->run_known = thread->wait_known = thread->affinity_known = TRUE;
        thread->run_ns = vcpu->run_ns;
        thread->wait_ns = vcpu->wait_ns;
        thread->last_cpu = a_cpu(world, vcpu);
        thread->affinity = vcpu->affinity;
        thread->cell = (int)vcpu->cell;
        g_ptr_array_add(sight->vcpus, thread);
    }
    g_ptr_array_add(seen->guests, sight);
}

VbObservation *
vb_world_look(VbWorld *world, VbLookDepth depth, const char *uuid)
{
    VbObservation *seen = vb_observation_new(depth);
    seen->time_ns = world->now_ns;
    if (depth == VB_LOOK_FULL)
        seen->topology = world->topology;
    for (guint id = 0; id < world->scenario->n_nodes; id++)
        seen->reserve_bytes[id] =
            MAX(world->topology.node[id].memory_total_bytes / RESERVE_DIVISOR, RESERVE_MIN_BYTES);
    for (guint i = 0; i < world->guests->len; i++) {
        const VbWorldGuest *guest = vb_world_guest(world, i);
        if (guest->here && (uuid == NULL || g_str_equal(guest->uuid, uuid)))
            see_guest(world, guest, seen);
    }
    return seen;
}

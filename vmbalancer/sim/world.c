/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sim/world_parts.h"

#define MIB (G_GUINT64_CONSTANT(1) << 20)
/* From the first sign of a live-migration to its end. */
#define MIGRATION_NS (10 * G_GINT64_CONSTANT(1000000000))

static void
guest_free(gpointer data)
{
    VbWorldGuest *guest = data;
    g_array_unref(guest->vcpus);
    g_array_unref(guest->cells);
    g_free(guest->seat.vcpus);
    g_free(guest->seat.cells);
    g_free(guest->uuid);
    g_free(guest);
}

static void
build_node(VbTopology *topology, const VbScenario *scenario, guint id, guint *cpu)
{
    const VbScenarioNode *from = &scenario->node[id];
    VbNode *node = &topology->node[id];
    topology->nodes |= VB_NODE_BIT(id);
    for (guint i = 0; i < from->cpus && *cpu < VB_CPUS_MAX; i++, node->n_cpus++)
        vb_cpuset_add(&node->cpus, (*cpu)++);
    node->memory_total_bytes = from->memory_bytes;
    node->memory_free_bytes =
        from->memory_bytes - from->used_bytes - from->huge_2m * 2 * MIB - from->huge_1g * 1024 * MIB;
    if (from->huge_2m > 0)
        node->pools[node->n_pools++] = (VbHugePool){2 * MIB, from->huge_2m, from->huge_2m};
    if (from->huge_1g > 0)
        node->pools[node->n_pools++] = (VbHugePool){1024 * MIB, from->huge_1g, from->huge_1g};
    for (guint other = 0; other < scenario->n_nodes; other++)
        node->distance[other] = scenario->distance[id][other];
}

static VbWorldGuest *
guest_new(const VbScenarioGuest *plot, guint number)
{
    VbWorldGuest *guest = g_new0(VbWorldGuest, 1);
    guest->plot = plot;
    guest->number = number;
    guest->uuid = g_strdup_printf("00000000-0000-4000-8000-%012x", number + 1);
    guest->vcpus = g_array_sized_new(FALSE, TRUE, sizeof(VbWorldVcpu), plot->vcpus);
    guest->cells = g_array_sized_new(FALSE, TRUE, sizeof(VbWorldCell), plot->cells);
    return guest;
}

VbWorld *
vb_world_new(const VbScenario *scenario, guint64 seed, VbTrace *trace, VbTraceDetail detail)
{
    VbWorld *world = g_new0(VbWorld, 1);
    guint cpu = 0;
    world->scenario = scenario;
    world->seed = seed;
    world->now_ns = VB_WORLD_BEGIN_NS;
    world->trace = trace;
    world->detail = detail;
    world->guests = g_ptr_array_new_with_free_func(guest_free);
    world->trips = g_ptr_array_new_with_free_func(vb_world_trip_free);
    world->news = g_array_new(FALSE, TRUE, sizeof(VbNews));
    world->outcomes = g_ptr_array_new_with_free_func((GDestroyNotify)g_ptr_array_unref);
    for (guint i = 0; i < scenario->n_nodes; i++)
        build_node(&world->topology, scenario, i, &cpu);
    for (guint i = 0; i < scenario->guests->len; i++)
        g_ptr_array_add(world->guests, guest_new(g_ptr_array_index(scenario->guests, i), i));
    return world;
}

void
vb_world_free(VbWorld *world)
{
    if (world == NULL)
        return;
    g_ptr_array_unref(world->trips);
    g_ptr_array_unref(world->guests);
    g_ptr_array_unref(world->outcomes);
    g_array_unref(world->news);
    g_free(world);
}

void
vb_world_seat(VbWorld *world, guint guest, const int *vcpus, const VbNodeSet *cells)
{
    VbWorldGuest *who = vb_world_guest(world, guest);
    g_free(who->seat.vcpus);
    g_free(who->seat.cells);
    who->seat.vcpus = g_memdup2(vcpus, who->plot->vcpus * sizeof *vcpus);
    who->seat.cells = g_memdup2(cells, who->plot->cells * sizeof *cells);
}

gint64
vb_world_now_ns(const VbWorld *world)
{
    return world->now_ns;
}

const char *
vb_world_uuid(const VbWorld *world, guint guest)
{
    return vb_world_guest(world, guest)->uuid;
}

static void
tell(VbWorld *world, VbNewsKind kind, const VbWorldGuest *guest)
{
    VbNews news = {.kind = kind, .guest = guest->number};
    g_array_append_val(world->news, news);
}

static void
write_bytes(const VbWorld *world, const VbWorldGuest *guest, guint64 *ret)
{
    for (guint node = 0; node < world->scenario->n_nodes; node++)
        for (guint cell = 0; cell < guest->cells->len; cell++)
            ret[node] += vb_world_on(guest, cell, (int)node, FALSE);
}

/* The n-th node of a set, round and round. */
static int
nth(VbNodeSet set, guint n)
{
    int id, found = VB_NO_NODE;
    guint left = n % MAX(vb_nodeset_count(set), 1);
    VB_NODESET_FOREACH(id, set)
    {
        if (found == VB_NO_NODE && left-- == 0)
            found = id;
    }
    return found;
}

static VbNodeSet
nodes_with_cpus(const VbWorld *world)
{
    VbNodeSet set = 0;
    for (guint id = 0; id < world->scenario->n_nodes; id++)
        set |= world->scenario->node[id].cpus > 0 ? VB_NODE_BIT(id) : 0;
    return set;
}

static void
seat_vcpu(VbWorld *world, VbWorldGuest *guest, guint i)
{
    const VbScenarioGuest *plot = guest->plot;
    VbCpuSet all = vb_topology_cpus_of_nodes(&world->topology, world->topology.nodes);
    VbNodeSet wanted = plot->ran_on & nodes_with_cpus(world);
    VbWorldVcpu *vcpu = vb_world_vcpu(guest, i);
    vb_world_bind(world, guest, i, &all);
    if (guest->seat.vcpus != NULL)
        vb_world_bind(world, guest, i, &world->topology.node[guest->seat.vcpus[i]].cpus);
    else if (wanted != 0)
        vcpu->node = nth(wanted, plot->first + i);
    /* Whoever comes next is to find it there. */
    vcpu->wanted_ns =
        (guint64)VB_WORLD_STEP_NS / VB_BP * g_array_index(plot->phases, VbPhase, 0).busy_bp;
}

/* An even part of @part on each node of @set, the rest of it wherever there is room. */
static void
lay_evenly(VbWorld *world, VbWorldGuest *guest, VbPart *part, VbNodeSet set, guint64 bytes)
{
    guint64 each = bytes / vb_nodeset_count(set);
    int id;
    VB_NODESET_FOREACH(id, set)
    vb_world_touch(world, guest, part, id, each);
    if (part->present_bytes < bytes)
        vb_world_touch(world, guest, part, vb_nodeset_first(set), bytes - part->present_bytes);
}

/* Where the cell's vCPUs are, by their number. */
static void
lay_at_vcpus(VbWorld *world, VbWorldGuest *guest, guint cell, guint64 bytes)
{
    VbPart *shared = &vb_world_cell(guest, cell)->shared;
    guint users = 0;
    for (guint i = 0; i < guest->vcpus->len; i++)
        users += vb_world_vcpu(guest, i)->cell == cell;
    for (guint i = 0; i < guest->vcpus->len; i++) {
        const VbWorldVcpu *vcpu = vb_world_vcpu(guest, i);
        if (vcpu->cell == cell)
            vb_world_touch(world, guest, shared, vcpu->node, bytes / users);
    }
    if (shared->present_bytes < bytes)
        vb_world_touch(world, guest, shared, vb_world_vcpu(guest, 0)->node,
                       bytes - shared->present_bytes);
}

/* Incoming RAM is written by one thread of QEMU, wherever the kernel let that run. */
static VbNodeSet
landing_place(const VbWorld *world, const VbWorldGuest *guest, guint cell)
{
    if (guest->seat.cells != NULL)
        return guest->seat.cells[cell];
    if (guest->plot->memory_on != 0 || guest->plot->arrival != VB_ARRIVAL_MIGRATION)
        return guest->plot->memory_on;
    VbNodeSet homes = nodes_with_cpus(world);
    guint count = vb_nodeset_count(homes);
    return VB_NODE_BIT(nth(homes, (guint)vb_dice_below(world->seed, VB_DICE_SPREAD, guest->number,
                                                       G_MAXUINT64, count)));
}

static void
lay_memory(VbWorld *world, VbWorldGuest *guest)
{
    for (guint cell = 0; cell < guest->cells->len; cell++) {
        VbPart *shared = &vb_world_cell(guest, cell)->shared;
        VbNodeSet set = landing_place(world, guest, cell);
        guint64 bytes = shared->size_bytes / VB_BP * guest->plot->touched_bp;
        if (guest->plot->touched_bp == VB_BP)
            bytes = shared->size_bytes;
        if (set != 0)
            lay_evenly(world, guest, shared, set, bytes);
        else
            lay_at_vcpus(world, guest, cell, bytes);
    }
    for (guint i = 0; i < guest->vcpus->len; i++) {
        VbWorldVcpu *vcpu = vb_world_vcpu(guest, i);
        VbNodeSet set = landing_place(world, guest, vcpu->cell);
        if (guest->seat.cells != NULL && (set & VB_NODE_BIT(vcpu->node)))
            set = VB_NODE_BIT(vcpu->node);
        guint64 bytes = vcpu->own.size_bytes / VB_BP * guest->plot->touched_bp;
        if (guest->plot->touched_bp == VB_BP)
            bytes = vcpu->own.size_bytes;
        lay_evenly(world, guest, &vcpu->own, set != 0 ? set : VB_NODE_BIT(vcpu->node), bytes);
    }
}

/* A cell's RAM is split into pages that its vCPUs own and pages that they share. */
static void
size_parts(VbWorldGuest *guest)
{
    const VbScenarioGuest *plot = guest->plot;
    guint64 page = plot->page_size, size = plot->memory_bytes / plot->cells / page * page;
    g_array_set_size(guest->vcpus, 0);
    g_array_set_size(guest->cells, 0);
    g_array_set_size(guest->vcpus, plot->vcpus);
    g_array_set_size(guest->cells, plot->cells);
    for (guint i = 0; i < plot->cells; i++) {
        VbWorldCell *cell = vb_world_cell(guest, i);
        cell->page_size = page;
        cell->shared.size_bytes = size;
    }
    for (guint i = 0; i < plot->vcpus; i++) {
        VbWorldVcpu *vcpu = vb_world_vcpu(guest, i);
        vcpu->cell = i * plot->cells / plot->vcpus;
        /* At most so many vCPUs are in a cell. */
        guint users = (plot->vcpus + plot->cells - 1) / plot->cells;
        vcpu->own.size_bytes = size / VB_BP * plot->own_bp / users / page * page;
        vb_world_cell(guest, vcpu->cell)->shared.size_bytes -= vcpu->own.size_bytes;
    }
}

static void
arrive(VbWorld *world, VbWorldGuest *guest)
{
    size_parts(guest);
    guest->here = guest->was_here = TRUE;
    guest->emulator = vb_topology_cpus_of_nodes(&world->topology, world->topology.nodes);
    guest->trace = vb_trace_add_guest(world->trace, guest->plot->name, guest->uuid,
                                      world->now_ns - VB_WORLD_BEGIN_NS, world->detail);
    if (guest->trace->local_bp != NULL)
        g_array_set_size(guest->trace->local_bp, world->trace->moments->len);
    for (guint i = 0; guest->trace->local_bp != NULL && i < guest->trace->local_bp->len; i++)
        g_array_index(guest->trace->local_bp, guint16, i) = VB_TRACE_ABSENT;
    for (guint i = 0; i < guest->vcpus->len; i++)
        seat_vcpu(world, guest, i);
    lay_memory(world, guest);
    write_bytes(world, guest, guest->trace->begin);
    if (guest->plot->arrival != VB_ARRIVAL_THERE)
        tell(world, guest->plot->arrival == VB_ARRIVAL_START ? VB_NEWS_STARTED : VB_NEWS_MIGRATED_IN,
             guest);
}

static void
leave(VbWorld *world, VbWorldGuest *guest)
{
    vb_world_call_off(world, guest, "the guest ended in mid-move");
    guest->trace->left_ns = world->now_ns - VB_WORLD_BEGIN_NS;
    write_bytes(world, guest, guest->trace->end);
    vb_world_drop(world, guest);
    guest->here = FALSE;
    tell(world, VB_NEWS_STOPPED, guest);
}

static void
come_and_go(VbWorld *world)
{
    gint64 run_ns = world->now_ns - VB_WORLD_BEGIN_NS;
    for (guint i = 0; i < world->guests->len; i++) {
        VbWorldGuest *guest = vb_world_guest(world, i);
        const VbScenarioGuest *plot = guest->plot;
        if (guest->here && plot->leave_ns >= 0 && run_ns >= plot->leave_ns)
            leave(world, guest);
        gboolean going = guest->here && plot->leaves_by_migration && plot->leave_ns >= 0 &&
                         run_ns >= plot->leave_ns - MIGRATION_NS;
        if (going && !guest->busy) {
            guest->busy = TRUE;
            vb_world_call_off(world, guest, "the guest is migrating by now");
            tell(world, VB_NEWS_MIGRATING, guest);
        }
        if (!guest->was_here && run_ns >= plot->arrive_ns)
            arrive(world, guest);
    }
}

void
vb_world_begin(VbWorld *world)
{
    for (guint i = 0; i < world->guests->len; i++)
        if (vb_world_guest(world, i)->plot->arrival == VB_ARRIVAL_THERE)
            arrive(world, vb_world_guest(world, i));
}

const GArray *
vb_world_step(VbWorld *world)
{
    g_array_set_size(world->news, 0);
    g_ptr_array_set_size(world->outcomes, 0);
    come_and_go(world);
    vb_world_schedule(world);
    vb_world_grow(world);
    vb_world_work(world);
    world->now_ns += VB_WORLD_STEP_NS;
    world->step++;
    vb_world_travel(world);
    return world->news;
}

void
vb_world_note(VbWorld *world)
{
    guint worst = VB_BP;
    for (guint i = 0; i < world->guests->len; i++) {
        VbWorldGuest *guest = vb_world_guest(world, i);
        guint16 local_bp = VB_TRACE_ABSENT;
        if (guest->accesses > 0)
            local_bp = (guint16)((unsigned __int128)guest->local * VB_BP / guest->accesses);
        worst = guest->accesses > 0 ? MIN(worst, local_bp) : worst;
        guest->accesses = guest->local = 0;
        if (guest->trace != NULL && guest->trace->local_bp != NULL)
            g_array_append_val(guest->trace->local_bp, local_bp);
    }
    world->sums.time_ns = world->now_ns - VB_WORLD_BEGIN_NS;
    world->sums.worst_bp = worst;
    g_array_append_val(world->trace->moments, world->sums);
}

void
vb_world_end(VbWorld *world)
{
    for (guint i = 0; i < world->guests->len; i++) {
        VbWorldGuest *guest = vb_world_guest(world, i);
        if (guest->here)
            write_bytes(world, guest, guest->trace->end);
    }
}

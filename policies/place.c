/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "place.h"

VbCpuSet
vb_place_cpus(const VbTopology *topology, const VbGuest *guest, int node)
{
    return vb_cpuset_and(&topology->node[node].cpus, &guest->cpu_boundary);
}

/* Bytes of @cell on @node that can leave it. Which of a cell's pages stay is known by sum only. */
static guint64
movable_on(const VbCell *cell, int node)
{
    guint64 bytes = cell->by_node[node];
    if (!cell->movable || cell->present_bytes == 0)
        return 0;
    guint64 stay = (guint64)((unsigned __int128)bytes *
                             MIN(cell->unmovable_bytes, cell->present_bytes) /
                             cell->present_bytes);
    return bytes - stay;
}

static guint64
cell_bytes_off(const VbCell *cell, int node)
{
    guint64 bytes = 0;
    for (int other = 0; other < VB_NODES_MAX; other++)
        if (other != node)
            bytes += movable_on(cell, other);
    return bytes;
}

guint64
vb_place_bytes_off(const VbGuest *guest, int node)
{
    guint64 bytes = 0;
    for (guint i = 0; i < guest->cells->len; i++)
        bytes += cell_bytes_off(g_ptr_array_index(guest->cells, i), node);
    return bytes;
}

VbArrival
vb_place_arrival(const VbGuest *guest, const VbTopology *topology, int node)
{
    VbArrival arrival = {0};
    const VbNode *target = &topology->node[node];
    for (guint i = 0; i < guest->cells->len; i++) {
        const VbCell *cell = g_ptr_array_index(guest->cells, i);
        guint64 bytes = cell_bytes_off(cell, node);
        const VbHugePool *pool =
            cell->page_size > 4096 ? vb_node_pool(target, cell->page_size) : NULL;
        if (cell->page_size <= 4096)
            arrival.small_bytes += bytes;
        else if (pool != NULL)
            arrival.pool_bytes[pool - target->pools] += bytes;
        else
            arrival.no_pool |= bytes > 0;
    }
    return arrival;
}

gboolean
vb_place_fits(const VbSnapshot *snapshot, const VbTopology *topology, const VbGuest *guest,
              int node)
{
    const VbNode *target = &topology->node[node];
    VbArrival arrival = vb_place_arrival(guest, topology, node);
    if (arrival.no_pool)
        return FALSE;
    if (arrival.small_bytes > 0 &&
        target->memory_free_bytes < snapshot->reserve_bytes[node] + arrival.small_bytes)
        return FALSE;
    for (guint i = 0; i < target->n_pools; i++)
        if (arrival.pool_bytes[i] > target->pools[i].free * target->pools[i].page_size)
            return FALSE;
    return TRUE;
}

static void
book_cell(VbTopology *topology, const VbCell *cell, int node, int other)
{
    guint64 bytes = movable_on(cell, other);
    VbNode *from = &topology->node[other], *to = &topology->node[node];
    if (cell->page_size <= 4096) {
        from->memory_free_bytes += bytes;
        to->memory_free_bytes -= MIN(bytes, to->memory_free_bytes);
        return;
    }
    VbHugePool *source = (VbHugePool *)vb_node_pool(from, cell->page_size);
    VbHugePool *target = (VbHugePool *)vb_node_pool(to, cell->page_size);
    guint64 pages = bytes / cell->page_size;
    if (source != NULL)
        source->free += pages;
    if (target != NULL)
        target->free -= MIN(pages, target->free);
}

void
vb_place_book(VbTopology *topology, const VbGuest *guest, int node)
{
    for (guint i = 0; i < guest->cells->len; i++)
        for (int other = 0; other < VB_NODES_MAX; other++)
            if (other != node)
                book_cell(topology, g_ptr_array_index(guest->cells, i), node, other);
}

/* The node where a vCPU ran most. */
static int
main_node(const VbVcpu *vcpu)
{
    int top = 0;
    for (int node = 1; node < VB_NODES_MAX; node++)
        if (vcpu->share_bp[node] > vcpu->share_bp[top])
            top = node;
    return vcpu->share_known && vcpu->share_bp[top] > 0 ? top : VB_NO_NODE;
}

static guint
pin_threads(VbPlan *plan, const VbGuest *guest, const VbCpuSet *cpus, int node,
            const char *reason)
{
    guint count = 0;
    for (guint i = 0; i < guest->vcpus->len; i++) {
        const VbVcpu *vcpu = g_ptr_array_index(guest->vcpus, i);
        if (vcpu->affinity_known && vb_cpuset_equal(&vcpu->affinity, cpus))
            continue;
        g_autofree char *thread = g_strdup_printf("vcpu%u", vcpu->id);
        vb_plan_add_pin(plan, guest, thread, cpus, main_node(vcpu), node, reason);
        count++;
    }
    for (guint i = 0; i < guest->helpers->len; i++) {
        const VbHelperThread *helper = g_ptr_array_index(guest->helpers, i);
        if (helper->affinity_known && vb_cpuset_equal(&helper->affinity, cpus))
            continue;
        vb_plan_add_pin(plan, guest, helper->name, cpus, VB_NO_NODE, node, reason);
        count++;
    }
    return count;
}

static guint
move_cell(VbPlan *plan, const VbGuest *guest, const VbCell *cell, int node, guint tolerance_bp,
          const char *reason)
{
    guint count = 0;
    guint64 off = cell_bytes_off(cell, node);
    if ((unsigned __int128)off * VB_BP <= (unsigned __int128)cell->present_bytes * tolerance_bp)
        return 0;
    for (int other = 0; other < VB_NODES_MAX; other++) {
        guint64 bytes = movable_on(cell, other);
        if (other == node || bytes == 0)
            continue;
        vb_plan_add_move(plan, guest, cell->id, other, node, bytes, reason);
        count++;
    }
    return count;
}

guint
vb_place_guest(VbPlan *plan, const VbSnapshot *snapshot, const VbGuest *guest, int node,
               guint tolerance_bp, const char *reason)
{
    VbCpuSet cpus = vb_place_cpus(&snapshot->topology, guest, node);
    guint count = pin_threads(plan, guest, &cpus, node, reason);
    for (guint i = 0; i < guest->cells->len; i++)
        count += move_cell(plan, guest, g_ptr_array_index(guest->cells, i), node, tolerance_bp,
                           reason);
    return count;
}

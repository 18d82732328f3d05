/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "place.h"

VbCpuSet
vb_place_cpus(const VbTopology *topology, const VbGuest *guest, int node)
{
    return vb_cpuset_and(&topology->node[node].cpus, &guest->cpu_boundary);
}

gint64
vb_place_device_distance(const VbTopology *topology, const VbGuest *guest, int node)
{
    gint64 sum = 0, devices = 0;
    int other;
    VB_NODESET_FOREACH(other, topology->nodes)
    {
        gint64 beyond = (gint64)topology->node[node].distance[other] - VB_DISTANCE_LOCAL;
        sum += (gint64)guest->devices[other] * MAX(beyond, 0);
        devices += (gint64)guest->devices[other];
    }
    return devices > 0 ? sum * 100 / devices : 0;
}

guint64
vb_place_loose(const VbCell *cell, int node)
{
    return cell->by_node[node] - MIN(cell->by_node[node], cell->stuck_bytes[node]);
}

guint64
vb_place_fixed(const VbCell *cell)
{
    guint64 fixed = cell->unmovable_bytes;
    for (guint node = 0; node < VB_NODES_MAX; node++)
        fixed -= MIN(fixed, cell->stuck_bytes[node]);
    return fixed;
}

static guint64
loose_off(const VbCell *cell, int node)
{
    guint64 bytes = 0;
    for (int other = 0; other < VB_NODES_MAX; other++)
        if (other != node)
            bytes += vb_place_loose(cell, other);
    return bytes;
}

/* A node that is not its home may hold what could not be moved to its home. */
static guint64
unmovable_off(const VbCell *cell, int node)
{
    gboolean foreign = cell->home != 0 && (cell->home & VB_NODE_BIT(node)) == 0;
    guint64 fixed = vb_place_fixed(cell);
    return fixed - (foreign ? MIN(fixed, vb_place_loose(cell, node)) : 0);
}

guint64
vb_place_cell_bytes(const VbCell *cell, int node, guint tolerance_bp)
{
    guint64 off = loose_off(cell, node);
    guint64 bytes = cell->movable ? off - MIN(off, unmovable_off(cell, node)) : 0;
    return (unsigned __int128)bytes * VB_BP <= (unsigned __int128)cell->present_bytes * tolerance_bp
               ? 0
               : bytes;
}

/* Splits what moves to @node by where it comes from, in proportion, to the byte. */
static guint64
split(const VbCell *cell, int node, guint tolerance_bp, guint64 *ret_from)
{
    guint64 bytes = vb_place_cell_bytes(cell, node, tolerance_bp);
    guint64 off = loose_off(cell, node), seen = 0, given = 0;
    for (int other = 0; other < VB_NODES_MAX; other++) {
        ret_from[other] = 0;
        if (other == node || bytes == 0)
            continue;
        seen += vb_place_loose(cell, other);
        ret_from[other] = (guint64)((unsigned __int128)bytes * seen / off) - given;
        given += ret_from[other];
    }
    return bytes;
}

static guint64
pages_of(guint64 bytes, guint64 page_size)
{
    return bytes / page_size + (bytes % page_size != 0);
}

guint64
vb_place_bytes(const VbGuest *guest, int node, guint tolerance_bp)
{
    guint64 bytes = 0;
    for (guint i = 0; i < guest->cells->len; i++)
        bytes += vb_place_cell_bytes(g_ptr_array_index(guest->cells, i), node, tolerance_bp);
    return bytes;
}

VbArrival
vb_place_arrival(const VbGuest *guest, const VbTopology *topology, int node, guint tolerance_bp)
{
    VbArrival arrival = {0};
    const VbNode *target = &topology->node[node];
    for (guint i = 0; i < guest->cells->len; i++) {
        const VbCell *cell = g_ptr_array_index(guest->cells, i);
        guint64 from[VB_NODES_MAX];
        guint64 bytes = split(cell, node, tolerance_bp, from);
        const VbHugePool *pool =
            cell->page_size > 4096 ? vb_node_pool(target, cell->page_size) : NULL;
        if (cell->page_size <= 4096)
            arrival.small_bytes += bytes;
        else if (pool == NULL)
            arrival.no_pool |= bytes > 0;
        else
            for (guint other = 0; other < VB_NODES_MAX; other++)
                arrival.pool_pages[pool - target->pools] += pages_of(from[other], cell->page_size);
    }
    return arrival;
}

gboolean
vb_place_fits(const VbSnapshot *snapshot, const VbTopology *topology, const VbGuest *guest,
              int node, guint tolerance_bp)
{
    const VbNode *target = &topology->node[node];
    VbArrival arrival = vb_place_arrival(guest, topology, node, tolerance_bp);
    guint64 reserve = snapshot->reserve_bytes[node];
    guint64 room = target->memory_free_bytes > reserve ? target->memory_free_bytes - reserve : 0;
    gboolean fits = !arrival.no_pool && arrival.small_bytes <= room;
    for (guint i = 0; i < target->n_pools; i++)
        fits = fits && arrival.pool_pages[i] <= target->pools[i].free;
    return fits;
}

void
vb_place_decline_pool(VbPlan *plan, const VbGuest *guest, int node, const VbHugePool *pool,
                      guint64 free, guint64 pages)
{
    guint64 borrow = MIN(pool->borrow, free);
    g_autofree char *more =
        borrow > 0 ? g_strdup_printf(" and may borrow %" G_GUINT64_FORMAT " more", borrow)
                   : g_strdup("");
    vb_plan_decline(plan, guest, "no-room",
                    "node %d will have %" G_GUINT64_FORMAT " free hugepages of %" G_GUINT64_FORMAT
                    " KiB%s, %" G_GUINT64_FORMAT " needed, and no other node that it may use is "
                    "better; enlarge the node's pool (nr_hugepages), let more be borrowed "
                    "(hugepages-borrow= in [limits]), or allow more nodes",
                    node, free - borrow, pool->page_size / 1024, more, pages);
}

static void
shift_pool(VbNode *node, guint64 page_size, gint64 pages)
{
    for (guint i = 0; i < node->n_pools; i++)
        if (node->pools[i].page_size == page_size)
            node->pools[i].free += (guint64)pages;
}

/* Unsigned arithmetic wraps and comes back, so a booking that did not fit can be taken back too. */
static void
shift(VbTopology *topology, const VbGuest *guest, int node, guint tolerance_bp, gint64 sign)
{
    for (guint i = 0; i < guest->cells->len; i++) {
        const VbCell *cell = g_ptr_array_index(guest->cells, i);
        guint64 from[VB_NODES_MAX];
        if (split(cell, node, tolerance_bp, from) == 0)
            continue;
        for (guint other = 0; other < VB_NODES_MAX; other++) {
            gint64 pages = sign * (gint64)pages_of(from[other], cell->page_size);
            gint64 bytes = sign * (gint64)from[other];
            if (cell->page_size > 4096) {
                shift_pool(&topology->node[other], cell->page_size, pages);
                shift_pool(&topology->node[node], cell->page_size, -pages);
            } else {
                topology->node[other].memory_free_bytes += (guint64)bytes;
                topology->node[node].memory_free_bytes -= (guint64)bytes;
            }
        }
    }
}

void
vb_place_book(VbTopology *topology, const VbGuest *guest, int node, guint tolerance_bp)
{
    shift(topology, guest, node, tolerance_bp, 1);
}

void
vb_place_unbook(VbTopology *topology, const VbGuest *guest, int node, guint tolerance_bp)
{
    shift(topology, guest, node, tolerance_bp, -1);
}

int
vb_place_main_node(const VbVcpu *vcpu)
{
    int top = 0;
    for (int node = 1; node < VB_NODES_MAX; node++)
        if (vcpu->share_bp[node] > vcpu->share_bp[top])
            top = node;
    return vcpu->share_known && vcpu->share_bp[top] > 0 ? top : VB_NO_NODE;
}

gboolean
vb_place_locality(const VbGuest *guest, int node, guint tolerance_bp, guint *ret_locality_bp)
{
    g_autoptr(VbGuest) there = vb_guest_copy(guest);
    for (guint i = 0; i < there->cells->len; i++) {
        VbCell *cell = g_ptr_array_index(there->cells, i);
        guint64 from[VB_NODES_MAX];
        cell->by_node[node] += split(g_ptr_array_index(guest->cells, i), node, tolerance_bp, from);
        for (guint other = 0; other < VB_NODES_MAX; other++)
            cell->by_node[other] -= from[other];
    }
    for (guint i = 0; i < there->vcpus->len; i++) {
        VbVcpu *vcpu = g_ptr_array_index(there->vcpus, i);
        for (int other = 0; other < VB_NODES_MAX; other++)
            vcpu->share_bp[other] = other == node ? VB_BP : 0;
    }
    return vb_guest_locality(there, ret_locality_bp, NULL);
}

/*
 * Unknown is not different: what could not be read would else be pinned again and again. Pins are
 * what makes a home, so those that go with moves are stated even where the thread is held there.
 */
static gboolean
must_pin_vcpu(const VbGuest *guest, int node, const VbVcpu *vcpu, const VbCpuSet *cpus,
              gboolean moves)
{
    gboolean new_home = vb_guest_home(guest) != VB_NODE_BIT(node);
    if (vcpu->affinity_known)
        return !vb_cpuset_equal(&vcpu->affinity, cpus) || (new_home && moves);
    return new_home || (vcpu->share_known && vcpu->share_bp[node] < VB_BP);
}

static gboolean
must_pin_helper(const VbGuest *guest, int node, const VbHelperThread *helper, const VbCpuSet *cpus)
{
    return helper->affinity_known ? !vb_cpuset_equal(&helper->affinity, cpus)
                                  : vb_guest_home(guest) != VB_NODE_BIT(node);
}

static guint
pin_threads(VbPlan *plan, const VbGuest *guest, const VbCpuSet *cpus, int node, gboolean moves,
            const char *reason)
{
    guint count = 0;
    for (guint i = 0; i < guest->vcpus->len; i++) {
        const VbVcpu *vcpu = g_ptr_array_index(guest->vcpus, i);
        if (!must_pin_vcpu(guest, node, vcpu, cpus, moves))
            continue;
        g_autofree char *thread = g_strdup_printf("vcpu%u", vcpu->id);
        vb_plan_add_pin(plan, guest, thread, cpus, vb_place_main_node(vcpu), node, reason);
        count++;
    }
    for (guint i = 0; i < guest->helpers->len; i++) {
        const VbHelperThread *helper = g_ptr_array_index(guest->helpers, i);
        if (!must_pin_helper(guest, node, helper, cpus))
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
    guint64 from[VB_NODES_MAX];
    guint count = 0;
    split(cell, node, tolerance_bp, from);
    for (int other = 0; other < VB_NODES_MAX; other++) {
        if (from[other] == 0)
            continue;
        vb_plan_add_move(plan, guest, cell->id, other, node, from[other], reason)->all = TRUE;
        count++;
    }
    return count;
}

guint
vb_place_guest(VbPlan *plan, const VbSnapshot *snapshot, const VbGuest *guest, int node,
               guint tolerance_bp, const char *reason)
{
    VbCpuSet cpus = vb_place_cpus(&snapshot->topology, guest, node);
    gboolean moves = vb_place_bytes(guest, node, tolerance_bp) > 0;
    guint count = pin_threads(plan, guest, &cpus, node, moves, reason);
    for (guint i = 0; i < guest->cells->len; i++)
        count += move_cell(plan, guest, g_ptr_array_index(guest->cells, i), node, tolerance_bp,
                           reason);
    return count;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/newcomer.h"
#include "core/text.h"
#include <string.h>
#include <vmbalancer/error.h>

/* Less of a cell than this present: where it lies says little about where the cell will lie. */
#define TOUCHED_PERCENT 25

/* Bytes that a guest may still touch of @cell. */
static guint64
untouched_of(const VbCell *cell)
{
    guint64 present = cell->residency_known ? MIN(cell->present_bytes, cell->size_bytes) : 0;
    /* What others have touched of it has its room already, wherever that is. */
    if (cell->residency_known && cell->unmapped_known)
        present += MIN(cell->unmapped_bytes, cell->size_bytes - present);
    return cell->size_bytes - present;
}

/* The same of all, in small pages, or in a pool's. */
static guint64
untouched(const VbGuest *guest, guint64 page_size)
{
    guint64 bytes = 0;
    for (guint i = 0; i < guest->cells->len; i++) {
        const VbCell *cell = g_ptr_array_index(guest->cells, i);
        if (MAX(cell->page_size, 4096) == page_size)
            bytes += untouched_of(cell);
    }
    return bytes;
}

/* Of @bytes of a cell that is at home on several nodes each gets the part that its vCPUs have. */
static guint64
part_on(const VbTopology *topology, const VbGuest *guest, guint index, guint64 bytes, int node)
{
    VbNodeSet home = ((const VbCell *)g_ptr_array_index(guest->cells, index))->home;
    guint there = 0, all = 0;
    if ((home & VB_NODE_BIT(node)) == 0 || vb_nodeset_count(home) == 1)
        return home == VB_NODE_BIT(node) ? bytes : 0;
    for (guint i = 0; i < guest->vcpus->len; i++) {
        const VbVcpu *vcpu = g_ptr_array_index(guest->vcpus, i);
        if ((guint)vcpu->cell != index)
            continue;
        there += vcpu->affinity_known &&
                 vb_topology_nodes_of_cpus(topology, &vcpu->affinity) == VB_NODE_BIT(node);
        all++;
    }
    return all > 0 ? (guint64)((unsigned __int128)bytes * there / all) : 0;
}

/* What @guest may still touch on @node, in pages of that size, if it is at home as @placed is. */
static guint64
due_on(const VbTopology *topology, const VbGuest *guest, const VbGuest *placed, int node, guint64 page_size)
{
    guint64 bytes = 0;
    for (guint i = 0; i < guest->cells->len; i++) {
        const VbCell *cell = g_ptr_array_index(guest->cells, i);
        if (MAX(cell->page_size, 4096) == page_size)
            bytes += part_on(topology, placed, i, untouched_of(cell), node);
    }
    return bytes;
}

/* What guests that are at home on @node may still touch there. */
static guint64
promised(const VbSnapshot *snapshot, const VbGuest *newcomer, int node, guint64 page_size)
{
    guint64 bytes = 0;
    for (guint i = 0; i < snapshot->guests->len; i++) {
        const VbGuest *guest = g_ptr_array_index(snapshot->guests, i);
        if (guest != newcomer)
            bytes += due_on(&snapshot->topology, guest, guest, node, page_size);
    }
    return bytes;
}

VbNewcomerRoom
vb_newcomer_room(const VbSnapshot *snapshot, const VbGuest *newcomer, int node, guint64 page_size)
{
    const VbNode *host = &snapshot->topology.node[node];
    const VbHugePool *pool = page_size > 4096 ? vb_node_pool(host, page_size) : NULL;
    VbNewcomerRoom room = {.promised_bytes = promised(snapshot, newcomer, node, page_size)};
    if (page_size <= 4096) {
        room.free_bytes = host->memory_free_bytes;
        room.reserve_bytes = snapshot->reserve_bytes[node];
    } else if (pool != NULL) {
        room.free_bytes = (pool->free - pool->borrow) * page_size;
    }
    __int128 bytes = (__int128)room.free_bytes - room.reserve_bytes - room.promised_bytes;
    room.bytes = (gint64)CLAMP(bytes, G_MININT64, G_MAXINT64);
    return room;
}

static gboolean
takes(const VbSnapshot *snapshot, const VbGuest *newcomer, int node, guint64 page_size)
{
    guint64 needed = untouched(newcomer, page_size);
    return needed == 0 ||
           vb_newcomer_room(snapshot, newcomer, node, page_size).bytes >= (__int128)needed;
}

/* All of it: room for its RAM, and a CPU for each vCPU. */
static gboolean
holds(const VbSnapshot *snapshot, const VbGuest *newcomer, int node)
{
    VbCpuSet cpus = vb_cpuset_and(&snapshot->topology.node[node].cpus, &newcomer->cpu_boundary);
    gboolean room = vb_cpuset_count(&cpus) >= newcomer->vcpus->len &&
                    takes(snapshot, newcomer, node, 4096);
    for (guint i = 0; room && i < newcomer->cells->len; i++) {
        guint64 size = ((const VbCell *)g_ptr_array_index(newcomer->cells, i))->page_size;
        room = takes(snapshot, newcomer, node, MAX(size, 4096));
    }
    return room;
}

/* Nodes that hold all of it are to be preferred; those of which none does may do so together. */
static void
narrow_to_holders(VbSnapshot *snapshot, VbGuest *newcomer)
{
    VbNodeSet holders = 0;
    int node;
    VB_NODESET_FOREACH(node, newcomer->boundary & vb_topology_home_nodes(&snapshot->topology))
    {
        if (holds(snapshot, newcomer, node))
            holders |= VB_NODE_BIT(node);
    }
    if (holders != 0)
        newcomer->boundary = holders;
}

/* The nodes on which it would touch more than there is room for, if it went where @decision sends it. */
static VbNodeSet
overfilled(const VbSnapshot *snapshot, const VbGuest *newcomer, const VbDecision *decision)
{
    const VbGuest *placed = vb_snapshot_find(decision->predicted, newcomer->uuid);
    VbNodeSet full = 0;
    int node;
    if (decision->plan->actions->len == 0)
        return 0;
    VB_NODESET_FOREACH(node, newcomer->boundary)
    for (guint i = 0; i < newcomer->cells->len; i++) {
        guint64 size = MAX(((const VbCell *)g_ptr_array_index(newcomer->cells, i))->page_size, 4096);
        guint64 bytes = due_on(&snapshot->topology, newcomer, placed, node, size);
        if (bytes > 0 && vb_newcomer_room(snapshot, newcomer, node, size).bytes < (__int128)bytes)
            full |= VB_NODE_BIT(node);
    }
    return full;
}

/* Where a vCPU ran that has hardly run matters to nobody, but a policy may want to know. */
static void
presume_vcpu(VbVcpu *vcpu, VbNodeSet nodes)
{
    int node = vb_nodeset_first(nodes);
    if (!vcpu->busy_known)
        vcpu->busy_bp = VB_BP;
    vcpu->busy_known = TRUE;
    if (vcpu->share_known || node == VB_NO_NODE)
        return;
    vcpu->share_known = TRUE;
    vcpu->share_bp[node] = VB_BP;
}

static void
presume(VbGuest *newcomer)
{
    for (guint i = 0; i < newcomer->vcpus->len; i++)
        presume_vcpu(g_ptr_array_index(newcomer->vcpus, i), newcomer->boundary);
    for (guint i = 0; i < newcomer->cells->len; i++) {
        VbCell *cell = g_ptr_array_index(newcomer->cells, i);
        if (cell->residency_known && cell->present_bytes >= cell->size_bytes / 100 * TOUCHED_PERCENT)
            continue;
        cell->residency_known = TRUE;
        cell->present_bytes = 0;
        cell->unmapped_known = FALSE;
        memset(cell->by_node, 0, sizeof cell->by_node);
    }
}

/* Keeps the pins, and lets them say what they rest on. */
static void
pin_only(VbPlan *plan, const VbGuest *newcomer)
{
    guint64 bytes = 0;
    VbNodeSet homes = 0;
    for (guint i = 0; i < newcomer->cells->len; i++)
        bytes += ((const VbCell *)g_ptr_array_index(newcomer->cells, i))->size_bytes;
    for (guint i = plan->actions->len; i > 0; i--) {
        const VbAction *action = g_ptr_array_index(plan->actions, i - 1);
        if (action->kind == VB_ACTION_PIN)
            homes |= VB_NODE_BIT(action->to);
        else
            g_ptr_array_remove_index(plan->actions, i - 1);
    }
    g_autofree char *size = vb_bytes_format(bytes), *nodes = vb_nodeset_format(homes);
    for (guint i = 0; i < plan->actions->len; i++) {
        VbAction *action = g_ptr_array_index(plan->actions, i);
        g_free(action->reason);
        action->reason = g_strdup_printf(
            "home %s, chosen as it started: there is room for its %s; its demand is not known yet, "
            "so its %u vCPUs count as busy",
            nodes, size, newcomer->vcpus->len);
    }
}

static void
decline_for_room(VbPlan *plan, const VbGuest *newcomer)
{
    guint64 bytes = 0;
    for (guint i = 0; i < newcomer->cells->len; i++)
        bytes += untouched_of(g_ptr_array_index(newcomer->cells, i));
    g_autofree char *size = vb_bytes_format(bytes);
    g_ptr_array_set_size(plan->actions, 0);
    /* What a policy said of the nodes that were left to it is not why. */
    for (guint i = plan->declined->len; i > 0; i--)
        if (g_str_equal(((const VbDecline *)g_ptr_array_index(plan->declined, i - 1))->uuid, newcomer->uuid))
            g_ptr_array_remove_index(plan->declined, i - 1);
    vb_plan_decline(plan, newcomer, "no-room",
                    "no node has room for the %s that it may still touch, nor have several for their "
                    "parts of it: free memory, or widen the nodes that it may live on",
                    size);
}

VbDecision *
vb_newcomer_decide(const VbSnapshot *snapshot, const VbConfig *config, const char *uuid,
                   GError **error)
{
    const VbGuest *as_it_is = vb_snapshot_find(snapshot, uuid);
    if (as_it_is == NULL) {
        g_set_error(error, VB_ERROR, VB_ERROR_NO_GUEST, "there is no guest %s", uuid);
        return NULL;
    }
    g_autoptr(VbSnapshot) presumed = vb_snapshot_copy(snapshot);
    VbGuest *newcomer = vb_snapshot_find(presumed, uuid);
    const char *guests[] = {uuid, NULL};
    VbPlanRequest request = {.guests = guests, .cause = VB_CAUSE_INITIAL};
    narrow_to_holders(presumed, newcomer);
    presume(newcomer);
    /* Nodes that a plan would overfill are left out of the next, until one overfills none. */
    for (VbNodeSet left_out = 0;;) {
        g_autoptr(VbDecision) decision = vb_engine_decide(presumed, config, &request, error);
        if (decision == NULL)
            return NULL;
        VbNodeSet full = overfilled(snapshot, as_it_is, decision);
        left_out |= full;
        newcomer->boundary &= ~full;
        if (full != 0 && newcomer->boundary != 0)
            continue;
        pin_only(decision->plan, newcomer);
        if (full != 0 || (left_out != 0 && decision->plan->actions->len == 0))
            decline_for_room(decision->plan, as_it_is);
        return g_steal_pointer(&decision);
    }
}

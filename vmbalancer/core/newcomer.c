/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/newcomer.h"
#include "core/text.h"
#include <string.h>
#include <vmbalancer/error.h>

/* Less of a cell than this present: where it lies says little about where the cell will lie. */
#define TOUCHED_PERCENT 25

/* Bytes of small pages, or of a pool's, that a guest may still touch. */
static guint64
untouched(const VbGuest *guest, guint64 page_size)
{
    guint64 bytes = 0;
    for (guint i = 0; i < guest->cells->len; i++) {
        const VbCell *cell = g_ptr_array_index(guest->cells, i);
        guint64 present = cell->residency_known ? MIN(cell->present_bytes, cell->size_bytes) : 0;
        /* What others have touched of it has its room already, wherever that is. */
        if (cell->residency_known && cell->unmapped_known)
            present += MIN(cell->unmapped_bytes, cell->size_bytes - present);
        if (MAX(cell->page_size, 4096) == page_size)
            bytes += cell->size_bytes - present;
    }
    return bytes;
}

/* What guests whose home is @node, and nowhere else, may still touch there. */
static guint64
promised(const VbSnapshot *snapshot, const VbGuest *newcomer, int node, guint64 page_size)
{
    guint64 bytes = 0;
    for (guint i = 0; i < snapshot->guests->len; i++) {
        const VbGuest *guest = g_ptr_array_index(snapshot->guests, i);
        if (guest != newcomer && vb_guest_home(guest) == VB_NODE_BIT(node))
            bytes += untouched(guest, page_size);
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

static gboolean
has_room(const VbSnapshot *snapshot, const VbGuest *newcomer, int node)
{
    gboolean room = takes(snapshot, newcomer, node, 4096);
    for (guint i = 0; room && i < newcomer->cells->len; i++) {
        guint64 size = ((const VbCell *)g_ptr_array_index(newcomer->cells, i))->page_size;
        room = takes(snapshot, newcomer, node, MAX(size, 4096));
    }
    return room;
}

/* Returns: FALSE if no node that it may live on has room for it. */
static gboolean
narrow_to_room(VbSnapshot *snapshot, VbGuest *newcomer)
{
    VbNodeSet roomy = 0;
    int node;
    VB_NODESET_FOREACH(node, newcomer->boundary & vb_topology_home_nodes(&snapshot->topology))
    {
        if (has_room(snapshot, newcomer, node))
            roomy |= VB_NODE_BIT(node);
    }
    if (roomy != 0)
        newcomer->boundary = roomy;
    return roomy != 0;
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
    for (guint i = 0; i < newcomer->cells->len; i++)
        bytes += ((const VbCell *)g_ptr_array_index(newcomer->cells, i))->size_bytes;
    g_autofree char *size = vb_bytes_format(bytes);
    for (guint i = plan->actions->len; i > 0; i--) {
        VbAction *action = g_ptr_array_index(plan->actions, i - 1);
        if (action->kind != VB_ACTION_PIN) {
            g_ptr_array_remove_index(plan->actions, i - 1);
            continue;
        }
        g_free(action->reason);
        action->reason = g_strdup_printf(
            "home %d, chosen as it started: there is room for its %s; its demand is not known yet, "
            "so its %u vCPUs count as busy",
            action->to, size, newcomer->vcpus->len);
    }
}

VbDecision *
vb_newcomer_decide(const VbSnapshot *snapshot, const VbConfig *config, const char *uuid,
                   GError **error)
{
    g_autoptr(VbSnapshot) presumed = vb_snapshot_copy(snapshot);
    VbGuest *newcomer = vb_snapshot_find(presumed, uuid);
    if (newcomer == NULL) {
        g_set_error(error, VB_ERROR, VB_ERROR_NO_GUEST, "there is no guest %s", uuid);
        return NULL;
    }
    gboolean room = narrow_to_room(presumed, newcomer);
    presume(newcomer);
    const char *guests[] = {uuid, NULL};
    VbPlanRequest request = {.guests = guests, .cause = VB_CAUSE_INITIAL};
    VbDecision *decision = vb_engine_decide(presumed, config, &request, error);
    if (decision == NULL)
        return NULL;
    if (!room) {
        g_autofree char *size = vb_bytes_format(untouched(newcomer, 4096));
        g_ptr_array_set_size(decision->plan->actions, 0);
        vb_plan_decline(decision->plan, newcomer, "no-room",
                        "no node has room for the %s that it may still touch: free memory, or "
                        "widen the nodes that it may live on",
                        size);
    }
    pin_only(decision->plan, newcomer);
    return decision;
}

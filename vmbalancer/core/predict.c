/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/predict.h"
#include "core/home.h"
#include <string.h>

static void
add_memory(VbNode *node, gint64 bytes)
{
    node->memory_free_bytes = (guint64)MAX((gint64)node->memory_free_bytes + bytes, 0);
}

/* What is borrowed on one node is given back on the other. */
static void
shift_pages(VbNode *from, VbNode *to, guint64 page_size, guint64 pages)
{
    VbHugePool *source = (VbHugePool *)vb_node_pool(from, page_size);
    VbHugePool *target = (VbHugePool *)vb_node_pool(to, page_size);
    guint64 borrowed = target != NULL ? vb_pool_borrowed(target, pages) : 0;
    if (target != NULL) {
        target->free -= MIN(target->free, pages);
        target->borrow -= borrowed;
        add_memory(to, -(gint64)(borrowed * page_size));
    }
    if (source != NULL) {
        source->free += pages - borrowed;
        add_memory(from, (gint64)(borrowed * page_size));
    }
}

static gboolean
is_node(int node)
{
    return node >= 0 && node < VB_NODES_MAX;
}

static void
predict_move(VbSnapshot *snapshot, VbGuest *guest, const VbAction *action)
{
    for (guint i = 0; is_node(action->from) && is_node(action->to) && i < guest->cells->len; i++) {
        VbCell *cell = g_ptr_array_index(guest->cells, i);
        if (cell->id != action->cell)
            continue;
        guint64 bytes = MIN(action->bytes, cell->by_node[action->from]);
        cell->by_node[action->from] -= bytes;
        cell->by_node[action->to] += bytes;
        cell->remote_seen = 0;
        VbNode *from = &snapshot->topology.node[action->from];
        VbNode *to = &snapshot->topology.node[action->to];
        if (cell->page_size > 4096) {
            shift_pages(from, to, cell->page_size, bytes / cell->page_size);
        } else {
            add_memory(from, (gint64)bytes);
            add_memory(to, -(gint64)bytes);
        }
    }
}

static void
predict_vcpu(VbVcpu *vcpu, const VbAction *action)
{
    vcpu->affinity_known = TRUE;
    vcpu->affinity = action->cpus;
    vcpu->share_known = TRUE;
    memset(vcpu->share_bp, 0, sizeof vcpu->share_bp);
    vcpu->share_bp[action->to] = VB_BP;
}

static void
predict_pin(VbGuest *guest, const VbAction *action)
{
    for (guint i = 0; i < guest->vcpus->len; i++) {
        VbVcpu *vcpu = g_ptr_array_index(guest->vcpus, i);
        g_autofree char *name = g_strdup_printf("vcpu%u", vcpu->id);
        if (is_node(action->to) && g_str_equal(name, action->thread))
            predict_vcpu(vcpu, action);
    }
    for (guint i = 0; i < guest->helpers->len; i++) {
        VbHelperThread *helper = g_ptr_array_index(guest->helpers, i);
        if (g_strcmp0(helper->name, action->thread) == 0) {
            helper->affinity_known = TRUE;
            helper->affinity = action->cpus;
        }
    }
    if (guest->owner == VB_OWNER_FREE)
        guest->owner = VB_OWNER_OURS;
}

/* Where the plan pins that vCPU, VB_NO_NODE if it does not. */
static int
pinned_to(const VbPlan *plan, const VbGuest *guest, const VbVcpu *vcpu)
{
    g_autofree char *name = g_strdup_printf("vcpu%u", vcpu->id);
    for (guint i = 0; i < plan->actions->len; i++) {
        const VbAction *action = g_ptr_array_index(plan->actions, i);
        if (action->kind == VB_ACTION_PIN && g_str_equal(action->uuid, guest->uuid) &&
            g_str_equal(action->thread, name))
            return action->to;
    }
    return VB_NO_NODE;
}

static void
predict_homes(VbGuest *guest, const VbPlan *plan)
{
    g_autofree VbHomeVote *votes = vb_home_votes_new(guest);
    for (guint i = 0; i < guest->vcpus->len; i++) {
        const VbVcpu *vcpu = g_ptr_array_index(guest->vcpus, i);
        vb_home_vote(votes, guest, vcpu->cell, pinned_to(plan, guest, vcpu));
    }
    vb_home_settle(guest, votes);
}

VbSnapshot *
vb_predict(const VbSnapshot *snapshot, const VbPlan *plan)
{
    VbSnapshot *predicted = vb_snapshot_copy(snapshot);
    g_autoptr(GHashTable) touched = g_hash_table_new(NULL, NULL);
    for (guint i = 0; i < plan->actions->len; i++) {
        const VbAction *action = g_ptr_array_index(plan->actions, i);
        VbGuest *guest = vb_snapshot_find(predicted, action->uuid);
        if (guest == NULL)
            continue;
        if (action->kind == VB_ACTION_MOVE)
            predict_move(predicted, guest, action);
        else
            predict_pin(guest, action);
        guest->last_move_ns = predicted->time_ns;
        g_hash_table_add(touched, guest);
    }
    for (guint i = 0; i < predicted->guests->len; i++)
        if (g_hash_table_contains(touched, g_ptr_array_index(predicted->guests, i)))
            predict_homes(g_ptr_array_index(predicted->guests, i), plan);
    return predicted;
}

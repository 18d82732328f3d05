/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/predict.h"
#include <string.h>

static void
add_free(VbNode *node, guint64 page_size, gint64 bytes)
{
    if (page_size <= 4096) {
        node->memory_free_bytes =
            (guint64)MAX((gint64)node->memory_free_bytes + bytes, 0);
        return;
    }
    for (guint i = 0; i < node->n_pools; i++)
        if (node->pools[i].page_size == page_size)
            node->pools[i].free =
                (guint64)MAX((gint64)node->pools[i].free + bytes / (gint64)page_size, 0);
}

static void
predict_move(VbSnapshot *snapshot, VbGuest *guest, const VbAction *action)
{
    for (guint i = 0; i < guest->cells->len; i++) {
        VbCell *cell = g_ptr_array_index(guest->cells, i);
        if (cell->id != action->cell)
            continue;
        guint64 bytes = MIN(action->bytes, cell->by_node[action->from]);
        cell->by_node[action->from] -= bytes;
        cell->by_node[action->to] += bytes;
        cell->remote_seen = 0;
        add_free(&snapshot->topology.node[action->from], cell->page_size, (gint64)bytes);
        add_free(&snapshot->topology.node[action->to], cell->page_size, -(gint64)bytes);
    }
}

static void
predict_vcpu(VbGuest *guest, VbVcpu *vcpu, const VbAction *action)
{
    vcpu->affinity_known = TRUE;
    vcpu->affinity = action->cpus;
    vcpu->share_known = TRUE;
    memset(vcpu->share_bp, 0, sizeof vcpu->share_bp);
    vcpu->share_bp[action->to] = VB_BP;
    if (vcpu->cell < 0 || (guint)vcpu->cell >= guest->cells->len)
        return;
    VbCell *cell = g_ptr_array_index(guest->cells, vcpu->cell);
    cell->home |= VB_NODE_BIT(action->to);
}

static void
predict_pin(VbGuest *guest, const VbAction *action)
{
    for (guint i = 0; i < guest->vcpus->len; i++) {
        VbVcpu *vcpu = g_ptr_array_index(guest->vcpus, i);
        g_autofree char *name = g_strdup_printf("vcpu%u", vcpu->id);
        if (g_str_equal(name, action->thread))
            predict_vcpu(guest, vcpu, action);
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

/* Pins of vCPUs define the homes of their cells; those found there before no longer count. */
static void
forget_homes(VbSnapshot *snapshot, const VbPlan *plan)
{
    for (guint i = 0; i < plan->actions->len; i++) {
        const VbAction *action = g_ptr_array_index(plan->actions, i);
        VbGuest *guest = vb_snapshot_find(snapshot, action->uuid);
        if (guest == NULL || action->kind != VB_ACTION_PIN ||
            !g_str_has_prefix(action->thread, "vcpu"))
            continue;
        for (guint c = 0; c < guest->cells->len; c++)
            ((VbCell *)g_ptr_array_index(guest->cells, c))->home = 0;
    }
}

/* A cell without vCPUs of its own lives with the rest of its guest. */
static void
settle_homes(VbSnapshot *snapshot)
{
    for (guint i = 0; i < snapshot->guests->len; i++) {
        VbGuest *guest = g_ptr_array_index(snapshot->guests, i);
        VbNodeSet home = vb_guest_home(guest);
        for (guint c = 0; c < guest->cells->len; c++) {
            VbCell *cell = g_ptr_array_index(guest->cells, c);
            if (cell->home == 0)
                cell->home = home;
        }
    }
}

VbSnapshot *
vb_predict(const VbSnapshot *snapshot, const VbPlan *plan)
{
    VbSnapshot *predicted = vb_snapshot_copy(snapshot);
    forget_homes(predicted, plan);
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
    }
    settle_homes(predicted);
    return predicted;
}

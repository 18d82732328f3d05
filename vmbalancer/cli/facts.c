/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/facts.h"

static void
add_cells(const VbGuest *guest, VbGuestFacts *facts)
{
    facts->ram_known = guest->cells->len > 0;
    for (guint i = 0; i < guest->cells->len; i++) {
        const VbCell *cell = g_ptr_array_index(guest->cells, i);
        facts->size_bytes += cell->size_bytes;
        if (!cell->residency_known) {
            facts->ram_known = FALSE;
            continue;
        }
        facts->present_bytes += cell->present_bytes;
        if (vb_cell_is_partly_unmapped(cell)) {
            facts->unmapped_bytes += cell->unmapped_bytes;
            facts->unmapped_error_bytes += cell->unmapped_error_bytes;
        }
        for (guint node = 0; node < VB_NODES_MAX; node++)
            facts->ram[node] += cell->by_node[node];
    }
}

static void
add_vcpus(const VbGuest *guest, VbGuestFacts *facts)
{
    guint64 idle[VB_NODES_MAX] = {0};
    facts->busy_known = facts->run_known = guest->vcpus->len > 0;
    for (guint i = 0; i < guest->vcpus->len; i++) {
        const VbVcpu *vcpu = g_ptr_array_index(guest->vcpus, i);
        facts->busy_known = facts->busy_known && vcpu->busy_known;
        facts->run_known = facts->run_known && vcpu->share_known;
        facts->busy_bp += vcpu->busy_known ? vcpu->busy_bp : 0;
        for (guint node = 0; vcpu->share_known && node < VB_NODES_MAX; node++) {
            guint busy = vcpu->busy_known ? vcpu->busy_bp : VB_BP;
            facts->run[node] += (guint64)vcpu->share_bp[node] * busy;
            idle[node] += vcpu->share_bp[node];
        }
    }
    /* All idle: where they ran still says where they are, as in vb_guest_locality(). */
    guint64 sum = 0;
    for (guint node = 0; node < VB_NODES_MAX; node++)
        sum += facts->run[node];
    for (guint node = 0; sum == 0 && node < VB_NODES_MAX; node++)
        facts->run[node] = idle[node];
}

void
vb_guest_facts(const VbGuest *guest, VbGuestFacts *ret)
{
    *ret = (VbGuestFacts){0};
    add_cells(guest, ret);
    add_vcpus(guest, ret);
    ret->locality_known = vb_guest_locality(guest, &ret->locality_bp, &ret->error_bp);
}

void
vb_host_facts(const VbSnapshot *snapshot, VbHostFacts *ret)
{
    *ret = (VbHostFacts){0};
    for (guint i = 0; i < snapshot->guests->len; i++) {
        const VbGuest *guest = g_ptr_array_index(snapshot->guests, i);
        for (guint c = 0; c < guest->cells->len; c++) {
            const VbCell *cell = g_ptr_array_index(guest->cells, c);
            for (guint node = 0; cell->residency_known && node < VB_NODES_MAX; node++)
                ret->ram[node] += cell->by_node[node];
        }
        for (guint v = 0; v < guest->vcpus->len; v++) {
            const VbVcpu *vcpu = g_ptr_array_index(guest->vcpus, v);
            if (!vcpu->share_known || !vcpu->busy_known)
                continue;
            for (guint node = 0; node < VB_NODES_MAX; node++)
                ret->demand_bp[node] += (guint64)vcpu->share_bp[node] * vcpu->busy_bp / VB_BP;
        }
    }
}

const char *
vb_guest_remark(const VbGuest *guest, const VbGuestFacts *facts)
{
    if (guest->owner_code != NULL)
        return guest->owner_code;
    if (!facts->ram_known && guest->state != VB_GUEST_OFF)
        return "RAM unknown";
    for (guint i = 0; i < guest->cells->len; i++)
        if (!((const VbCell *)g_ptr_array_index(guest->cells, i))->movable)
            return "RAM unmovable";
    return guest->reason != NULL ? guest->reason : "";
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <vmbalancer/snapshot.h>

/* Share of a vCPU's accesses that stay on its node, if it uses @cell: sum over nodes of time x residency. */
static guint64
overlap_bp(const VbVcpu *vcpu, const VbCell *cell)
{
    if (cell->present_bytes == 0)
        return VB_BP;
    guint64 sum = 0;
    for (guint node = 0; node < VB_NODES_MAX; node++)
        if (vcpu->share_bp[node] > 0 && cell->by_node[node] > 0)
            sum += (guint64)((unsigned __int128)vcpu->share_bp[node] * cell->by_node[node] * VB_BP /
                             cell->present_bytes);
    return (sum + VB_BP / 2) / VB_BP;
}

guint
vb_vcpu_cell_weight(const VbVcpu *vcpu, guint cell)
{
    if (vcpu->cells_known)
        return cell < VB_CELLS_MAX ? vcpu->cell_bp[cell] : 0;
    return vcpu->cell >= 0 && (guint)vcpu->cell == cell ? VB_BP : 0;
}

/* A vCPU's local share and the error of it. Returns: FALSE if a cell that it uses is not known. */
static gboolean
vcpu_locality(const VbGuest *guest, const VbVcpu *vcpu, guint64 *ret_local, guint64 *ret_error)
{
    guint64 local = 0, error = 0;
    guint weights = 0;
    for (guint i = 0; i < guest->cells->len; i++) {
        const VbCell *cell = g_ptr_array_index(guest->cells, i);
        guint weight = vb_vcpu_cell_weight(vcpu, i);
        if (weight == 0)
            continue;
        if (!cell->residency_known)
            return FALSE;
        local += overlap_bp(vcpu, cell) * weight;
        error += (guint64)cell->error_bp * weight;
        weights += weight;
    }
    if (weights == 0 || !vcpu->share_known)
        return FALSE;
    *ret_local = (local + weights / 2) / weights;
    *ret_error = (error + weights / 2) / weights;
    return TRUE;
}

/*
 * A guest without cells has one, and so "all RAM evenly" and "its own cell" are the same rule. A cell
 * that no page of is present yet has nothing to be remote.
 */
gboolean
vb_guest_locality(const VbGuest *guest, guint *ret_locality_bp, guint *ret_error_bp)
{
    guint64 weighted = 0, weighted_error = 0, weights = 0;
    guint64 plain = 0, plain_error = 0;
    if (guest->vcpus->len == 0 || guest->cells->len == 0)
        return FALSE;
    for (guint i = 0; i < guest->vcpus->len; i++) {
        const VbVcpu *vcpu = g_ptr_array_index(guest->vcpus, i);
        guint64 local, error;
        if (!vcpu_locality(guest, vcpu, &local, &error))
            return FALSE;
        guint busy = vcpu->busy_known ? vcpu->busy_bp : VB_BP;
        weighted += local * busy;
        weighted_error += error * busy;
        weights += busy;
        plain += local;
        plain_error += error;
    }
    if (weights == 0) {
        weighted = plain;
        weighted_error = plain_error;
        weights = guest->vcpus->len;
    }
    *ret_locality_bp = (guint)MIN((weighted + weights / 2) / weights, VB_BP);
    if (ret_error_bp != NULL)
        *ret_error_bp = (guint)MIN((weighted_error + weights - 1) / weights, VB_BP);
    return TRUE;
}

gboolean
vb_snapshot_locality(const VbSnapshot *snapshot, guint *ret_locality_bp)
{
    guint64 weighted = 0, weights = 0, plain = 0, known = 0;
    for (guint i = 0; i < snapshot->guests->len; i++) {
        const VbGuest *guest = g_ptr_array_index(snapshot->guests, i);
        guint locality;
        if (!vb_guest_locality(guest, &locality, NULL))
            continue;
        guint demand = vb_guest_demand_bp(guest);
        weighted += (guint64)locality * demand;
        weights += demand;
        plain += locality;
        known++;
    }
    if (known == 0)
        return FALSE;
    *ret_locality_bp =
        (guint)(weights > 0 ? (weighted + weights / 2) / weights : (plain + known / 2) / known);
    return TRUE;
}

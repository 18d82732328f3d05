/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The sched file of a vCPU's thread, whose name the guest's process may choose, and what the model
 * makes of its faults: shares, whatever stands there. Input: the text of a sched file.
 */
#include "core/vcpu_track.h"
#include "observe/faults.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

#define GIB (G_GUINT64_CONSTANT(1) << 30)

static VbGuest *
guest_new(void)
{
    VbGuest *guest = vb_guest_new();
    for (guint i = 0; i < 2; i++) {
        VbCell *cell = vb_cell_new();
        cell->id = i;
        cell->page_size = 4096;
        cell->residency_known = TRUE;
        cell->by_node[i] = GIB;
        cell->present_bytes = GIB;
        g_ptr_array_add(guest->cells, cell);
    }
    return guest;
}

static void
check_shares(const guint *share, guint count)
{
    guint sum = 0;
    for (guint i = 0; i < count; i++)
        sum += share[i];
    g_assert(sum == VB_BP);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    VbFaults faults;
    if (!vb_faults_parse((const char *)data, size, &faults, NULL))
        return 0;
    g_autoptr(VbGuest) guest = guest_new();
    g_autofree VbTopology *topology = g_new0(VbTopology, 1);
    g_autoptr(VbVcpuSight) sight = vb_vcpu_sight_new();
    sight->faults_known = faults.nodes != 0;
    memcpy(sight->private_faults, faults.private_pages, sizeof faults.private_pages);
    memcpy(sight->shared_faults, faults.shared_pages, sizeof faults.shared_pages);
    VbVcpuTrack track = vb_vcpu_track_advance(NULL, sight, 0, topology);
    vb_vcpu_track_access(&track, sight, guest);
    g_autoptr(VbVcpu) vcpu = vb_vcpu_track_show(&track, sight, topology);
    g_assert(vcpu->access_known && vcpu->private_bp <= VB_BP);
    check_shares(vcpu->access_bp, VB_NODES_MAX);
    if (vcpu->cells_known)
        check_shares(vcpu->cell_bp, VB_CELLS_MAX);
    return 0;
}

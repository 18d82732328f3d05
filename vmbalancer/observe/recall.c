/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "observe/recall.h"
#include <string.h>

#define AGE_NS (G_GINT64_CONSTANT(300) * 1000000000)
/* Of the guest's RAM: less would not change what anybody decides. */
#define MOVED_SHARE 256
/* What the kernel's own batches may hide or feign: 64 pages of each CPU that counts for the guest just now. */
#define MOVED_MIN (G_GUINT64_CONSTANT(1) << 20)
#define SMALL_PAGE 4096
/* Nobody acts on what is not mapped, and to ask costs more than all else of a look; of 4,096 pages the present share errs by
 * 1.6 points. */
#define UNMAPPED_AGE_NS (G_GINT64_CONSTANT(60) * 1000000000)
#define UNMAPPED_SHARE 50
#define TARGET_BP 9800

static gboolean
is_same_process(const VbRecall *recall, const VbGuest *facts)
{
    return recall->before != NULL && recall->before->facts->pid == facts->pid &&
           recall->before->facts->start_time == facts->start_time;
}

static gboolean
were_all_found(const VbGuestSight *before)
{
    for (guint i = 0; i < before->vcpus->len; i++) {
        const VbVcpuSight *vcpu = g_ptr_array_index(before->vcpus, i);
        if (vcpu->tid == 0 || !vcpu->run_known || vcpu->last_cpu < 0)
            return FALSE;
    }
    return TRUE;
}

/* Plain QEMU tells its threads itself. */
static gboolean
are_those_told(const VbGuestSight *before, const VbDomain *live)
{
    for (guint i = 0; live->threads->len > 0 && i < before->vcpus->len; i++) {
        const VbVcpuSight *vcpu = g_ptr_array_index(before->vcpus, i);
        g_autofree char *name = g_strdup_printf("vcpu%u", vcpu->id);
        if (vb_domain_tid_in(live->threads, name) != vcpu->tid)
            return FALSE;
    }
    return TRUE;
}

gboolean
vb_recall_threads(const VbRecall *recall, VbKernel *kernel, const VbDomain *live,
                  VbGuestSight *sight)
{
    const VbGuestSight *before = recall->before;
    /* An iothread's number is not in a look, only its name. */
    if (!is_same_process(recall, sight->facts) || live->iothreads->len > 0 ||
        before->facts->helpers->len != 1 || before->vcpus->len != live->n_vcpus ||
        !were_all_found(before) || !are_those_told(before, live))
        return FALSE;
    for (guint i = 0; i < before->vcpus->len; i++) {
        VbVcpuSight *vcpu = vb_vcpu_sight_new();
        *vcpu = *(const VbVcpuSight *)g_ptr_array_index(before->vcpus, i);
        vcpu->faults_known = FALSE;
        vcpu->affinity_known = kernel->ops->get_affinity(kernel, vcpu->tid, &vcpu->affinity) == 0;
        g_ptr_array_add(sight->vcpus, vcpu);
    }
    VbHelperThread *emulator = vb_helper_thread_new("emulator");
    emulator->affinity_known =
        kernel->ops->get_affinity(kernel, sight->facts->pid, &emulator->affinity) == 0;
    g_ptr_array_add(sight->facts->helpers, emulator);
    return TRUE;
}

/* The nodes on which a cell's vCPUs may run; of a cell without, those of all. 0 if it is not known. */
static VbNodeSet
near_nodes(const VbTopology *topology, const VbGuestSight *sight, guint cell, gboolean all)
{
    VbNodeSet near = 0;
    for (guint i = 0; i < sight->vcpus->len; i++) {
        const VbVcpuSight *vcpu = g_ptr_array_index(sight->vcpus, i);
        if (!all && vcpu->cell != (int)cell)
            continue;
        if (!vcpu->affinity_known)
            return 0;
        near |= vb_topology_nodes_of_cpus(topology, &vcpu->affinity);
    }
    return near == 0 && !all ? near_nodes(topology, sight, cell, TRUE) : near;
}

static gboolean
may_act(const VbGuest *facts)
{
    return facts->policy != NULL && facts->owner != VB_OWNER_HANDS_OFF &&
           facts->owner != VB_OWNER_OBSERVE_ONLY;
}

VbInquiry
vb_recall_question(const VbTopology *topology, const VbGuestSight *sight, guint cell)
{
    const VbTerms *terms = &sight->facts->terms;
    return (VbInquiry){
        .near = near_nodes(topology, sight, cell, FALSE),
        .target_bp = terms->locality_target_known ? terms->locality_target_bp : TARGET_BP,
        .may_act = may_act(sight->facts),
        .n_nodes = vb_nodeset_count(topology->nodes),
        .nodes = topology->nodes,
    };
}

/* With all nodes near a policy has not placed it yet, or it will not: then it is not at rest. */
static gboolean
is_at_rest(const VbInquiry *question, const VbCell *cell)
{
    guint64 near = 0;
    if (!question->may_act || question->n_nodes < 2)
        return TRUE;
    if (question->near == 0 || (question->nodes & ~question->near) == 0)
        return FALSE;
    for (guint node = 0; node < VB_NODES_MAX; node++)
        if (question->near & VB_NODE_BIT(node))
            near += cell->by_node[node];
    /* As little as it may be: a rough answer was enough as long as nobody could act on it. */
    return (unsigned __int128)near * VB_BP >= (unsigned __int128)cell->present_bytes *
                                                  (question->target_bp + cell->error_bp);
}

static gboolean
is_same_cell(const VbCell *before, const VbCell *now)
{
    return before->id == now->id && before->size_bytes == now->size_bytes &&
           before->page_size == now->page_size && now->page_size == SMALL_PAGE &&
           before->residency_known && before->movable == now->movable;
}

static gboolean
cells_rest(const VbRecall *recall, const VbGuestSight *sight)
{
    const GPtrArray *before = recall->before->facts->cells, *now = sight->facts->cells;
    /* The count is the guest's: of two cells that change places it says nothing. */
    if (before->len != 1 || now->len != 1)
        return FALSE;
    VbInquiry question = vb_recall_question(recall->topology, sight, 0);
    return is_same_cell(g_ptr_array_index(before, 0), g_ptr_array_index(now, 0)) &&
           is_at_rest(&question, g_ptr_array_index(before, 0));
}

static gboolean
vcpus_rest(const VbGuestSight *before, const VbGuestSight *sight)
{
    if (before->vcpus->len != sight->vcpus->len)
        return FALSE;
    for (guint i = 0; i < sight->vcpus->len; i++) {
        const VbVcpuSight *a = g_ptr_array_index(before->vcpus, i);
        const VbVcpuSight *b = g_ptr_array_index(sight->vcpus, i);
        if (a->id != b->id || a->cell != b->cell || !a->affinity_known || !b->affinity_known ||
            !vb_cpuset_equal(&a->affinity, &b->affinity))
            return FALSE;
    }
    return TRUE;
}

/* RAM that is charged to others (shared memory that they touched first) moves without a sign. */
static gboolean
counts_its_ram(const VbGuestSight *before, const VbCell *cell, guint64 slack, guint node)
{
    guint64 error = cell->present_bytes / VB_BP * cell->error_bp;
    return cell->by_node[node] <= before->asked_held_bytes[node] + error + slack;
}

static gboolean
holds_the_same(const VbGuestSight *before, const VbGuestSight *sight)
{
    if (!sight->held_known || !before->asked_held_known)
        return FALSE;
    const VbCell *cell = g_ptr_array_index(before->facts->cells, 0);
    guint64 most = MAX(cell->size_bytes / MOVED_SHARE, MOVED_MIN);
    for (guint node = 0; node < VB_NODES_MAX; node++) {
        guint64 a = before->asked_held_bytes[node], b = sight->held_bytes[node];
        if (MAX(a, b) - MIN(a, b) > most || !counts_its_ram(before, cell, most, node))
            return FALSE;
    }
    return TRUE;
}

static void
take_unmapped(const VbCell *then, VbCell *now)
{
    now->unmapped_known = then->unmapped_known;
    now->unmapped_bytes = then->unmapped_bytes;
    now->unmapped_error_bytes = then->unmapped_error_bytes;
}

gboolean
vb_recall_unmapped(const VbRecall *recall, VbGuestSight *sight, guint cell)
{
    const VbGuestSight *before = recall->before;
    if (!is_same_process(recall, sight->facts) || before->unmapped_ns == 0 ||
        recall->now_ns - before->unmapped_ns > UNMAPPED_AGE_NS || cell >= before->facts->cells->len)
        return FALSE;
    const VbCell *then = g_ptr_array_index(before->facts->cells, cell);
    VbCell *now = g_ptr_array_index(sight->facts->cells, cell);
    guint64 a = then->present_bytes, b = now->present_bytes;
    if (then->id != now->id || then->size_bytes != now->size_bytes || !then->residency_known ||
        MAX(a, b) - MIN(a, b) > now->size_bytes / UNMAPPED_SHARE)
        return FALSE;
    take_unmapped(then, now);
    sight->unmapped_ns = before->unmapped_ns;
    return TRUE;
}

gboolean
vb_recall_pages(const VbRecall *recall, VbGuestSight *sight)
{
    const VbGuestSight *before = recall->before;
    if (!is_same_process(recall, sight->facts) || before->asked_ns == 0 ||
        recall->now_ns - before->asked_ns > AGE_NS || !cells_rest(recall, sight) ||
        !vcpus_rest(before, sight) || !holds_the_same(before, sight))
        return FALSE;
    for (guint i = 0; i < sight->facts->cells->len; i++) {
        const VbCell *then = g_ptr_array_index(before->facts->cells, i);
        VbCell *cell = g_ptr_array_index(sight->facts->cells, i);
        cell->residency_known = TRUE;
        cell->present_bytes = then->present_bytes;
        cell->error_bp = then->error_bp;
        take_unmapped(then, cell);
        memcpy(cell->by_node, then->by_node, sizeof cell->by_node);
    }
    sight->asked_ns = before->asked_ns;
    sight->unmapped_ns = before->unmapped_ns;
    sight->asked_held_known = TRUE;
    memcpy(sight->asked_held_bytes, before->asked_held_bytes, sizeof sight->asked_held_bytes);
    return TRUE;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <vmbalancer/snapshot.h>
#include <string.h>

VbVcpu *
vb_vcpu_new(void)
{
    VbVcpu *vcpu = g_new0(VbVcpu, 1);
    vcpu->intent = VB_NO_NODE;
    return vcpu;
}

VbVcpu *
vb_vcpu_copy(const VbVcpu *vcpu)
{
    return g_memdup2(vcpu, sizeof *vcpu);
}

void
vb_vcpu_free(VbVcpu *vcpu)
{
    g_free(vcpu);
}

VbHelperThread *
vb_helper_thread_new(const char *name)
{
    VbHelperThread *thread = g_new0(VbHelperThread, 1);
    thread->name = g_strdup(name);
    return thread;
}

VbHelperThread *
vb_helper_thread_copy(const VbHelperThread *thread)
{
    VbHelperThread *copy = g_memdup2(thread, sizeof *thread);
    copy->name = g_strdup(thread->name);
    return copy;
}

void
vb_helper_thread_free(VbHelperThread *thread)
{
    if (thread == NULL)
        return;
    g_free(thread->name);
    g_free(thread);
}

VbCell *
vb_cell_new(void)
{
    VbCell *cell = g_new0(VbCell, 1);
    cell->page_size = 4096;
    cell->movable = TRUE;
    cell->top = VB_NO_NODE;
    return cell;
}

VbCell *
vb_cell_copy(const VbCell *cell)
{
    VbCell *copy = g_memdup2(cell, sizeof *cell);
    copy->note = g_strdup(cell->note);
    return copy;
}

void
vb_cell_free(VbCell *cell)
{
    if (cell == NULL)
        return;
    g_free(cell->note);
    g_free(cell);
}

gboolean
vb_cell_is_partly_unmapped(const VbCell *cell)
{
    return cell->residency_known && cell->unmapped_known &&
           cell->unmapped_bytes > cell->unmapped_error_bytes &&
           cell->unmapped_bytes >= cell->size_bytes / 100;
}

VbGuest *
vb_guest_new(void)
{
    VbGuest *guest = g_new0(VbGuest, 1);
    guest->state = VB_GUEST_UNKNOWN;
    guest->vcpus = g_ptr_array_new_with_free_func((GDestroyNotify)vb_vcpu_free);
    guest->helpers = g_ptr_array_new_with_free_func((GDestroyNotify)vb_helper_thread_free);
    guest->cells = g_ptr_array_new_with_free_func((GDestroyNotify)vb_cell_free);
    return guest;
}

static gpointer
copy_vcpu(gconstpointer source, gpointer unused)
{
    return vb_vcpu_copy(source);
}

static gpointer
copy_helper(gconstpointer source, gpointer unused)
{
    return vb_helper_thread_copy(source);
}

static gpointer
copy_cell(gconstpointer source, gpointer unused)
{
    return vb_cell_copy(source);
}

static gpointer
copy_guest(gconstpointer source, gpointer unused)
{
    return vb_guest_copy(source);
}

static GPtrArray *
copy_all(const GPtrArray *from, GDestroyNotify free, GCopyFunc copy)
{
    GPtrArray *into = g_ptr_array_new_full(from->len, free);
    for (guint i = 0; i < from->len; i++)
        g_ptr_array_add(into, copy(g_ptr_array_index(from, i), NULL));
    return into;
}

VbGuest *
vb_guest_copy(const VbGuest *guest)
{
    VbGuest *copy = g_memdup2(guest, sizeof *guest);
    copy->name = g_strdup(guest->name);
    copy->uuid = g_strdup(guest->uuid);
    copy->owner_code = g_strdup(guest->owner_code);
    copy->reason = g_strdup(guest->reason);
    copy->policy = g_strdup(guest->policy);
    copy->settings = guest->settings != NULL ? g_hash_table_ref(guest->settings) : NULL;
    copy->vcpus = copy_all(guest->vcpus, (GDestroyNotify)vb_vcpu_free, copy_vcpu);
    copy->helpers = copy_all(guest->helpers, (GDestroyNotify)vb_helper_thread_free, copy_helper);
    copy->cells = copy_all(guest->cells, (GDestroyNotify)vb_cell_free, copy_cell);
    return copy;
}

void
vb_guest_free(VbGuest *guest)
{
    if (guest == NULL)
        return;
    g_free(guest->name);
    g_free(guest->uuid);
    g_free(guest->owner_code);
    g_free(guest->reason);
    g_free(guest->policy);
    g_ptr_array_unref(guest->vcpus);
    g_ptr_array_unref(guest->helpers);
    g_ptr_array_unref(guest->cells);
    g_clear_pointer(&guest->settings, g_hash_table_unref);
    g_free(guest);
}

VbSnapshot *
vb_snapshot_new(void)
{
    VbSnapshot *snapshot = g_new0(VbSnapshot, 1);
    snapshot->guests = g_ptr_array_new_with_free_func((GDestroyNotify)vb_guest_free);
    return snapshot;
}

VbSnapshot *
vb_snapshot_copy(const VbSnapshot *snapshot)
{
    VbSnapshot *copy = g_memdup2(snapshot, sizeof *snapshot);
    copy->guests = copy_all(snapshot->guests, (GDestroyNotify)vb_guest_free, copy_guest);
    copy->settings = snapshot->settings != NULL ? g_hash_table_ref(snapshot->settings) : NULL;
    copy->rival = g_strdup(snapshot->rival);
    return copy;
}

void
vb_snapshot_free(VbSnapshot *snapshot)
{
    if (snapshot == NULL)
        return;
    g_ptr_array_unref(snapshot->guests);
    g_clear_pointer(&snapshot->settings, g_hash_table_unref);
    g_free(snapshot->rival);
    g_free(snapshot);
}

static int
compare_vcpus(gconstpointer a, gconstpointer b)
{
    guint left = (*(VbVcpu *const *)a)->id, right = (*(VbVcpu *const *)b)->id;
    return left < right ? -1 : left > right;
}

static int
compare_cells(gconstpointer a, gconstpointer b)
{
    guint left = (*(VbCell *const *)a)->id, right = (*(VbCell *const *)b)->id;
    return left < right ? -1 : left > right;
}

static int
compare_helpers(gconstpointer a, gconstpointer b)
{
    return g_strcmp0((*(VbHelperThread *const *)a)->name, (*(VbHelperThread *const *)b)->name);
}

static int
compare_guests(gconstpointer a, gconstpointer b)
{
    return g_strcmp0((*(VbGuest *const *)a)->uuid, (*(VbGuest *const *)b)->uuid);
}

/* Its index among @cells, which it is one of. */
static guint
index_of(GPtrArray *cells, gconstpointer cell)
{
    guint index = 0;
    g_ptr_array_find(cells, cell, &index);
    return index;
}

/* vCPUs name cells by their index, so they are told the new ones. */
static void
sort_cells(VbGuest *guest)
{
    g_autoptr(GPtrArray) before = g_ptr_array_copy(guest->cells, NULL, NULL);
    g_ptr_array_set_free_func(before, NULL);
    g_ptr_array_sort(guest->cells, compare_cells);
    for (guint i = 0; i < guest->vcpus->len; i++) {
        VbVcpu *vcpu = g_ptr_array_index(guest->vcpus, i);
        guint weight[VB_CELLS_MAX];
        memcpy(weight, vcpu->cell_bp, sizeof weight);
        for (guint c = 0; c < MIN(before->len, VB_CELLS_MAX); c++) {
            guint index = index_of(guest->cells, before->pdata[c]);
            if (index < VB_CELLS_MAX)
                vcpu->cell_bp[index] = weight[c];
        }
        if (vcpu->cell >= 0 && (guint)vcpu->cell < before->len)
            vcpu->cell = (int)index_of(guest->cells, before->pdata[vcpu->cell]);
    }
}

void
vb_snapshot_sort(VbSnapshot *snapshot)
{
    for (guint i = 0; i < snapshot->guests->len; i++) {
        VbGuest *guest = g_ptr_array_index(snapshot->guests, i);
        sort_cells(guest);
        g_ptr_array_sort(guest->vcpus, compare_vcpus);
        g_ptr_array_sort(guest->helpers, compare_helpers);
    }
    g_ptr_array_sort(snapshot->guests, compare_guests);
}

VbGuest *
vb_snapshot_find(const VbSnapshot *snapshot, const char *uuid)
{
    for (guint i = 0; i < snapshot->guests->len; i++) {
        VbGuest *guest = g_ptr_array_index(snapshot->guests, i);
        if (g_strcmp0(guest->uuid, uuid) == 0)
            return guest;
    }
    return NULL;
}

guint
vb_guest_demand_bp(const VbGuest *guest)
{
    guint sum = 0;
    for (guint i = 0; i < guest->vcpus->len; i++) {
        const VbVcpu *vcpu = g_ptr_array_index(guest->vcpus, i);
        sum += vcpu->busy_known ? vcpu->busy_bp : VB_BP;
    }
    return sum;
}

guint64
vb_guest_present_bytes(const VbGuest *guest)
{
    guint64 sum = 0;
    for (guint i = 0; i < guest->cells->len; i++) {
        const VbCell *cell = g_ptr_array_index(guest->cells, i);
        sum += cell->residency_known ? cell->present_bytes : cell->size_bytes;
    }
    return sum;
}

VbNodeSet
vb_guest_home(const VbGuest *guest)
{
    VbNodeSet home = 0;
    for (guint i = 0; i < guest->cells->len; i++)
        home |= ((const VbCell *)g_ptr_array_index(guest->cells, i))->home;
    return home;
}

const char *
vb_owner_name(VbOwner owner)
{
    static const char *const names[] = {"free", "ours", "bounded", "hands-off", "observe-only"};
    return names[owner];
}

const char *
vb_guest_state_name(VbGuestState state)
{
    static const char *const names[] = {"running", "paused", "busy", "off", "unknown"};
    return names[state];
}

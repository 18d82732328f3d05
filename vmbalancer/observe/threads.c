/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "observe/threads.h"
#include "observe/number.h"
#include <string.h>

#define STAT_MAX 4096

/* The threads of a guest, as found. */
typedef struct {
    GHashTable *vcpus;     /* vCPU id -> tid */
    GHashTable *iothreads; /* iothread id -> tid */
    int all_vcpus;         /* the one thread of single-threaded TCG, 0 if there is none */
} Threads;

VbThreadKind
vb_thread_kind(const char *comm, guint *ret_id)
{
    static const char vcpu[] = "CPU ", iothread[] = "IO iothread";
    const char *cursor = comm;
    guint64 id;
    VbThreadKind kind = VB_THREAD_OTHER;
    if (g_str_equal(comm, "ALL CPUs/TCG"))
        return VB_THREAD_ALL_VCPUS;
    if (g_str_has_prefix(comm, vcpu)) {
        cursor += strlen(vcpu);
        kind = VB_THREAD_VCPU;
    } else if (g_str_has_prefix(comm, iothread)) {
        cursor += strlen(iothread);
        kind = VB_THREAD_IOTHREAD;
    }
    if (kind == VB_THREAD_OTHER || !vb_number_take(&cursor, 10, &id) || id > G_MAXINT)
        return VB_THREAD_OTHER;
    /* The accelerator follows; which one does not matter. The kernel cuts names at 15 bytes. */
    if (*cursor != (kind == VB_THREAD_VCPU ? '/' : '\0'))
        return VB_THREAD_OTHER;
    *ret_id = (guint)id;
    return kind;
}

static gboolean
read_times(VbKernel *kernel, int pid, VbVcpuSight *vcpu)
{
    char path[64];
    g_autofree char *times = NULL;
    g_snprintf(path, sizeof path, "/proc/%d/task/%d/schedstat", pid, vcpu->tid);
    if (!kernel->ops->read(kernel, path, STAT_MAX, &times, NULL, NULL))
        return FALSE;
    const char *cursor = times;
    vcpu->run_known = vb_number_take(&cursor, 10, &vcpu->run_ns);
    vcpu->wait_known =
        vcpu->run_known && *cursor++ == ' ' && vb_number_take(&cursor, 10, &vcpu->wait_ns);
    return vcpu->run_known;
}

static void
read_last_cpu(VbKernel *kernel, int pid, VbVcpuSight *vcpu)
{
    char path[64];
    g_autofree char *fields = NULL;
    gsize length = 0;
    VbProcessStat seen;
    g_snprintf(path, sizeof path, "/proc/%d/task/%d/stat", pid, vcpu->tid);
    if (kernel->ops->read(kernel, path, STAT_MAX, &fields, &length, NULL) &&
        vb_process_parse_stat(fields, length, &seen))
        vcpu->last_cpu = seen.last_cpu;
}

static void
count_thread(VbKernel *kernel, int pid, VbVcpuSight *vcpu)
{
    VbVcpuSight before = *vcpu;
    vcpu->run_known = vcpu->wait_known = FALSE;
    vcpu->last_cpu = -1;
    if (vcpu->tid == 0)
        return;
    /* Who has not run since is where it was, and the time on a CPU costs a fifth of asking where. */
    if (read_times(kernel, pid, vcpu) && before.run_known && before.run_ns == vcpu->run_ns)
        vcpu->last_cpu = before.last_cpu;
    if (vcpu->last_cpu < 0)
        read_last_cpu(kernel, pid, vcpu);
}

gboolean
vb_threads_count(VbKernel *kernel, VbGuestSight *sight)
{
    VbProcess process = {.pid = sight->facts->pid, .start_time = sight->facts->start_time};
    for (guint i = 0; i < sight->vcpus->len; i++)
        count_thread(kernel, process.pid, g_ptr_array_index(sight->vcpus, i));
    /* Checked after reading: a PID never comes back to the process that it was. */
    return vb_process_alive(kernel, &process);
}

static void
note_thread(Threads *threads, int tid, const char *comm)
{
    guint id = 0;
    switch (vb_thread_kind(comm, &id)) {
    case VB_THREAD_VCPU:
        g_hash_table_insert(threads->vcpus, GUINT_TO_POINTER(id), GINT_TO_POINTER(tid));
        break;
    case VB_THREAD_ALL_VCPUS:
        threads->all_vcpus = tid;
        break;
    case VB_THREAD_IOTHREAD:
        g_hash_table_insert(threads->iothreads, GUINT_TO_POINTER(id), GINT_TO_POINTER(tid));
        break;
    case VB_THREAD_OTHER:
        break;
    }
}

static void
find_threads(VbKernel *kernel, int pid, Threads *threads)
{
    g_autofree char *directory = g_strdup_printf("/proc/%d/task", pid);
    g_auto(GStrv) names = kernel->ops->list(kernel, directory, NULL);
    for (guint i = 0; names != NULL && names[i] != NULL; i++) {
        guint64 tid;
        if (!vb_number_parse(names[i], &tid) || tid == 0 || tid > G_MAXINT)
            continue;
        g_autofree char *path = g_build_filename(directory, names[i], "comm", NULL);
        g_autofree char *comm = vb_kernel_read_line(kernel, path, NULL);
        if (comm != NULL)
            note_thread(threads, (int)tid, comm);
    }
}

/* QEMU's own words are surer than names, which it gives only with debug-threads=on. */
static void
take_threads(const VbDomain *live, Threads *threads)
{
    for (guint i = 0; i < live->threads->len; i++) {
        const VbDomainThread *told = g_ptr_array_index(live->threads, i);
        gboolean vcpu = g_str_has_prefix(told->thread, "vcpu");
        guint64 id;
        if (vb_number_parse(told->thread + strlen(vcpu ? "vcpu" : "iothread"), &id) &&
            id <= G_MAXINT)
            g_hash_table_insert(vcpu ? threads->vcpus : threads->iothreads, GUINT_TO_POINTER(id),
                                GINT_TO_POINTER(told->tid));
    }
}

static int
cell_of(const VbDomain *live, guint vcpu)
{
    for (guint i = 0; i < live->cells->len; i++) {
        const VbDomainCell *cell = g_ptr_array_index(live->cells, i);
        if (vb_cpuset_has(&cell->vcpus, vcpu))
            return (int)i;
    }
    return 0;
}

static void
add_vcpu(VbKernel *kernel, const VbDomain *live, guint id, int tid, GPtrArray *vcpus)
{
    VbVcpuSight *vcpu = vb_vcpu_sight_new();
    vcpu->id = id;
    vcpu->tid = tid;
    vcpu->cell = cell_of(live, id);
    if (tid != 0)
        vcpu->affinity_known = kernel->ops->get_affinity(kernel, tid, &vcpu->affinity) == 0;
    g_ptr_array_add(vcpus, vcpu);
}

static gint
compare_vcpus(gconstpointer a, gconstpointer b)
{
    const VbVcpuSight *left = *(VbVcpuSight *const *)a, *right = *(VbVcpuSight *const *)b;
    return (left->id > right->id) - (left->id < right->id);
}

static void
fill_vcpus(VbKernel *kernel, const VbDomain *live, const Threads *threads, GPtrArray *vcpus)
{
    GHashTableIter iter;
    gpointer id, tid;
    g_hash_table_iter_init(&iter, threads->vcpus);
    while (g_hash_table_iter_next(&iter, &id, &tid))
        add_vcpu(kernel, live, GPOINTER_TO_UINT(id), GPOINTER_TO_INT(tid), vcpus);
    /* Ids have gaps after a hotplug, so what is missing is told by the number alone. */
    for (guint next = 0; vcpus->len < MIN(live->n_vcpus, VB_CPUS_MAX); next++)
        if (!g_hash_table_contains(threads->vcpus, GUINT_TO_POINTER(next)))
            add_vcpu(kernel, live, next, threads->all_vcpus, vcpus);
    g_ptr_array_sort(vcpus, compare_vcpus);
}

static void
add_helper(VbKernel *kernel, const char *name, int tid, GPtrArray *helpers)
{
    VbHelperThread *helper = vb_helper_thread_new(name);
    helper->affinity_known =
        tid != 0 && kernel->ops->get_affinity(kernel, tid, &helper->affinity) == 0;
    g_ptr_array_add(helpers, helper);
}

void
vb_threads_read(VbKernel *kernel, const VbProcess *process, const VbDomain *live,
                VbGuestSight *sight)
{
    g_autoptr(GHashTable) vcpus = g_hash_table_new(NULL, NULL);
    g_autoptr(GHashTable) iothreads = g_hash_table_new(NULL, NULL);
    Threads threads = {.vcpus = vcpus, .iothreads = iothreads};
    if (live->threads->len > 0)
        take_threads(live, &threads);
    else
        find_threads(kernel, process->pid, &threads);
    fill_vcpus(kernel, live, &threads, sight->vcpus);
    add_helper(kernel, "emulator", process->pid, sight->facts->helpers);
    for (guint i = 0; i < live->iothreads->len; i++) {
        guint id = g_array_index(live->iothreads, guint, i);
        g_autofree char *name = g_strdup_printf("iothread%u", id);
        gpointer tid = g_hash_table_lookup(iothreads, GUINT_TO_POINTER(id));
        add_helper(kernel, name, GPOINTER_TO_INT(tid), sight->facts->helpers);
    }
}

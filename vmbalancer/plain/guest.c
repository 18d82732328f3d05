/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plain/guest.h"
#include "mover/identity.h"
#include "observe/number.h"
#include "plain/cells.h"
#include "plain/pins.h"
#include "sys/vhost.h"
#include <string.h>
#include <vmbalancer/error.h>

#define CMDLINE_MAX (4 * 1024 * 1024)
#define BUSY_SILENT "monitor"

/* --- whose process it is -------------------------------------------------------------------- */

static gboolean
read_cmdline(VbKernel *kernel, int pid, char **ret, gsize *ret_length, GError **error)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/cmdline", pid);
    return kernel->ops->read(kernel, path, CMDLINE_MAX, ret, ret_length, error);
}

/* Whose program another user's process runs the kernel tells only those who may trace it. */
static gboolean
is_guest(VbKernel *kernel, int pid, const char **ret_reason)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = g_strdup_printf("/proc/%d/exe", pid);
    g_autofree char *cmdline = NULL;
    gsize length = 0;
    *ret_reason = "its command line cannot be read";
    if (!read_cmdline(kernel, pid, &cmdline, &length, NULL))
        return FALSE;
    g_autofree char *exe = kernel->ops->readlink(kernel, path, &error);
    if (exe == NULL && g_error_matches(error, VB_ERROR, VB_ERROR_DENIED))
        exe = g_strndup(cmdline, length);
    return exe != NULL && vb_identity_is_guest(exe, cmdline, length, ret_reason);
}

gboolean
vb_plain_identify(VbKernel *kernel, const VbPlainAnswer *answer, VbProcess *ret, GError **error)
{
    const char *reason = "the kernel does not tell whose it is";
    if (answer->pid > 0 && !vb_process_identify(kernel, answer->pid, ret, error))
        return FALSE;
    if (answer->pid > 0 && is_guest(kernel, answer->pid, &reason) &&
        vb_process_alive(kernel, ret))
        return TRUE;
    g_set_error(error, VB_ERROR, VB_ERROR_INVALID,
                "the process %d that listens is no QEMU guest: %s", answer->pid, reason);
    return FALSE;
}

/* --- names ---------------------------------------------------------------------------------- */

/* RFC 4122, version 5 in form; the path stands for the name in a name space of our own. */
char *
vb_plain_uuid(const VbPlainAnswer *answer, const char *path)
{
    if (answer->uuid != NULL)
        return g_strdup(answer->uuid);
    g_autofree char *name = g_strdup_printf("vmbalancer:qmp:%s", path);
    g_autofree char *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA1, name, -1);
    sum[12] = '5';
    sum[16] = "89ab"[g_ascii_xdigit_value(sum[16]) & 3];
    return g_strdup_printf("%.8s-%.4s-%.4s-%.4s-%.12s", sum, sum + 8, sum + 12, sum + 16, sum + 20);
}

static gboolean
is_plain_name(const char *name)
{
    if (name == NULL || *name == '\0' || strchr(name, '/') != NULL)
        return FALSE;
    for (const char *at = name; *at != '\0'; at = g_utf8_next_char(at))
        if (!g_unichar_isprint(g_utf8_get_char(at)))
            return FALSE;
    return TRUE;
}

/* Without a name of its own, or with one that nobody could type, it is called after its socket. */
static char *
name_of(const VbPlainAnswer *answer, const char *path)
{
    if (is_plain_name(answer->name))
        return g_strdup(answer->name);
    g_autofree char *file = g_path_get_basename(path);
    char *dot = strrchr(file, '.');
    if (dot != NULL && dot != file)
        *dot = '\0';
    return g_utf8_make_valid(file, -1);
}

/* --- threads -------------------------------------------------------------------------------- */

/* Ids of all threads of the process. */
static GHashTable *
list_tasks(VbKernel *kernel, int pid)
{
    GHashTable *tasks = g_hash_table_new(NULL, NULL);
    g_autofree char *folder = g_strdup_printf("/proc/%d/task", pid);
    g_auto(GStrv) names = kernel->ops->list(kernel, folder, NULL);
    guint64 tid;
    for (guint i = 0; names != NULL && names[i] != NULL; i++)
        if (vb_number_parse(names[i], &tid) && tid > 0 && tid <= G_MAXINT)
            g_hash_table_add(tasks, GINT_TO_POINTER((int)tid));
    return tasks;
}

static void
add_thread(VbDomain *live, char *thread, gint64 tid)
{
    VbDomainThread *told = g_new0(VbDomainThread, 1);
    told->thread = thread;
    told->tid = (int)tid;
    g_ptr_array_add(live->threads, told);
}

/* @name: (transfer full). Returns: FALSE if it is no thread of the process, or named twice. */
static gboolean
take_thread(VbDomain *live, GHashTable *tasks, char *name, gint64 tid)
{
    if (g_hash_table_contains(tasks, GINT_TO_POINTER((int)tid)) &&
        vb_domain_tid_in(live->threads, name) == 0) {
        add_thread(live, name, tid);
        return TRUE;
    }
    g_free(name);
    return FALSE;
}

static guint
iothread_number(const QmpIothread *iothread)
{
    static const char prefix[] = "iothread";
    guint64 number;
    if (g_str_has_prefix(iothread->id, prefix) &&
        g_ascii_string_to_unsigned(iothread->id + strlen(prefix), 10, 0, G_MAXINT, &number, NULL))
        return (guint)number;
    return (guint)iothread->tid;
}

/* A vCPU that is no thread of the process would be another process's to tell of. */
static gboolean
take_threads(VbKernel *kernel, const VbPlainAnswer *answer, VbDomain *live)
{
    g_autoptr(GHashTable) tasks = list_tasks(kernel, live->pid);
    gboolean all = TRUE;
    for (guint i = 0; i < answer->cpus->len; i++) {
        const QmpCpu *cpu = g_ptr_array_index(answer->cpus, i);
        g_autofree char *name = g_strdup_printf("vcpu%" G_GINT64_FORMAT, cpu->index);
        if (cpu->index >= VB_CPUS_MAX ||
            !take_thread(live, tasks, g_steal_pointer(&name), cpu->tid)) {
            all = FALSE;
            continue;
        }
        vb_cpuset_add(&live->plugged, (guint)cpu->index);
        live->n_vcpus++;
    }
    for (guint i = 0; i < answer->iothreads->len; i++) {
        const QmpIothread *iothread = g_ptr_array_index(answer->iothreads, i);
        guint number = iothread_number(iothread);
        if (take_thread(live, tasks, g_strdup_printf("iothread%u", number), iothread->tid))
            g_array_append_val(live->iothreads, number);
    }
    return all;
}

GArray *
vb_plain_emulator(VbKernel *kernel, int pid, const GPtrArray *threads)
{
    g_autoptr(GHashTable) tasks = list_tasks(kernel, pid);
    GArray *tids = g_array_new(FALSE, FALSE, sizeof(int));
    for (guint i = 0; i < threads->len; i++) {
        const VbDomainThread *told = g_ptr_array_index(threads, i);
        g_hash_table_remove(tasks, GINT_TO_POINTER(told->tid));
    }
    g_hash_table_remove(tasks, GINT_TO_POINTER(pid));
    g_array_append_val(tids, pid);
    GHashTableIter iter;
    gpointer tid;
    g_hash_table_iter_init(&iter, tasks);
    while (g_hash_table_iter_next(&iter, &tid, NULL)) {
        int number = GPOINTER_TO_INT(tid);
        g_array_append_val(tids, number);
    }
    g_autoptr(GArray) workers = vb_vhost_list(kernel, pid);
    g_array_append_vals(tids, workers->data, workers->len);
    return tids;
}

/* --- state ---------------------------------------------------------------------------------- */

/* QEMU's RunState, as moving sees it; what is not here is new and better left alone. */
static const struct {
    const char *status;
    VbGuestState state;
    const char *busy;
} states[] = {
    {"running", VB_GUEST_RUNNING, NULL},
    {"paused", VB_GUEST_PAUSED, NULL},
    {"suspended", VB_GUEST_PAUSED, NULL},
    {"debug", VB_GUEST_PAUSED, NULL},
    {"io-error", VB_GUEST_PAUSED, NULL},
    {"watchdog", VB_GUEST_PAUSED, NULL},
    {"prelaunch", VB_GUEST_PAUSED, NULL},
    {"inmigrate", VB_GUEST_BUSY, "migration"},
    {"postmigrate", VB_GUEST_BUSY, "migration"},
    {"finish-migrate", VB_GUEST_BUSY, "migration"},
    {"colo", VB_GUEST_BUSY, "migration"},
    {"save-vm", VB_GUEST_BUSY, "save"},
    {"restore-vm", VB_GUEST_BUSY, "restore"},
    {"shutdown", VB_GUEST_BUSY, "shutdown"},
    {"guest-panicked", VB_GUEST_BUSY, "crash"},
    {"internal-error", VB_GUEST_BUSY, "crash"},
};

static void
set_state(VbDomainLook *look, const VbPlainAnswer *answer, gboolean silent)
{
    const char *busy = silent ? BUSY_SILENT : answer->migrating ? "migration" : NULL;
    look->state = busy != NULL ? VB_GUEST_BUSY : VB_GUEST_UNKNOWN;
    for (guint i = 0; busy == NULL && i < G_N_ELEMENTS(states); i++)
        if (g_str_equal(states[i].status, answer->status)) {
            look->state = states[i].state;
            busy = states[i].busy;
            break;
        }
    look->busy = g_strdup(busy);
}

/* --- all of it ------------------------------------------------------------------------------ */

/* Whoever judges a guest needs a cell of it, even one of which nothing is known. */
static void
take_cells(VbKernel *kernel, const VbPlainAnswer *answer, VbDomainLook *look)
{
    VbDomain *live = look->live;
    g_autofree char *cmdline = NULL;
    g_autoptr(GError) error = NULL;
    gsize length = 0;
    if (!read_cmdline(kernel, live->pid, &cmdline, &length, &error) ||
        !vb_plain_cells(kernel, answer, cmdline, length, live->cells, &error) ||
        !vb_plain_memory_devices(kernel, answer, live, &error)) {
        g_ptr_array_set_size(live->cells, 0);
        g_ptr_array_set_size(live->memory_devices, 0);
        look->error = g_strdup(error->message);
        VbDomainCell *cell = g_new0(VbDomainCell, 1);
        cell->page_size = 4096;
        cell->vcpus = live->plugged;
        g_ptr_array_add(live->cells, cell);
    }
    for (guint i = 0; i < live->cells->len; i++)
        live->memory_bytes += vb_domain_cell_bytes(live, g_ptr_array_index(live->cells, i));
}

VbDomainLook *
vb_plain_look(VbKernel *kernel, const VbPlainAnswer *answer, const VbProcess *process,
              const char *path, gboolean silent)
{
    VbDomainLook *look = g_new0(VbDomainLook, 1);
    VbDomain *live = look->live = vb_domain_new();
    live->name = name_of(answer, path);
    live->uuid = vb_plain_uuid(answer, path);
    live->pid = process->pid;
    live->start_time = process->start_time;
    live->own_monitor = TRUE;
    live->n_hostdevs = answer->n_hostdevs;
    gboolean all = take_threads(kernel, answer, live);
    take_cells(kernel, answer, look);
    set_state(look, answer, silent);
    if (!vb_plain_pins(kernel, live) && look->error == NULL)
        look->error = g_strdup("the host's CPUs cannot be read, so its pins cannot be told");
    /* Hot-unplugged since, or not this process's: either way not known well enough to act on. */
    if (!all && look->error == NULL)
        look->error = g_strdup_printf("vCPUs that QEMU tells of are no threads of process %d",
                                      process->pid);
    return look;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "observe/process.h"
#include "observe/number.h"
#include <string.h>
#include <vmbalancer/error.h>

#define PID_DIR "/run/libvirt/qemu"
/* A guest with a thousand disks has one of some 100 KiB; the kernel's own limit is 6 MiB. */
#define CMDLINE_MAX (8 * 1024 * 1024)
#define CGROUP_MAX (64 * 1024)

struct VbProcesses {
    VbKernel *kernel;
    GHashTable *claims; /* UUID in lower case -> GArray of VbProcess; NULL before the first need */
};

VbProcesses *
vb_processes_new(VbKernel *kernel)
{
    VbProcesses *processes = g_new0(VbProcesses, 1);
    processes->kernel = kernel;
    return processes;
}

void
vb_processes_free(VbProcesses *processes)
{
    if (processes == NULL)
        return;
    g_clear_pointer(&processes->claims, g_hash_table_unref);
    g_free(processes);
}

/*
 * The arguments after each "-uuid" in an argument list of "name\0-a\0b\0".
 * Returns: (transfer full) (element-type utf8) (nullable): in lower case; NULL if there is none
 */
static GPtrArray *
uuids_in(const char *text, gsize length)
{
    GPtrArray *uuids = NULL;
    gboolean expected = FALSE;
    for (gsize at = 0; at < length;) {
        gsize size = strnlen(text + at, length - at);
        if (at + size >= length)
            break; /* the last argument is cut off */
        if (expected && uuids == NULL)
            uuids = g_ptr_array_new_with_free_func(g_free);
        if (expected)
            g_ptr_array_add(uuids, g_ascii_strdown(text + at, (gssize)size));
        expected = g_str_equal(text + at, "-uuid");
        at += size + 1;
    }
    return uuids;
}

static GPtrArray *
read_uuids(VbKernel *kernel, int pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/cmdline", pid);
    g_autofree char *text = NULL;
    gsize length = 0;
    if (!kernel->ops->read(kernel, path, CMDLINE_MAX, &text, &length, NULL))
        return NULL;
    return uuids_in(text, length);
}

/*
 * Identity first, evidence second, identity again: the PID cannot have changed hands between.
 * Returns: (transfer full) (nullable): the UUIDs that the process claims; NULL if it is no guest
 */
static GPtrArray *
identify_guest(VbKernel *kernel, int pid, VbProcess *ret)
{
    VbProcess before, after;
    if (!vb_process_identify(kernel, pid, &before, NULL))
        return NULL;
    g_autoptr(GPtrArray) uuids = read_uuids(kernel, pid);
    if (uuids == NULL || !vb_process_identify(kernel, pid, &after, NULL) ||
        before.start_time != after.start_time)
        return NULL;
    *ret = before;
    return g_steal_pointer(&uuids);
}

static gboolean
has_uuid(const GPtrArray *uuids, const char *uuid)
{
    for (guint i = 0; i < uuids->len; i++)
        if (g_ascii_strcasecmp(g_ptr_array_index(uuids, i), uuid) == 0)
            return TRUE;
    return FALSE;
}

static gboolean
parse_pid(const char *text, int *ret)
{
    guint64 pid;
    if (!vb_number_parse(text, &pid) || pid == 0 || pid > G_MAXINT)
        return FALSE;
    *ret = (int)pid;
    return TRUE;
}

static gboolean
find_by_pid_file(VbKernel *kernel, const char *name, const char *uuid, VbProcess *ret)
{
    /* libvirt itself refuses a name with a slash, so such a name has no pid file. */
    if (*name == '\0' || strchr(name, '/') != NULL)
        return FALSE;
    g_autofree char *path = g_strdup_printf(PID_DIR "/%s.pid", name);
    g_autofree char *line = vb_kernel_read_line(kernel, path, NULL);
    int pid;
    if (line == NULL || !parse_pid(g_strstrip(line), &pid))
        return FALSE;
    g_autoptr(GPtrArray) uuids = identify_guest(kernel, pid, ret);
    return uuids != NULL && has_uuid(uuids, uuid);
}

static void
add_claim(VbProcesses *processes, const char *uuid, const VbProcess *process)
{
    GArray *claims = g_hash_table_lookup(processes->claims, uuid);
    if (claims == NULL) {
        claims = g_array_new(FALSE, FALSE, sizeof(VbProcess));
        g_hash_table_insert(processes->claims, g_strdup(uuid), claims);
    }
    for (guint i = 0; i < claims->len; i++)
        if (g_array_index(claims, VbProcess, i).pid == process->pid)
            return; /* says it twice */
    g_array_append_val(claims, *process);
}

static gboolean
scan(VbProcesses *processes, GError **error)
{
    g_auto(GStrv) names = processes->kernel->ops->list(processes->kernel, "/proc", error);
    if (names == NULL)
        return FALSE;
    processes->claims =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_array_unref);
    for (guint i = 0; names[i] != NULL; i++) {
        VbProcess process;
        int pid;
        if (!parse_pid(names[i], &pid))
            continue;
        g_autoptr(GPtrArray) uuids = identify_guest(processes->kernel, pid, &process);
        for (guint j = 0; uuids != NULL && j < uuids->len; j++)
            add_claim(processes, g_ptr_array_index(uuids, j), &process);
    }
    return TRUE;
}

gboolean
vb_processes_find(VbProcesses *processes, const char *name, const char *uuid, VbProcess *ret,
                  GError **error)
{
    VbProcess found;
    if (find_by_pid_file(processes->kernel, name, uuid, &found)) {
        *ret = found;
        return TRUE;
    }
    if (processes->claims == NULL && !scan(processes, error))
        return FALSE;
    g_autofree char *key = g_ascii_strdown(uuid, -1);
    const GArray *claims = g_hash_table_lookup(processes->claims, key);
    if (claims == NULL) {
        g_set_error(error, VB_ERROR, VB_ERROR_NO_GUEST,
                    "no process has -uuid %s on its command line", uuid);
        return FALSE;
    }
    /* Anyone may start a process with any arguments: two that claim it prove nothing. */
    if (claims->len > 1) {
        g_set_error(error, VB_ERROR, VB_ERROR_FAILED,
                    "processes %d and %d both have -uuid %s on their command line; "
                    "end the one that is not the guest",
                    g_array_index(claims, VbProcess, 0).pid,
                    g_array_index(claims, VbProcess, 1).pid, uuid);
        return FALSE;
    }
    *ret = g_array_index(claims, VbProcess, 0);
    return TRUE;
}

gboolean
vb_guest_process_find(VbKernel *kernel, const char *name, const char *uuid, VbProcess *ret,
                      GError **error)
{
    g_autoptr(VbProcesses) processes = vb_processes_new(kernel);
    return vb_processes_find(processes, name, uuid, ret, error);
}

/* "3:cpu,cpuset:/a": is @controller in the middle part? */
static gboolean
has_controller(const char *list, const char *controller)
{
    g_auto(GStrv) names = g_strsplit(list, ",", -1);
    return g_strv_contains((const char *const *)names, controller);
}

/* How well a line tells where the process belongs; 0 = not at all. */
static guint
cgroup_rank(const char *hierarchy, const char *controllers, const char *path)
{
    if (g_str_equal(path, "/"))
        return 0;
    if (g_str_equal(hierarchy, "0") && *controllers == '\0')
        return 3;
    if (has_controller(controllers, "cpuset"))
        return 2;
    return has_controller(controllers, "memory") ? 1 : 0;
}

char *
vb_process_cgroup(VbKernel *kernel, int pid)
{
    g_autofree char *file = g_strdup_printf("/proc/%d/cgroup", pid);
    g_autofree char *text = NULL;
    if (!kernel->ops->read(kernel, file, CGROUP_MAX, &text, NULL, NULL))
        return NULL;
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    g_autofree char *best = NULL;
    guint best_rank = 0;
    for (guint i = 0; lines[i] != NULL; i++) {
        g_auto(GStrv) part = g_strsplit(lines[i], ":", 3);
        if (g_strv_length(part) != 3)
            continue;
        guint rank = cgroup_rank(part[0], part[1], part[2]);
        if (rank <= best_rank)
            continue;
        best_rank = rank;
        g_free(best);
        best = g_strdup(part[2]);
    }
    return g_steal_pointer(&best);
}

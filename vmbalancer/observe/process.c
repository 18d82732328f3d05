/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "observe/process.h"
#include "observe/number.h"
#include <string.h>
#include <vmbalancer/error.h>

#define PID_DIR "/run/libvirt/qemu"
/* A guest with a thousand disks has one of some 100 KiB; the kernel's own limit is 6 MiB. */
#define CMDLINE_MAX (8 * 1024 * 1024)
#define CGROUP_MAX (64 * 1024)

/* Is @text an argument list of "name\0-a\0b\0" in which "-uuid" is followed by @uuid? */
static gboolean
has_uuid(const char *text, gsize length, const char *uuid)
{
    gboolean expected = FALSE;
    for (gsize at = 0; at < length;) {
        gsize size = strnlen(text + at, length - at);
        if (at + size >= length)
            return FALSE; /* the last argument is cut off */
        if (expected && g_ascii_strcasecmp(text + at, uuid) == 0)
            return TRUE;
        expected = g_str_equal(text + at, "-uuid");
        at += size + 1;
    }
    return FALSE;
}

static gboolean
is_guest(VbKernel *kernel, int pid, const char *uuid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/cmdline", pid);
    g_autofree char *text = NULL;
    gsize length = 0;
    return kernel->ops->read(kernel, path, CMDLINE_MAX, &text, &length, NULL) &&
           has_uuid(text, length, uuid);
}

/*
 * Identity first, evidence second, identity again: the PID cannot have changed hands between.
 * Returns: FALSE if @pid is not that guest.
 */
static gboolean
identify_guest(VbKernel *kernel, int pid, const char *uuid, VbProcess *ret)
{
    VbProcess before, after;
    if (!vb_process_identify(kernel, pid, &before, NULL) || !is_guest(kernel, pid, uuid) ||
        !vb_process_identify(kernel, pid, &after, NULL) || before.start_time != after.start_time)
        return FALSE;
    *ret = before;
    return TRUE;
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
    return line != NULL && parse_pid(g_strstrip(line), &pid) &&
           identify_guest(kernel, pid, uuid, ret);
}

gboolean
vb_guest_process_find(VbKernel *kernel, const char *name, const char *uuid, VbProcess *ret,
                      GError **error)
{
    if (find_by_pid_file(kernel, name, uuid, ret))
        return TRUE;
    g_auto(GStrv) names = kernel->ops->list(kernel, "/proc", error);
    if (names == NULL)
        return FALSE;
    VbProcess found = {0};
    for (guint i = 0; names[i] != NULL; i++) {
        VbProcess candidate;
        int pid;
        if (!parse_pid(names[i], &pid) || !identify_guest(kernel, pid, uuid, &candidate))
            continue;
        /* Anyone may start a process with any arguments: two that claim it prove nothing. */
        if (found.pid != 0) {
            g_set_error(error, VB_ERROR, VB_ERROR_FAILED,
                        "processes %d and %d both have -uuid %s on their command line; "
                        "end the one that is not the guest",
                        found.pid, candidate.pid, uuid);
            return FALSE;
        }
        found = candidate;
    }
    if (found.pid == 0) {
        g_set_error(error, VB_ERROR, VB_ERROR_NO_GUEST,
                    "no process has -uuid %s on its command line", uuid);
        return FALSE;
    }
    *ret = found;
    return TRUE;
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

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mover/affinity.h"
#include "sys/vhost.h"
#include <errno.h>
#include <vmbalancer/error.h>

#define STAT_LIMIT 4096

/* When that thread began, of the process or of the kernel's. FALSE with an error if it is neither. */
static gboolean
read_start(const VbIdentity *identity, int tid, guint64 *ret, GError **error)
{
    VbKernel *kernel = vb_identity_kernel(identity);
    int pid = vb_identity_pid(identity);
    g_autofree char *path = g_strdup_printf("/proc/%d/task/%d/stat", pid, tid);
    g_autofree char *text = NULL;
    gsize length = 0;
    VbProcessStat stat;
    if (kernel->ops->read(kernel, path, STAT_LIMIT, &text, &length, NULL) &&
        vb_process_parse_stat(text, length, &stat)) {
        *ret = stat.start_time;
        return TRUE;
    }
    if (vb_vhost_serves(kernel, tid, pid, ret))
        return TRUE;
    if (vb_identity_look(identity) == VB_IDENTITY_GONE)
        g_set_error(error, VB_ERROR, VB_ERROR_NO_GUEST, "process %d has ended", pid);
    else
        g_set_error(error, VB_ERROR, VB_ERROR_FAILED, "process %d has no thread %d", pid, tid);
    return FALSE;
}

static gboolean
refuse(int tid, const VbCpuSet *cpus, int code, GError **error)
{
    g_autofree char *text = vb_cpuset_format(cpus);
    if (code == EINVAL)
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID,
                    "thread %d cannot run on CPUs %s: none of them is online and in its cpuset", tid,
                    text);
    else
        g_set_error(error, VB_ERROR,
                    code == EPERM || code == EACCES ? VB_ERROR_DENIED : VB_ERROR_FAILED,
                    "thread %d cannot be put on CPUs %s: %s%s", tid, text, g_strerror(code),
                    code == EPERM ? "; the mover needs CAP_SYS_NICE" : "");
    return FALSE;
}

/*
 * A thread's id may be used again by another process only after the thread ended: the same thread
 * before and after proves that it was the one that was pinned.
 */
gboolean
vb_affinity_set(const VbIdentity *identity, int tid, const VbCpuSet *cpus, GError **error)
{
    VbKernel *kernel = vb_identity_kernel(identity);
    guint64 before = 0, after = 0;
    if (!read_start(identity, tid, &before, error))
        return FALSE;
    int result = kernel->ops->set_affinity(kernel, tid, cpus);
    if (result < 0 && result != -ESRCH)
        return refuse(tid, cpus, -result, error);
    if (!read_start(identity, tid, &after, error))
        return FALSE;
    if (result == 0 && before == after)
        return TRUE;
    g_set_error(error, VB_ERROR, VB_ERROR_FAILED, "process %d has no thread %d any more",
                vb_identity_pid(identity), tid);
    return FALSE;
}

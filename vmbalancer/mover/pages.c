/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mover/pages.h"
#include <errno.h>
#include <string.h>
#include <vmbalancer/error.h>

/* Some 1.5 KiB, more with a thousand CPUs. */
#define STATUS_LIMIT (64 * 1024)

int
vb_pages_query(VbKernel *kernel, int pid, guint count, void **pages, int *nodes)
{
    for (guint i = 0; i < count; i++)
        nodes[i] = VB_PAGE_UNSET;
    for (guint done = 0; done < count;) {
        guint part = MIN(count - done, VB_QUERY_MAX);
        long result =
            kernel->ops->move_pages(kernel, pid, part, pages + done, NULL, nodes + done, 0);
        if (result < 0)
            return (int)result;
        done += part;
    }
    return 0;
}

gboolean
vb_pages_may_use(VbKernel *kernel, int node)
{
    static const char key[] = "\nMems_allowed_list:\t";
    g_autofree char *status = NULL;
    if (!kernel->ops->read(kernel, "/proc/self/status", STATUS_LIMIT, &status, NULL, NULL))
        return TRUE;
    char *list = strstr(status, key);
    if (list == NULL)
        return TRUE;
    list += strlen(key);
    list[strcspn(list, "\n")] = '\0';
    VbNodeSet allowed = 0;
    return !vb_nodeset_parse(list, &allowed, NULL) || (allowed & VB_NODE_BIT(node)) != 0;
}

void
vb_pages_set_error(GError **error, int pid, int code)
{
    switch (code) {
    case -ESRCH:
    case -EINVAL: /* what the kernel says of a process that is on its way out and has no memory any more */
        g_set_error(error, VB_ERROR, VB_ERROR_NO_GUEST, "process %d has ended", pid);
        return;
    case -EPERM:
    case -EACCES:
        g_set_error(error, VB_ERROR, VB_ERROR_DENIED,
                    "the kernel refuses to look at the pages of process %d: %s; the mover needs "
                    "CAP_SYS_PTRACE and CAP_SYS_NICE", pid, g_strerror(-code));
        return;
    case -ENOSYS:
        g_set_error(error, VB_ERROR, VB_ERROR_UNSUPPORTED,
                    "this kernel has no move_pages(2); it needs CONFIG_NUMA and CONFIG_MIGRATION");
        return;
    case -ENODEV:
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID,
                    "pages of process %d cannot go there: the target node is not online or has no "
                    "memory", pid);
        return;
    default:
        g_set_error(error, VB_ERROR, VB_ERROR_FAILED, "move_pages of process %d: %s", pid,
                    g_strerror(-code));
    }
}

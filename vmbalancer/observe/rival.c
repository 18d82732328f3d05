/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "observe/rival.h"
#include "observe/number.h"

#define RIVAL "numad"
#define RIVAL_PID_FILE "/run/numad.pid"

static gboolean
is_rival(VbKernel *kernel, const char *pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%s/comm", pid);
    g_autofree char *comm = vb_kernel_read_line(kernel, path, NULL);
    return g_strcmp0(comm, RIVAL) == 0;
}

char *
vb_rival_find(VbKernel *kernel)
{
    guint64 pid;
    /* The pid file spares the walk; a stale one, or a numad in the foreground, needs it. */
    if (vb_kernel_read_number(kernel, RIVAL_PID_FILE, &pid, NULL)) {
        g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT, pid);
        if (is_rival(kernel, text))
            return g_strdup(RIVAL);
    }
    g_auto(GStrv) names = kernel->ops->list(kernel, "/proc", NULL);
    for (guint i = 0; names != NULL && names[i] != NULL; i++)
        if (vb_number_parse(names[i], &pid) && is_rival(kernel, names[i]))
            return g_strdup(RIVAL);
    return NULL;
}

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

/* On a host of guests most processes are: they need not be asked each time. */
static GHashTable *
guests_of(const VbObservation *before)
{
    GHashTable *pids = g_hash_table_new(NULL, NULL);
    for (guint i = 0; before != NULL && i < before->guests->len; i++) {
        const VbGuestSight *sight = g_ptr_array_index(before->guests, i);
        g_hash_table_add(pids, GINT_TO_POINTER(sight->facts->pid));
    }
    return pids;
}

char *
vb_rival_find(VbKernel *kernel, const VbObservation *before)
{
    g_autoptr(GHashTable) guests = guests_of(before);
    guint64 pid;
    /* The pid file spares the walk; a stale one, or a numad in the foreground, needs it. */
    if (vb_kernel_read_number(kernel, RIVAL_PID_FILE, &pid, NULL)) {
        g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT, pid);
        if (is_rival(kernel, text))
            return g_strdup(RIVAL);
    }
    g_auto(GStrv) names = kernel->ops->list(kernel, "/proc", NULL);
    for (guint i = 0; names != NULL && names[i] != NULL; i++)
        if (vb_number_parse(names[i], &pid) && pid <= G_MAXINT &&
            !g_hash_table_contains(guests, GINT_TO_POINTER((int)pid)) && is_rival(kernel, names[i]))
            return g_strdup(RIVAL);
    return NULL;
}

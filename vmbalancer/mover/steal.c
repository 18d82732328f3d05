/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mover/steal.h"

#define ASK_NS G_GINT64_CONSTANT(1000000000)
#define TEXT_LIMIT 256
/* Who barely ran waited by chance: a hundredth of a second in one. */
#define LEAST_NS (ASK_NS / 100)

/* "RUN WAIT TIMES". */
static gboolean
add_thread(VbKernel *kernel, int pid, const char *tid, guint64 *run_ns, guint64 *wait_ns)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/task/%s/schedstat", pid, tid);
    g_autofree char *text = NULL;
    if (!kernel->ops->read(kernel, path, TEXT_LIMIT, &text, NULL, NULL))
        return FALSE;
    char *rest = NULL;
    guint64 run = g_ascii_strtoull(text, &rest, 10), wait = g_ascii_strtoull(rest, NULL, 10);
    return !__builtin_add_overflow(*run_ns, run, run_ns) && !__builtin_add_overflow(*wait_ns, wait, wait_ns);
}

static gboolean
read_threads(VbKernel *kernel, int pid, guint64 *run_ns, guint64 *wait_ns)
{
    g_autofree char *folder = g_strdup_printf("/proc/%d/task", pid);
    g_auto(GStrv) tids = kernel->ops->list(kernel, folder, NULL);
    gboolean told = FALSE;
    for (guint i = 0; tids != NULL && tids[i] != NULL; i++)
        told |= add_thread(kernel, pid, tids[i], run_ns, wait_ns);
    return told;
}

static guint
share_bp(guint64 run_ns, guint64 wait_ns)
{
    double wanted = (double)run_ns + (double)wait_ns;
    return wanted > 0 ? (guint)((double)wait_ns * VB_BP / wanted) : 0;
}

/* Threads that ended take their time with them: then nothing can be said of this second. */
static gboolean
judge(const VbSteal *steal, guint64 run_ns, guint64 wait_ns)
{
    if (run_ns < steal->run_ns || wait_ns < steal->wait_ns)
        return FALSE;
    guint64 run = run_ns - steal->run_ns, wait = wait_ns - steal->wait_ns;
    return run + wait >= LEAST_NS && share_bp(run, wait) >= steal->before_bp + VB_STEAL_HIGH_BP;
}

gboolean
vb_steal_is_high(VbSteal *steal, VbKernel *kernel, int pid, gint64 now_ns)
{
    guint64 run_ns = 0, wait_ns = 0;
    if (steal->asked && now_ns - steal->asked_ns < ASK_NS)
        return steal->high;
    steal->high = FALSE;
    if (!read_threads(kernel, pid, &run_ns, &wait_ns))
        return FALSE;
    if (steal->asked)
        steal->high = judge(steal, run_ns, wait_ns);
    else
        steal->before_bp = share_bp(run_ns, wait_ns);
    steal->asked = TRUE;
    steal->asked_ns = now_ns;
    steal->run_ns = run_ns;
    steal->wait_ns = wait_ns;
    return steal->high;
}

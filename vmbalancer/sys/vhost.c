/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sys/vhost.h"
#include <string.h>

#define NAME "vhost-"
#define TEXT_LIMIT 4096
/* Flags of a process: field 9 of its stat file, counted from the state, which is field 3. */
#define FLAGS_AFTER_STATE 6
#define PF_KTHREAD 0x00200000u /* include/linux/sched.h */

/* The whole of @text is one id. */
static gboolean
parse_id(const char *text, int *ret)
{
    guint64 id;
    if (!g_ascii_string_to_unsigned(text, 10, 1, G_MAXINT, &id, NULL))
        return FALSE;
    *ret = (int)id;
    return TRUE;
}

/* The thread after which process @tid is called, if it is called so. */
static gboolean
read_maker(VbKernel *kernel, int tid, int *ret)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/comm", tid);
    g_autofree char *name = NULL;
    if (!kernel->ops->read(kernel, path, TEXT_LIMIT, &name, NULL, NULL) ||
        !g_str_has_prefix(name, NAME))
        return FALSE;
    return parse_id(g_strchomp(name) + strlen(NAME), ret);
}

static gboolean
is_thread_of(VbKernel *kernel, int tid, int pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/task/%d/stat", pid, tid);
    g_autofree char *text = NULL;
    return kernel->ops->read(kernel, path, TEXT_LIMIT, &text, NULL, NULL);
}

/* Is it the kernel's own, by the text of its stat file? */
static gboolean
is_kernels(const char *stat)
{
    const char *state = strrchr(stat, ')');
    g_auto(GStrv) fields = g_strsplit(state != NULL ? state : stat, " ", FLAGS_AFTER_STATE + 3);
    guint64 flags;
    return g_strv_length(fields) == FLAGS_AFTER_STATE + 3 &&
           g_ascii_string_to_unsigned(fields[FLAGS_AFTER_STATE + 1], 10, 0, G_MAXUINT32, &flags, NULL) &&
           (flags & PF_KTHREAD) != 0;
}

gboolean
vb_vhost_serves(VbKernel *kernel, int tid, int pid, guint64 *ret_start)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/stat", tid);
    g_autofree char *text = NULL;
    gsize length = 0;
    int maker;
    VbProcessStat worker, served;
    if (!read_maker(kernel, tid, &maker) || !is_thread_of(kernel, maker, pid) ||
        !kernel->ops->read(kernel, path, TEXT_LIMIT, &text, &length, NULL) || !is_kernels(text) ||
        !vb_process_parse_stat(text, length, &worker) || !vb_process_stat(kernel, pid, &served, NULL) ||
        worker.start_time < served.start_time)
        return FALSE;
    *ret_start = worker.start_time;
    return TRUE;
}

GArray *
vb_vhost_list(VbKernel *kernel, int pid)
{
    GArray *tids = g_array_new(FALSE, FALSE, sizeof(int));
    g_auto(GStrv) names = kernel->ops->list(kernel, "/proc", NULL);
    for (guint i = 0; names != NULL && names[i] != NULL; i++) {
        guint64 start;
        int tid;
        if (parse_id(names[i], &tid) && vb_vhost_serves(kernel, tid, pid, &start))
            g_array_append_val(tids, tid);
    }
    return tids;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sys/kernel.h"
#include <string.h>
#include <vmbalancer/error.h>

/* 52 numbers and a name of at most 64 bytes. */
#define STAT_LIMIT 4096

/* Fields of proc(5), counted from 1; the name is the second. */
enum { FIELD_STATE = 3, FIELD_START_TIME = 22, FIELD_LAST_CPU = 39 };

gboolean
vb_process_parse_stat(const char *text, gsize length, VbProcessStat *ret)
{
    /* The name is the process's own choice and not escaped, but no field after it has a ')'. */
    const char *name_end = memrchr(text, ')', length);
    if (name_end == NULL || memchr(text, '(', (gsize)(name_end - text)) == NULL)
        return FALSE;
    g_autofree char *rest =
        g_strndup(name_end + 1, length - (gsize)(name_end + 1 - text));
    g_auto(GStrv) fields = g_strsplit(g_strstrip(rest), " ", -1);
    guint64 start_time = 0, last_cpu = 0;
    if (g_strv_length(fields) <= FIELD_LAST_CPU - FIELD_STATE || strlen(fields[0]) != 1 ||
        !g_ascii_string_to_unsigned(fields[FIELD_START_TIME - FIELD_STATE], 10, 0, G_MAXUINT64,
                                    &start_time, NULL) ||
        !g_ascii_string_to_unsigned(fields[FIELD_LAST_CPU - FIELD_STATE], 10, 0, G_MAXINT,
                                    &last_cpu, NULL))
        return FALSE;
    *ret = (VbProcessStat){
        .state = fields[0][0],
        .start_time = start_time,
        .last_cpu = (int)last_cpu,
    };
    return TRUE;
}

gboolean
vb_process_stat(VbKernel *kernel, int pid, VbProcessStat *ret, GError **error)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/stat", pid);
    g_autofree char *text = NULL;
    gsize length = 0;
    if (!kernel->ops->read(kernel, path, STAT_LIMIT, &text, &length, error))
        return FALSE;
    if (!vb_process_parse_stat(text, length, ret)) {
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID, "%s is not in the format of proc(5)", path);
        return FALSE;
    }
    return TRUE;
}

static gboolean
is_dead(const VbProcessStat *stat)
{
    return stat->state == 'Z' || stat->state == 'X' || stat->state == 'x';
}

gboolean
vb_process_identify(VbKernel *kernel, int pid, VbProcess *ret, GError **error)
{
    VbProcessStat stat;
    if (!vb_process_stat(kernel, pid, &stat, error))
        return FALSE;
    if (is_dead(&stat)) {
        g_set_error(error, VB_ERROR, VB_ERROR_NO_GUEST, "process %d has ended", pid);
        return FALSE;
    }
    *ret = (VbProcess){.pid = pid, .start_time = stat.start_time};
    return TRUE;
}

gboolean
vb_process_alive(VbKernel *kernel, const VbProcess *process)
{
    VbProcess now;
    return vb_process_identify(kernel, process->pid, &now, NULL) &&
           now.start_time == process->start_time;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sys/kernel.h"
#include <string.h>
#include <vmbalancer/error.h>

/* 52 numbers and a name of at most 64 bytes. */
#define STAT_LIMIT 4096

/* Fields of proc(5), counted from 1; the name is the second. */
enum { FIELD_STATE = 3, FIELD_START_TIME = 22, FIELD_LAST_CPU = 39 };

/* A decimal number that ends where the field does. */
static gboolean
parse_number(const char *field, const char *end, guint64 max, guint64 *ret)
{
    guint64 value = 0;
    const char *digit = field;
    for (; digit < end && g_ascii_isdigit(*digit); digit++)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (guint64)(*digit - '0'), &value) || value > max)
            return FALSE;
    if (digit == field || (digit < end && *digit != ' ' && *digit != '\n'))
        return FALSE;
    *ret = value;
    return TRUE;
}

gboolean
vb_process_parse_stat(const char *text, gsize length, VbProcessStat *ret)
{
    /* The name is the process's own choice and not escaped, but no field after it has a ')'. */
    const char *end = text + length, *name_end = memrchr(text, ')', length);
    if (name_end == NULL || memchr(text, '(', (gsize)(name_end - text)) == NULL)
        return FALSE;
    /* Read for each vCPU at each look: without copies. */
    const char *field[FIELD_LAST_CPU - FIELD_STATE + 1];
    guint found = 0;
    for (const char *at = name_end + 1; at < end && found < G_N_ELEMENTS(field); at++)
        if (*at == ' ')
            field[found++] = at + 1;
    guint64 start_time = 0, last_cpu = 0;
    if (found < G_N_ELEMENTS(field) || field[1] != field[0] + 2 ||
        !parse_number(field[FIELD_START_TIME - FIELD_STATE], end, G_MAXUINT64, &start_time) ||
        !parse_number(field[FIELD_LAST_CPU - FIELD_STATE], end, G_MAXINT, &last_cpu))
        return FALSE;
    *ret = (VbProcessStat){
        .state = *field[0],
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
    if (kernel->ops->process_alive != NULL)
        return kernel->ops->process_alive(kernel, process);
    return vb_process_identify(kernel, process->pid, &now, NULL) &&
           now.start_time == process->start_time;
}

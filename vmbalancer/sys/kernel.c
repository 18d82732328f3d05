/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sys/kernel.h"
#include <string.h>
#include <vmbalancer/error.h>

/* One page is the most that a sysfs attribute may hold; lines of /proc are shorter than this too. */
#define LINE_LIMIT (64 * 1024)

char *
vb_kernel_read_line(VbKernel *kernel, const char *path, GError **error)
{
    g_autofree char *text = NULL;
    if (!kernel->ops->read(kernel, path, LINE_LIMIT, &text, NULL, error))
        return NULL;
    text[strcspn(text, "\n")] = '\0';
    return g_steal_pointer(&text);
}

gboolean
vb_kernel_read_number(VbKernel *kernel, const char *path, guint64 *ret, GError **error)
{
    g_autofree char *line = vb_kernel_read_line(kernel, path, error);
    if (line == NULL)
        return FALSE;
    guint64 value = 0;
    if (!g_ascii_string_to_unsigned(g_strstrip(line), 10, 0, G_MAXUINT64, &value, NULL)) {
        g_autofree char *shown = g_strescape(line, NULL);
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID, "%s says \"%.40s\", not a number", path,
                    shown);
        return FALSE;
    }
    *ret = value;
    return TRUE;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "observe/number.h"
#include <vmbalancer/error.h>

gboolean
vb_number_take(const char **cursor, guint base, guint64 *ret)
{
    const char *at = *cursor;
    guint64 value = 0;
    for (;; at++) {
        int digit = g_ascii_xdigit_value(*at);
        if (digit < 0 || (guint)digit >= base)
            break;
        if (__builtin_mul_overflow(value, base, &value) ||
            __builtin_add_overflow(value, (guint64)digit, &value))
            return FALSE;
    }
    if (at == *cursor)
        return FALSE;
    *cursor = at;
    *ret = value;
    return TRUE;
}

gboolean
vb_number_parse(const char *text, guint64 *ret)
{
    const char *cursor = text;
    guint64 value;
    if (!vb_number_take(&cursor, 10, &value) || *cursor != '\0')
        return FALSE;
    *ret = value;
    return TRUE;
}

void
vb_number_invalid(GError **error, const char *what, const char *text, const char *expected)
{
    g_autofree char *head = g_strndup(text, 120);
    g_autofree char *shown = g_strescape(head, NULL);
    g_set_error(error, VB_ERROR, VB_ERROR_INVALID, "%s: \"%s\" is not %s", what, shown, expected);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/text.h"
#include <string.h>
#include <vmbalancer/error.h>

static const char units[] = "KMGTPE";

char *
vb_bytes_format(guint64 bytes)
{
    /* Not g_format_size(): that speaks the user's language, with spaces that no grep expects. */
    guint power = 0;
    guint64 unit = 1;
    while (power < strlen(units) && bytes / unit >= 1024) {
        unit *= 1024;
        power++;
    }
    guint64 tenths = (guint64)(((unsigned __int128)bytes * 10 + unit / 2) / unit);
    if (tenths >= 10240 && power < strlen(units)) {
        tenths /= 1024;
        power++;
    }
    g_autofree char *fraction =
        tenths % 10 != 0 ? g_strdup_printf(".%u", (guint)(tenths % 10)) : g_strdup("");
    g_autofree char *name = power > 0 ? g_strdup_printf("%ciB", units[power - 1]) : g_strdup("B");
    return g_strdup_printf("%" G_GUINT64_FORMAT "%s %s", tenths / 10, fraction, name);
}

/* The power of 1024 that @suffix names ("", "B", "K", "KiB", "KB", ...), -1 if it names none. */
static int
unit_power(const char *suffix)
{
    static const char *const tails[] = {"", "B", "iB"};
    const char *letter = *suffix != '\0' ? strchr(units, g_ascii_toupper(*suffix)) : NULL;
    const char *tail = letter != NULL ? suffix + 1 : suffix;
    for (guint i = 0; i < G_N_ELEMENTS(tails); i++)
        if (g_ascii_strcasecmp(tail, tails[i]) == 0)
            return letter != NULL ? (int)(letter - units) + 1 : i < 2 ? 0 : -1;
    return -1;
}

/*
 * Reads "12" or "12.5" in units of 1024^@power, exactly; @end is where the digits end.
 * Returns: FALSE if it is no such number or over what 63 bits hold.
 */
static gboolean
parse_decimal(const char *text, const char *end, int power, guint64 *ret)
{
    unsigned __int128 value = 0, scale = 1;
    gboolean fraction = FALSE;
    for (const char *c = text; c < end; c++) {
        if (*c == '.') {
            fraction = TRUE;
            continue;
        }
        if (fraction && scale >= G_GUINT64_CONSTANT(1000000000000000))
            continue; /* beyond a byte of an exbibyte's thousandth */
        value = value * 10 + (guint)(*c - '0');
        scale *= fraction ? 10 : 1;
        if (value / scale > G_MAXINT64)
            return FALSE;
    }
    for (int i = 0; i < power; i++) {
        value *= 1024;
        if (value / scale > G_MAXINT64)
            return FALSE;
    }
    *ret = (guint64)(value / scale);
    return TRUE;
}

/* The end of "12" or "12.5" at the start of @text, NULL if it is neither. */
static const char *
skip_decimal(const char *text)
{
    const char *end = text;
    while (g_ascii_isdigit(*end))
        end++;
    if (end == text || *end != '.')
        return end == text ? NULL : end;
    const char *fraction = ++end;
    while (g_ascii_isdigit(*end))
        end++;
    return end == fraction ? NULL : end;
}

gboolean
vb_bytes_parse(const char *text, gboolean rate, guint64 *ret, GError **error)
{
    g_autofree char *stripped = g_strstrip(g_strdup(text));
    if (rate && g_str_has_suffix(stripped, "/s"))
        stripped[strlen(stripped) - 2] = '\0';
    const char *end = skip_decimal(stripped);
    g_autofree char *suffix = g_strstrip(g_strdup(end != NULL ? end : ""));
    int power = end != NULL ? unit_power(suffix) : -1;
    if (power >= 0 && parse_decimal(stripped, end, power, ret))
        return TRUE;
    g_set_error(error, VB_ERROR, VB_ERROR_INVALID, "\"%.60s\" is no %s: write it as in \"%s\"",
                text, rate ? "rate" : "size", rate ? "512MiB/s" : "512MiB");
    return FALSE;
}

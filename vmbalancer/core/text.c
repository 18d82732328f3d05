/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/text.h"
#include <string.h>
#include <vmbalancer/error.h>

static const char units[] = "KMGTPE";

char *
vb_bytes_format(guint64 bytes)
{
    return g_format_size_full(bytes, G_FORMAT_SIZE_IEC_UNITS);
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

gboolean
vb_bytes_parse(const char *text, gboolean rate, guint64 *ret, GError **error)
{
    g_autofree char *stripped = g_strstrip(g_strdup(text));
    if (rate && g_str_has_suffix(stripped, "/s"))
        stripped[strlen(stripped) - 2] = '\0';
    char *end = stripped;
    double value = g_ascii_isdigit(*stripped) ? g_ascii_strtod(stripped, &end) : -1;
    int power = value >= 0 ? unit_power(g_strstrip(end)) : -1;
    for (int i = 0; i < power; i++)
        value *= 1024;
    if (power < 0 || !(value >= 0 && value < (double)G_MAXINT64)) {
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID, "\"%.60s\" is no %s: write it as in \"%s\"",
                    text, rate ? "rate" : "size", rate ? "512MiB/s" : "512MiB");
        return FALSE;
    }
    *ret = (guint64)value;
    return TRUE;
}

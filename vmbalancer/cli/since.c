/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/since.h"
#include <string.h>
#include <vmbalancer/error.h>

static const struct {
    const char *name;
    gint64 seconds;
} units[] = {{"s", 1}, {"min", 60}, {"h", 3600}, {"d", 86400}};

/* "2h" */
static gboolean
parse_ago(const char *text, gint64 now_us, gint64 *ret)
{
    char *end = NULL;
    if (!g_ascii_isdigit(*text))
        return FALSE;
    guint64 count = g_ascii_strtoull(text, &end, 10);
    for (guint i = 0; i < G_N_ELEMENTS(units); i++) {
        if (!g_str_equal(end, units[i].name))
            continue;
        guint64 most = (guint64)(now_us / G_USEC_PER_SEC / units[i].seconds);
        *ret = now_us - (gint64)MIN(count, most) * units[i].seconds * G_USEC_PER_SEC;
        return TRUE;
    }
    return FALSE;
}

/* What GLib reads is whole: date, "T", hours, minutes, seconds. */
static char *
complete(const char *text)
{
    static const char whole[] = "0000-00-00T00:00:00";
    g_autofree char *time = g_strdup(text);
    gsize length = strlen(time);
    if (length > 10 && time[10] == ' ')
        time[10] = 'T';
    return length == 10 || length == 16 ? g_strconcat(time, whole + length, NULL)
                                        : g_steal_pointer(&time);
}

static gboolean
parse_date(const char *text, gint64 *ret)
{
    g_autofree char *whole = complete(text);
    g_autoptr(GTimeZone) here = g_time_zone_new_local();
    g_autoptr(GDateTime) time = g_date_time_new_from_iso8601(whole, here);
    if (time == NULL)
        return FALSE;
    *ret = g_date_time_to_unix(time) * G_USEC_PER_SEC;
    return TRUE;
}

gboolean
vb_since_parse(const char *text, gint64 now_us, gint64 *ret, GError **error)
{
    if (parse_ago(text, now_us, ret) || parse_date(text, ret))
        return TRUE;
    g_set_error(error, VB_ERROR, VB_ERROR_INVALID,
                "--since: \"%.60s\" is no time: write \"2h\" or \"7d\" ago, or a date as in "
                "\"2026-01-31 18:30\"",
                text);
    return FALSE;
}

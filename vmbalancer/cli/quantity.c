/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/text.h"

/* Not g_format_size(): its space does not break, and so is not ASCII. */
char *
vb_text_bytes(guint64 bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes;
    guint unit = 0;
    /* What would be shown as 1024 is one of the next unit. */
    for (; value >= 1023.5 && unit + 1 < G_N_ELEMENTS(units); unit++)
        value /= 1024;
    return g_strdup_printf(unit >= 3 && value < 99.95 ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

char *
vb_text_rate(guint64 bytes, gint64 duration_ns)
{
    if (bytes == 0 || duration_ns <= 0)
        return g_strdup("-");
    double rate = (double)bytes * 1e9 / (double)duration_ns;
    g_autofree char *shown = vb_text_bytes(rate < (double)G_MAXINT64 ? (guint64)rate : G_MAXINT64);
    return g_strconcat(shown, "/s", NULL);
}

char *
vb_text_percent(guint bp)
{
    return g_strdup_printf("%.1f %%", bp / 100.0);
}

char *
vb_text_error(guint error_bp, gboolean utf8)
{
    if (error_bp == 0)
        return g_strdup("");
    /* Rounded up: an error that is shown is never below the real one. */
    return g_strdup_printf("%s%.1f", utf8 ? "±" : "+-", (error_bp + 9) / 10 / 10.0);
}

char *
vb_text_percent_error(guint bp, guint error_bp, gboolean utf8)
{
    g_autofree char *percent = vb_text_percent(bp);
    g_autofree char *error = vb_text_error(error_bp, utf8);
    return g_strconcat(percent, error_bp > 0 ? " " : "", error, NULL);
}

char *
vb_text_duration(gint64 duration_ns)
{
    static const struct {
        gint64 seconds;
        const char *unit;
        const char *next;
        gint64 next_seconds;
    } scales[] = {{86400, "d", "h", 3600}, {3600, "h", "min", 60}, {60, "min", "s", 1}};
    double seconds = (double)duration_ns / 1e9;
    if (seconds < 0.9995)
        return g_strdup_printf("%.0f ms", seconds * 1000);
    if (seconds < 59.95)
        return g_strdup_printf("%.1f s", seconds);
    gint64 whole = (gint64)(seconds + 0.5);
    for (guint i = 0; i < G_N_ELEMENTS(scales); i++) {
        if (whole < scales[i].seconds)
            continue;
        gint64 rest = whole % scales[i].seconds / scales[i].next_seconds;
        if (rest == 0)
            return g_strdup_printf("%" G_GINT64_FORMAT " %s", whole / scales[i].seconds,
                                   scales[i].unit);
        return g_strdup_printf("%" G_GINT64_FORMAT " %s %" G_GINT64_FORMAT " %s",
                               whole / scales[i].seconds, scales[i].unit, rest, scales[i].next);
    }
    return g_strdup_printf("%.0f s", seconds);
}

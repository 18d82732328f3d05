/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "observe/meminfo.h"
#include "observe/number.h"
#include <string.h>
#include <vmbalancer/error.h>

/* The lines that count; the first two must be there, a kernel may lack the others. */
enum { TOTAL, FREE, ACTIVE_FILE, INACTIVE_FILE, DIRTY, WRITEBACK, N_FIELDS };
static const char *const field_names[N_FIELDS] = {
    "MemTotal", "MemFree", "Active(file)", "Inactive(file)", "Dirty", "Writeback",
};

/* "Node 12 " in front of a node's lines. */
static const char *
skip_node(const char *line)
{
    if (!g_str_has_prefix(line, "Node "))
        return line;
    const char *cursor = line + strlen("Node ");
    while (g_ascii_isdigit(*cursor))
        cursor++;
    return cursor + strspn(cursor, " ");
}

/* "  4548812 kB": the number, in bytes. */
static gboolean
parse_kib(const char *text, guint64 *ret_bytes)
{
    const char *cursor = text + strspn(text, " \t");
    guint64 kib;
    if (!vb_number_take(&cursor, 10, &kib) || kib > G_MAXUINT64 / 1024)
        return FALSE;
    if (!g_str_equal(cursor, " kB"))
        return FALSE;
    *ret_bytes = kib * 1024;
    return TRUE;
}

static gboolean
parse_line(const char *line, guint64 *value, gboolean *seen)
{
    const char *body = skip_node(line);
    const char *colon = strchr(body, ':');
    if (colon == NULL)
        return *line == '\0';
    for (guint i = 0; i < N_FIELDS; i++) {
        gsize length = strlen(field_names[i]);
        if ((gsize)(colon - body) != length || strncmp(body, field_names[i], length) != 0)
            continue;
        if (seen[i] || !parse_kib(colon + 1, &value[i]))
            return FALSE;
        seen[i] = TRUE;
    }
    return TRUE;
}

/* a - b, but 0 where the kernel's counters, read one after the other, do not add up. */
static guint64
less(guint64 a, guint64 b)
{
    return a > b ? a - b : 0;
}

gboolean
vb_meminfo_parse(const char *text, const char *path, VbMeminfo *ret, GError **error)
{
    guint64 value[N_FIELDS] = {0};
    gboolean seen[N_FIELDS] = {FALSE};
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (guint i = 0; lines[i] != NULL; i++)
        if (!parse_line(lines[i], value, seen)) {
            vb_number_invalid(error, path, lines[i], "a line \"Name: NUMBER kB\"");
            return FALSE;
        }
    if (!seen[TOTAL] || !seen[FREE] || value[FREE] > value[TOTAL]) {
        vb_number_invalid(error, path, text, "MemTotal and a MemFree that is not above it");
        return FALSE;
    }
    guint64 room = value[TOTAL] - value[FREE];
    guint64 held = MIN(value[DIRTY], room) + MIN(value[WRITEBACK], room);
    guint64 cache = less(MIN(value[ACTIVE_FILE], room) + MIN(value[INACTIVE_FILE], room), held);
    *ret = (VbMeminfo){.total_bytes = value[TOTAL],
                       .free_bytes = value[FREE],
                       .usable_bytes = value[FREE] + MIN(cache, room)};
    return TRUE;
}

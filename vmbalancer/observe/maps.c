/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "observe/maps.h"
#include "observe/number.h"
#include <string.h>

void
vb_mapping_free(VbMapping *mapping)
{
    if (mapping == NULL)
        return;
    g_free(mapping->path);
    g_free(mapping);
}

static gboolean
take_char(const char **cursor, char expected)
{
    if (**cursor != expected)
        return FALSE;
    (*cursor)++;
    return TRUE;
}

static gboolean
take_perms(const char **cursor, char *perms)
{
    static const char *const allowed[] = {"r-", "w-", "x-", "sp"};
    for (guint i = 0; i < G_N_ELEMENTS(allowed); i++) {
        char c = (*cursor)[i];
        if (c == '\0' || strchr(allowed[i], c) == NULL)
            return FALSE;
        perms[i] = c;
    }
    perms[4] = '\0';
    *cursor += 4;
    return TRUE;
}

/* "7f4cbbe00000-7f4cdbe00000 rw-p 00000000 00:00 0        /path": the parts before the path. */
static gboolean
take_fields(const char **cursor, VbMapping *mapping)
{
    guint64 major, minor;
    if (!vb_number_take(cursor, 16, &mapping->start) || !take_char(cursor, '-') ||
        !vb_number_take(cursor, 16, &mapping->end) || !take_char(cursor, ' ') ||
        !take_perms(cursor, mapping->perms) || !take_char(cursor, ' ') ||
        !vb_number_take(cursor, 16, &mapping->offset) || !take_char(cursor, ' ') ||
        !vb_number_take(cursor, 16, &major) || !take_char(cursor, ':') ||
        !vb_number_take(cursor, 16, &minor) || !take_char(cursor, ' ') ||
        !vb_number_take(cursor, 10, &mapping->inode))
        return FALSE;
    if (major > G_MAXUINT32 || minor > G_MAXUINT32 || mapping->start >= mapping->end)
        return FALSE;
    mapping->device = major << 32 | minor;
    return **cursor == ' ' || **cursor == '\0';
}

static VbMapping *
parse_line(const char *line)
{
    g_autoptr(VbMapping) mapping = g_new0(VbMapping, 1);
    const char *cursor = line;
    if (!take_fields(&cursor, mapping))
        return NULL;
    mapping->path = g_strdup(cursor + strspn(cursor, " "));
    return g_steal_pointer(&mapping);
}

GPtrArray *
vb_maps_parse(const char *text, gsize length, GError **error)
{
    g_autoptr(GPtrArray) maps = g_ptr_array_new_with_free_func((GDestroyNotify)vb_mapping_free);
    guint64 previous_end = 0;
    for (gsize at = 0; at < length;) {
        const char *newline = memchr(text + at, '\n', length - at);
        gsize size = newline != NULL ? (gsize)(newline - text) - at : length - at;
        g_autofree char *line = g_strndup(text + at, size);
        /* A NUL or a missing newline is a text cut short: what is missing could be the RAM. */
        VbMapping *mapping =
            newline != NULL && strlen(line) == size ? parse_line(line) : NULL;
        if (mapping != NULL)
            g_ptr_array_add(maps, mapping);
        if (mapping == NULL || mapping->start < previous_end) {
            vb_number_invalid(error, "maps", line, "a whole line above the one before it");
            return NULL;
        }
        previous_end = mapping->end;
        at += size + 1;
    }
    return g_steal_pointer(&maps);
}

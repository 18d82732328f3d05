/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "observe/numa_stat.h"
#include "observe/number.h"
#include <string.h>

#define MOUNT "/sys/fs/cgroup"
/* Some 25 lines of a number for each node. */
#define STAT_MAX (256 * 1024)

static gboolean
is_guests_own(const char *folder)
{
    return (g_str_has_prefix(folder, "machine-qemu") && g_str_has_suffix(folder, ".scope")) ||
           (g_str_has_prefix(folder, "qemu-") && g_str_has_suffix(folder, ".libvirt-qemu"));
}

char *
vb_numa_stat_group(const char *cgroup)
{
    g_auto(GStrv) folders = g_strsplit(cgroup, "/", -1);
    gsize end = 0;
    for (guint i = 0; folders[i] != NULL; i++) {
        /* The name is the kernel's, but who made the folder chose it: never out of the mount. */
        if (g_str_equal(folders[i], ".."))
            return NULL;
        end += strlen(folders[i]);
        if (is_guests_own(folders[i]))
            return g_strndup(cgroup, end);
        end++;
    }
    return NULL;
}

/* " N0=4096 N1=0": adds them. */
static gboolean
add_nodes(const char *cursor, guint64 *by_node)
{
    while (*cursor == ' ') {
        guint64 node = 0, bytes = 0;
        if (*++cursor != 'N')
            return FALSE;
        cursor++;
        if (!vb_number_take(&cursor, 10, &node) || *cursor++ != '=' ||
            !vb_number_take(&cursor, 10, &bytes) || node >= VB_NODES_MAX ||
            __builtin_add_overflow(by_node[node], bytes, &by_node[node]))
            return FALSE;
    }
    return *cursor == '\n' || *cursor == '\0';
}

/* The lines that count. */
enum { ANON, FILE_CACHE, ANON_THP, KINDS };

static gboolean
add_line(const char *line, guint64 by_node[KINDS][VB_NODES_MAX], guint *found)
{
    static const char *const kinds[] = {"anon", "file", "anon_thp"};
    for (guint i = 0; i < KINDS; i++) {
        gsize length = strlen(kinds[i]);
        if (strncmp(line, kinds[i], length) != 0 || line[length] != ' ')
            continue;
        *found |= 1u << i;
        return add_nodes(line + length, by_node[i]);
    }
    return TRUE;
}

/* The kernel counts either by itself, and each a little late. */
static gboolean
split_anon(guint64 by_node[KINDS][VB_NODES_MAX], VbNumaStat *ret)
{
    guint64 anon = 0, huge = 0;
    for (guint i = 0; i < VB_NODES_MAX; i++)
        if (__builtin_add_overflow(anon, by_node[ANON][i], &anon) ||
            __builtin_add_overflow(huge, by_node[ANON_THP][i], &huge))
            return FALSE;
    ret->huge_bytes = huge;
    ret->small_bytes = anon - MIN(anon, huge);
    return TRUE;
}

gboolean
vb_numa_stat_parse(const char *text, VbNumaStat *ret)
{
    guint64 by_node[KINDS][VB_NODES_MAX] = {{0}};
    VbNumaStat stat = {{0}};
    guint found = 0, needed = 1u << ANON | 1u << FILE_CACHE;
    for (const char *line = text; line != NULL && *line != '\0';) {
        if (!add_line(line, by_node, &found))
            return FALSE;
        line = strchr(line, '\n');
        line = line != NULL ? line + 1 : NULL;
    }
    if ((found & needed) != needed || !split_anon(by_node, &stat))
        return FALSE;
    for (guint i = 0; i < VB_NODES_MAX; i++)
        if (__builtin_add_overflow(by_node[ANON][i], by_node[FILE_CACHE][i], &stat.held_bytes[i]))
            return FALSE;
    *ret = stat;
    return TRUE;
}

gboolean
vb_numa_stat_read(VbKernel *kernel, const char *cgroup, VbNumaStat *ret)
{
    g_autofree char *group = cgroup != NULL ? vb_numa_stat_group(cgroup) : NULL;
    if (group == NULL)
        return FALSE;
    g_autofree char *path = g_build_filename(MOUNT, group, "memory.numa_stat", NULL);
    g_autofree char *text = NULL;
    return kernel->ops->read(kernel, path, STAT_MAX, &text, NULL, NULL) &&
           vb_numa_stat_parse(text, ret);
}

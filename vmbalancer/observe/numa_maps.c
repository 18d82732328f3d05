/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "observe/numa_maps.h"
#include "observe/number.h"
#include <string.h>

/* What a line says, before pages become bytes. */
typedef struct {
    guint64 pages[VB_NODES_MAX];
    VbNodeSet seen;
    guint64 page_kib;
    gboolean page_seen;
} Counts;

/* Counters of pages that are checked but not kept. */
static const char *const other_counts[] = {
    "anon=", "dirty=", "mapped=", "mapmax=", "swapcache=", "active=", "writeback=",
};

void
vb_numa_mapping_free(VbNumaMapping *mapping)
{
    if (mapping == NULL)
        return;
    g_free(mapping->policy);
    g_free(mapping);
}

/* "N12=345". Any other word that begins with N and a digit is malformed, not unknown. */
static gboolean
parse_node(const char *word, Counts *counts)
{
    const char *cursor = word + 1;
    guint64 node, pages;
    if (!vb_number_take(&cursor, 10, &node) || node >= VB_NODES_MAX || *cursor != '=' ||
        !vb_number_parse(cursor + 1, &pages) || counts->seen & VB_NODE_BIT(node))
        return FALSE;
    counts->seen |= VB_NODE_BIT(node);
    counts->pages[node] = pages;
    return TRUE;
}

static gboolean
parse_page_size(const char *value, Counts *counts)
{
    if (counts->page_seen || !vb_number_parse(value, &counts->page_kib))
        return FALSE;
    counts->page_seen = TRUE;
    return counts->page_kib > 0 && counts->page_kib <= G_MAXUINT64 / 1024;
}

static gboolean
parse_word(const char *word, Counts *counts, VbNumaMapping *mapping)
{
    static const char page_size[] = "kernelpagesize_kB=";
    if (word[0] == 'N' && g_ascii_isdigit(word[1]))
        return parse_node(word, counts);
    if (g_str_has_prefix(word, page_size))
        return parse_page_size(word + strlen(page_size), counts);
    if (g_str_equal(word, "huge"))
        mapping->huge = TRUE;
    for (guint i = 0; i < G_N_ELEMENTS(other_counts); i++) {
        guint64 ignored;
        if (g_str_has_prefix(word, other_counts[i]))
            return vb_number_parse(word + strlen(other_counts[i]), &ignored);
    }
    return TRUE;
}

static gboolean
to_bytes(const Counts *counts, VbNumaMapping *mapping)
{
    mapping->page_size = counts->page_kib * 1024;
    for (guint i = 0; i < VB_NODES_MAX; i++) {
        if (counts->pages[i] > 0 && !counts->page_seen)
            return FALSE; /* pages of a size that is not told */
        if (__builtin_mul_overflow(counts->pages[i], mapping->page_size, &mapping->bytes[i]))
            return FALSE;
    }
    return TRUE;
}

/* Blanks inside a file's name are written as "\040", so blanks part the words. */
static VbNumaMapping *
parse_line(const char *line)
{
    g_autoptr(VbNumaMapping) mapping = g_new0(VbNumaMapping, 1);
    Counts counts = {.page_kib = 0};
    const char *cursor = line;
    if (!vb_number_take(&cursor, 16, &mapping->start) || *cursor != ' ')
        return NULL;
    g_auto(GStrv) words = g_strsplit(cursor + 1, " ", -1);
    if (words[0] == NULL || *words[0] == '\0')
        return NULL;
    mapping->policy = g_strdup(words[0]);
    for (guint i = 1; words[i] != NULL; i++)
        if (!parse_word(words[i], &counts, mapping))
            return NULL;
    return to_bytes(&counts, mapping) ? g_steal_pointer(&mapping) : NULL;
}

GPtrArray *
vb_numa_maps_parse(const char *text, gsize length, GError **error)
{
    g_autoptr(GPtrArray) all =
        g_ptr_array_new_with_free_func((GDestroyNotify)vb_numa_mapping_free);
    const VbNumaMapping *previous = NULL;
    for (gsize at = 0; at < length;) {
        const char *newline = memchr(text + at, '\n', length - at);
        gsize size = newline != NULL ? (gsize)(newline - text) - at : length - at;
        g_autofree char *line = g_strndup(text + at, size);
        VbNumaMapping *mapping =
            newline != NULL && strlen(line) == size ? parse_line(line) : NULL;
        if (mapping != NULL)
            g_ptr_array_add(all, mapping);
        if (mapping == NULL || (previous != NULL && mapping->start <= previous->start)) {
            vb_number_invalid(error, "numa_maps", line, "a whole line above the one before it");
            return NULL;
        }
        previous = mapping;
        at += size + 1;
    }
    return g_steal_pointer(&all);
}

/* Index of the mapping that begins at @start, or the array's length. */
static guint
find_start(const GPtrArray *numa_maps, guint64 start)
{
    guint low = 0, high = numa_maps->len;
    while (low < high) {
        guint middle = low + (high - low) / 2;
        const VbNumaMapping *mapping = g_ptr_array_index(numa_maps, middle);
        if (mapping->start < start)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == numa_maps->len)
        return low;
    const VbNumaMapping *mapping = g_ptr_array_index(numa_maps, low);
    return mapping->start == start ? low : numa_maps->len;
}

gboolean
vb_numa_maps_sum(const GPtrArray *numa_maps, guint64 start, guint64 end,
                 guint64 by_node[VB_NODES_MAX])
{
    guint64 sum[VB_NODES_MAX];
    memcpy(sum, by_node, sizeof sum);
    guint first = find_start(numa_maps, start);
    if (first == numa_maps->len)
        return FALSE;
    for (guint i = first; i < numa_maps->len; i++) {
        const VbNumaMapping *mapping = g_ptr_array_index(numa_maps, i);
        if (mapping->start >= end)
            break;
        for (guint node = 0; node < VB_NODES_MAX; node++)
            if (__builtin_add_overflow(sum[node], mapping->bytes[node], &sum[node]))
                return FALSE;
    }
    memcpy(by_node, sum, sizeof sum);
    return TRUE;
}

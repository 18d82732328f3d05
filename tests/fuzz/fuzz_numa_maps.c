/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The memory files of a process: maps and numa_maps, and what is told from them. A guest's owner
 * may name files and move mappings about; whatever stands there, nothing may be summed amiss.
 * Input: the text of a maps file and of a numa_maps file, parted by a line "--".
 */
#include "observe/maps.h"
#include "observe/numa_maps.h"
#include "observe/ram.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

#define MIB (G_GUINT64_CONSTANT(1) << 20)
#define MARK "\n--\n"

static void
add_cell(VbDomain *live, guint64 size_bytes, VbBacking backing, guint64 page_size)
{
    VbDomainCell *cell = g_new0(VbDomainCell, 1);
    cell->id = live->cells->len;
    cell->size_bytes = size_bytes;
    cell->backing = backing;
    cell->page_size = page_size;
    g_ptr_array_add(live->cells, cell);
}

/* Every range that is found is whole, ascending and the cell's size. */
static void
check_cell(const VbCellRam *ram, const VbDomainCell *cell, const GPtrArray *numa_maps)
{
    guint64 sum = 0, end = 0;
    g_assert((ram->note == NULL) == (ram->ranges->len > 0));
    for (guint i = 0; i < ram->ranges->len; i++) {
        const VbRange *range = &g_array_index(ram->ranges, VbRange, i);
        guint64 by_node[VB_NODES_MAX] = {0};
        g_assert(range->start < range->end && (end == 0 || range->start == end));
        g_assert(range->start % range->page_size == 0 || range->page_size == 4096);
        end = range->end;
        sum += range->end - range->start;
        if (numa_maps != NULL)
            vb_numa_maps_sum(numa_maps, range->start, range->end, by_node);
    }
    g_assert(ram->ranges->len == 0 || sum == cell->size_bytes);
}

static void
check_guest(const GPtrArray *maps, const GPtrArray *numa_maps, VbDomain *live)
{
    g_autoptr(GPtrArray) cells = vb_ram_find(maps, live);
    g_assert(cells->len == live->cells->len);
    for (guint i = 0; i < cells->len; i++)
        check_cell(g_ptr_array_index(cells, i), g_ptr_array_index(live->cells, i), numa_maps);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    const char *text = (const char *)data;
    const char *mark = g_strstr_len(text, (gssize)size, MARK);
    gsize first = mark != NULL ? (gsize)(mark - text) + 1 : size;
    gsize skip = mark != NULL ? first + strlen(MARK) - 1 : 0;
    g_autoptr(GPtrArray) maps = vb_maps_parse(text, first, NULL);
    g_autoptr(GPtrArray) numa_maps = vb_numa_maps_parse(text + skip, size - skip, NULL);
    if (maps == NULL)
        return 0;
    g_autoptr(VbDomain) one = vb_domain_new();
    add_cell(one, 64 * MIB, VB_BACKING_HUGEPAGES, 2 * MIB);
    check_guest(maps, numa_maps, one);
    g_autoptr(VbDomain) four = vb_domain_new();
    add_cell(four, 512 * MIB, VB_BACKING_ANONYMOUS, 4096);
    add_cell(four, 64 * MIB, VB_BACKING_ANONYMOUS, 4096);
    add_cell(four, 256 * MIB, VB_BACKING_MEMFD, 4096);
    add_cell(four, 512 * MIB, VB_BACKING_FILE, 4096);
    check_guest(maps, numa_maps, four);
    return 0;
}

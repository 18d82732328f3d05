/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "observe/shared.h"
#include "observe/maps.h"
#include "observe/sampling.h"
#include <string.h>
#include <vmbalancer/error.h>

#define WORTH_PERCENT 1

/* The mapping that holds @address: they ascend. */
static const VbMapping *
mapping_at(const GPtrArray *maps, guint64 address)
{
    guint low = 0, high = maps->len;
    while (low < high) {
        guint middle = low + (high - low) / 2;
        const VbMapping *mapping = g_ptr_array_index(maps, middle);
        if (address < mapping->start)
            high = middle;
        else if (address >= mapping->end)
            low = middle + 1;
        else
            return mapping;
    }
    return NULL;
}

GArray *
vb_shared_find(const GPtrArray *maps, const GArray *ranges)
{
    GArray *shared = g_array_new(FALSE, FALSE, sizeof(VbSharedRange));
    for (guint i = 0; i < ranges->len; i++) {
        const VbRange *range = &g_array_index(ranges, VbRange, i);
        const VbMapping *mapping = mapping_at(maps, range->start);
        if (mapping == NULL || mapping->perms[3] != 's' || mapping->inode == 0)
            continue;
        VbSharedRange found = {
            .file = {mapping->device, mapping->inode},
            .backed = {*range, mapping->offset + (range->start - mapping->start)},
        };
        g_array_append_val(shared, found);
    }
    return shared;
}

gboolean
vb_shared_is_worth_asking(const GArray *shared, const VbCell *cell)
{
    guint64 absent = cell->size_bytes - MIN(cell->present_bytes, cell->size_bytes);
    return shared->len > 0 && absent >= cell->size_bytes / 100 * WORTH_PERCENT && absent > 0;
}

static gboolean
is_same_file(const VbSharedRange *a, const VbSharedRange *b)
{
    return a->file.device == b->file.device && a->file.inode == b->file.inode;
}

/* Asks about the ranges of the file that the one at @first is of, and marks them as asked. */
static gboolean
ask_file(VbMover *mover, const VbProcess *process, const GArray *shared, guint first, guint most,
         guint64 seed, gboolean *asked, VbCell *sum, GError **error)
{
    const VbSharedRange *file = &g_array_index(shared, VbSharedRange, first);
    g_autoptr(GArray) ranges = g_array_new(FALSE, FALSE, sizeof(VbBackedRange));
    for (guint i = first; i < shared->len; i++) {
        const VbSharedRange *range = &g_array_index(shared, VbSharedRange, i);
        if (!is_same_file(file, range))
            continue;
        g_array_append_val(ranges, range->backed);
        asked[i] = TRUE;
    }
    VbBackingSample sample;
    if (!vb_mover_backing(mover, process, &file->file, (const VbBackedRange *)(void *)ranges->data,
                          ranges->len, most, seed, &sample, error))
        return FALSE;
    if (vb_sampling_add_unmapped(&sample, file->backed.range.page_size, sum))
        return TRUE;
    g_set_error(error, VB_ERROR, VB_ERROR_FAILED,
                "the mover's sample of shared memory does not add up");
    return FALSE;
}

gboolean
vb_shared_ask(VbMover *mover, const VbProcess *process, const GArray *shared, guint most,
              guint64 seed, VbCell *cell, GError **error)
{
    g_autofree gboolean *asked = g_new0(gboolean, shared->len);
    VbCell sum = *cell;
    sum.unmapped_bytes = sum.unmapped_error_bytes = 0;
    for (guint i = 0; i < shared->len; i++)
        if (!asked[i] &&
            !ask_file(mover, process, shared, i, most, seed, asked, &sum, error))
            return FALSE;
    /* Sampled twice: together no more than there is. */
    guint64 absent = cell->size_bytes - MIN(cell->present_bytes, cell->size_bytes);
    cell->unmapped_known = TRUE;
    cell->unmapped_bytes = MIN(sum.unmapped_bytes, absent);
    cell->unmapped_error_bytes = MIN(sum.unmapped_error_bytes, cell->size_bytes);
    return TRUE;
}

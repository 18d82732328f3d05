/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "space.h"

void
vb_space_init(VbSpace *space, const VbSnapshot *snapshot)
{
    space->snapshot = snapshot;
    space->free = snapshot->topology;
}

static gboolean
book_pool(VbSpace *space, guint64 page_size, int from, int to, guint64 bytes)
{
    guint64 pages = bytes / page_size + (bytes % page_size != 0);
    VbHugePool *source = (VbHugePool *)vb_node_pool(&space->free.node[from], page_size);
    VbHugePool *target = (VbHugePool *)vb_node_pool(&space->free.node[to], page_size);
    if (target == NULL || target->free < pages)
        return FALSE;
    target->free -= pages;
    if (source != NULL)
        source->free += pages;
    return TRUE;
}

gboolean
vb_space_book(VbSpace *space, const VbCell *cell, int from, int to, guint64 bytes)
{
    guint64 *left = &space->free.node[to].memory_free_bytes;
    guint64 reserve = space->snapshot->reserve_bytes[to];
    if (cell->page_size > 4096)
        return book_pool(space, cell->page_size, from, to, bytes);
    if (*left < reserve || *left - reserve < bytes)
        return FALSE;
    *left -= bytes;
    space->free.node[from].memory_free_bytes += bytes;
    return TRUE;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "act/hot.h"

#define STANDS_OUT 2
#define HUGE_PAGE (G_GUINT64_CONSTANT(2) << 20)

/* TRUE where @part has so many accesses that @sum / @bytes is half of them at most. */
static gboolean
stands_out(const VbHeat *part, unsigned __int128 sum, unsigned __int128 bytes)
{
    return part->accesses > 0 && part->accesses * bytes >= STANDS_OUT * sum;
}

/* Adds the pages of @range that @part touches; those that touch the last one are joined to it. */
static void
add(GArray *hot, const VbHeat *part, const VbRange *range)
{
    guint64 size = MAX(range->page_size, HUGE_PAGE);
    guint64 start = MAX(part->start, range->start), end = MIN(part->end, range->end);
    if (start >= end)
        return;
    start = MAX(start / size * size, range->start);
    end = MIN((end + size - 1) / size * size, range->end);
    VbRange *last = hot->len > 0 ? &g_array_index(hot, VbRange, hot->len - 1) : NULL;
    if (last != NULL && last->end >= start && last->page_size == range->page_size) {
        last->end = MAX(last->end, end);
        return;
    }
    VbRange one = {start, end, range->page_size};
    if (hot->len < VB_RANGES_MAX)
        g_array_append_val(hot, one);
}

GArray *
vb_hot_ranges(const GArray *heat, const VbRange *ranges, guint n_ranges)
{
    unsigned __int128 sum = 0, bytes = 0;
    for (guint i = 0; i < heat->len; i++) {
        const VbHeat *part = &g_array_index(heat, VbHeat, i);
        bytes += part->end - part->start;
        sum += (unsigned __int128)part->accesses * (part->end - part->start);
    }
    g_autoptr(GArray) hot = g_array_new(FALSE, FALSE, sizeof(VbRange));
    for (guint range = 0; range < n_ranges; range++)
        for (guint i = 0; i < heat->len; i++) {
            const VbHeat *part = &g_array_index(heat, VbHeat, i);
            if (stands_out(part, sum, bytes))
                add(hot, part, &ranges[range]);
        }
    return hot->len > 0 ? g_steal_pointer(&hot) : NULL;
}

VbMoveReport
vb_hot_join(const VbMoveReport *hot, const VbMoveReport *rest)
{
    /* What did not go among the hot parts was tried again with the rest. */
    VbMoveReport both = *rest;
    both.bytes_moved += hot->bytes_moved;
    both.batches += hot->batches;
    both.duration_ns += hot->duration_ns;
    both.rested.memory_ns += hot->rested.memory_ns;
    both.rested.cpus_ns += hot->rested.cpus_ns;
    both.longest_batch_ns = MAX(hot->longest_batch_ns, rest->longest_batch_ns);
    return both;
}

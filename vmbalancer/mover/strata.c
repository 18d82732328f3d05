/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mover/strata.h"

static guint64
pages_of(const VbRange *range)
{
    return (range->end - range->start) / range->page_size;
}

/* SplitMix64 (Steele, Lea, Flood 2014): small, seedable, and good from the first draw on. */
static guint64
draw(guint64 *state)
{
    guint64 z = *state += G_GUINT64_CONSTANT(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * G_GUINT64_CONSTANT(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * G_GUINT64_CONSTANT(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* First page of stratum @index: total * index / count, without overflow. */
static guint64
stratum_start(const VbStrata *strata, guint64 index)
{
    guint64 whole = strata->total / strata->count, rest = strata->total % strata->count;
    return index * whole + index * rest / strata->count;
}

void
vb_strata_begin(VbStrata *strata, const VbRange *ranges, guint n_ranges, guint most, guint64 seed)
{
    guint64 total = 0;
    for (guint i = 0; i < n_ranges; i++)
        total += pages_of(&ranges[i]);
    *strata = (VbStrata){
        .range = ranges,
        .total = total,
        .count = MIN(total, most),
        .random = seed,
    };
}

gboolean
vb_strata_next(VbStrata *strata, VbStratum *ret)
{
    if (strata->next == strata->count)
        return FALSE;
    guint64 first = stratum_start(strata, strata->next);
    guint64 pages = stratum_start(strata, ++strata->next) - first;
    /* The remainder's bias is below pages / 2^64. */
    guint64 page = first + (pages > 1 ? draw(&strata->random) % pages : 0);
    while (page - strata->range_first >= pages_of(strata->range))
        strata->range_first += pages_of(strata->range++);
    ret->page_size = strata->range->page_size;
    ret->address = strata->range->start + (page - strata->range_first) * ret->page_size;
    ret->pages = pages;
    return TRUE;
}

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

void
vb_strata_begin(VbStrata *strata, const VbRange *ranges, guint n_ranges, guint most, guint64 seed)
{
    guint64 total = 0;
    for (guint i = 0; i < n_ranges; i++)
        total += pages_of(&ranges[i]);
    *strata = (VbStrata){
        .range = ranges,
        .range_pages = n_ranges > 0 ? pages_of(ranges) : 0,
        .total = total,
        .count = MIN(total, most),
        .random = seed,
    };
    if (strata->count > 0) {
        strata->whole = total / strata->count;
        strata->rest = total % strata->count;
    }
}

/* Goes on by total / count pages. Returns: how many these were. As Bresenham draws a line: a division for each page
 * would take a tenth of the time that the kernel needs to tell of it. */
static guint64
step(VbStrata *strata)
{
    strata->carry += strata->rest;
    gboolean full = strata->carry >= strata->count;
    strata->carry -= full ? strata->count : 0;
    strata->first += strata->whole + full;
    strata->next++;
    return strata->whole + full;
}

gboolean
vb_strata_next(VbStrata *strata, VbStratum *ret)
{
    if (strata->next == strata->count)
        return FALSE;
    guint64 first = strata->first, pages = step(strata);
    /* The product's bias is below pages / 2^64 (Lemire 2019). */
    guint64 page = first + (guint64)((unsigned __int128)draw(&strata->random) * pages >> 64);
    while (page - strata->range_first >= strata->range_pages) {
        strata->range_first += strata->range_pages;
        strata->range_pages = pages_of(++strata->range);
    }
    ret->range = strata->range;
    ret->page_size = strata->range->page_size;
    ret->address = strata->range->start + (page - strata->range_first) * ret->page_size;
    ret->pages = pages;
    return TRUE;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "mover/client.h"

G_BEGIN_DECLS

/*
 * One page from each of n equal strata of the ranges' pages, in ascending order; where there are at most
 * n pages, each page. Stratified sampling with one unit a stratum: Cochran, Sampling Techniques,
 * 3rd ed., 5A.11; it is never worse than simple random sampling of as many pages.
 */
typedef struct {
    const VbRange *range; /**< where the walk is */
    guint64 range_first;  /**< number of that range's first page, counted over all ranges */
    guint64 range_pages;  /**< how many it has */
    guint64 total;        /**< pages in all ranges */
    guint64 count;        /**< strata: MIN(total, the most that was asked for) */
    guint64 whole, rest;  /**< total / count, and what remains */
    guint64 next;         /**< stratum that comes next */
    guint64 first;        /**< number of its first page: total * next / count */
    guint64 carry;        /**< the remainder of that */
    guint64 random;       /**< state of the generator */
} VbStrata;

/** A drawn page. */
typedef struct {
    const VbRange *range; /**< in which it is */
    guint64 address;
    guint64 page_size;
    guint64 pages; /**< pages of the stratum that it stands for */
} VbStratum;

/** @ranges: borrowed while the walk lasts; @most: at least 1, below 2^31 */
void vb_strata_begin(VbStrata *strata, const VbRange *ranges, guint n_ranges, guint most,
                     guint64 seed);
/** Draws the next page. Returns: FALSE at the end. */
gboolean vb_strata_next(VbStrata *strata, VbStratum *ret);

G_END_DECLS

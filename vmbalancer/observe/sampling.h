/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "mover/backing.h"
#include <vmbalancer/snapshot.h>

G_BEGIN_DECLS

/**
 * How often a sample may have been looked at before it was left at that. Looking early and stopping
 * costs certainty, so early looks have to be surer: 0.25 % may be wrong at each of two early ones, and
 * 4.5 % at the last, which are 5 % together (Haybittle 1971; Peto et al. 1976).
 */
typedef enum {
    VB_SURE_ONCE,  /**< the only look: 95 % */
    VB_SURE_EARLY, /**< one of two early looks: 99.75 % */
    VB_SURE_LAST,  /**< the look after those: 95.5 % */
} VbSureness;

/**
 * Half-width, in bp rounded up, that holds for the shares of all nodes at once with 95 %: the
 * furthest end of the Wilson score interval (Wilson 1927) of the worst node, so that 0 or all pages
 * of n is not stated without error; from three nodes on Bonferroni's correction makes it hold for
 * all of them. Stratified sampling is never worse than the simple random sampling that this
 * assumes. Pages that the kernel would not tell of count as wholly elsewhere.
 *
 * @n_nodes: nodes that may hold pages
 * Returns: 0 for a census without unknown pages; 10000 where no sampled page was present
 */
guint vb_sampling_error_bp(const VbSample *sample, guint n_nodes, VbSureness sureness);

/**
 * The lower end, in bp rounded down, of the interval of what @nodes together have of the pages that
 * are present. Returns: 0 where none is, or the kernel would not tell of one
 */
guint vb_sampling_least_bp(const VbSample *sample, VbNodeSet nodes, VbSureness sureness);

/**
 * Fills the residency of @cell: the sample's shares, scaled to all pages.
 * Returns: FALSE if the sample cannot be (nothing asked, more found than asked); @cell is then
 * untouched.
 */
gboolean vb_sampling_fill(const VbSample *sample, guint64 page_size, guint n_nodes,
                          VbSureness sureness, VbCell *cell);

/**
 * Adds what of shared RAM is in memory, but not mapped by QEMU: the sample's share, scaled to all pages, with
 * the further end of its Wilson interval; of hugetlbfs, what the file has more than is mapped of it.
 * Returns: FALSE as vb_sampling_fill()
 */
gboolean vb_sampling_add_unmapped(const VbBackingSample *sample, guint64 page_size, VbCell *cell);

G_END_DECLS

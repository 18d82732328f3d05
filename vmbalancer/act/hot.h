/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "act/damon.h"

G_BEGIN_DECLS

/**
 * The parts of @ranges that are worth moving first: those with twice the accesses of the mean by byte or more, so that
 * they are never more than half of all. Ends are those of pages, hugepages of 2 MiB among them.
 * @heat: (element-type VbHeat): ascending
 * @ranges: ascending
 * Returns: (transfer full) (element-type VbRange) (nullable): ascending, at most VB_RANGES_MAX; NULL if no part
 * stands out
 */
GArray *vb_hot_ranges(const GArray *heat, const VbRange *ranges, guint n_ranges);

/** One report of a move of the hot parts and of one of all that came after it. */
VbMoveReport vb_hot_join(const VbMoveReport *hot, const VbMoveReport *rest);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/domain.h"
#include "core/observation.h"
#include "mover/client.h"

G_BEGIN_DECLS

/*
 * RAM that lies in transparent hugepages can be asked for whole: one address of each 2 MiB tells of all of it. That it does, but
 * for a known part, the guest's cgroup says (memory.numa_stat), for next to nothing; the memory map would have to be
 * walked page by page for it (smaps).
 */

/** What may be wrong of a census of hugepages at most: as much as a sample promises, a point. */
#define VB_CENSUS_DOUBT_BP 100

typedef struct {
    GArray *blocks;      /**< (element-type VbRange): of 2 MiB; NULL if the RAM is to be sampled */
    guint64 doubt_bytes; /**< at most so much of the RAM is not in these, or in small pages */
} VbCensus;

/**
 * What of a cell's RAM can be asked for whole. Nothing where the blocks are too many, the doubt is too great, or nothing
 * is known: a guest without a cgroup of its own, hugetlb pages, RAM that is not private memory.
 * @ranges: (element-type VbRange): the RAM
 * @sight: what its cgroup holds
 * @n_cpus: of the host: the kernel's count may be 64 pages late on each
 * Returns: to be cleared with vb_census_clear()
 */
VbCensus vb_census_plan(const VbDomain *live, const GArray *ranges, const VbGuestSight *sight, guint n_cpus);
void vb_census_clear(VbCensus *census);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VbCensus, vb_census_clear)

/**
 * Adds the doubt to a cell that was filled from the blocks.
 * Returns: FALSE if that is more than may be, or more was found than the cgroup holds: the cell, unknown again, is to be
 * sampled
 */
gboolean vb_census_settle(const VbCensus *census, const VbGuestSight *sight, VbCell *cell);

G_END_DECLS

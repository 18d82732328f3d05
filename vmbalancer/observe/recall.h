/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "observe/inquiry.h"
#include "observe/observe.h"

G_BEGIN_DECLS

/** A guest's last look, kept because little of it goes out of date without a sign. */
typedef struct {
    const VbGuestSight *before; /**< NULL if there was none */
    const VbTopology *topology;
    gint64 now_ns;
} VbRecall;

/**
 * Takes the threads from the look before, with what it counted: if they were all found then, and there are as
 * many vCPUs as then. One that ended since is found out as it is counted, and looked for at the next look.
 * Returns: FALSE if they are to be looked for.
 */
gboolean vb_recall_threads(const VbRecall *recall, VbKernel *kernel, const VbDomain *live,
                           VbGuestSight *sight);

/**
 * Takes where RAM lies from the look before, if nothing speaks against it: the guest has one cell, its
 * cgroup holds by node what it held when the pages were asked for (to 1/256 of the guest, at least
 * 1 MiB), and no less than the pages that were found there, the vCPUs may
 * run where they might, it is at most five minutes old, and there is nothing to decide: RAM is near the
 * vCPUs, or nobody may move it. hugetlb pages are not counted in memory.numa_stat: those are always asked for.
 * @sight: its cells, without pages, its vCPUs and what the cgroup holds
 * Returns: FALSE if pages are to be asked for.
 */
gboolean vb_recall_pages(const VbRecall *recall, VbGuestSight *sight);

/**
 * Takes what there is of a cell's shared RAM without being mapped from the look before, also that it could not be told:
 * if that was asked a minute ago at most, and as much of the cell is present as then, to 2 % of it.
 * @sight: its cells, with where their pages lie
 * @cell: index
 * Returns: FALSE if it is to be asked for.
 */
gboolean vb_recall_unmapped(const VbRecall *recall, VbGuestSight *sight, guint cell);

/** What to ask of a cell of @sight. */
VbInquiry vb_recall_question(const VbTopology *topology, const VbGuestSight *sight, guint cell);

G_END_DECLS

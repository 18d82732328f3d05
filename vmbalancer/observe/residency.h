/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "observe/observe.h"
#include "observe/recall.h"

G_BEGIN_DECLS

/**
 * Fills the cells of a guest from its configuration, and where their pages lie as deep as the
 * observer asks; what cannot be told is marked unknown with a note, never a wrong number.
 * @recall: where pages are sampled, what of the look before still holds
 * @sight: its facts without cells, its vCPUs, and what its cgroup holds
 * Returns: FALSE if the process ended or is another one: the guest is to be left out
 */
gboolean vb_residency_read(const VbObserver *observer, const VbProcess *process,
                           const VbDomain *live, const VbRecall *recall, VbGuestSight *sight);

/**
 * The same for a guest whose process is not known.
 * @why: for the notes
 */
void vb_residency_unknown(const VbDomain *live, const char *why, GPtrArray *cells);

G_END_DECLS

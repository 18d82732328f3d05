/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "mover/backing.h"
#include <vmbalancer/snapshot.h>

G_BEGIN_DECLS

/** Guest RAM in a file that others may map too (vhost-user helpers do). */
typedef struct {
    VbSharedFile file;
    VbBackedRange backed;
} VbSharedRange;

/**
 * Those of @ranges that are shared mappings of a file.
 * @maps: (element-type VbMapping)
 * @ranges: (element-type VbRange): whole mappings of these
 * Returns: (transfer full) (element-type VbSharedRange)
 */
GArray *vb_shared_find(const GPtrArray *maps, const GArray *ranges);

/** TRUE if so much of the cell, whose residency is known, is absent that the next question is worth it: 1 %. */
gboolean vb_shared_is_worth_asking(const GArray *shared, const VbCell *cell);

/**
 * Asks how much of what QEMU has not mapped of shared RAM others have touched; fills that part of @cell.
 * @most: pages to ask for at most of each file
 * Errors: those of vb_mover_backing(); @cell is then untouched.
 */
gboolean vb_shared_ask(VbMover *mover, const VbProcess *process, const GArray *shared, guint most,
                       guint64 seed, VbCell *cell, GError **error);

G_END_DECLS

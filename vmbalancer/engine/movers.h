/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "mover/client.h"

G_BEGIN_DECLS

/*
 * Movers for looks, which often follow each other and at times overlap: those that nobody uses are
 * kept for the next, so that a look does not start a process each time. May be used by several
 * threads at a time.
 */
typedef struct VbMovers VbMovers;

VbMovers *vb_movers_new(void);
/** Ends all that are not taken. */
void vb_movers_free(VbMovers *movers);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbMovers, vb_movers_free)

/** A mover of one's own until it is given back. Errors: those of vb_mover_open(). */
VbMover *vb_movers_take(VbMovers *movers, GError **error);
/** Gives one back: it is kept, or ended if it died meanwhile or enough are kept. @mover: (transfer full) */
void vb_movers_give(VbMovers *movers, VbMover *mover);

G_END_DECLS

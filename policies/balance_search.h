/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "balance.h"

G_BEGIN_DECLS

/* From a host that is weighed to a plan: seats for everybody, an order in which to go there, words. */

/** Seats everybody: first at their origins, the rest where they cost least; then makes it better. */
void vb_balance_search(VbBalance *balance);
/** Lets a party take the way that costs it least. Returns: TRUE if that is another than it has. */
gboolean vb_balance_relocate(VbBalance *balance, VbParty *party);
/** Looks for better seats in so many branches of all that there are. */
void vb_balance_bound(VbBalance *balance, guint branches);

/**
 * In which order guests go to their seats, so that each finds the room that it needs.
 * @held: (nullable): guests that stay where they are
 * Returns: (transfer full) (element-type guint): parties, guest by guest; who is missing has no room
 */
GArray *vb_balance_line_up(VbBalance *balance, GHashTable *held);
/** Searches until all seats can be gone to. */
GArray *vb_balance_find_way(VbBalance *balance);
/** Adds the plan that brings everybody to their seats, guests in that order. */
void vb_balance_emit(VbBalance *balance, GArray *line);
/** Declines guests that are left as they are for want of room, of CPUs, or because it does not pay. */
void vb_balance_explain(VbBalance *balance);

G_END_DECLS

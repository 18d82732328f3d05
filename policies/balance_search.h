/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "balance.h"

G_BEGIN_DECLS

/* From a host that is weighed to a plan: seats for everybody, an order in which to go there, words. */

/** Seats everybody: first at their origins, the rest where they cost least; then makes it better. */
void vb_balance_search(VbBalance *balance);
/** Lets each take a better way, alone or in place of another, until nobody has one. */
void vb_balance_settle(VbBalance *balance);
/** The same, and on small hosts whatever else could be better. */
void vb_balance_improve(VbBalance *balance);
/** Seats all parties as before. */
void vb_balance_restore(VbBalance *balance, const int *seats);
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
/** The way that costs a party least, but for the room that a guest may lack; VB_BALANCE_UP: it lacks none. */
int vb_balance_want(const VbBalance *balance, const VbParty *party);
/** TRUE if a guest is out for want of room for the RAM that is to come along. */
gboolean vb_balance_is_stranded(const VbBalance *balance, const VbParty *first);
/** Whoever sits in a barred way is out: nothing is done to its guest. */
void vb_balance_leave_stranded(VbBalance *balance);
/**
 * Asks those once more, now that others have left.
 * @anew: even if there are none, looks for better seats
 * @line: (inout) (transfer full): the order, made anew if that finds any
 * Returns: TRUE if somebody sits better
 */
gboolean vb_balance_search_on(VbBalance *balance, gboolean anew, GArray **line);
/** Adds the plan that brings everybody to their seats, guests in that order. */
void vb_balance_emit(VbBalance *balance, GArray *line);
/** Declines guests that are left as they are for want of room, of CPUs, or because it does not pay. */
void vb_balance_explain(VbBalance *balance);

/** Bytes that nodes and their pools lack of what they must keep. */
gint64 vb_balance_shortage(const VbBalance *balance);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "act/run.h"

G_BEGIN_DECLS

/*
 * Room that running moves have been promised on their targets. What a node has free is everybody's
 * until pages arrive; so each move counts as coming, from before its guest is touched until its
 * end. Huge pages come from pools of their own: a page takes no room from pages of another size.
 * Safe to use from several threads.
 */
typedef struct {
    GMutex lock;
    GArray *coming; /**< (element-type VbPromise): all that is promised and has not arrived, one for
                         each node and page size */
} VbRoom;

/** What one move was promised and has not used yet. Zeroed is nothing. */
typedef struct {
    int node;
    guint64 page_size;
    gint64 bytes;
} VbPromise;

void vb_room_init(VbRoom *room);
void vb_room_clear(VbRoom *room);

/**
 * Promises all of a guest's moves their room, or none. A move may use what those before it leave.
 * @moves: (element-type VbAction) in their order
 * @promises: one for each move
 * Errors: as has_room() of @runner.
 */
gboolean vb_room_promise(VbRoom *room, const VbRunner *runner, const GPtrArray *moves,
                         VbPromise *promises, GError **error);
/**
 * Looks again, right before a move that holds @promise. Errors: as has_room() of @runner.
 * @ret_coming_bytes: what others that hold one will still bring there
 */
gboolean vb_room_confirm(VbRoom *room, const VbRunner *runner, const VbAction *move,
                         const VbPromise *promise, gint64 *ret_coming_bytes, GError **error);
/** @bytes have arrived; G_MAXUINT64 ends the promise. */
void vb_room_use(VbRoom *room, VbPromise *promise, guint64 bytes);

G_END_DECLS

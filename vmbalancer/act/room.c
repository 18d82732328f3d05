/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "act/room.h"

void
vb_room_init(VbRoom *room)
{
    *room = (VbRoom){0};
    g_mutex_init(&room->lock);
}

void
vb_room_clear(VbRoom *room)
{
    g_mutex_clear(&room->lock);
}

/* A move's bytes are an estimate of what a node has; none has as many as do not fit. */
static gint64
bytes_of(const VbAction *move)
{
    return (gint64)MIN(move->bytes, G_MAXINT64 / 4096);
}

gboolean
vb_room_promise(VbRoom *room, const VbRunner *runner, const GPtrArray *moves, VbPromise *promises,
                GError **error)
{
    gint64 own[VB_NODES_MAX] = {0};
    gboolean fits = TRUE;
    g_mutex_lock(&room->lock);
    for (guint i = 0; fits && i < moves->len; i++) {
        const VbAction *move = g_ptr_array_index(moves, i);
        fits = runner->has_room(move, room->coming[move->to] + own[move->to], runner->user_data,
                                error);
        own[move->to] += bytes_of(move);
        own[move->from] -= bytes_of(move);
    }
    for (guint i = 0; fits && i < moves->len; i++) {
        const VbAction *move = g_ptr_array_index(moves, i);
        promises[i] = (VbPromise){move->to, bytes_of(move)};
        room->coming[move->to] += promises[i].bytes;
    }
    g_mutex_unlock(&room->lock);
    return fits;
}

gboolean
vb_room_confirm(VbRoom *room, const VbRunner *runner, const VbAction *move,
                const VbPromise *promise, GError **error)
{
    g_mutex_lock(&room->lock);
    gboolean fits =
        runner->has_room(move, room->coming[move->to] - promise->bytes, runner->user_data, error);
    g_mutex_unlock(&room->lock);
    return fits;
}

void
vb_room_use(VbRoom *room, VbPromise *promise, guint64 bytes)
{
    g_mutex_lock(&room->lock);
    gint64 used = (gint64)MIN(bytes, (guint64)promise->bytes);
    promise->bytes -= used;
    room->coming[promise->node] -= used;
    g_mutex_unlock(&room->lock);
}

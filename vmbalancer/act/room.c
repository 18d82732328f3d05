/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "act/room.h"

void
vb_room_init(VbRoom *room)
{
    g_mutex_init(&room->lock);
    room->coming = g_array_new(FALSE, FALSE, sizeof(VbPromise));
}

void
vb_room_clear(VbRoom *room)
{
    g_array_unref(room->coming);
    g_mutex_clear(&room->lock);
}

/* A move's bytes are an estimate of what a node has; none has as many as do not fit. */
static gint64
bytes_of(const VbAction *move)
{
    return (gint64)MIN(move->bytes, G_MAXINT64 / 4096);
}

static VbPromise *
slot(GArray *promises, int node, guint64 page_size)
{
    for (guint i = 0; i < promises->len; i++) {
        VbPromise *promise = &g_array_index(promises, VbPromise, i);
        if (promise->node == node && promise->page_size == page_size)
            return promise;
    }
    VbPromise none = {node, page_size, 0};
    g_array_append_val(promises, none);
    return &g_array_index(promises, VbPromise, promises->len - 1);
}

static guint64
page_size_of(const VbRunner *runner, const VbAction *move)
{
    return runner->page_size != NULL ? runner->page_size(move, runner->user_data) : 4096;
}

gboolean
vb_room_promise(VbRoom *room, const VbRunner *runner, const GPtrArray *moves, VbPromise *promises,
                GError **error)
{
    g_autoptr(GArray) own = g_array_new(FALSE, FALSE, sizeof(VbPromise));
    gboolean fits = TRUE;
    g_mutex_lock(&room->lock);
    for (guint i = 0; fits && i < moves->len; i++) {
        const VbAction *move = g_ptr_array_index(moves, i);
        guint64 page_size = page_size_of(runner, move);
        gint64 coming = slot(room->coming, move->to, page_size)->bytes +
                        slot(own, move->to, page_size)->bytes;
        fits = runner->has_room(move, coming, runner->user_data, error);
        slot(own, move->to, page_size)->bytes += bytes_of(move);
        slot(own, move->from, page_size)->bytes -= bytes_of(move);
        promises[i] = (VbPromise){move->to, page_size, bytes_of(move)};
    }
    for (guint i = 0; i < moves->len; i++) {
        if (fits)
            slot(room->coming, promises[i].node, promises[i].page_size)->bytes += promises[i].bytes;
        else
            promises[i] = (VbPromise){0};
    }
    g_mutex_unlock(&room->lock);
    return fits;
}

gboolean
vb_room_confirm(VbRoom *room, const VbRunner *runner, const VbAction *move,
                const VbPromise *promise, gint64 *ret_coming_bytes, GError **error)
{
    g_mutex_lock(&room->lock);
    gint64 coming = slot(room->coming, promise->node, promise->page_size)->bytes;
    *ret_coming_bytes = coming - promise->bytes;
    gboolean fits = runner->has_room(move, *ret_coming_bytes, runner->user_data, error);
    g_mutex_unlock(&room->lock);
    return fits;
}

void
vb_room_use(VbRoom *room, VbPromise *promise, guint64 bytes)
{
    g_mutex_lock(&room->lock);
    gint64 used = (gint64)MIN(bytes, (guint64)promise->bytes);
    promise->bytes -= used;
    if (used > 0)
        slot(room->coming, promise->node, promise->page_size)->bytes -= used;
    g_mutex_unlock(&room->lock);
}

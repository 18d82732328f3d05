/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/movers.h"

/* A look at all guests and one at a guest that starts. */
#define KEPT_MAX 2

struct VbMovers {
    GMutex lock; /* guards the rest */
    GPtrArray *idle;
};

VbMovers *
vb_movers_new(void)
{
    VbMovers *movers = g_new0(VbMovers, 1);
    g_mutex_init(&movers->lock);
    movers->idle = g_ptr_array_new_with_free_func((GDestroyNotify)vb_mover_close);
    return movers;
}

void
vb_movers_free(VbMovers *movers)
{
    g_ptr_array_unref(movers->idle);
    g_mutex_clear(&movers->lock);
    g_free(movers);
}

static VbMover *
take_idle(VbMovers *movers)
{
    g_mutex_lock(&movers->lock);
    VbMover *mover = movers->idle->len == 0
                         ? NULL
                         : g_ptr_array_steal_index(movers->idle, movers->idle->len - 1);
    g_mutex_unlock(&movers->lock);
    return mover;
}

VbMover *
vb_movers_take(VbMovers *movers, GError **error)
{
    VbMover *mover;
    while ((mover = take_idle(movers)) != NULL) {
        if (vb_mover_is_sound(mover))
            return mover;
        vb_mover_close(mover);
    }
    return vb_mover_open(error);
}

void
vb_movers_give(VbMovers *movers, VbMover *mover)
{
    gboolean sound = vb_mover_is_sound(mover);
    g_mutex_lock(&movers->lock);
    gboolean keep = sound && movers->idle->len < KEPT_MAX;
    if (keep)
        g_ptr_array_add(movers->idle, mover);
    g_mutex_unlock(&movers->lock);
    if (!keep)
        vb_mover_close(mover);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/farewell.h"
#include "engine/records.h"
#include <gio/gio.h>
#include <vmbalancer/error.h>

/* How long a guest that libvirt is busy with is waited for, and between two tries. */
#define BUSY_US (15 * G_USEC_PER_SEC)
#define BUSY_PAUSE_US (G_USEC_PER_SEC / 2)

typedef struct {
    VbReach *reach;
    VbFarewellFunc done;
    gpointer user_data;
} Farewell;

/* Moves what is over from @all to @told. Returns: TRUE if nothing is left. */
static gboolean
sort_out(GPtrArray *all, GPtrArray *told)
{
    for (guint i = all->len; i-- > 0;) {
        const VbReleased *released = g_ptr_array_index(all, i);
        if (!g_error_matches(released->error, VB_ERROR, VB_ERROR_TIMEOUT))
            g_ptr_array_add(told, g_ptr_array_steal_index(all, i));
    }
    return all->len == 0;
}

/* A call of the last look may still be out; pins that are not given back now stay until somebody does. */
static void
release_all(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    const Farewell *farewell = data;
    gint64 until_us = g_get_monotonic_time() + BUSY_US;
    g_autoptr(GPtrArray) told = g_ptr_array_new_with_free_func((GDestroyNotify)vb_released_free);
    for (;;) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GPtrArray) all = farewell->reach->ops->release_all(farewell->reach, &error);
        gboolean late = g_get_monotonic_time() >= until_us;
        if (all == NULL && (late || !g_error_matches(error, VB_ERROR, VB_ERROR_TIMEOUT))) {
            g_task_return_error(task, g_steal_pointer(&error));
            return;
        }
        if (all != NULL && (sort_out(all, told) || late)) {
            g_ptr_array_extend_and_steal(told, g_steal_pointer(&all));
            break;
        }
        g_usleep(BUSY_PAUSE_US);
    }
    g_task_return_pointer(task, g_steal_pointer(&told), (GDestroyNotify)g_ptr_array_unref);
}

static void
on_released(GObject *source, GAsyncResult *result, gpointer user_data)
{
    const Farewell *farewell = g_task_get_task_data(G_TASK(result));
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) all = g_task_propagate_pointer(G_TASK(result), &error);
    farewell->done(all, error, farewell->user_data);
}

void
vb_farewell_say(VbReach *reach, VbFarewellFunc done, gpointer user_data)
{
    Farewell *farewell = g_new0(Farewell, 1);
    *farewell = (Farewell){reach, done, user_data};
    g_autoptr(GTask) task = g_task_new(NULL, NULL, on_released, NULL);
    g_task_set_task_data(task, farewell, g_free);
    g_task_run_in_thread(task, release_all);
}

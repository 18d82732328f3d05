/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/chore.h"
#include <vmbalancer/error.h>

/* As libvirt-dbus has: one guest that hangs leaves others to go on. */
#define THREADS 4

struct VbChores {
    GThreadPool *pool;
    guint max;
    gint under_way; /* atomic */
};

typedef struct {
    GTask *task;
    GTaskThreadFunc func;
} Chore;

static void
do_chore(gpointer data, gpointer user_data)
{
    Chore *chore = data;
    VbChores *chores = user_data;
    chore->func(chore->task, g_task_get_source_object(chore->task),
                g_task_get_task_data(chore->task), g_task_get_cancellable(chore->task));
    g_atomic_int_add(&chores->under_way, -1);
    g_object_unref(chore->task);
    g_free(chore);
}

VbChores *
vb_chores_new(guint max)
{
    VbChores *chores = g_new0(VbChores, 1);
    chores->pool = g_thread_pool_new(do_chore, chores, THREADS, FALSE, NULL);
    chores->max = max;
    return chores;
}

void
vb_chores_free(VbChores *chores)
{
    if (chores == NULL)
        return;
    g_thread_pool_free(chores->pool, FALSE, TRUE);
    g_free(chores);
}

void
vb_chores_run(VbChores *chores, GTask *task, GTaskThreadFunc func)
{
    if ((guint)g_atomic_int_add(&chores->under_way, 1) >= chores->max) {
        g_atomic_int_add(&chores->under_way, -1);
        g_task_return_new_error(task, VB_ERROR, VB_ERROR_FAILED,
                                "%u requests are under way already: try again in a moment",
                                chores->max);
        return;
    }
    Chore *chore = g_new(Chore, 1);
    *chore = (Chore){g_object_ref(task), func};
    g_thread_pool_push(chores->pool, chore, NULL);
}

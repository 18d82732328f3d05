/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qmp/wait.h"

#include "qmp/error.h"

gboolean
qmp_wait_begin(QmpWait *self, GMainContext *context, GError **error)
{
    *self = (QmpWait){
        .context = context != NULL ? g_main_context_ref(context) : g_main_context_new(),
    };
    if (!g_main_context_acquire(self->context)) {
        g_clear_pointer(&self->context, g_main_context_unref);
        g_set_error_literal(error, QMP_ERROR, QMP_ERROR_INVALID,
                            "the monitor's main context belongs to another thread: "
                            "use the asynchronous call there");
        return FALSE;
    }
    g_main_context_push_thread_default(self->context);
    return TRUE;
}

void
qmp_wait_callback(GObject *source, GAsyncResult *result, gpointer self)
{
    ((QmpWait *)self)->result = g_object_ref(result);
}

GAsyncResult *
qmp_wait_end(QmpWait *self)
{
    while (self->result == NULL)
        g_main_context_iteration(self->context, TRUE);
    g_main_context_pop_thread_default(self->context);
    g_main_context_release(self->context);
    g_clear_pointer(&self->context, g_main_context_unref);
    return self->result;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef QMP_WAIT_H
#define QMP_WAIT_H

#include <gio/gio.h>

G_BEGIN_DECLS

/*
 * Internal: waits in the calling thread for one asynchronous operation.
 *
 *     QmpWait wait;
 *     if (!qmp_wait_begin(&wait, context, error))
 *         return NULL;
 *     start_async(..., qmp_wait_callback, &wait);
 *     result = qmp_wait_end(&wait);
 */
typedef struct {
    GMainContext *context;
    GAsyncResult *result;
} QmpWait;

/* context: the one to turn; NULL: a fresh one. QMP_ERROR_INVALID if another thread owns it. */
gboolean qmp_wait_begin(QmpWait *self, GMainContext *context, GError **error);
void qmp_wait_callback(GObject *source, GAsyncResult *result, gpointer self);
/* Turns the context until the callback ran. The result is owned by the caller. */
GAsyncResult *qmp_wait_end(QmpWait *self);

G_END_DECLS

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef QMP_STREAM_H
#define QMP_STREAM_H

#include <gio/gio.h>

G_BEGIN_DECLS

/*
 * Internal: bytes over a connected socket, never blocking, driven by one main context.
 *
 * received: bytes came; at most a few KiB a call, so that a flood cannot hold the main loop.
 * lost: the peer closed or the socket failed; reason says which. Once at most, then nothing more.
 * Either may stop or free the stream.
 */
typedef struct {
    void (*received)(gpointer owner, const char *data, gsize len);
    void (*lost)(gpointer owner, const char *reason);
} QmpStreamEvents;

typedef struct QmpStream QmpStream;

/* events must outlive the stream. The socket becomes non-blocking and is closed by stop or free. */
QmpStream *qmp_stream_new(GSocket *socket, GMainContext *context, const QmpStreamEvents *events,
                          gpointer owner);
void qmp_stream_free(QmpStream *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(QmpStream, qmp_stream_free)

/* Queues bytes; returns at once. FALSE when the peer does not read and over 1 MiB would wait. */
gboolean qmp_stream_send(QmpStream *self, const char *text);

/* Closes the socket, drops what is queued, ends all events. May be called again. */
void qmp_stream_stop(QmpStream *self);

G_END_DECLS

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qmp/stream.h"

#include <string.h>

#define READ_BYTES (16 * 1024)
#define QUEUE_MAX_BYTES (1024 * 1024)

struct QmpStream {
    GSocket *socket;
    GMainContext *context;
    const QmpStreamEvents *events;
    gpointer owner;
    GByteArray *queue;
    GSource *reading;
    GSource *writing; /* only while something is queued */
};

static void
clear_source(GSource **source)
{
    if (*source == NULL)
        return;
    g_source_destroy(*source);
    g_clear_pointer(source, g_source_unref);
}

static GSource *
watch(QmpStream *self, GIOCondition condition, GSocketSourceFunc func)
{
    GSource *source = g_socket_create_source(self->socket, condition, NULL);

    g_source_set_callback(source, G_SOURCE_FUNC(func), self, NULL);
    g_source_attach(source, self->context);
    return source;
}

static void
lose(QmpStream *self, const char *reason)
{
    qmp_stream_stop(self);
    self->events->lost(self->owner, reason);
}

static gboolean
on_readable(GSocket *socket, GIOCondition condition, gpointer data)
{
    QmpStream *self = data;
    g_autoptr(GError) error = NULL;
    char buffer[READ_BYTES];
    gssize n = g_socket_receive(socket, buffer, sizeof(buffer), NULL, &error);

    /* The event is the last act: its receiver may free us. */
    if (n > 0)
        self->events->received(self->owner, buffer, (gsize)n);
    else if (n == 0 || g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED))
        lose(self, "QEMU closed the connection");
    else if (!g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
        lose(self, error->message);
    return G_SOURCE_CONTINUE;
}

static gboolean
on_writable(GSocket *socket, GIOCondition condition, gpointer data)
{
    QmpStream *self = data;
    g_autoptr(GError) error = NULL;
    gssize n =
        g_socket_send(socket, (const char *)self->queue->data, self->queue->len, NULL, &error);

    /*
     * A failed write is not the end yet: QEMU may have sent its last words before it went. Reading
     * goes on and meets the end of the stream.
     */
    if (n < 0 && !g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
        g_byte_array_set_size(self->queue, 0);
    else if (n > 0)
        g_byte_array_remove_range(self->queue, 0, (guint)n);
    if (self->queue->len == 0)
        clear_source(&self->writing);
    return G_SOURCE_CONTINUE;
}

QmpStream *
qmp_stream_new(GSocket *socket, GMainContext *context, const QmpStreamEvents *events,
               gpointer owner)
{
    QmpStream *self = g_new0(QmpStream, 1);

    g_socket_set_blocking(socket, FALSE);
    self->socket = g_object_ref(socket);
    self->context = g_main_context_ref(context);
    self->events = events;
    self->owner = owner;
    self->queue = g_byte_array_new();
    self->reading = watch(self, G_IO_IN, on_readable);
    return self;
}

void
qmp_stream_free(QmpStream *self)
{
    if (self == NULL)
        return;
    qmp_stream_stop(self);
    g_byte_array_unref(self->queue);
    g_main_context_unref(self->context);
    g_object_unref(self->socket);
    g_free(self);
}

gboolean
qmp_stream_send(QmpStream *self, const char *text)
{
    gsize len = strlen(text);

    if (len > QUEUE_MAX_BYTES - self->queue->len)
        return FALSE;
    g_byte_array_append(self->queue, (const guint8 *)text, (guint)len);
    if (self->writing == NULL && self->reading != NULL)
        self->writing = watch(self, G_IO_OUT, on_writable);
    return TRUE;
}

void
qmp_stream_stop(QmpStream *self)
{
    clear_source(&self->reading);
    clear_source(&self->writing);
    g_byte_array_set_size(self->queue, 0);
    g_socket_close(self->socket, NULL);
}

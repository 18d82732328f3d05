/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef QMP_PEER_H
#define QMP_PEER_H

#include "qmp/qmp.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * A fake QEMU: a thread at the other end of a socketpair that plays a script, step by step, and
 * hangs up at its end. A step is bytes to send, or one of these.
 */
#define READ_COMMAND "<"  /* take one line from the client */
#define WAIT_FOR_END "_"  /* say nothing until the client hangs up */
#define SEND_NUL "\\0"    /* one zero byte */
#define SEND_BRACKETS "[" /* 100,000 of them */
#define SEND_FOREVER "x"  /* until the client hangs up */
#define SEND_EVENTS "*"   /* 10,000 events */

#define GREETING "{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n"
#define EVENT                                                                                      \
    "{\"event\": \"STOP\", \"timestamp\": {\"seconds\": 5, \"microseconds\": 6}, "                 \
    "\"data\": {\"n\": 1}}\r\n"
/* The opening of every peer that lets the client in. */
#define LET_IN GREETING, READ_COMMAND, "{\"return\": {}, \"id\": 1}\r\n"

#define PEER_STEPS_MAX 12
typedef const char *PeerScript[PEER_STEPS_MAX];

typedef struct {
    const char *const *steps;
    int fd;
    GThread *thread;
    GSocket *client_end;
} Peer;

static inline gboolean
peer_send(Peer *self, const char *bytes, gsize len)
{
    return send(self->fd, bytes, len, MSG_NOSIGNAL) == (gssize)len;
}

static inline gboolean
peer_read_line(Peer *self)
{
    char byte = 0;

    while (byte != '\n') {
        if (read(self->fd, &byte, 1) != 1)
            return FALSE;
    }
    return TRUE;
}

static inline void
peer_repeat(Peer *self, const char *bytes, guint64 times)
{
    for (guint64 i = 0; i < times && peer_send(self, bytes, strlen(bytes)); i++)
        continue;
}

static inline void
peer_step(Peer *self, const char *step)
{
    if (g_str_equal(step, READ_COMMAND))
        peer_read_line(self);
    else if (g_str_equal(step, WAIT_FOR_END))
        while (peer_read_line(self))
            continue;
    else if (g_str_equal(step, SEND_NUL))
        peer_send(self, "", 1);
    else if (g_str_equal(step, SEND_BRACKETS))
        peer_repeat(self, "[[[[[[[[[[", 10000);
    else if (g_str_equal(step, SEND_FOREVER))
        peer_repeat(self, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", G_MAXUINT64);
    else if (g_str_equal(step, SEND_EVENTS))
        peer_repeat(self, EVENT, 10000);
    else
        peer_send(self, step, strlen(step));
}

static inline gpointer
peer_run(gpointer data)
{
    Peer *self = data;

    for (guint i = 0; i < PEER_STEPS_MAX && self->steps[i] != NULL; i++)
        peer_step(self, self->steps[i]);
    close(self->fd);
    return NULL;
}

static inline Peer *
peer_start(const char *const *steps)
{
    Peer *self = g_new0(Peer, 1);
    int fds[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
    self->steps = steps;
    self->fd = fds[0];
    self->client_end = g_socket_new_from_fd(fds[1], NULL);
    self->thread = g_thread_new("peer", peer_run, self);
    return self;
}

/* Waits until the script has run: with WAIT_FOR_END, until the client has hung up. */
static inline void
peer_stop(Peer *self)
{
    g_thread_join(self->thread);
    g_object_unref(self->client_end);
    g_free(self);
}

/* What a callback got; wait turns the main loop until it did. */
static inline void
peer_on_result(GObject *source, GAsyncResult *result, gpointer slot)
{
    g_assert_null(*(GAsyncResult **)slot); /* an operation completes once */
    *(GAsyncResult **)slot = g_object_ref(result);
}

static inline GAsyncResult *
peer_wait(GAsyncResult **slot)
{
    while (*slot == NULL)
        g_main_context_iteration(NULL, TRUE);
    return *slot;
}

/* Lets the client in, or says why it was not. */
static inline QmpClient *
peer_open(Peer *self, const QmpWatch *watch, guint timeout_ms, GError **error)
{
    GAsyncResult *slot = NULL;
    QmpClient *client;

    qmp_client_open_socket_async(self->client_end, "fake", watch, timeout_ms, NULL, peer_on_result,
                                 &slot);
    client = qmp_client_open_finish(peer_wait(&slot), error);
    g_object_unref(slot);
    return client;
}

#endif

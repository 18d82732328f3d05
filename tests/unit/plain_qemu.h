/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qmp_peer.h"
#include <gio/gunixsocketaddress.h>
#include <glib-unix.h>
#include <glib/gstdio.h>

/*
 * A QEMU that answers on a socket in the file system, from this very process: by command, one client
 * at a time.
 */
typedef struct {
    char *path;
    GHashTable *replies; /* command -> the value of "return", or a whole line with a '!' before it */
    const char *greeting; /* NULL: silent */
    GSocket *listener;
    GThread *thread;
    int clients; /* atomic */
} PlainQemu;

static inline char *
plain_read_line(int fd)
{
    GString *line = g_string_new(NULL);
    char byte = 0;
    while (byte != '\n') {
        if (read(fd, &byte, 1) != 1) {
            g_string_free(line, TRUE);
            return NULL;
        }
        g_string_append_c(line, byte);
    }
    return g_string_free(line, FALSE);
}

/* "qom-get" is answered by path and property: "qom-get /objects/ID PROPERTY". */
static inline char *
plain_key_of(JsonObject *command)
{
    const char *name = json_object_get_string_member(command, "execute");
    if (!json_object_has_member(command, "arguments"))
        return g_strdup(name);
    JsonObject *arguments = json_object_get_object_member(command, "arguments");
    return g_strdup_printf(
        "%s %s%s%s", name, json_object_get_string_member_with_default(arguments, "path", ""),
        json_object_has_member(arguments, "property") ? " " : "",
        json_object_get_string_member_with_default(arguments, "property", ""));
}

static inline char *
plain_reply_to(PlainQemu *self, const char *line)
{
    g_autoptr(JsonNode) node = json_from_string(line, NULL);
    JsonObject *command = json_node_get_object(node);
    gint64 id = json_object_get_int_member(command, "id");
    g_autofree char *key = plain_key_of(command);
    const char *reply = g_hash_table_lookup(self->replies, key);
    if (reply != NULL && *reply == '!')
        return g_strdup(reply + 1);
    if (reply == NULL)
        return g_strdup_printf("{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"no %s\"}, "
                               "\"id\": %" G_GINT64_FORMAT "}\r\n",
                               key, id);
    return g_strdup_printf("{\"return\": %s, \"id\": %" G_GINT64_FORMAT "}\r\n", reply, id);
}

static inline void
plain_serve(PlainQemu *self, int fd)
{
    g_atomic_int_inc(&self->clients);
    if (self->greeting != NULL)
        send(fd, self->greeting, strlen(self->greeting), MSG_NOSIGNAL);
    for (;;) {
        g_autofree char *line = plain_read_line(fd);
        if (line == NULL)
            return;
        if (self->greeting == NULL)
            continue;
        g_autofree char *reply = plain_reply_to(self, line);
        send(fd, reply, strlen(reply), MSG_NOSIGNAL);
    }
}

static inline gpointer
plain_run(gpointer data)
{
    PlainQemu *self = data;
    int fd;
    while ((fd = accept(g_socket_get_fd(self->listener), NULL, NULL)) >= 0) {
        plain_serve(self, fd);
        close(fd);
    }
    return NULL;
}

static inline void
plain_qemu_say(PlainQemu *self, const char *command, const char *value)
{
    g_hash_table_replace(self->replies, g_strdup(command), g_strdup(value));
}

/* One with a name, a UUID, two vCPUs that are the threads 101 and 102, and 64 MiB. */
static inline PlainQemu *
plain_qemu_start(const char *path)
{
    PlainQemu *self = g_new0(PlainQemu, 1);
    self->path = g_strdup(path);
    self->greeting = GREETING;
    self->replies = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    plain_qemu_say(self, "qmp_capabilities", "{}");
    plain_qemu_say(self, "query-name", "{\"name\": \"web\"}");
    plain_qemu_say(self, "query-uuid", "{\"UUID\": \"C7A5FDBD-edaf-9455-926a-d65c16db1809\"}");
    plain_qemu_say(self, "query-status", "{\"status\": \"running\"}");
    plain_qemu_say(self, "query-migrate", "{}");
    plain_qemu_say(self, "query-cpus-fast",
                   "[{\"cpu-index\": 0, \"thread-id\": 101, \"qom-path\": \"a\", \"target\": \"x\"},"
                   "{\"cpu-index\": 1, \"thread-id\": 102, \"qom-path\": \"b\", \"target\": \"x\"}]");
    plain_qemu_say(self, "query-iothreads", "[]");
    plain_qemu_say(self, "query-memdev",
                   "[{\"id\": \"pc.ram\", \"size\": 67108864, \"merge\": true, \"dump\": true, "
                   "\"prealloc\": false, \"host-nodes\": [], \"policy\": \"default\"}]");
    plain_qemu_say(self, "query-memory-devices", "[]");
    plain_qemu_say(self, "qom-get /objects/pc.ram type", "\"memory-backend-ram\"");
    plain_qemu_say(self, "qom-list /machine/peripheral", "[]");
    plain_qemu_say(self, "qom-list /machine/peripheral-anon", "[]");
    self->listener = g_socket_new(G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM,
                                  G_SOCKET_PROTOCOL_DEFAULT, NULL);
    g_autoptr(GSocketAddress) address = g_unix_socket_address_new(path);
    g_autoptr(GError) error = NULL;
    g_assert_true(g_socket_bind(self->listener, address, FALSE, &error));
    g_assert_true(g_socket_listen(self->listener, &error));
    g_socket_set_blocking(self->listener, TRUE);
    /* The descriptor itself is non-blocking in GLib's hands; accept(2) is to wait. */
    g_unix_set_fd_nonblocking(g_socket_get_fd(self->listener), FALSE, NULL);
    self->thread = g_thread_new("qemu", plain_run, self);
    return self;
}

/* Nobody listens on its socket any more; the file stays, as that of a QEMU that was killed does. */
static inline void
plain_qemu_stop(PlainQemu *self)
{
    shutdown(g_socket_get_fd(self->listener), SHUT_RDWR);
    g_thread_join(self->thread);
    g_object_unref(self->listener);
    g_hash_table_unref(self->replies);
    g_free(self->path);
    g_free(self);
}

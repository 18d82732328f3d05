/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qmp/dial.h"

#include "qmp/error.h"

#include <gio/gunixsocketaddress.h>
#include <string.h>
#include <sys/un.h>

#define PATH_MAX_BYTES (sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1)

static void
set_error(GError **error, const char *path, const GError *reason)
{
    /* A full queue refuses at once: connect(2) on a Unix socket never is "in progress". */
    if (g_error_matches(reason, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
        g_set_error(
            error, QMP_ERROR, QMP_ERROR_BUSY,
            "monitor %s: other clients are waiting already; QEMU serves one at a time: close "
            "them, or give the guest a second -qmp socket",
            path);
    else if (g_error_matches(reason, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED))
        g_set_error(error, QMP_ERROR, QMP_ERROR_DENIED,
                    "monitor %s: cannot connect: %s; its user must be let in by the socket's and its "
                    "folders' modes, or by an ACL",
                    path, reason->message);
    else
        g_set_error(error, QMP_ERROR, QMP_ERROR_CLOSED, "monitor %s: cannot connect: %s", path,
                    reason->message);
}

GSocket *
qmp_dial(const char *path, GError **error)
{
    g_autoptr(GSocket) socket = NULL;
    g_autoptr(GSocketAddress) address = NULL;
    g_autoptr(GError) reason = NULL;

    if (path == NULL || *path == '\0' || strlen(path) > PATH_MAX_BYTES) {
        g_set_error(error, QMP_ERROR, QMP_ERROR_INVALID,
                    "the path of a monitor socket must have 1 to %zu bytes", PATH_MAX_BYTES);
        return NULL;
    }
    address = g_unix_socket_address_new(path);
    socket = g_socket_new(G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT,
                          &reason);
    if (socket != NULL) {
        g_socket_set_blocking(socket, FALSE);
        if (g_socket_connect(socket, address, NULL, &reason))
            return g_steal_pointer(&socket);
    }
    set_error(error, path, reason);
    return NULL;
}

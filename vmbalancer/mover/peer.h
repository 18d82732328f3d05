/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <sys/types.h>

G_BEGIN_DECLS

/* Who is at the other end of a connected Unix socket, as the kernel says (SO_PEERCRED, unix(7)). */

/** The user who listened (for the client) or connected (for the server). */
gboolean vb_peer_uid(int socket, uid_t *ret);

/**
 * May the client at the other end of @socket use this mover? Root and our own user may, and, where it
 * came through a socket in the file system, whom that socket belongs to (SocketUser=). The socket's mode
 * says the same; this holds even if somebody opens that to all.
 * Errors: VB_ERROR_DENIED
 */
gboolean vb_peer_check(int socket, GError **error);

G_END_DECLS

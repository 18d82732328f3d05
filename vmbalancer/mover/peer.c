/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mover/peer.h"
#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <vmbalancer/error.h>

gboolean
vb_peer_uid(int socket, uid_t *ret)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
        return FALSE;
    *ret = peer.uid;
    return TRUE;
}

/* Of the file that the socket was reached by; a socket pair has none. */
static gboolean
owner_of_file(int socket, uid_t *ret)
{
    /* The kernel ends a path with a NUL only if there is room for it. */
    struct {
        struct sockaddr_un address;
        char end;
    } name = {0};
    socklen_t size = sizeof name.address;
    struct stat status;
    if (getsockname(socket, (struct sockaddr *)&name.address, &size) < 0 ||
        name.address.sun_family != AF_UNIX || name.address.sun_path[0] != '/' ||
        lstat(name.address.sun_path, &status) < 0 || !S_ISSOCK(status.st_mode))
        return FALSE;
    *ret = status.st_uid;
    return TRUE;
}

gboolean
vb_peer_check(int socket, GError **error)
{
    uid_t client, owner;
    if (!vb_peer_uid(socket, &client)) {
        g_set_error(error, VB_ERROR, VB_ERROR_DENIED, "cannot tell who the client is: %s",
                    g_strerror(errno));
        return FALSE;
    }
    if (client == 0 || client == geteuid() || (owner_of_file(socket, &owner) && client == owner))
        return TRUE;
    g_set_error(error, VB_ERROR, VB_ERROR_DENIED,
                "a client of user %u was turned away: only root and the user of vmbalancerd may use "
                "the mover; look at the mode of its socket", client);
    return FALSE;
}

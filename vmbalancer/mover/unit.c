/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mover/unit.h"
#include "mover/peer.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <vmbalancer/error.h>

static VbUnitResult
fail(const char *path, int code, GError **error)
{
    g_set_error(error, VB_ERROR, VB_ERROR_UNREACHABLE, "cannot reach the mover at %s: %s", path,
                g_strerror(code));
    return VB_UNIT_FAILED;
}

static gboolean
is_absent(int code)
{
    return code == ENOENT || code == ECONNREFUSED || code == EACCES || code == EPERM;
}

/* Returns: 0 or an errno. */
static int
connect_to(int fd, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int result = 0;
    if (g_strlcpy(address.sun_path, path, sizeof address.sun_path) >= sizeof address.sun_path)
        return ENAMETOOLONG;
    do
        result = connect(fd, (const struct sockaddr *)&address, sizeof address);
    while (result < 0 && errno == EINTR);
    return result < 0 ? errno : 0;
}

VbUnitResult
vb_unit_connect(const char *path, VbSpawned *ret, GError **error)
{
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fail(path, errno, error);
    int code = connect_to(fd, path);
    uid_t maker = (uid_t)-1;
    if (code == 0 && vb_peer_uid(fd, &maker) && maker == 0) {
        *ret = (VbSpawned){.program = g_strdup(path), .socket = fd};
        return VB_UNIT_CONNECTED;
    }
    close(fd);
    if (code != 0)
        return is_absent(code) ? VB_UNIT_ABSENT : fail(path, code, error);
    g_set_error(error, VB_ERROR, VB_ERROR_DENIED,
                "%s was made by user %u, not by the service manager: find out who did that, remove "
                "it, and restart vmbalancer-mover.socket", path, maker);
    return VB_UNIT_FAILED;
}

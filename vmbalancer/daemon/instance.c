/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/instance.h"
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/file.h>
#include <unistd.h>
#include <vmbalancer/error.h>

#define FOLDER "/run/vmbalancer"
#define LOCK "vmbalancerd.lock"

gboolean
vb_instance_claim(GError **error)
{
    const char *given = g_getenv("RUNTIME_DIRECTORY");
    const char *folder = given != NULL && *given != '\0' ? given : FOLDER;
    g_autofree char *path = g_build_filename(folder, LOCK, NULL);
    int fd = g_mkdir_with_parents(folder, 0755) == 0
                 ? open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)
                 : -1;
    if (fd < 0) {
        g_set_error(error, VB_ERROR, VB_ERROR_FAILED, "%s cannot be opened: %s; run as root", path,
                    g_strerror(errno));
        return FALSE;
    }
    /* Kept open for good: the kernel gives the lock back when the process ends. */
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return TRUE;
    g_set_error(error, VB_ERROR, VB_ERROR_FAILED,
                "another vmbalancerd runs on this host (it holds %s): end it first", path);
    close(fd);
    return FALSE;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "act/lock.h"
#include "act/state.h"
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <unistd.h>
#include <vmbalancer/error.h>

/* Two minutes: who waits for longer waits for something that is broken. */
#define TRIES 1200
#define PAUSE_US (G_USEC_PER_SEC / 10)

struct VbLock {
    int fd;
};

/*
 * A guest's lock is one byte of one file, at an offset that its UUID is hashed to (62 bits of
 * Fibonacci hashing: Knuth, TAOCP 3, 6.4): a file for each guest could not be removed without a
 * race.
 */
static off_t
offset_of(const char *uuid)
{
    guint64 half[2] = {0};
    guint digits = 0;
    for (const char *c = uuid; *c != '\0'; c++)
        if (g_ascii_isxdigit(*c)) {
            half[digits / 16] = half[digits / 16] << 4 | (guint64)g_ascii_xdigit_value(*c);
            digits++;
        }
    const guint64 odd = G_GUINT64_CONSTANT(0x9e3779b97f4a7c15);
    return (off_t)(((half[0] * odd ^ half[1]) * odd) >> 2);
}

/* Of the open file, not of the process: threads of one program exclude each other too. */
static int
lock_byte(int fd, off_t offset, guint tries)
{
    struct flock byte = {.l_type = F_WRLCK, .l_start = offset, .l_len = 1};
    for (guint try = 1; fcntl(fd, F_OFD_SETLK, &byte) != 0; try++) {
        if (try >= tries || (errno != EAGAIN && errno != EACCES))
            return errno;
        g_usleep(PAUSE_US);
    }
    return 0;
}

static VbLock *
take(const char *dir, const char *uuid, const char *name, guint tries, GError **error)
{
    if (uuid == NULL || !g_uuid_string_is_valid(uuid)) {
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID, "\"%.40s\" is no UUID",
                    uuid != NULL ? uuid : "");
        return NULL;
    }
    g_autofree char *path = g_build_filename(dir, "lock", NULL);
    g_auto(VbStateVisit) visit G_GNUC_UNUSED = vb_state_enter(dir);
    if (!vb_state_make_folder(dir, error))
        return NULL;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        vb_state_set_error(error, errno, path, "the lock cannot be opened");
        return NULL;
    }
    int code = lock_byte(fd, offset_of(uuid), tries);
    if (code == 0) {
        VbLock *lock = g_new0(VbLock, 1);
        lock->fd = fd;
        return lock;
    }
    if (code == EAGAIN || code == EACCES)
        g_set_error(error, VB_ERROR, VB_ERROR_FAILED,
                    "another vmbalancer command is at work on guest %s: wait until it is done, or "
                    "end it",
                    name);
    else
        vb_state_set_error(error, code, path, "the lock cannot be taken");
    close(fd);
    return NULL;
}

VbLock *
vb_lock_take(const char *dir, const char *uuid, const char *name, GError **error)
{
    return take(dir, uuid, name, 1, error);
}

VbLock *
vb_lock_wait(const char *dir, const char *uuid, const char *name, GError **error)
{
    return take(dir, uuid, name, TRIES, error);
}

void
vb_lock_free(VbLock *lock)
{
    if (lock == NULL)
        return;
    close(lock->fd);
    g_free(lock);
}

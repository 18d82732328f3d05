/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "act/history.h"
#include "act/state.h"
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vmbalancer/error.h>

#define NAME "history.jsonl"
#define OLD_NAME "history.jsonl.1"
/* Whoever holds the lock needs it for a write; one that was stopped there must not stop others. */
#define LOCK_TRIES 20
#define LOCK_PAUSE_US (G_USEC_PER_SEC / 20)
/* Rotations that may come between; each needs megabytes to be written meanwhile. */
#define OPEN_TRIES 5

/* The open file. */
typedef struct {
    int dir;
    int fd;
    gboolean locked;
} File;

static void
file_close(File *file)
{
    if (file->fd >= 0)
        close(file->fd);
    if (file->dir >= 0)
        close(file->dir);
    file->fd = file->dir = -1;
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(File, file_close)

/* The folder may be another user's: what it has under the name must be a plain file, with no other name. */
static gboolean
is_plain(int fd)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return FALSE;
    if (S_ISREG(status.st_mode) && status.st_nlink <= 1)
        return TRUE;
    errno = EINVAL;
    return FALSE;
}

/* Returns: FALSE with errno. */
static gboolean
open_file(File *file)
{
    const int flags = O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    file->fd = openat(file->dir, NAME, flags | O_CREAT, 0600);
    return file->fd >= 0 && is_plain(file->fd);
}

static gboolean
take_lock(int fd)
{
    for (guint try = 0; try < LOCK_TRIES; try++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            return TRUE;
        g_usleep(LOCK_PAUSE_US);
    }
    return FALSE;
}

/* Another writer may have put it aside before we had the lock. */
static gboolean
is_current(const File *file)
{
    struct stat ours, named;
    return fstat(file->fd, &ours) == 0 &&
           fstatat(file->dir, NAME, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           ours.st_dev == named.st_dev && ours.st_ino == named.st_ino;
}

/* Opens the file that is to be written to, with the lock if that can be had. FALSE with errno. */
static gboolean
open_current(File *file)
{
    for (guint try = 0; try < OPEN_TRIES; try++) {
        if (file->fd >= 0)
            close(file->fd);
        if (!open_file(file))
            return FALSE;
        file->locked = take_lock(file->fd);
        if (!file->locked || is_current(file))
            return TRUE;
    }
    errno = EAGAIN;
    return FALSE;
}

/* Puts a file that has grown enough aside. FALSE with errno. */
static gboolean
rotate(File *file, gsize more)
{
    struct stat status;
    if (!file->locked || fstat(file->fd, &status) != 0 || status.st_size == 0 ||
        (guint64)status.st_size + more <= VB_HISTORY_MAX_BYTES)
        return TRUE;
    return renameat(file->dir, NAME, file->dir, OLD_NAME) == 0 && open_current(file);
}

/* Somebody was killed in the midst of a line: ours begins on one of its own. */
static gboolean
is_torn(int fd)
{
    struct stat status;
    char last = '\n';
    return fstat(fd, &status) == 0 && status.st_size > 0 &&
           pread(fd, &last, 1, status.st_size - 1) == 1 && last != '\n';
}

/* All or nothing, as far as that can be had. FALSE with errno. */
static gboolean
write_lines(const File *file, const GString *lines)
{
    struct stat before;
    gboolean known = fstat(file->fd, &before) == 0;
    ssize_t written;
    do
        written = write(file->fd, lines->str, lines->len);
    while (written < 0 && errno == EINTR);
    if (written == (ssize_t)lines->len)
        return TRUE;
    int code = written < 0 ? errno : ENOSPC;
    if (written > 0 && known && file->locked && ftruncate(file->fd, before.st_size) != 0)
        g_debug("a torn line stays in " NAME ": %s", g_strerror(errno));
    errno = code;
    return FALSE;
}

gboolean
vb_history_append(const char *dir, const GPtrArray *entries, GError **error)
{
    g_autoptr(GString) lines = g_string_new(NULL);
    g_auto(File) file = {.dir = -1, .fd = -1};
    if (!vb_state_make_folder(dir, error))
        return FALSE;
    g_auto(VbStateVisit) visit G_GNUC_UNUSED = vb_state_enter(dir);
    for (guint i = 0; i < entries->len; i++) {
        g_autofree char *line = vb_codec_entry(g_ptr_array_index(entries, i));
        g_string_append(lines, line);
    }
    file.dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    gboolean good = file.dir >= 0 && open_current(&file) && rotate(&file, lines->len);
    if (good && is_torn(file.fd))
        g_string_prepend_c(lines, '\n');
    if (good && write_lines(&file, lines))
        return TRUE;
    g_autofree char *path = g_build_filename(dir, NAME, NULL);
    vb_state_set_error(error, errno, path, "the history cannot be written");
    return FALSE;
}

/* --- reading ------------------------------------------------------------------------------- */

/* A line that is no entry was torn, or is of a version to come. */
static void
add_lines(GPtrArray *entries, const char *text, gsize length)
{
    for (const char *line = text, *end = text + length; line < end;) {
        const char *next = memchr(line, '\n', (gsize)(end - line));
        gsize size = (gsize)((next != NULL ? next : end) - line);
        g_autoptr(GError) why = NULL;
        VbEntry *entry =
            size > 0 ? vb_codec_entry_parse(line, (gssize)size, &why) : NULL;
        if (entry != NULL)
            g_ptr_array_add(entries, entry);
        else if (why != NULL)
            g_debug("left out: %s", why->message);
        line += size + 1;
    }
}

/* What has grown beyond reason was not written by us. Returns: FALSE with errno. */
static gboolean
read_file(int fd, GString *into)
{
    char part[65536];
    ssize_t got;
    while ((got = read(fd, part, sizeof part)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return FALSE;
        if (into->len + (gsize)got > 4 * VB_HISTORY_MAX_BYTES)
            break;
        g_string_append_len(into, part, got);
    }
    return TRUE;
}

static int
open_to_read(int dir, const char *name)
{
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd >= 0 && !is_plain(fd)) {
        close(fd);
        errno = EINVAL;
        return -1;
    }
    return fd;
}

/* Reads a file's entries, none where there is no file. Returns: FALSE with errno. */
static gboolean
add_file(GPtrArray *entries, int fd)
{
    g_autoptr(GString) text = g_string_new(NULL);
    if (fd >= 0 && !read_file(fd, text))
        return FALSE;
    add_lines(entries, text->str, text->len);
    return TRUE;
}

static gboolean
same_file(int a, int b)
{
    struct stat left, right;
    return a >= 0 && b >= 0 && fstat(a, &left) == 0 && fstat(b, &right) == 0 &&
           left.st_dev == right.st_dev && left.st_ino == right.st_ino;
}

/* Opens both, the newer first, so that a rotation in between shows. Returns: FALSE with errno. */
static gboolean
open_both(int dir, File *newer, File *older)
{
    for (guint try = 0; try < OPEN_TRIES; try++) {
        newer->fd = open_to_read(dir, NAME);
        if (newer->fd < 0 && errno != ENOENT)
            return FALSE;
        older->fd = open_to_read(dir, OLD_NAME);
        if (older->fd < 0 && errno != ENOENT)
            return FALSE;
        if (!same_file(newer->fd, older->fd))
            return TRUE;
        file_close(newer);
        file_close(older);
    }
    errno = EAGAIN;
    return FALSE;
}

GPtrArray *
vb_history_read(const char *dir, GError **error)
{
    g_autoptr(GPtrArray) entries = g_ptr_array_new_with_free_func((GDestroyNotify)vb_entry_free);
    g_auto(VbStateVisit) visit G_GNUC_UNUSED = vb_state_enter(dir);
    g_auto(File) folder = {.dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), .fd = -1};
    g_auto(File) newer = {.dir = -1, .fd = -1};
    g_auto(File) older = {.dir = -1, .fd = -1};
    if (folder.dir < 0 && errno == ENOENT)
        return g_steal_pointer(&entries);
    if (folder.dir >= 0 && open_both(folder.dir, &newer, &older) && add_file(entries, older.fd) &&
        add_file(entries, newer.fd))
        return g_steal_pointer(&entries);
    g_autofree char *path = g_build_filename(dir, NAME, NULL);
    vb_state_set_error(error, errno, path, "the history cannot be read");
    return NULL;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sys/files.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>
#include <vmbalancer/error.h>

typedef DIR Folder;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Folder, closedir)

static void
set_error_from_errno(GError **error, const char *doing, const char *path, int code)
{
    VbError kind = VB_ERROR_FAILED;
    if (code == ENOENT || code == ESRCH)
        kind = VB_ERROR_NO_GUEST;
    else if (code == EACCES || code == EPERM)
        kind = VB_ERROR_DENIED;
    g_set_error(error, VB_ERROR, kind, "cannot %s %s: %s", doing, path, g_strerror(code));
}

int
vb_files_open(const char *path, GError **error)
{
    int fd = -1;
    do
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    while (fd < 0 && errno == EINTR);
    if (fd < 0)
        set_error_from_errno(error, "open", path, errno);
    return fd;
}

/*
 * @from: where to begin in a file of one record that is kept open; negative: where it stands. The kernel gives
 * a record as a whole to whoever has room for it, so that its end need not be asked for.
 */
static gboolean
read_all(int fd, gint64 from, const char *name, gsize limit, char **ret_text, gsize *ret_length,
         GError **error)
{
    /* Such files have no size to ask for: they are made while they are read. */
    g_autoptr(GString) text = g_string_sized_new(4096);
    char chunk[16384];
    for (;;) {
        ssize_t got = from < 0 ? read(fd, chunk, sizeof chunk)
                               : pread(fd, chunk, sizeof chunk, from + (gint64)text->len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            set_error_from_errno(error, "read", name, errno);
            return FALSE;
        }
        if (got == 0)
            break;
        if ((gsize)got > limit - text->len) {
            g_set_error(error, VB_ERROR, VB_ERROR_INVALID, "%s is larger than %" G_GSIZE_FORMAT
                        " bytes", name, limit);
            return FALSE;
        }
        g_string_append_len(text, chunk, got);
        if (from >= 0 && (gsize)got < sizeof chunk)
            break;
    }
    if (ret_length != NULL)
        *ret_length = text->len;
    *ret_text = g_string_free(g_steal_pointer(&text), FALSE);
    return TRUE;
}

gboolean
vb_files_read_fd(int fd, const char *name, gsize limit, char **ret_text, gsize *ret_length,
                 GError **error)
{
    return read_all(fd, -1, name, limit, ret_text, ret_length, error);
}

gboolean
vb_files_read_start(int fd, const char *name, gsize limit, char **ret_text, gsize *ret_length,
                    GError **error)
{
    return read_all(fd, 0, name, limit, ret_text, ret_length, error);
}

gboolean
vb_files_read(const char *path, gsize limit, char **ret_text, gsize *ret_length, GError **error)
{
    int fd = vb_files_open(path, error);
    if (fd < 0)
        return FALSE;
    gboolean ok = vb_files_read_fd(fd, path, limit, ret_text, ret_length, error);
    close(fd);
    return ok;
}

gboolean
vb_files_write(const char *path, const char *text, GError **error)
{
    int fd = -1;
    do
        fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW);
    while (fd < 0 && errno == EINTR);
    gssize length = text != NULL ? (gssize)strlen(text) : 0;
    gssize put = fd >= 0 && text != NULL ? write(fd, text, (gsize)length) : 0;
    if (fd < 0 || put != length)
        set_error_from_errno(error, "write", path, fd < 0 || put < 0 ? errno : EIO);
    if (fd >= 0)
        close(fd);
    return fd >= 0 && put == length;
}

static int
compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

GStrv
vb_files_list(const char *path, GError **error)
{
    g_autoptr(Folder) folder = opendir(path);
    if (folder == NULL) {
        set_error_from_errno(error, "list", path, errno);
        return NULL;
    }
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    for (;;) {
        errno = 0;
        struct dirent *entry = readdir(folder);
        if (entry == NULL && errno != 0) {
            set_error_from_errno(error, "list", path, errno);
            return NULL;
        }
        if (entry == NULL)
            break;
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            g_ptr_array_add(names, g_strdup(entry->d_name));
    }
    g_ptr_array_sort(names, compare_names);
    g_ptr_array_add(names, NULL);
    return (GStrv)g_ptr_array_steal(names, NULL);
}

char *
vb_files_readlink(const char *path, GError **error)
{
    char target[4097];
    ssize_t length = readlink(path, target, sizeof target);
    if (length < 0) {
        set_error_from_errno(error, "read the link", path, errno);
        return NULL;
    }
    if ((gsize)length == sizeof target) {
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID, "%s points to an overlong path", path);
        return NULL;
    }
    return g_strndup(target, (gsize)length);
}

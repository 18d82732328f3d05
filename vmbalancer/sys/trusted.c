/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sys/trusted.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vmbalancer/error.h>

static int
refuse(GError **error, const char *path, const char *why)
{
    g_set_error(error, VB_ERROR, VB_ERROR_DENIED, "%s %s", path, why);
    return -1;
}

/* Takes @fd. Returns: it if it is trusted, else -1. */
static int
judge(int fd, const char *path, mode_t kind, const VbTrust *trust, GError **error)
{
    struct stat status;
    const char *why = NULL;
    if (fstat(fd, &status) != 0)
        why = "cannot be looked at";
    else if (S_ISLNK(status.st_mode))
        why = "is a symbolic link: name what it leads to";
    else if ((status.st_mode & S_IFMT) != kind)
        why = kind == S_IFDIR ? "is not a folder" : "is not a regular file";
    else if (status.st_uid != 0 && status.st_uid != trust->owner)
        why = kind == S_IFDIR ? "does not belong to root: keep the file in folders that do"
                              : "does not belong to root: chown root it";
    else if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        why = kind == S_IFDIR
                  ? "can be written by others than its owner: keep the file in folders that cannot"
                  : "can be written by others than its owner: chmod go-w it";
    if (why == NULL)
        return fd;
    close(fd);
    return refuse(error, path, why);
}

/* Without following links: O_PATH opens the link itself, to be told what it is. */
static int
step(int folder, const char *name, const char *path, gboolean last, const VbTrust *trust,
     GError **error)
{
    int flags = O_CLOEXEC | O_NOFOLLOW;
    int fd = openat(folder, name, flags | O_PATH);
    mode_t kind = last ? S_IFREG : S_IFDIR;
    if (fd < 0) {
        g_set_error(error, VB_ERROR, errno == EACCES ? VB_ERROR_DENIED : VB_ERROR_FAILED,
                    "%s cannot be opened: %s", path, g_strerror(errno));
        return -1;
    }
    fd = judge(fd, path, kind, trust, error);
    if (fd < 0 || !last)
        return fd;
    close(fd);
    /* Only a trusted user can have put another there since, and it is looked at, too. */
    fd = openat(folder, name, flags | O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        g_set_error(error, VB_ERROR, errno == EACCES ? VB_ERROR_DENIED : VB_ERROR_FAILED,
                    "%s cannot be read: %s", path, g_strerror(errno));
        return -1;
    }
    return judge(fd, path, kind, trust, error);
}

static int
walk(const char *path, const VbTrust *trust, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(path + strlen(trust->from), "/", -1);
    g_autoptr(GString) way = g_string_new(trust->from);
    int fd = step(AT_FDCWD, trust->from, trust->from, FALSE, trust, error);
    for (guint i = 0; fd >= 0 && parts[i] != NULL; i++) {
        if (*parts[i] == '\0')
            continue;
        if (way->str[way->len - 1] != '/')
            g_string_append_c(way, '/');
        g_string_append(way, parts[i]);
        int next = step(fd, parts[i], way->str, parts[i + 1] == NULL, trust, error);
        close(fd);
        fd = next;
    }
    return fd;
}

int
vb_trusted_open(const char *path, const VbTrust *trust, GError **error)
{
    if (!g_path_is_absolute(path))
        return refuse(error, path, "is not a path from the root on: write all of it");
    g_autofree char *plain = g_canonicalize_filename(path, "/");
    if (!g_str_equal(plain, path))
        return refuse(error, path,
                      "is not plain: write it without \".\", \"..\" and doubled slashes");
    gsize length = strlen(trust->from);
    gboolean below = g_str_has_prefix(path, trust->from) && path[length] != '\0' &&
                     (trust->from[length - 1] == '/' || path[length] == '/');
    if (!below)
        return refuse(error, path, "is not where it may be");
    return walk(path, trust, error);
}

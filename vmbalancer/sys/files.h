/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * Files as the kernel table serves them, by their real path: what the real and the captured kernel
 * have in common. Contracts and errors are those of VbKernelOps.
 */
int vb_files_open(const char *path, GError **error);
gboolean vb_files_read(const char *path, gsize limit, char **ret_text, gsize *ret_length,
                       GError **error);
gboolean vb_files_write(const char *path, const char *text, GError **error);
GStrv vb_files_list(const char *path, GError **error);
char *vb_files_readlink(const char *path, GError **error);

/**
 * Reads the open file @fd to its end. @name is for messages only.
 * Errors: as vb_files_read().
 */
gboolean vb_files_read_fd(int fd, const char *name, gsize limit, char **ret_text,
                          gsize *ret_length, GError **error);
/** The same from the start of a file of one record (stat, schedstat, memory.numa_stat), wherever it has been read to. */
gboolean vb_files_read_start(int fd, const char *name, gsize limit, char **ret_text,
                             gsize *ret_length, GError **error);

G_END_DECLS

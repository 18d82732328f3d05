/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** What placement needs of a meminfo file, in bytes. */
typedef struct {
    guint64 total_bytes;
    guint64 free_bytes;   /**< MemFree alone */
    guint64 usable_bytes; /**< MemFree plus clean page cache, never above total */
} VbMeminfo;

/**
 * Parses /proc/meminfo ("MemTotal: 1 kB") or a node's ("Node 0 MemTotal: 1 kB").
 *
 * Clean page cache = Active(file) + Inactive(file) - Dirty - Writeback, not below 0: pages of files
 * that the kernel gives up without writing. Shared memory and tmpfs are not on those lists; slab
 * that could be reclaimed is left out, because it often is not.
 * @path: for the message
 * Returns: FALSE with VB_ERROR_INVALID naming @path and the text; @ret is then untouched.
 */
gboolean vb_meminfo_parse(const char *text, const char *path, VbMeminfo *ret, GError **error);

G_END_DECLS

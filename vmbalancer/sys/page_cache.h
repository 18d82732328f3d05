/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * Which pages of a file of memory (memfd, tmpfs, hugetlbfs) exist, whoever made them. To ask makes none: on
 * tmpfs mincore(2) is asked about a mapping without any page in it, which looks into the page cache.
 * On hugetlbfs mincore tells of the caller's own page table alone, so there the file's blocks are counted.
 */
typedef struct VbPageCache VbPageCache;

/**
 * Opens the file behind @fd anew, for reading, if it is the one of @device (major << 32 | minor) and @inode.
 * What kind of file it is the kernel is asked first, in a way that no file system hears of.
 * @fd: borrowed; whose ever it is, its position stays
 * Errors: VB_ERROR_CHANGED another file; VB_ERROR_UNSUPPORTED on another file system, or the kernel hides its
 * page cache from us: mincore calls each page resident then, also those behind the end of the file,
 * by which it is known; VB_ERROR_DENIED its mode keeps us out; VB_ERROR_FAILED.
 */
VbPageCache *vb_page_cache_open(int fd, guint64 device, guint64 inode, GError **error);
void vb_page_cache_close(VbPageCache *cache);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbPageCache, vb_page_cache_close)

/** TRUE on hugetlbfs, where pages are counted only. */
gboolean vb_page_cache_is_counted(const VbPageCache *cache);
/** Length of the file, when it was opened. */
guint64 vb_page_cache_length(const VbPageCache *cache);
/** Bytes that the file had then, as its blocks say; on tmpfs those swapped out are among them. */
guint64 vb_page_cache_bytes(const VbPageCache *cache);

/**
 * Is the page at @offset in memory? Not one that is swapped out, nor one that was set aside by fallocate(2)
 * alone. Not for counted files. Asked in ascending order, neighbours may be answered as they were some 256 pages ago.
 * Returns: 1, 0 (also behind the end), or -errno.
 */
int vb_page_cache_has(VbPageCache *cache, guint64 offset);

G_END_DECLS

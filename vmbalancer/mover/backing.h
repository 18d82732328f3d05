/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "mover/client.h"

G_BEGIN_DECLS

/** The file behind a shared mapping, as /proc/PID/maps tells it. */
typedef struct {
    guint64 device; /**< major << 32 | minor */
    guint64 inode;
} VbSharedFile;

/** A range of a shared mapping, and where in the file it begins. */
typedef struct {
    VbRange range;
    guint64 offset; /**< a whole number of pages */
} VbBackedRange;

/** What a query found, in pages of the ranges' own size. */
typedef struct {
    guint64 pages_total; /**< pages in the ranges */
    guint64 pages_asked;
    guint64 mapped;      /**< of those asked: mapped by the process */
    guint64 unmapped;    /**< of those asked: in the file and in memory, not mapped by the process */
    guint64 unknown;     /**< of those asked: the kernel would not say */
    gboolean census;     /**< each page was asked: no sampling error */
    gboolean counted;    /**< hugetlbfs: @unmapped is 0, the ranges are the whole file, and */
    guint64 file_bytes;  /**< it has so much, mapped or not */
} VbBackingSample;

/**
 * Asks which pages that the process has not mapped exist all the same, since another process has touched
 * them. Pages are drawn as vb_mover_sample() does; none is made by asking.
 * @ranges: of one file; ascending, not overlapping
 * Errors: those of vb_mover_sample(); VB_ERROR_UNSUPPORTED where that cannot be told: the process has the file
 * open no more (shared memory without a name never is), it is on another file system than tmpfs and hugetlbfs, or
 * the kernel does not let the mover look (before Linux 5.14); VB_ERROR_DENIED.
 */
gboolean vb_mover_backing(VbMover *mover, const VbProcess *process, const VbSharedFile *file,
                          const VbBackedRange *ranges, guint n_ranges, guint max_pages, guint64 seed,
                          VbBackingSample *ret, GError **error);

G_END_DECLS

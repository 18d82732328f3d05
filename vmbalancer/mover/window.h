/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "mover/client.h"

G_BEGIN_DECLS

/** Most pages in a window: 64 MiB of small ones. */
#define VB_WINDOW_PAGES 16384
/** A transparent hugepage: 2 MiB of small pages, aligned. */
#define VB_RUN_BYTES (G_GUINT64_CONSTANT(2) << 20)

/** What is known of a page in one visit. */
typedef enum {
    VB_MARK_TRIED = 1 << 0,  /**< was submitted and did not go */
    VB_MARK_PROBED = 1 << 1, /**< was submitted for its whole run */
    VB_MARK_SHARED = 1 << 2, /**< does not go because others map it too */
    VB_MARK_MOVED = 1 << 3,  /**< went: not to be tried again, wherever it is now */
} VbMark;

/** A stretch of a range, held page by page while the move works on it. */
typedef struct {
    VbNodeSet leaving;            /**< nodes whose pages are to move */
    int target;
    guint64 page_size;
    guint count;
    void *page[VB_WINDOW_PAGES];
    int node[VB_WINDOW_PAGES];    /**< as the kernel said last */
    guint8 mark[VB_WINDOW_PAGES]; /**< VbMark */
    guint n_asked;                /**< pages of the query at hand */
    guint asked[VB_WINDOW_PAGES]; /**< their indices, */
    void *at[VB_WINDOW_PAGES];    /**< addresses, */
    int answer[VB_WINDOW_PAGES];  /**< and what the kernel said */
} VbWindow;

/** Of which pages of a window it is asked again: a bit for each. */
typedef struct {
    guint64 word[VB_WINDOW_PAGES / 64];
} VbPageSet;

/**
 * Opens the window on @range at @start and asks for its pages.
 * @ret_end: where the next window starts
 * Returns: 0 or -errno of the query.
 */
int vb_window_open(VbWindow *window, VbKernel *kernel, int pid, const VbRange *range,
                   guint64 start, guint64 *ret_end);

/** The pages that are to move and did not. Returns: (transfer full), to free with g_free() */
VbPageSet *vb_window_left(const VbWindow *window);

/**
 * As vb_window_open() of the same range at the same place, but asks for those pages only; the others count as there.
 * Returns: 0 or -errno of the query.
 */
int vb_window_reopen(VbWindow *window, VbKernel *kernel, int pid, const VbRange *range, guint64 start,
                     const VbPageSet *left);

/**
 * Asks again for those of @count pages from @first on that were to move.
 * @ret_moved_bytes: of those that are on the target now and were not before; they are marked moved
 * Returns: 0 or -errno of the query; then nothing is changed.
 */
int vb_window_requery(VbWindow *window, VbKernel *kernel, int pid, guint first, guint count,
                      guint64 *ret_moved_bytes);

/** TRUE if the page is to move and has not moved in this visit. */
gboolean vb_window_is_off(const VbWindow *window, guint index);
/** Bytes of the pages that are to move, with (@shared) or without those that others map. */
guint64 vb_window_off_bytes(const VbWindow *window, gboolean shared);
/** TRUE if 2 MiB of small pages start here that may be one hugepage: aligned, all to move, one node. */
gboolean vb_window_may_be_huge(const VbWindow *window, guint index);
/** Small pages of a run; 1 where pages are huge themselves. */
guint vb_window_run_pages(const VbWindow *window);

G_END_DECLS

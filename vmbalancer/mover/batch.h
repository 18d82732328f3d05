/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "mover/window.h"

G_BEGIN_DECLS

/** Most addresses of one call. */
#define VB_BATCH_PAGES 4096

/**
 * The pages of one move_pages call. A run of small pages that may be a transparent hugepage is asked
 * for by its first page alone: a hugepage goes whole, and every further address of it would make
 * the kernel flush its list. If the run turns out to be small pages, the others follow in a later batch.
 */
typedef struct {
    guint count;
    guint64 bytes;              /**< most that it may move */
    guint probes;               /**< runs asked for by their first page */
    guint first, end;           /**< of the window: pages that it may change, whole runs */
    guint index[VB_BATCH_PAGES];/**< of the window, ascending */
    void *page[VB_BATCH_PAGES];
    int to[VB_BATCH_PAGES];     /**< the target, each time */
    int status[VB_BATCH_PAGES];
} VbBatch;

/**
 * Takes pages of the window that are to move and have not been tried in this visit, ascending, up to @most_bytes.
 * @probe: ask for runs by their first page; FALSE: only for one in sixteen, to learn when that pays
 * Returns: FALSE if there are none.
 */
gboolean vb_batch_fill(VbBatch *batch, VbWindow *window, guint64 most_bytes, gboolean probe);

/**
 * Marks as moved what the call itself told of: where all went, the kernel has said of each page where it is (move_pages(2)),
 * and asking again would take as long as a third of the move. Of runs asked for by their first page only that is told.
 * @result: of the call
 * Returns: their bytes; 0, with nothing marked, if something did not go: the window must be asked
 */
guint64 vb_batch_take(const VbBatch *batch, VbWindow *window, long result);

/**
 * Marks what the call, and the window asked again after it, tell of the pages that did not go.
 * @result: of the call
 */
void vb_batch_settle(const VbBatch *batch, VbWindow *window, long result);

/** Of the runs asked for by their first page, with that page gone: how many went whole? */
void vb_batch_count_probes(const VbBatch *batch, const VbWindow *window, guint *ret_went,
                           guint *ret_whole);

G_END_DECLS

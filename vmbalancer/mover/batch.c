/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mover/batch.h"
#include "mover/pages.h"
#include <errno.h>

/* One run in so many is probed where runs have turned out to be small pages. */
#define PROBE_RARELY 16

static void
add(VbBatch *batch, const VbWindow *window, guint index, guint64 bytes)
{
    guint run = vb_window_run_pages(window);
    guint offset = run == 1 ? 0
                            : (guint)(GPOINTER_TO_SIZE(window->page[index]) % VB_RUN_BYTES /
                                      window->page_size);
    if (batch->count == 0)
        batch->first = index - MIN(offset, index);
    batch->end = MIN(index - offset + run, window->count);
    batch->index[batch->count] = index;
    batch->page[batch->count] = window->page[index];
    batch->to[batch->count] = window->target;
    batch->status[batch->count] = VB_PAGE_UNSET;
    batch->count++;
    batch->bytes += bytes;
}

static gboolean
wants_probe(const VbWindow *window, guint index, guint64 room, gboolean probe)
{
    gsize run = GPOINTER_TO_SIZE(window->page[index]) / VB_RUN_BYTES;
    return (probe || run % PROBE_RARELY == 0) && room >= VB_RUN_BYTES &&
           vb_window_may_be_huge(window, index);
}

gboolean
vb_batch_fill(VbBatch *batch, VbWindow *window, guint64 most_bytes, gboolean probe)
{
    batch->count = batch->probes = 0;
    batch->bytes = 0;
    for (guint i = 0; i < window->count && batch->count < VB_BATCH_PAGES; i++) {
        if (!vb_window_is_off(window, i) || (window->mark[i] & (VB_MARK_TRIED | VB_MARK_SHARED)))
            continue;
        if (batch->bytes + window->page_size > most_bytes)
            break;
        if (wants_probe(window, i, most_bytes - batch->bytes, probe)) {
            window->mark[i] |= VB_MARK_PROBED;
            add(batch, window, i, VB_RUN_BYTES);
            batch->probes++;
            i += vb_window_run_pages(window) - 1;
        } else {
            add(batch, window, i, window->page_size);
        }
    }
    return batch->count > 0;
}

guint64
vb_batch_take(const VbBatch *batch, VbWindow *window, long result)
{
    if (result != 0)
        return 0;
    for (guint i = 0; i < batch->count; i++)
        if (batch->status[i] != window->target)
            return 0;
    for (guint i = 0; i < batch->count; i++) {
        window->mark[batch->index[i]] |= VB_MARK_MOVED;
        window->node[batch->index[i]] = window->target;
    }
    return batch->count * window->page_size;
}

void
vb_batch_settle(const VbBatch *batch, VbWindow *window, long result)
{
    /*
     * The kernel lists pages until something makes it flush the list; if then a page of the list does
     * not go, it returns at once, with that flush's status slots unset and the pages behind it not
     * tried. So after a failure a page counts as tried only if a later one shows a sign: it went, or its
     * slot was filled. Where nothing shows any sign there was one list, and all were tried.
     */
    guint signs_end = 0;
    gboolean progress = FALSE;
    for (guint i = 0; i < batch->count; i++) {
        guint index = batch->index[i];
        gboolean off = vb_window_is_off(window, index);
        if (!off || batch->status[i] != VB_PAGE_UNSET)
            signs_end = i + 1;
        if (off && batch->status[i] == -EACCES)
            window->mark[index] |= VB_MARK_SHARED;
        progress = progress || !off || batch->status[i] == -EACCES;
    }
    guint tried = result > 0 && progress ? signs_end : batch->count;
    for (guint i = 0; i < tried; i++)
        if (vb_window_is_off(window, batch->index[i]))
            window->mark[batch->index[i]] |= VB_MARK_TRIED;
}

void
vb_batch_count_probes(const VbBatch *batch, const VbWindow *window, guint *ret_went,
                      guint *ret_whole)
{
    guint run = vb_window_run_pages(window);
    guint went = 0, whole = 0;
    for (guint i = 0; i < batch->count; i++) {
        guint first = batch->index[i];
        if (!(window->mark[first] & VB_MARK_PROBED) || vb_window_is_off(window, first))
            continue;
        went++;
        gboolean all = TRUE;
        for (guint page = first; all && page < MIN(first + run, window->count); page++)
            all = !vb_window_is_off(window, page);
        whole += all;
    }
    *ret_went = went;
    *ret_whole = whole;
}

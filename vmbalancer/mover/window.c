/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mover/window.h"
#include "mover/pages.h"
#include <string.h>

/* Returns: where it ends. */
static guint64
set_pages(VbWindow *window, const VbRange *range, guint64 start)
{
    guint64 size = range->page_size;
    guint64 end = range->end;
    /* Windows meet on run boundaries, so that no hugepage lies in two of them. */
    if ((end - start) / size > VB_WINDOW_PAGES) {
        end = start + VB_WINDOW_PAGES * size;
        end -= size < VB_RUN_BYTES ? end % VB_RUN_BYTES : 0;
    }
    window->page_size = size;
    window->count = (guint)((end - start) / size);
    for (guint i = 0; i < window->count; i++)
        window->page[i] = GSIZE_TO_POINTER(start + i * size);
    memset(window->mark, 0, window->count);
    return end;
}

int
vb_window_open(VbWindow *window, VbKernel *kernel, int pid, const VbRange *range, guint64 start,
               guint64 *ret_end)
{
    *ret_end = set_pages(window, range, start);
    return vb_pages_query(kernel, pid, window->count, window->page, window->node);
}

static void
ask_for(VbWindow *window, guint index)
{
    window->asked[window->n_asked] = index;
    window->at[window->n_asked++] = window->page[index];
}

VbPageSet *
vb_window_left(const VbWindow *window)
{
    VbPageSet *left = g_new0(VbPageSet, 1);
    for (guint i = 0; i < window->count; i++)
        if (vb_window_is_off(window, i))
            left->word[i / 64] |= G_GUINT64_CONSTANT(1) << i % 64;
    return left;
}

int
vb_window_reopen(VbWindow *window, VbKernel *kernel, int pid, const VbRange *range, guint64 start,
                 const VbPageSet *left)
{
    set_pages(window, range, start);
    window->n_asked = 0;
    for (guint i = 0; i < window->count; i++) {
        window->node[i] = window->target;
        if (left->word[i / 64] >> i % 64 & 1)
            ask_for(window, i);
    }
    int code = vb_pages_query(kernel, pid, window->n_asked, window->at, window->answer);
    for (guint i = 0; code >= 0 && i < window->n_asked; i++)
        window->node[window->asked[i]] = window->answer[i];
    return code;
}

int
vb_window_requery(VbWindow *window, VbKernel *kernel, int pid, guint first, guint count,
                  guint64 *ret_moved_bytes)
{
    /* Those between that need not go were not touched. */
    window->n_asked = 0;
    for (guint i = first; i < first + count; i++)
        if (vb_window_is_off(window, i))
            ask_for(window, i);
    int code = vb_pages_query(kernel, pid, window->n_asked, window->at, window->answer);
    if (code < 0)
        return code;
    guint64 moved = 0;
    for (guint i = 0; i < window->n_asked; i++) {
        guint index = window->asked[i];
        if (window->answer[i] == window->target) {
            window->mark[index] |= VB_MARK_MOVED;
            moved += window->page_size;
        }
        window->node[index] = window->answer[i];
    }
    *ret_moved_bytes = moved;
    return 0;
}

gboolean
vb_window_is_off(const VbWindow *window, guint index)
{
    int node = window->node[index];
    return node >= 0 && node < VB_NODES_MAX && (window->leaving & VB_NODE_BIT(node)) != 0 &&
           (window->mark[index] & VB_MARK_MOVED) == 0;
}

guint64
vb_window_off_bytes(const VbWindow *window, gboolean shared)
{
    guint64 bytes = 0;
    for (guint i = 0; i < window->count; i++)
        if (vb_window_is_off(window, i) && (shared || !(window->mark[i] & VB_MARK_SHARED)))
            bytes += window->page_size;
    return bytes;
}

guint
vb_window_run_pages(const VbWindow *window)
{
    return window->page_size < VB_RUN_BYTES ? (guint)(VB_RUN_BYTES / window->page_size) : 1;
}

gboolean
vb_window_may_be_huge(const VbWindow *window, guint index)
{
    guint run = vb_window_run_pages(window);
    if (run == 1 || index + run > window->count || GPOINTER_TO_SIZE(window->page[index]) % VB_RUN_BYTES)
        return FALSE;
    for (guint i = index; i < index + run; i++)
        if (!vb_window_is_off(window, i) || window->mark[i] != 0 ||
            window->node[i] != window->node[index])
            return FALSE;
    return TRUE;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mover/window.h"
#include "mover/pages.h"
#include <string.h>

int
vb_window_open(VbWindow *window, VbKernel *kernel, int pid, const VbRange *range, guint64 start,
               guint64 *ret_end)
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
    *ret_end = end;
    return vb_pages_query(kernel, pid, window->count, window->page, window->node);
}

int
vb_window_requery(VbWindow *window, VbKernel *kernel, int pid, guint first, guint count,
                  guint64 *ret_moved_bytes)
{
    g_autofree int *now = g_new(int, count);
    int code = vb_pages_query(kernel, pid, count, window->page + first, now);
    if (code < 0)
        return code;
    guint64 moved = 0;
    for (guint i = 0; i < count; i++) {
        guint index = first + i;
        if (vb_window_is_off(window, index) && now[i] == window->target) {
            window->mark[index] |= VB_MARK_MOVED;
            moved += window->page_size;
        }
        window->node[index] = now[i];
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

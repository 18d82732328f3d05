/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mover/outlook.h"
#include "mover/pages.h"
#include "mover/strata.h"

int
vb_outlook_take(VbOutlook *outlook, VbKernel *kernel, int pid, const VbRange *ranges,
                guint n_ranges, VbNodeSet nodes)
{
    g_autofree void **pages = g_new(void *, VB_OUTLOOK_PAGES);
    g_autofree int *found = g_new(int, VB_OUTLOOK_PAGES);
    VbStrata strata;
    VbStratum drawn;
    guint count = 0;
    vb_strata_begin(&strata, ranges, n_ranges, VB_OUTLOOK_PAGES, 0);
    for (; vb_strata_next(&strata, &drawn); count++) {
        pages[count] = GSIZE_TO_POINTER(drawn.address);
        outlook->address[count] = drawn.address;
        outlook->bytes[count] = drawn.pages * drawn.page_size;
    }
    int code = vb_pages_query(kernel, pid, count, pages, found);
    outlook->count = outlook->next = 0;
    outlook->ahead_bytes = 0;
    for (guint i = 0; code == 0 && i < count; i++) {
        if (found[i] < 0 || found[i] >= VB_NODES_MAX || !(nodes & VB_NODE_BIT(found[i])))
            continue;
        outlook->address[outlook->count] = outlook->address[i];
        outlook->bytes[outlook->count++] = outlook->bytes[i];
        outlook->ahead_bytes += outlook->bytes[i];
    }
    return code;
}

void
vb_outlook_pass(VbOutlook *outlook, guint64 address)
{
    while (outlook->next < outlook->count && outlook->address[outlook->next] < address)
        outlook->ahead_bytes -= outlook->bytes[outlook->next++];
}

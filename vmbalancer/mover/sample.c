/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mover/sample.h"
#include "mover/pages.h"
#include "mover/strata.h"
#include <errno.h>
#include <vmbalancer/error.h>

/* 0.4 ms of small pages: between two calls others get the guest's mmap lock. */
#define CALL_PAGES 1024

static void
count_page(VbSample *sample, int node)
{
    if (node >= 0 && node < VB_NODES_MAX)
        sample->by_node[node]++;
    else if (node == -ENOENT || node == -EFAULT)
        sample->absent++;
    else
        sample->unknown++;
}

gboolean
vb_sample_run(VbKernel *kernel, int pid, const VbRange *ranges, guint n_ranges, guint max_pages,
              guint64 seed, VbStop stop, gpointer user_data, VbSample *ret, GError **error)
{
    VbStrata strata;
    vb_strata_begin(&strata, ranges, n_ranges, max_pages, seed);
    VbSample sample = {
        .pages_total = strata.total,
        .pages_asked = strata.count,
        .census = strata.count == strata.total,
    };
    for (;;) {
        void *pages[CALL_PAGES];
        int nodes[CALL_PAGES];
        guint count = 0;
        VbStratum drawn;
        while (count < CALL_PAGES && vb_strata_next(&strata, &drawn))
            pages[count++] = GSIZE_TO_POINTER(drawn.address);
        if (count == 0)
            break;
        if (stop != NULL && stop(user_data)) {
            g_set_error(error, VB_ERROR, VB_ERROR_CANCELLED, "the client gave up");
            return FALSE;
        }
        int code = vb_pages_query(kernel, pid, count, pages, nodes);
        if (code < 0) {
            vb_pages_set_error(error, pid, code);
            return FALSE;
        }
        for (guint i = 0; i < count; i++)
            count_page(&sample, nodes[i]);
    }
    *ret = sample;
    return TRUE;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mover/sample.h"
#include "mover/pages.h"
#include <errno.h>
#include <vmbalancer/error.h>

/* 0.4 ms of small pages: between two calls others get the guest's mmap lock. */
#define CALL_PAGES 1024

gboolean
vb_sample_each(VbSampleWalk *walk, VbSampleVisit visit, gpointer user_data, GError **error)
{
    for (;;) {
        VbStratum drawn[CALL_PAGES];
        void *pages[CALL_PAGES];
        int nodes[CALL_PAGES];
        guint count = 0;
        for (; count < CALL_PAGES && vb_strata_next(&walk->strata, &drawn[count]); count++)
            pages[count] = GSIZE_TO_POINTER(drawn[count].address);
        if (count == 0)
            return TRUE;
        if (walk->stop != NULL && walk->stop(walk->stop_data)) {
            g_set_error(error, VB_ERROR, VB_ERROR_CANCELLED, "the client gave up");
            return FALSE;
        }
        int code = vb_pages_query(walk->kernel, walk->pid, count, pages, nodes);
        if (code < 0) {
            vb_pages_set_error(error, walk->pid, code);
            return FALSE;
        }
        for (guint i = 0; i < count; i++)
            visit(&drawn[i], nodes[i], user_data);
    }
}

static void
count_page(const VbStratum *drawn, int node, gpointer user_data)
{
    VbSample *sample = user_data;
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
    VbSampleWalk walk = {.kernel = kernel, .pid = pid, .stop = stop, .stop_data = user_data};
    vb_strata_begin(&walk.strata, ranges, n_ranges, max_pages, seed);
    VbSample sample = {
        .pages_total = walk.strata.total,
        .pages_asked = walk.strata.count,
        .census = walk.strata.count == walk.strata.total,
    };
    if (!vb_sample_each(&walk, count_page, &sample, error))
        return FALSE;
    *ret = sample;
    return TRUE;
}

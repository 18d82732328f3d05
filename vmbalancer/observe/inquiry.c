/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "observe/inquiry.h"

/* Pages asked for by the end of the early looks: all near of 1,024 is near within 0.9 points, and
 * 4,096 tell any share within 2.4. */
static const guint early_pages[] = {1024, 4096};
/* Where nobody acts this is close enough. */
#define ROUGH_BP 250

static VbNodeSet
largest(const VbSample *sample)
{
    guint top = 0;
    for (guint node = 1; node < VB_NODES_MAX; node++)
        if (sample->by_node[node] > sample->by_node[top])
            top = node;
    return VB_NODE_BIT(top);
}

gboolean
vb_inquiry_is_answered(const VbInquiry *inquiry, const VbSample *sample, VbSureness sureness)
{
    gboolean anywhere = inquiry->near == 0 || (inquiry->nodes & ~inquiry->near) == 0;
    VbNodeSet near = anywhere ? largest(sample) : inquiry->near;
    return vb_sampling_least_bp(sample, near, sureness) >= inquiry->target_bp ||
           (!inquiry->may_act &&
            vb_sampling_error_bp(sample, inquiry->n_nodes, sureness) <= ROUGH_BP);
}

static void
add(VbSample *sum, const VbSample *part)
{
    sum->pages_total = part->pages_total;
    sum->pages_asked += part->pages_asked;
    sum->absent += part->absent;
    sum->unknown += part->unknown;
    for (guint node = 0; node < VB_NODES_MAX; node++)
        sum->by_node[node] += part->by_node[node];
}

/* Each page if that is cheap; 0 if it is not. */
static guint
census_pages(const VbRange *ranges, guint n_ranges, guint most)
{
    guint64 pages = 0;
    gboolean huge = TRUE;
    for (guint i = 0; i < n_ranges; i++) {
        pages += (ranges[i].end - ranges[i].start) / ranges[i].page_size;
        huge = huge && ranges[i].page_size >= VB_CENSUS_BLOCK;
    }
    return pages <= (huge ? MAX(most, VB_CENSUS_MAX) : most) ? (guint)pages : 0;
}

gboolean
vb_inquiry_run(const VbInquiry *inquiry, const VbRange *ranges, guint n_ranges,
               VbInquirySample ask, gpointer user_data, VbSample *ret, VbSureness *ret_sureness,
               GError **error)
{
    guint most = inquiry->most > 0 ? inquiry->most : VB_INQUIRY_PAGES, asked = 0;
    guint census = census_pages(ranges, n_ranges, most);
    VbSample sum = {0};
    *ret_sureness = VB_SURE_ONCE;
    if (census > 0 || most <= early_pages[G_N_ELEMENTS(early_pages) - 1])
        return ask(ranges, n_ranges, MAX(census, most), inquiry->seed, ret, user_data, error);
    for (guint look = 0; asked < most; look++) {
        gboolean early = look < G_N_ELEMENTS(early_pages);
        guint until = early ? early_pages[look] : most;
        VbSample part;
        /* Each part is drawn anew: together they are no worse than a simple random sample. */
        if (!ask(ranges, n_ranges, until - asked, inquiry->seed + look, &part, user_data, error))
            return FALSE;
        add(&sum, &part);
        asked = until;
        *ret_sureness = early ? VB_SURE_EARLY : VB_SURE_LAST;
        if (early && vb_inquiry_is_answered(inquiry, &sum, VB_SURE_EARLY))
            break;
    }
    *ret = sum;
    return TRUE;
}

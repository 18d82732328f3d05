/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "observe/sampling.h"
#include <math.h>

/* Two-sided normal quantiles at 95 % shared by so many nodes; two nodes' shares err as one. */
static const struct {
    guint n_nodes;
    double z;
} quantiles[] = {
    {2, 1.959964}, {3, 2.393980}, {4, 2.497705}, {8, 2.734369},
    {16, 2.955167}, {32, 3.162818}, {VB_NODES_MAX, 3.359354},
};

static double
quantile(guint n_nodes)
{
    for (guint i = 0; i < G_N_ELEMENTS(quantiles); i++)
        if (n_nodes <= quantiles[i].n_nodes)
            return quantiles[i].z;
    return quantiles[G_N_ELEMENTS(quantiles) - 1].z;
}

/* The distance from the observed share to the further end of its Wilson interval. */
static double
wilson(double share, double n, double z)
{
    double z2 = z * z;
    double centre = (share + z2 / (2 * n)) / (1 + z2 / n);
    double half = z / (1 + z2 / n) * sqrt(share * (1 - share) / n + z2 / (4 * n * n));
    return fmax(centre + half - share, share - (centre - half));
}

static guint64
pages_present(const VbSample *sample)
{
    guint64 present = 0;
    for (guint i = 0; i < VB_NODES_MAX; i++)
        present += sample->by_node[i];
    return present;
}

guint
vb_sampling_error_bp(const VbSample *sample, guint n_nodes)
{
    guint64 present = pages_present(sample);
    if (sample->census && sample->unknown == 0)
        return 0;
    if (present == 0)
        return VB_BP;
    double worst = 0, z = quantile(n_nodes);
    /* A node without pages errs no more than one that has them all. */
    for (guint i = 0; i < VB_NODES_MAX && !sample->census; i++)
        if (sample->by_node[i] > 0)
            worst = fmax(worst, wilson((double)sample->by_node[i] / (double)present,
                                       (double)present, z));
    worst += (double)sample->unknown / (double)(present + sample->unknown);
    return (guint)ceil(fmin(worst, 1) * VB_BP);
}

/* pages * size * total / asked, in 128 bits: 4 TiB of pages times a large sample exceed 64. */
static guint64
scale(guint64 pages, guint64 page_size, guint64 total, guint64 asked)
{
    __extension__ unsigned __int128 bytes = pages;
    bytes = bytes * total / asked * page_size;
    return (guint64)bytes;
}

gboolean
vb_sampling_fill(const VbSample *sample, guint64 page_size, guint n_nodes, VbCell *cell)
{
    guint64 present = pages_present(sample);
    if (sample->pages_asked == 0 || sample->pages_asked > sample->pages_total ||
        present > sample->pages_asked || sample->pages_total > G_MAXUINT64 / page_size)
        return FALSE;
    cell->present_bytes = 0;
    for (guint i = 0; i < VB_NODES_MAX; i++) {
        cell->by_node[i] =
            scale(sample->by_node[i], page_size, sample->pages_total, sample->pages_asked);
        cell->present_bytes += cell->by_node[i];
    }
    cell->error_bp = vb_sampling_error_bp(sample, n_nodes);
    cell->residency_known = TRUE;
    return TRUE;
}

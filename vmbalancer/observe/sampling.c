/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "observe/sampling.h"
#include <math.h>

/* Two-sided normal quantiles shared by so many nodes, by VbSureness; two nodes' shares err as one. */
static const struct {
    guint n_nodes;
    double z[3];
} quantiles[] = {
    {2, {1.959964, 3.023341, 2.004654}},  {3, {2.393980, 3.341479, 2.432379}},
    {4, {2.497705, 3.420527, 2.534836}},  {8, {2.734369, 3.604711, 2.768876}},
    {16, {2.955167, 3.780920, 2.987521}}, {32, {3.162818, 3.950080, 3.193365}},
    {VB_NODES_MAX, {3.359354, 4.112956, 3.388358}},
};

static double
quantile(guint n_nodes, VbSureness sureness)
{
    for (guint i = 0; i < G_N_ELEMENTS(quantiles); i++)
        if (n_nodes <= quantiles[i].n_nodes)
            return quantiles[i].z[sureness];
    return quantiles[G_N_ELEMENTS(quantiles) - 1].z[sureness];
}

/* The lower end of the Wilson interval of an observed share. */
static double
wilson_low(double share, double n, double z)
{
    double z2 = z * z;
    double centre = (share + z2 / (2 * n)) / (1 + z2 / n);
    return centre - z / (1 + z2 / n) * sqrt(share * (1 - share) / n + z2 / (4 * n * n));
}

/* The distance from the observed share to the further end of its interval. */
static double
wilson(double share, double n, double z)
{
    return fmax(share - wilson_low(share, n, z), 1 - wilson_low(1 - share, n, z) - share);
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
vb_sampling_error_bp(const VbSample *sample, guint n_nodes, VbSureness sureness)
{
    guint64 present = pages_present(sample);
    if (sample->census && sample->unknown == 0)
        return 0;
    if (present == 0)
        return VB_BP;
    double worst = 0, z = quantile(n_nodes, sureness);
    /* A node without pages errs no more than one that has them all. */
    for (guint i = 0; i < VB_NODES_MAX && !sample->census; i++)
        if (sample->by_node[i] > 0)
            worst = fmax(worst, wilson((double)sample->by_node[i] / (double)present,
                                       (double)present, z));
    worst += (double)sample->unknown / (double)(present + sample->unknown);
    return (guint)ceil(fmin(worst, 1) * VB_BP);
}

guint
vb_sampling_least_bp(const VbSample *sample, VbNodeSet nodes, VbSureness sureness)
{
    guint64 present = pages_present(sample), on = 0;
    if (present == 0 || sample->unknown > 0)
        return 0;
    for (guint node = 0; node < VB_NODES_MAX; node++)
        if (nodes & VB_NODE_BIT(node))
            on += sample->by_node[node];
    double share = (double)on / (double)present;
    if (!sample->census)
        share = wilson_low(share, (double)present, quantile(2, sureness));
    return (guint)(fmax(share, 0) * VB_BP);
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
vb_sampling_fill(const VbSample *sample, guint64 page_size, guint n_nodes, VbSureness sureness,
                 VbCell *cell)
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
    cell->error_bp = vb_sampling_error_bp(sample, n_nodes, sureness);
    cell->residency_known = TRUE;
    return TRUE;
}

/* Half-width at 95 %, in bytes, of what a count out of a sample stands for. */
static guint64
half_width(const VbBackingSample *sample, guint64 count, guint64 all_bytes)
{
    double n = (double)sample->pages_asked, error = (double)sample->unknown / n;
    if (!sample->census)
        error += wilson((double)count / n, n, quantile(2, VB_SURE_ONCE));
    return (guint64)ceil(fmin(error, 1) * (double)all_bytes);
}

gboolean
vb_sampling_add_unmapped(const VbBackingSample *sample, guint64 page_size, VbCell *cell)
{
    guint64 told = sample->mapped, total = sample->pages_total;
    if (__builtin_add_overflow(told, sample->unmapped, &told) ||
        __builtin_add_overflow(told, sample->unknown, &told) || told > sample->pages_asked ||
        sample->pages_asked == 0 || sample->pages_asked > total || total > G_MAXINT64 / page_size)
        return FALSE;
    guint64 count = sample->counted ? sample->mapped : sample->unmapped;
    guint64 bytes = scale(count, page_size, total, sample->pages_asked);
    if (sample->counted)
        bytes = MIN(sample->file_bytes - MIN(bytes, sample->file_bytes), total * page_size);
    cell->unmapped_bytes += bytes;
    cell->unmapped_error_bytes += half_width(sample, count, total * page_size);
    return TRUE;
}

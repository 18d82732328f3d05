/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "observe/census.h"
#include "observe/inquiry.h"

#define SMALL_PAGE 4096
/* The kernel's counters of a cgroup are late by up to so many pages on each CPU (MEMCG_CHARGE_BATCH). */
#define LATE_PAGES 64

/* All that its cgroup counts as anon is RAM or QEMU's own. */
static gboolean
is_private(const VbDomain *live)
{
    const GPtrArray *kinds[] = {live->cells, live->memory_devices};
    for (guint k = 0; k < G_N_ELEMENTS(kinds); k++)
        for (guint i = 0; i < kinds[k]->len; i++) {
            const VbDomainCell *cell = g_ptr_array_index(kinds[k], i);
            if (cell->backing != VB_BACKING_ANONYMOUS || cell->shared)
                return FALSE;
        }
    return TRUE;
}

/* The whole blocks of @range. Returns: bytes outside of them */
static guint64
add_blocks(const VbRange *range, GArray *blocks)
{
    VbRange whole = {
        .start = (range->start + VB_CENSUS_BLOCK - 1) / VB_CENSUS_BLOCK * VB_CENSUS_BLOCK,
        .end = range->end / VB_CENSUS_BLOCK * VB_CENSUS_BLOCK,
        .page_size = VB_CENSUS_BLOCK,
    };
    guint64 size = range->end - range->start;
    if (whole.end <= whole.start)
        return size;
    g_array_append_val(blocks, whole);
    return size - (whole.end - whole.start);
}

VbCensus
vb_census_plan(const VbDomain *live, const GArray *ranges, const VbGuestSight *sight, guint n_cpus)
{
    if (!sight->held_known || !is_private(live))
        return (VbCensus){0};
    g_autoptr(GArray) blocks = g_array_new(FALSE, FALSE, sizeof(VbRange));
    guint64 doubt = (guint64)n_cpus * LATE_PAGES * SMALL_PAGE, size = 0;
    if (__builtin_add_overflow(doubt, sight->small_bytes, &doubt))
        return (VbCensus){0};
    for (guint i = 0; i < ranges->len; i++) {
        const VbRange *range = &g_array_index(ranges, VbRange, i);
        if (range->page_size >= VB_CENSUS_BLOCK ||
            __builtin_add_overflow(doubt, add_blocks(range, blocks), &doubt))
            return (VbCensus){0};
        size += range->end - range->start;
    }
    if (blocks->len == 0 || blocks->len > VB_RANGES_MAX || size / VB_CENSUS_BLOCK > VB_CENSUS_MAX ||
        doubt > size / VB_BP * VB_CENSUS_DOUBT_BP)
        return (VbCensus){0};
    return (VbCensus){g_steal_pointer(&blocks), doubt};
}

void
vb_census_clear(VbCensus *census)
{
    g_clear_pointer(&census->blocks, g_array_unref);
}

gboolean
vb_census_settle(const VbCensus *census, const VbGuestSight *sight, VbCell *cell)
{
    guint64 doubt = census->doubt_bytes, present = cell->present_bytes;
    /* What is charged elsewhere the cgroup knows nothing of. */
    if (present == 0 || doubt > present / VB_BP * VB_CENSUS_DOUBT_BP ||
        present - doubt > sight->huge_bytes) {
        cell->residency_known = FALSE;
        return FALSE;
    }
    guint64 doubt_bp = (doubt * VB_BP + present - 1) / present;
    cell->error_bp = MIN(cell->error_bp + (guint)doubt_bp, VB_BP);
    return TRUE;
}

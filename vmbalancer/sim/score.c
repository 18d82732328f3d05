/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sim/score.h"

#define NS_PER_MS 1000000
/* Above this no ratio is told apart: a thousand times as long. */
#define RATIO_MAX_BP (1000 * VB_BP)

/* A mean over time. */
typedef struct {
    guint64 sum_bp_ms;
    guint64 ms;
} Mean;

static void
mean_add(Mean *mean, guint bp, gint64 duration_ns)
{
    guint64 ms = duration_ns > 0 ? (guint64)(duration_ns / NS_PER_MS) : 0;
    mean->sum_bp_ms += bp * ms;
    mean->ms += ms;
}

static guint
mean_bp(const Mean *mean)
{
    return mean->ms > 0 ? (guint)((mean->sum_bp_ms + mean->ms / 2) / mean->ms) : VB_BP;
}

guint
vb_score_share_bp(guint64 part, guint64 whole)
{
    if (whole == 0)
        return VB_BP;
    /* What is lost is far below a basis point. */
    while (MAX(part, whole) > G_MAXUINT64 / (2 * VB_BP)) {
        part >>= 1;
        whole >>= 1;
    }
    if (whole == 0 || part / whole >= RATIO_MAX_BP / VB_BP)
        return RATIO_MAX_BP;
    return (guint)((part * VB_BP + whole / 2) / whole);
}

void
vb_score_read(const VbTrace *trace, VbScore *ret)
{
    static const VbMoment start;
    const VbMoment *before = &start;
    Mean mean = {0}, worst = {0};
    *ret = (VbScore){.good_ns = -1};
    for (guint i = 0; i < trace->moments->len; i++) {
        const VbMoment *now = &g_array_index(trace->moments, VbMoment, i);
        guint64 accesses = now->accesses - before->accesses;
        guint local_bp = vb_score_share_bp(now->local - before->local, accesses);
        if (accesses > 0) {
            mean_add(&mean, local_bp, now->time_ns - before->time_ns);
            mean_add(&worst, now->worst_bp, now->time_ns - before->time_ns);
        }
        if (accesses > 0 && ret->good_ns < 0 && local_bp >= VB_SCORE_GOOD_BP)
            ret->good_ns = before->time_ns;
        before = now;
    }
    ret->local_bp = vb_score_share_bp(before->local, before->accesses);
    ret->mean_bp = mean_bp(&mean);
    ret->worst_bp = mean_bp(&worst);
    ret->moved_bytes = before->moved_bytes;
    ret->moves = before->moves;
    ret->pins = before->pins;
    ret->ping_pongs = before->ping_pongs;
    ret->overload_bp = VB_BP - MIN(vb_score_share_bp(before->given_ns, before->wanted_ns), VB_BP);
    ret->slowdown_bp = vb_score_share_bp(before->wanted_ns, before->work_ns);
}

void
vb_score_compare(VbScore *score, const VbScore *hand)
{
    score->versus_known = hand->slowdown_bp > 0;
    score->versus_bp = vb_score_share_bp(score->slowdown_bp, hand->slowdown_bp);
}

int
vb_score_order(const VbScore *a, const VbScore *b)
{
    if (a->local_bp != b->local_bp)
        return a->local_bp > b->local_bp ? -1 : 1;
    if (a->moved_bytes != b->moved_bytes)
        return a->moved_bytes < b->moved_bytes ? -1 : 1;
    return (int)(a->moves > b->moves) - (int)(a->moves < b->moves);
}

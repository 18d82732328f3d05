/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mover/pace.h"

#define SECOND_NS G_GINT64_CONSTANT(1000000000)
#define MIB G_GUINT64_CONSTANT(1048576)

/* Long enough to pay for the draining of all CPUs that opens each call, short for a guest to wait. */
#define TARGET_DEFAULT_NS (30 * SECOND_NS / 1000)
/* 512 small pages, one hugepage: a first guess that is a few milliseconds on any machine. */
#define BATCH_START (2 * MIB)
/*
 * Below this the call's own cost rules, which a smaller batch does not lower: 512 small pages are what the kernel takes
 * at a time itself (Linux 6.3 mm/migrate.c, NR_MAX_BATCHED_MIGRATION).
 */
#define BATCH_FLOOR (2 * MIB)
/* 4096 small pages; 32 hugepages of 2 MiB. */
#define BATCH_CAP_SMALL (16 * MIB)
#define BATCH_CAP_HUGE (64 * MIB)
/* A batch takes at most this part of a second's bytes: a low rate is a trickle, not gusts. */
#define RATE_PART 10
#define RATE_FLOOR (MIB / 2)
/* The most that a pause (a guest's, the scheduler's) may be made up for afterwards. */
#define BURST_NS (SECOND_NS / 10)

static guint64
cap(guint64 page_size)
{
    return page_size >= 2 * MIB ? BATCH_CAP_HUGE : BATCH_CAP_SMALL;
}

void
vb_pace_begin(VbPace *pace, guint64 rate_bytes_per_s, gint64 target_ns, gint64 now_ns)
{
    *pace = (VbPace){
        .rate_bytes_per_s = rate_bytes_per_s,
        .target_ns = target_ns > 0 ? target_ns : TARGET_DEFAULT_NS,
        .batch_bytes = BATCH_START,
        .due_ns = now_ns,
        .rested_ns = now_ns,
    };
}

void
vb_pace_join(VbPace *pace, VbBucket *common, guint64 rate_bytes_per_s)
{
    pace->common = common;
    pace->common_bytes_per_s = common != NULL ? rate_bytes_per_s : 0;
}

gboolean
vb_pace_is_unpaced(const VbPace *pace)
{
    return pace->rate_bytes_per_s == 0 &&
           (pace->common_bytes_per_s == 0 || pace->common_bytes_per_s == G_MAXUINT64);
}

/* What @bytes cost, in time. */
static gint64
cost(guint64 bytes, guint64 rate_bytes_per_s)
{
    gdouble cost_ns = (gdouble)bytes * (gdouble)SECOND_NS / (gdouble)rate_bytes_per_s;
    /* A year: keeps the sum far from overflow at a rate of a byte a second. */
    return (gint64)MIN(cost_ns, 365.0 * 86400.0 * (gdouble)SECOND_NS);
}

guint64
vb_pace_batch_bytes(const VbPace *pace, guint64 page_size)
{
    guint64 bytes = MIN(pace->batch_bytes, cap(page_size));
    if (pace->rate_bytes_per_s > 0)
        bytes = MIN(bytes, MAX(pace->rate_bytes_per_s / RATE_PART, RATE_FLOOR));
    if (pace->common_bytes_per_s > 0)
        bytes = MIN(bytes, MAX(pace->common_bytes_per_s / RATE_PART, RATE_FLOOR));
    return MAX(bytes, page_size);
}

void
vb_pace_note(VbPace *pace, guint64 page_size, guint64 tried_bytes, guint64 moved_bytes,
             gint64 begun_ns, gint64 ended_ns)
{
    gint64 took_ns = ended_ns - begun_ns;
    /* Only a batch that was as big as allowed says that a bigger one would fit too. */
    if (took_ns > pace->target_ns * 5 / 4)
        pace->batch_bytes = MAX(pace->batch_bytes / 2, BATCH_FLOOR);
    else if (took_ns < pace->target_ns * 3 / 4 && tried_bytes >= pace->batch_bytes / 2)
        pace->batch_bytes = MIN(pace->batch_bytes * 2, cap(page_size));
    if (pace->rate_bytes_per_s > 0)
        pace->due_ns = MAX(pace->due_ns, begun_ns - BURST_NS) + cost(moved_bytes, pace->rate_bytes_per_s);
    if (pace->common_bytes_per_s > 0)
        vb_bucket_take(pace->common, begun_ns, cost(moved_bytes, pace->common_bytes_per_s));
}

void
vb_pace_rest(VbPace *pace, guint times, gint64 begun_ns, gint64 ended_ns)
{
    pace->rested_ns = ended_ns + times * (ended_ns - begun_ns);
}

gint64
vb_pace_rest_ns(const VbPace *pace, gint64 now_ns)
{
    gint64 due_ns = pace->rate_bytes_per_s == 0 ? now_ns : MAX(pace->due_ns, now_ns);
    return MAX(pace->rested_ns - due_ns, 0);
}

gint64
vb_pace_wait_ns(const VbPace *pace, gint64 now_ns)
{
    gint64 ready_ns = pace->rate_bytes_per_s == 0 ? pace->rested_ns : MAX(pace->rested_ns, pace->due_ns);
    gint64 common_ns = pace->common_bytes_per_s == 0 ? 0 : vb_bucket_wait_ns(pace->common, now_ns);
    return MAX(ready_ns - now_ns, common_ns);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/pace.h"

/* RAM must be seen remote twice before it moves; faster would see the same pages, not new facts. */
#define FAST_MS 2000

#define BEAT_MS 1000
/* A look at so many vCPUs costs some 4 ms. */
#define BEAT_VCPUS 256

void
vb_pace_set(VbPace *pace, gint64 interval_ns)
{
    pace->slow_ms = (guint)(interval_ns / 1000000);
    pace->fast_ms = MIN(FAST_MS, pace->slow_ms);
    pace->now_ms = pace->fast_ms;
}

void
vb_pace_hurry(VbPace *pace)
{
    pace->now_ms = pace->fast_ms;
}

guint
vb_pace_next(VbPace *pace)
{
    guint next = pace->now_ms;
    pace->now_ms = MIN(pace->now_ms * 2, pace->slow_ms);
    return next;
}

guint
vb_pace_beat(const VbPace *pace, guint vcpus)
{
    guint64 beat = BEAT_MS * (guint64)(1 + vcpus / BEAT_VCPUS);
    return 2 * beat <= pace->slow_ms ? (guint)beat : 0;
}

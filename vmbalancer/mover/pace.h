/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "mover/bucket.h"

G_BEGIN_DECLS

/*
 * How big the next batch is and when it may go: the size adapts to a duration, a token bucket keeps
 * the rate. Times are of the caller's monotonic clock.
 */
typedef struct {
    guint64 rate_bytes_per_s; /**< 0 = unpaced */
    guint64 common_bytes_per_s; /**< of @common; 0 = none */
    VbBucket *common;         /**< (nullable) (transfer none) */
    gint64 target_ns;         /**< that a batch shall take */
    guint64 batch_bytes;      /**< size that batches have adapted to */
    gint64 due_ns;            /**< when the bucket is no longer overdrawn */
    gint64 rested_ns;         /**< when a rest is over */
} VbPace;

/** @target_ns: 0 = 30 ms */
void vb_pace_begin(VbPace *pace, guint64 rate_bytes_per_s, gint64 target_ns, gint64 now_ns);
/** Keeps a rate that others keep, too. @common: borrowed */
void vb_pace_join(VbPace *pace, VbBucket *common, guint64 rate_bytes_per_s);
/** TRUE if nothing limits the rate: somebody asked for all the speed there is. */
gboolean vb_pace_is_unpaced(const VbPace *pace);
/**
 * Most bytes of the next batch, of pages of @page_size: at least one page. One of 1 GiB takes what it takes: the
 * target cannot hold, the rate does, by a longer wait.
 */
guint64 vb_pace_batch_bytes(const VbPace *pace, guint64 page_size);
/**
 * Notes a batch.
 * @tried_bytes: what it could have moved at most
 * @moved_bytes: what it moved
 */
void vb_pace_note(VbPace *pace, guint64 page_size, guint64 tried_bytes, guint64 moved_bytes,
                  gint64 begun_ns, gint64 ended_ns);
/** Lets a batch be followed by a rest of @times its length: what is needed for more than moves. */
void vb_pace_rest(VbPace *pace, guint times, gint64 begun_ns, gint64 ended_ns);
/** How much longer that is to be waited for than the rate is. */
gint64 vb_pace_rest_ns(const VbPace *pace, gint64 now_ns);
/** How long to wait before the next batch. */
gint64 vb_pace_wait_ns(const VbPace *pace, gint64 now_ns);

G_END_DECLS

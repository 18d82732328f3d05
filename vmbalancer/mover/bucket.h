/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * A token bucket that movers share: a page of memory that holds the time at which it is no longer overdrawn. Who
 * moves alone has all of the rate, and however many move, they keep it together. Safe to use from several
 * threads and processes.
 */
typedef struct VbBucket VbBucket;

/** A full one. Errors: VB_ERROR_FAILED */
VbBucket *vb_bucket_new(GError **error);
/**
 * The bucket behind a descriptor that another process passed, which stays the caller's.
 * Errors: VB_ERROR_INVALID if it is no such memory, or could be cut short under us.
 */
VbBucket *vb_bucket_open(int fd, GError **error);
/** One more who will free it. Returns: (transfer full): @bucket */
VbBucket *vb_bucket_ref(VbBucket *bucket);
/** @bucket: (nullable). It is gone when the last has freed it. */
void vb_bucket_free(VbBucket *bucket);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbBucket, vb_bucket_free)

/** To be passed on; -1 if it was opened. */
int vb_bucket_fd(const VbBucket *bucket);
/**
 * Takes what a batch used up.
 * @begun_ns: when the batch began, of CLOCK_MONOTONIC; at most a tenth of a second before it is made up for
 * @cost_ns: the batch's bytes at the rate
 */
void vb_bucket_take(VbBucket *bucket, gint64 begun_ns, gint64 cost_ns);
/** How long until there is something in it again. */
gint64 vb_bucket_wait_ns(const VbBucket *bucket, gint64 now_ns);

G_END_DECLS

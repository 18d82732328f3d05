/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sys/kernel.h"

G_BEGIN_DECLS

/*
 * Hugepages that a guest's move lacks on its target: the node's pool (nr_hugepages) is enlarged for
 * them, within the administrator's limit, and as many pages are given back afterwards: where they came
 * to be free, on the source, as far as the guest took them along, the rest on the target. So the host
 * has as many as before. What a guest took along goes back when it does, or ends. Safe to use from
 * several threads and programs; whoever calls holds the guest's lock (act/lock.h).
 *
 * Linux (6.1, mm/hugetlb.c: alloc_huge_page_nodemask(), move_hugetlb_state()) moves a page of 2 MiB to a
 * pool that has none free, too: it makes one, and the source's pool is that much smaller. It does not
 * for 1 GiB (-ENOMEM). Enlarged first, either pool tells before the guest is touched whether there are
 * enough, and no page waits for the kernel to make another while it moves. nr_overcommit_hugepages, which
 * binds the whole host and lets anybody's mapping have them, is left alone.
 */
typedef struct {
    VbKernel *kernel;
    const char *state_dir;
    guint64 limit_bytes; /**< by which each node's pools may be larger than they were; 0: never */
} VbBroker;

/** What one move needs, and was lent. */
typedef struct {
    const char *uuid;   /**< the guest's, not copied */
    guint64 page_size;
    int from;
    int to;
    guint64 pages;      /**< that it needs */
    guint64 borrowed;   /**< by which the pool was enlarged for them */
} VbBorrow;

/**
 * Tells how many pages each pool could be enlarged by: adds them to @topology's pools, which must not
 * have any yet. No more than fit
 * beside the node's reserve, none in a pool that may not be written.
 * @reserve_bytes: by node
 * Returns: FALSE with the first reason why a pool may not be written, or nothing be lent
 */
gboolean vb_broker_offer(const VbBroker *broker, const guint64 *reserve_bytes,
                         VbTopology *topology, GError **error);
/**
 * Enlarges the target's pool by what @borrow's move lacks there; and by what the guest took away from
 * it before.
 * @coming_pages: what other moves will still bring there
 * @room_bytes: of the target's memory that may be made hugepages of
 * Errors: VB_ERROR_NO_SPACE with the numbers and the mend if that is too little, or if the kernel gave
 * less; VB_ERROR_DENIED if the pool may not be written; else VB_ERROR_FAILED. Nothing is borrowed then.
 */
gboolean vb_broker_borrow(const VbBroker *broker, VbBorrow *borrow, gint64 coming_pages,
                          guint64 room_bytes, GError **error);
/**
 * Gives back what was lent, as the move is over.
 * @moved_pages: that it moved
 * Errors: VB_ERROR_FAILED if some cannot be given back now; vb_broker_settle() tries again.
 */
gboolean vb_broker_give_back(const VbBroker *broker, const VbBorrow *borrow, guint64 moved_pages,
                             GError **error);
/** TRUE if the guest of that UUID has ended. */
typedef gboolean (*VbBrokerEnded)(const char *uuid, gpointer user_data);
/**
 * Gives back what moves that were killed had been lent, and what guests took along that have ended. A
 * guest whose lock somebody holds is left alone.
 * @ended: (nullable): no guest has
 * Errors: as vb_broker_give_back(), of the first.
 */
gboolean vb_broker_settle(const VbBroker *broker, VbBrokerEnded ended, gpointer user_data,
                          GError **error);

G_END_DECLS

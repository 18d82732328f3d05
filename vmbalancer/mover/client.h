/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "mover/bucket.h"
#include "mover/report.h"
#include "sys/kernel.h"
#include <gio/gio.h>

G_BEGIN_DECLS

/*
 * Speaks to vmbalancer-mover, the only process that samples and moves pages. Calls block: use them
 * on a worker thread. A VbMover is used by one thread at a time; several may be open at once.
 */
typedef struct VbMover VbMover;

/**
 * A stretch of a process's address space, aligned to its page size. Ranges of one request are
 * ascending and do not overlap; anything else is VB_ERROR_INVALID.
 */
typedef struct {
    guint64 start;
    guint64 end;
    guint64 page_size;   /**< 4096 or the hugetlb page size of the mapping */
} VbRange;
#define VB_RANGES_MAX 512 /**< ranges in one request, at most */

/** What a query found, in pages of the ranges' own size. */
typedef struct {
    guint64 pages_total;          /**< pages in the ranges */
    guint64 pages_asked;
    guint64 by_node[VB_NODES_MAX];/**< of those asked: present, by node */
    guint64 absent;               /**< of those asked: not present or not mapped by the process */
    guint64 unknown;              /**< of those asked: the kernel would not say */
    gboolean census;              /**< each page was asked: no sampling error */
} VbSample;

/** How to move. */
typedef struct {
    guint64 rate_bytes_per_s;     /**< pace; 0 = as fast as batches go */
    guint64 common_rate_bytes_per_s; /**< of all moves that have @common, together; 0 = no limit */
    VbBucket *common;             /**< (nullable) (transfer none): keeps that rate */
    gint64 batch_target_ns;       /**< a batch adapts to this duration; 0 = the mover's default, 30 ms */
    guint64 limit_bytes;          /**< stop after so many; 0 = no limit */
    VbNodeSet from;               /**< only pages on these nodes; 0 = every node but the target */
    gboolean shared;              /**< also pages that helpers map (vhost-user), else unmovable; needs CAP_SYS_NICE */
} VbMoveBudget;

/** Starts a mover of one's own over a socket pair; it ends when the client is closed.
 * @program: (nullable): path; NULL = VMBALANCER_MOVER, beside the running program (build tree), libexec */
VbMover *vb_mover_spawn(const char *program, GError **error);
/**
 * The same, but by vmbalancer-mover.socket where that listens, unless VMBALANCER_MOVER is set.
 * Errors: VB_ERROR_UNREACHABLE; VB_ERROR_DENIED if that socket is not the service manager's
 */
VbMover *vb_mover_open(GError **error);
/** FALSE if the mover died or has said something unasked: it is good for nothing but its end. */
gboolean vb_mover_is_sound(const VbMover *mover);
/** Ends the mover and frees; what it was doing ends within a batch. */
void vb_mover_close(VbMover *mover);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbMover, vb_mover_close)

/** Files of /proc/PID that the mover opens for its client. */
typedef enum { VB_MOVER_MAPS, VB_MOVER_NUMA_MAPS, VB_MOVER_SMAPS } VbMoverFile;

/**
 * Reads /proc/PID/maps, numa_maps or smaps of a guest through the mover (it opens, this side reads).
 * Errors: VB_ERROR_CHANGED, VB_ERROR_NO_GUEST, VB_ERROR_DENIED, VB_ERROR_UNREACHABLE (mover died).
 */
char *vb_mover_read(VbMover *mover, const VbProcess *process, VbMoverFile file, gsize *ret_length,
                    GError **error);

/**
 * Asks where pages are: each page if there are at most @max_pages, else one random page from each of
 * @max_pages equal strata (stratified sampling, never worse than simple random sampling).
 * @seed: makes the choice repeatable
 */
gboolean vb_mover_sample(VbMover *mover, const VbProcess *process, const VbRange *ranges,
                         guint n_ranges, guint max_pages, guint64 seed, VbSample *ret,
                         GError **error);

/**
 * Moves pages to @target, paced, in batches, asked for anew after each. An expected end (full node, guest
 * gone, cancelled) is not an error: it is in @ret->end. When cancelled it ends within a batch.
 * @progress: (nullable): called on this thread at most a few times a second
 * Errors: VB_ERROR_UNREACHABLE, VB_ERROR_INVALID, VB_ERROR_DENIED (no QEMU guest), VB_ERROR_UNSUPPORTED.
 */
gboolean vb_mover_move(VbMover *mover, const VbProcess *process, const VbRange *ranges,
                       guint n_ranges, int target, const VbMoveBudget *budget,
                       VbMoveProgress progress, gpointer user_data, GCancellable *cancellable,
                       VbMoveReport *ret, GError **error);

/** "complete", "limit", "no-space", "stuck", "gone", "cancelled", "denied", "stopped". */
const char *vb_move_end_name(VbMoveEnd end);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "mover/backing.h"
#include "mover/reply.h"

G_BEGIN_DECLS

/*
 * What client and mover say to each other over a SOCK_SEQPACKET socket, one struct a message, in
 * the machine's own byte order (both ends are on one host).
 *
 * A request is a VbWireRequest followed by n_ranges VbWireRange, of VB_OP_BACKING n_ranges VbWireBackedRange, of
 * VB_OP_AFFINITY by a VbWireCpus, and nothing else. Each is answered by one reply; a move by any number of progress replies and then one
 * final reply. During a move the client may send VB_OP_CANCEL only; at any other time the mover ignores a cancel, which
 * may have crossed the final reply on its way. A client that closes its end cancels.
 */
#define VB_WIRE_VERSION 6

typedef enum {
    VB_OP_HELLO = 1, /**< version, op; answered by VB_REPLY_HELLO */
    VB_OP_FILE,      /**< + pid, start_time, file; answered by VB_REPLY_FILE with a descriptor */
    VB_OP_SAMPLE,    /**< + pid, start_time, ranges, max_pages, seed; answered by VB_REPLY_SAMPLE */
    VB_OP_MOVE,      /**< + pid, start_time, ranges, target, budget; where it has a common rate, with the
                          VbBucket's descriptor as SCM_RIGHTS; answered by VB_REPLY_MOVED */
    VB_OP_CANCEL,    /**< version, op; not answered */
    VB_OP_AFFINITY,  /**< + pid, start_time, tid, cpus; answered by VB_REPLY_PINNED */
    VB_OP_BACKING,   /**< + pid, start_time, device, inode, backed ranges, max_pages, seed; answered by VB_REPLY_BACKING */
} VbWireOp;

/** VB_OP_MOVE: VbMoveBudget.shared. */
#define VB_WIRE_SHARED (1u << 0)
/** Highest end of a range: user space with five page table levels. */
#define VB_WIRE_ADDRESS_MAX (G_GUINT64_CONSTANT(1) << 57)
/** Bounds of a page size: a small page, and the largest hugepage of any architecture. */
#define VB_WIRE_PAGE_MIN G_GUINT64_CONSTANT(4096)
#define VB_WIRE_PAGE_MAX (G_GUINT64_CONSTANT(16) << 30)
/** Most pages of one sample: 1 TiB, page by page. */
#define VB_WIRE_SAMPLE_MAX (1u << 28)
/** Bounds of batch_target_ns where it is not 0: 1 ms to 10 s. */
#define VB_WIRE_BATCH_MIN_NS G_GINT64_CONSTANT(1000000)
#define VB_WIRE_BATCH_MAX_NS G_GINT64_CONSTANT(10000000000)

/** A request. Fields that its op does not name are 0. */
typedef struct {
    guint32 version;          /**< VB_WIRE_VERSION */
    guint32 op;               /**< VbWireOp */
    gint32 pid;               /**< of the guest, > 0 */
    guint32 file;             /**< VbMoverFile */
    guint64 start_time;       /**< of the process */
    guint64 seed;             /**< any */
    guint32 max_pages;        /**< 1 .. VB_WIRE_SAMPLE_MAX */
    gint32 target;            /**< node, 0 .. VB_NODES_MAX - 1 */
    guint64 rate_bytes_per_s; /**< any; 0 = unpaced */
    gint64 batch_target_ns;   /**< 0 or VB_WIRE_BATCH_MIN_NS .. VB_WIRE_BATCH_MAX_NS */
    guint64 limit_bytes;      /**< any; 0 = no limit */
    guint64 from;             /**< VbNodeSet; 0 = every node but the target */
    guint32 flags;            /**< VB_WIRE_SHARED */
    guint32 n_ranges;         /**< 1 .. VB_RANGES_MAX */
    gint32 tid;               /**< of a thread of the guest's process, > 0 */
    guint32 reserved;         /**< 0 */
    guint64 common_rate_bytes_per_s; /**< any; 0 = none */
    guint64 device;           /**< any: major << 32 | minor of a file of shared memory */
    guint64 inode;            /**< its number, > 0 */
} VbWireRequest;

/** A range: start < end <= VB_WIRE_ADDRESS_MAX, a power of two as page size, ends aligned to it. */
typedef struct {
    guint64 start;
    guint64 end;
    guint64 page_size;
} VbWireRange;

/** A range of a shared mapping: @offset into its file, aligned as the range; it ends below 2^63. */
typedef struct {
    VbWireRange range;
    guint64 offset;
} VbWireBackedRange;

/** CPUs that a thread may use: bit c of word[c / 64] is CPU c; at least one. */
typedef struct {
    guint64 word[VB_CPUS_MAX / 64];
} VbWireCpus;

/** A whole request as it is sent; only so many ranges as there are. */
typedef struct {
    VbWireRequest head;
    union {
        VbWireRange range[VB_RANGES_MAX];
        VbWireBackedRange backed[VB_RANGES_MAX];
        VbWireCpus cpus;
    };
} VbWireMessage;

G_STATIC_ASSERT(sizeof(VbWireRequest) == 112);
G_STATIC_ASSERT(sizeof(VbWireRange) == 24);
G_STATIC_ASSERT(sizeof(VbWireBackedRange) == 32);
G_STATIC_ASSERT(sizeof(VbWireCpus) == sizeof(VbCpuSet));

G_END_DECLS

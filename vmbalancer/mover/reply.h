/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "mover/client.h"

G_BEGIN_DECLS

/* What the mover answers; mover/protocol.h tells when. */

typedef enum {
    VB_REPLY_HELLO = 1,
    VB_REPLY_FILE,     /**< with the open file as SCM_RIGHTS */
    VB_REPLY_SAMPLE,   /**< sample */
    VB_REPLY_PROGRESS, /**< report; more replies follow */
    VB_REPLY_MOVED,    /**< report */
    VB_REPLY_ERROR,    /**< code and text */
    VB_REPLY_PINNED,
    VB_REPLY_BACKING, /**< backing */
} VbWireReplyKind;

/** VbSample. */
typedef struct {
    guint64 pages_total;
    guint64 pages_asked;
    guint64 by_node[VB_NODES_MAX];
    guint64 absent;
    guint64 unknown;
    guint64 census; /**< 0 or 1 */
} VbWireSample;

/** VbBackingSample. */
typedef struct {
    guint64 pages_total;
    guint64 pages_asked;
    guint64 mapped;
    guint64 unmapped;
    guint64 unknown;
    guint64 census;  /**< 0 or 1 */
    guint64 counted; /**< 0 or 1 */
    guint64 file_bytes;
} VbWireBacking;

/** VbMoveReport. */
typedef struct {
    guint64 end; /**< VbMoveEnd */
    guint64 bytes_moved;
    guint64 bytes_left;
    guint64 bytes_unmovable;
    guint64 bytes_shared;
    guint64 batches;
    gint64 duration_ns;
    gint64 longest_batch_ns;
    gint64 rested_memory_ns;
    gint64 rested_cpus_ns;
} VbWireReport;

/** A reply, always of this size. */
typedef struct {
    guint32 version;  /**< VB_WIRE_VERSION of the mover */
    guint32 kind;     /**< VbWireReplyKind */
    guint32 code;     /**< error: VbError; else 0 */
    guint32 reserved; /**< 0 */
    union {
        VbWireSample sample;
        VbWireReport report;
        VbWireBacking backing;
        char text[512]; /**< error: the message, UTF-8, ends with NUL */
    };
} VbWireReply;

G_STATIC_ASSERT(sizeof(VbWireReply) == 16 + sizeof(VbWireSample));

G_END_DECLS

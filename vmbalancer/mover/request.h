/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "mover/protocol.h"

G_BEGIN_DECLS

/** A request that has been checked, in the terms of the engine. */
typedef struct {
    VbWireOp op;
    VbProcess process;   /**< file, sample, move, affinity, backing */
    VbMoverFile file;    /**< file */
    VbRange range[VB_RANGES_MAX];
    guint n_ranges;      /**< sample, move, backing: 1 .. VB_RANGES_MAX */
    guint max_pages;     /**< sample, backing */
    guint64 seed;        /**< sample, backing */
    VbSharedFile backing;   /**< backing */
    guint64 offset[VB_RANGES_MAX]; /**< backing: of each range in the file */
    int target;          /**< move */
    VbMoveBudget budget; /**< move */
    int tid;             /**< affinity */
    VbCpuSet cpus;       /**< affinity: at least one */
} VbRequest;

/**
 * Checks each field of a message that a client sent, trusting none: the limits are those of protocol.h.
 * @length: bytes that the message had
 * Returns: FALSE with VB_ERROR_INVALID naming the field and what it may be; @ret then means nothing.
 */
gboolean vb_request_check(const VbWireMessage *message, gsize length, VbRequest *ret,
                          GError **error);

G_END_DECLS

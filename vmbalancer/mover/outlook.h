/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "mover/client.h"

G_BEGIN_DECLS

/** Most pages that an outlook asks for; ranges of no more pages are known exactly. */
#define VB_OUTLOOK_PAGES 4096

/**
 * How much a move has before it, estimated from a stratified sample taken once, because to ask for
 * each page of a big guest first would take longer than the first gigabytes of moving.
 */
typedef struct {
    guint64 address[VB_OUTLOOK_PAGES]; /**< sampled pages that are to move, ascending */
    guint64 bytes[VB_OUTLOOK_PAGES];   /**< bytes that each stands for */
    guint count;
    guint next;                        /**< first that the move has not come to */
    guint64 ahead_bytes;               /**< of those from @next on */
} VbOutlook;

/**
 * Samples which pages are on @nodes.
 * Returns: 0 or -errno of the query.
 */
int vb_outlook_take(VbOutlook *outlook, VbKernel *kernel, int pid, const VbRange *ranges,
                    guint n_ranges, VbNodeSet nodes);
/** The move has come to @address: what lies below is no longer ahead. */
void vb_outlook_pass(VbOutlook *outlook, guint64 address);

G_END_DECLS

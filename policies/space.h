/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <vmbalancer/policy.h>

G_BEGIN_DECLS

/* What is free on the nodes while a plan is made: small pages and hugepage pools, move by move. */
typedef struct {
    const VbSnapshot *snapshot;
    VbTopology free;
} VbSpace;

/** All as @snapshot has it, which must outlive it. */
void vb_space_init(VbSpace *room, const VbSnapshot *snapshot);
/**
 * Books a move of @bytes of @cell.
 * Returns: FALSE, and nothing is booked, if @to would not keep its reserve or its pool lacks pages.
 */
gboolean vb_space_book(VbSpace *room, const VbCell *cell, int from, int to, guint64 bytes);

G_END_DECLS

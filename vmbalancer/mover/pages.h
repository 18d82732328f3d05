/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sys/kernel.h"

G_BEGIN_DECLS

/** What a page's slot holds when the kernel did not fill it. */
#define VB_PAGE_UNSET G_MININT

/** Most pages of one query: some 2 ms of small pages. */
#define VB_QUERY_MAX 4096

/**
 * Asks where @count pages are, in calls of at most VB_QUERY_MAX.
 * @nodes: node of each page, or negative: -ENOENT absent, -EFAULT zero page or unmapped, VB_PAGE_UNSET
 * Returns: 0, or -errno of the call that failed.
 */
int vb_pages_query(VbKernel *kernel, int pid, guint count, void **pages, int *nodes);

/**
 * May this process itself take memory of @node? New pages come out of the mover's cpuset: outside of it a move
 * fails with ENOMEM as if the node were full (seen on Linux 6.1). TRUE if the kernel does not say.
 */
gboolean vb_pages_may_use(VbKernel *kernel, int node);

/** Puts a failed call (@code: -errno) into words: VB_ERROR_NO_GUEST, _DENIED, _UNSUPPORTED, _FAILED. */
void vb_pages_set_error(GError **error, int pid, int code);

G_END_DECLS

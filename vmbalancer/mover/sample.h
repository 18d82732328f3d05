/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "mover/client.h"

G_BEGIN_DECLS

/** Polled between calls to the kernel; TRUE to give up. */
typedef gboolean (*VbStop)(gpointer user_data);

/**
 * Samples where pages are, as vb_mover_sample() promises, in calls of bounded size.
 * @stop: (nullable)
 * Errors: those of vb_pages_set_error(), VB_ERROR_CANCELLED.
 */
gboolean vb_sample_run(VbKernel *kernel, int pid, const VbRange *ranges, guint n_ranges,
                       guint max_pages, guint64 seed, VbStop stop, gpointer user_data,
                       VbSample *ret, GError **error);

G_END_DECLS

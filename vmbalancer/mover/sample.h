/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "mover/strata.h"
#include "sys/kernel.h"

G_BEGIN_DECLS

/** Polled between calls to the kernel; TRUE to give up. */
typedef gboolean (*VbStop)(gpointer user_data);

/** A walk over drawn pages. */
typedef struct {
    VbKernel *kernel;
    int pid;
    VbStrata strata;    /**< begun */
    VbStop stop;        /**< (nullable) */
    gpointer stop_data;
} VbSampleWalk;

/** Takes a drawn page; @node: as vb_pages_query() tells. */
typedef void (*VbSampleVisit)(const VbStratum *drawn, int node, gpointer user_data);

/**
 * Asks where each drawn page is, in calls of bounded size.
 * Errors: those of vb_pages_set_error(), VB_ERROR_CANCELLED.
 */
gboolean vb_sample_each(VbSampleWalk *walk, VbSampleVisit visit, gpointer user_data,
                        GError **error);

/**
 * Samples where pages are, as vb_mover_sample() promises.
 * @stop: (nullable)
 * Errors: those of vb_sample_each().
 */
gboolean vb_sample_run(VbKernel *kernel, int pid, const VbRange *ranges, guint n_ranges,
                       guint max_pages, guint64 seed, VbStop stop, gpointer user_data,
                       VbSample *ret, GError **error);

G_END_DECLS

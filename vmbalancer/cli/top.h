/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli/style.h"
#include <gio/gio.h>
#include <vmbalancer/plan.h>

G_BEGIN_DECLS

/** What one look yields. */
typedef struct {
    VbSnapshot *snapshot;
    VbPlan *plan;       /**< what would be done now, and what not and why; NULL if nobody asked */
} VbTopSight;

/**
 * Looks at the host once; called on a thread of its own, never twice at a time, and may block.
 * @ret: (transfer full)
 */
typedef gboolean (*VbTopLook)(VbTopSight *ret, gpointer user_data, GCancellable *cancellable,
                              GError **error);

typedef struct {
    VbTopLook look;
    gpointer user_data;
    guint interval_ms;  /**< from the start of one look to that of the next */
    guint count;        /**< looks; 0 = until the user ends it */
    gboolean lines;     /**< lines even on a terminal */
} VbTopOptions;

/**
 * Shows looks as they come: on a terminal a live screen (keys: ?), else a line for each guest a look.
 * Runs the default main context; SIGINT, SIGTERM and SIGHUP end it with the terminal restored. A look
 * that fails after the first good one is shown and tried again.
 * Returns: FALSE if the first look failed, with its error, or with VB_ERROR_UNSUPPORTED if the terminal
 * cannot do it.
 */
gboolean vb_top_run(const VbTopOptions *options, const VbStyle *style, GError **error);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli/facts.h"
#include "cli/top.h"

G_BEGIN_DECLS

/* What the live screen shows and how, apart from any terminal. */

typedef enum {
    VB_TOP_BY_LOCALITY, /**< the worst first, unknown last */
    VB_TOP_BY_NAME,
    VB_TOP_BY_SIZE,     /**< the largest first */
    VB_TOP_BY_BUSY,     /**< the busiest first */
    VB_TOP_SORTS,
} VbTopSort;

/** A line of the list. */
typedef struct {
    const VbGuest *guest;
    VbGuestFacts facts;
    char *plan;         /**< what would be done with it, or why nothing */
} VbTopRow;

typedef struct {
    VbTopSight sight;   /**< nothing before the first look */
    GPtrArray *rows;    /**< (element-type VbTopRow), sorted */
    VbHostFacts host;
    VbTopSort sort;
    guint scroll;       /**< the first row that is shown */
    gboolean paused;
    gboolean help;
    guint interval_ms;
    GString *entry;     /**< the delay that is being typed, NULL if none is */
    char *error;        /**< of the last look, NULL if it was good */
} VbTopView;

VbTopView *vb_top_view_new(guint interval_ms);
void vb_top_view_free(VbTopView *view);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbTopView, vb_top_view_free)

/** Takes a new look over: @sight's contents are moved. */
void vb_top_view_update(VbTopView *view, VbTopSight *sight);
/** Takes note of a look that failed. */
void vb_top_view_fail(VbTopView *view, const GError *error);
void vb_top_view_sort(VbTopView *view, VbTopSort sort);
/** Scrolls by @rows, as far as there are rows behind the @visible ones. */
void vb_top_view_scroll(VbTopView *view, int rows, guint visible);
/** Ends the typing of a delay. Returns: FALSE if it was no number of seconds from 0.1 to 3600. */
gboolean vb_top_view_set_delay(VbTopView *view);

/** "name", "locality", "size", "busy". */
const char *vb_top_sort_name(VbTopSort sort);
void vb_top_sight_clear(VbTopSight *sight);

/** A line for each guest, each behind @time; with the header if @header. */
void vb_top_lines(const VbSnapshot *snapshot, const char *time, gboolean header, gboolean utf8,
                  GString *into);

G_END_DECLS

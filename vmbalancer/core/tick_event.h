/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/tick.h"

G_BEGIN_DECLS

/* What goes into a tick and what comes of it, as values: who records them can replay the tick. */

/** The calls that change a tick or ask for a verdict. */
typedef enum {
    VB_TICK_CONFIGURE,
    VB_TICK_WATCH,
    VB_TICK_LOOK,
    VB_TICK_FOLD,
    VB_TICK_HOLD,
    VB_TICK_DECIDE,
    VB_TICK_PLACE,
    VB_TICK_DEPART,
    VB_TICK_LAND,
} VbTickCall;

/** A call as it was made, and what came of it. What does not belong to it is zero. */
typedef struct {
    VbTickCall call;
    const char *uuid;            /**< hold, depart, land */
    const VbConfig *config;      /**< configure */
    const VbObservation *seen;   /**< fold, place */
    const VbPlan *plan;          /**< depart: the guest's part */
    const GPtrArray *outcomes;   /**< land */
    const VbVerdict *verdict;    /**< decide, place: NULL if there was nobody */
    VbHold why;                  /**< hold */
    gboolean yes;                /**< watch, hold: held, land: failed */
    gint64 now_ns;               /**< decide, land */
} VbTickEvent;

typedef void (*VbTickTap)(const VbTickEvent *event, gpointer user_data);

/** Lets @tap (nullable) hear of each of these calls, right after it. */
void vb_tick_tap(VbTick *tick, VbTickTap tap, gpointer user_data);

G_END_DECLS

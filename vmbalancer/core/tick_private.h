/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/tick_event.h"

G_BEGIN_DECLS

/* The tick's inside, shared with codec_state.c only. What is added here must be added there, too. */

/** A guest whose trips failed. */
typedef struct {
    guint failures;        /* in a row */
    gint64 until_ns;       /* it is left alone until then */
} VbRest;

struct VbTick {
    VbConfig *config;
    VbModel *model;
    GHashTable *newcomers; /* uuid -> VbGuest: looked at later than all together were */
    GHashTable *held;      /* uuid -> flags of VbHold */
    GHashTable *rests;     /* uuid -> VbRest */
    GPtrArray *trips;      /* (element-type VbTrip): under way */
    GPtrArray *landed;     /* (element-type VbTrip): no look began since */
    GPtrArray *settling;   /* (element-type VbTrip): landed, and a look began since */
    gboolean fresh_window; /* the next fold begins a window */
    gboolean watching;     /* nobody departs */
    VbTickTap tap;         /* NULL if nobody listens */
    gpointer tap_data;
};

/** A trip of @plan's part that is the guest's. */
VbTrip *vb_trip_new(const VbPlan *plan, const char *uuid);
void vb_trip_free(gpointer trip);

G_END_DECLS

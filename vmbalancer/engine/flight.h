/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/reach.h"

G_BEGIN_DECLS

/**
 * One guest's actions, on a thread of their own: what they wait for is no other guest's concern.
 */
typedef struct VbFlight VbFlight;
struct VbFlight {
    char *uuid;
    char *name;
    VbPlan *plan;              /**< the guest's alone */
    VbSnapshot *before;
    gboolean initial;          /**< its initial placement */
    gboolean rests;            /**< it is to be left alone for a while, as after a failure */
    gpointer asked_by;         /**< (transfer none) (nullable): the errand that it is a part of */
    gboolean moves;            /**< pages move, not threads alone */
    char *stop_reason;         /**< why it was called off, NULL if it was not */
    gboolean landed;           /**< it is over; the next holds from now on */
    GPtrArray *outcomes;       /**< (element-type VbOutcome) */
};

/** Called in the context of vb_flight_start(), once. */
typedef void (*VbFlightFunc)(VbFlight *flight, gpointer user_data);

/**
 * Starts what @plan wants done to the guest of that UUID. It must land before it is freed.
 * @before: the host that the plan was made for
 */
VbFlight *vb_flight_start(VbReach *reach, const VbPlan *plan, const VbSnapshot *before,
                          const char *uuid, VbAskedRate rate, VbFlightFunc landed,
                          gpointer user_data);
/** Calls it off: it lands within a batch. The first reason stands. */
void vb_flight_stop(VbFlight *flight, const char *reason);
/** Bytes that it has moved so far. */
guint64 vb_flight_bytes(VbFlight *flight);
void vb_flight_free(VbFlight *flight);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbFlight, vb_flight_free)

/** TRUE if something of it went wrong, beside its being called off. */
gboolean vb_flight_failed(const VbFlight *flight);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/decide.h"
#include "core/model.h"

G_BEGIN_DECLS

/*
 * What keeps guests at home, apart from the host: what was seen goes in, what is to be done comes
 * out. It has no clock and no thread, and reads and writes nothing. The daemon's loop drives it, a
 * replay and a simulator may: the same calls in the same order give the same verdicts.
 */
typedef struct VbTick VbTick;

/** Guests whose pages move at the same time: two movers gain 1.6 times one, more load the host's buses. */
#define VB_TICK_MOVERS_MAX 2

/** What is being done to a guest, from its decision until a look shows what came of it. */
typedef struct {
    char *uuid;
    VbPlan *plan;      /**< the guest's alone */
    gboolean initial;  /**< its initial placement */
    gboolean moves;    /**< pages move, not threads alone */
} VbTrip;

/** Why a guest is left alone; several may hold at a time. */
typedef enum {
    VB_HOLD_STARTING = 1 << 0, /**< its first home is up to vb_tick_place() */
    VB_HOLD_RELEASED = 1 << 1, /**< somebody gave its pins back */
    VB_HOLD_AWAITED = 1 << 2,  /**< somebody asked for it, and its turn is to come */
} VbHold;

/** What a tick came to. */
typedef struct {
    VbDecision *decision;
    GPtrArray *guests;    /**< (element-type utf8): UUIDs of those decided on */
    GPtrArray *departing; /**< (element-type VbTrip): begin now; as long as the tick lets them */
} VbVerdict;

void vb_verdict_free(VbVerdict *verdict);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbVerdict, vb_verdict_free)

VbTick *vb_tick_new(VbConfig *config);
void vb_tick_free(VbTick *tick);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbTick, vb_tick_free)

/** Another configuration from now on. */
void vb_tick_configure(VbTick *tick, VbConfig *config);
/** Returns: (transfer none) */
const VbConfig *vb_tick_config(const VbTick *tick);

/** While it is watching it decides, but lets nobody depart. */
void vb_tick_watch(VbTick *tick, gboolean watching);
/** A full look at all guests begins: what landed until now will show in it. */
void vb_tick_look(VbTick *tick);
/** A look at all guests came back. After a full one a window begins with the next. */
void vb_tick_fold(VbTick *tick, const VbObservation *seen);
/** Lets vb_tick_decide() leave a guest alone, whatever else it says, until it is no longer @held. */
void vb_tick_hold(VbTick *tick, const char *uuid, VbHold why, gboolean held);

/**
 * Decides on every guest that opted in, but for those that are held, on a trip, or rest after one
 * that failed: 30 s, then twice as long each time, up to 8 min.
 * @now_ns: the clock of the looks
 * Returns: (transfer full): NULL without an error if there is nobody to decide on
 * Errors: those of vb_engine_decide()
 */
VbVerdict *vb_tick_decide(VbTick *tick, gint64 now_ns, GError **error);
/**
 * Decides on the first home of a guest that started.
 * @alone: a full look that has that guest alone
 * Returns: (transfer full): NULL without an error if it did not opt in or has a home
 */
VbVerdict *vb_tick_place(VbTick *tick, const VbObservation *alone, GError **error);
/**
 * Something that was asked for is done to a guest that is on no trip.
 * @plan: of which the guest's part counts
 * Returns: (transfer none)
 */
const VbTrip *vb_tick_depart(VbTick *tick, const VbPlan *plan, const char *uuid);
/**
 * A guest's trip is over.
 * @outcomes: (element-type VbOutcome)
 * @failed: something went wrong with it, beside its being called off: the guest is left alone for half a minute,
 * twice as long after each failure in a row, up to eight minutes; not longer where libvirt or the mover were away
 */
void vb_tick_land(VbTick *tick, const char *uuid, const GPtrArray *outcomes, gboolean failed,
                  gint64 now_ns);

/**
 * Returns: (transfer full): the host as decided on. Guests that were placed as they started are as
 * they were looked at then. A trip counts as arrived until a look that began after its end shows
 * what came of it.
 */
VbSnapshot *vb_tick_snapshot(const VbTick *tick);
/** Returns: (transfer none): what was seen of all guests together. */
const VbModel *vb_tick_model(const VbTick *tick);
/** Returns: (transfer none): what is being done to that guest now, NULL if nothing is. */
const VbTrip *vb_tick_trip(const VbTick *tick, const char *uuid);

/** TRUE if the guest's own policy, or else the host's default-policy, wants it kept at home. */
gboolean vb_tick_opted_in(const VbGuest *guest, const VbConfig *config);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/tick.h"
#include "engine/chore.h"
#include "engine/loop.h"
#include "core/pace.h"
#include "engine/recorder.h"
#include "engine/ward.h"

G_BEGIN_DECLS

/** A release that was asked for (loop_release.c). */
typedef struct VbLoopRelease VbLoopRelease;

/* The loop's inside, shared by its files only. */
struct VbLoop {
    VbReach *reach;
    VbConfig *config;
    const VbLoopWatcher *watcher;
    gpointer user_data;
    GMainContext *context;
    VbTick *tick;
    VbObservation *full;       /* the last full look */
    GHashTable *wards;         /* uuid -> VbWard */
    GPtrArray *flights;        /* (element-type VbFlight): in the air */
    VbPace pace;
    GSource *next;             /* the next full look */
    gint64 next_us;            /* its time */
    GSource *beat;             /* the next look at threads */
    GSource *retry;            /* the next looks at newcomers that were busy */
    gint64 look_us;            /* how long the last full look took */
    guint epoch;               /* connections so far */
    guint looks;               /* on threads now, of all kinds; releases, too */
    guint looks_begun;         /* full ones */
    gint64 looked_us;          /* when the last full look ended */
    VbChores *chores;
    GArray *requests;          /* who waits for a look (loop_request.c) */
    GPtrArray *errands;        /* (element-type VbErrand): not over; their owners' */
    GPtrArray *releases;       /* (element-type VbLoopRelease): not over */
    gboolean connected;
    gboolean reached;          /* libvirt, once at least */
    gboolean rebuilt;          /* a full look that began in this epoch is folded */
    gboolean looking;          /* a look at all guests is under way */
    gboolean again;            /* a full look is due as soon as that is over */
    gboolean troubled;         /* the last look failed */
    gboolean paused;
    gboolean stopping;
    gboolean releasing;
    gboolean released;
    gboolean watching;         /* it does nothing */
    VbRecorder *recorder;      /* NULL if nothing is recorded */
};

/* loop.c */

/** Lets a full look begin after @ms, if none is to begin sooner. */
void vb_loop_schedule(VbLoop *loop, guint ms);
/** Goes on with stopping, if nothing is under way any more. */
void vb_loop_check_stopped(VbLoop *loop);
void vb_loop_tell_state(VbLoop *loop);
/** The ward of that guest, a new one if there is none. @name: (nullable) */
VbWard *vb_loop_ward(VbLoop *loop, const char *uuid, const char *name);
/** That guest is starting, and waits for its first home; or no longer. */
void vb_loop_expect(VbLoop *loop, const char *uuid, VbWard *ward, gboolean starting);
VbFlight *vb_loop_flight(VbLoop *loop, const char *uuid);
/** What waits for something else to end may begin. */
void vb_loop_advance(VbLoop *loop);

/* loop_look.c */

/** Begins a look at all guests on a thread; it ends in a decision. None may be under way. */
void vb_loop_look(VbLoop *loop, VbLookDepth depth);
/** Begins a look at one guest: to place it if it just started, or to see if it may fly on. */
void vb_loop_ask(VbLoop *loop, const char *uuid, const char *name);

/* loop_act.c */

/** Decides on all guests and lets them fly. */
void vb_loop_decide(VbLoop *loop);
/** Places a guest that just started, if it opted in and has no home yet. @alone: a full look that has that guest alone */
void vb_loop_place(VbLoop *loop, const VbObservation *alone);
/** TRUE if what @plan wants of that guest may begin now: it does not fly, and a mover is free. */
gboolean vb_loop_may_fly(VbLoop *loop, const VbPlan *plan, const char *uuid);
/** Begins what was asked for. */
VbFlight *vb_loop_fly(VbLoop *loop, const VbDecision *decision, const char *uuid,
                      VbAskedRate rate);

/* loop_request.c */

GArray *vb_loop_requests_new(void);
/** Answers those who waited for the full look of that number, or an earlier one. */
void vb_loop_answer(VbLoop *loop, guint serial, const GError *error);
/** Answers all: nothing can be looked at. */
void vb_loop_refuse(VbLoop *loop);

/* loop_release.c */

/** A released guest is the loop's business again. */
void vb_loop_take_back(VbLoop *loop, const char *uuid, VbWard *ward);
void vb_loop_advance_releases(VbLoop *loop);
/** It stops: ends those that have not begun. */
void vb_loop_refuse_releases(VbLoop *loop);
void vb_loop_release_free(VbLoopRelease *release);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/flight.h"
#include "engine/recorder.h"
#include "libvirt/events.h"

G_BEGIN_DECLS

/*
 * Keeps the guests that opted in at home. Events wake it, together within 0.2 s; else it looks in
 * an interval that grows from 2 s to the configured one while nothing changes. Each look is folded
 * into the model, decided on, guarded, and what it asks of each guest flies on its own; a guest in
 * flight is not decided on again until it has landed, and counts as arrived for the others. Guests
 * whose flight failed rest for a while. Nothing is done while the hypervisor is disconnected, and
 * after it came back only upon a look that began since. Where the configuration names the sockets of
 * plain QEMU, a libvirt that was never reached is not waited for.
 *
 * Lives in one GMainContext, the thread-default one of its making; all blocking calls are on
 * threads.
 */
typedef struct VbLoop VbLoop;

/** What the loop stands at. */
typedef struct {
    guint guests;      /**< that run */
    guint opted_in;
    guint in_flight;
    gboolean connected;
    gboolean paused;
    gboolean stopping;
} VbLoopState;

/** Who hears of what it does; called in its context. All but `stopped` may be NULL. */
typedef struct {
    /** An action is over; @flight has the plan, the guest and the other outcomes. */
    void (*acted)(const VbFlight *flight, const VbAction *action, const VbOutcome *outcome,
                  gpointer user_data);
    /** Why an opted-in guest is not placed became another, or, with a NULL @decline, nothing. */
    void (*declined)(const char *uuid, const char *name, const VbDecline *decline,
                     gpointer user_data);
    /** In place of that, unless NULL: a guest that it had placed is left to somebody else now. */
    void (*given_up)(const char *uuid, const char *name, const VbDecline *decline,
                     gpointer user_data);
    /** It gave back a guest's pins, as it stops or was asked to, or could not: @error. */
    void (*released)(const char *uuid, const char *name, const VbRelease *release,
                     const GError *error, gpointer user_data);
    /** A look failed; NULL: looks succeed again. */
    void (*trouble)(const GError *error, gpointer user_data);
    /** A look was taken and decided on, or the state changed otherwise. */
    void (*turned)(const VbLoopState *state, gpointer user_data);
    /** It has stopped and may be freed. */
    void (*stopped)(gpointer user_data);
    /** A recording ended, as VbRecorderEnded. */
    void (*recorded)(VbRecorder *recorder, const char *reason, const GError *error,
                     gpointer user_data);
    /** What of a guest's wishes does not count became another, or, NULL, nothing. */
    void (*noted)(const char *uuid, const char *name, const char *notes, gpointer user_data);
} VbLoopWatcher;

/** @reach, @watcher: (transfer none): must outlive it. Sleeps until the first event. */
VbLoop *vb_loop_new(VbReach *reach, VbConfig *config, const VbLoopWatcher *watcher,
                    gpointer user_data);
/** An event of the hypervisor. */
void vb_loop_event(VbLoop *loop, const VbEvent *event);
/** Another configuration from the next look on. */
void vb_loop_configure(VbLoop *loop, VbConfig *config);
/** Calls all flights off, waits for them, gives pins back as configured, tells `stopped`. */
void vb_loop_stop(VbLoop *loop);
/** Only before the first event, or once it has stopped. */
void vb_loop_free(VbLoop *loop);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbLoop, vb_loop_free)

G_END_DECLS

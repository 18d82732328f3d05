/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/errand_private.h"
#include "engine/loop_request.h"
#include <vmbalancer/error.h>

struct VbLoopRelease {
    VbLoop *loop;
    char *guest;       /* as named */
    char *uuid;        /* NULL until it is found */
    char *name;
    gboolean running;  /* on a thread */
    gboolean kept;     /* it was left alone already */
    gboolean looked;
    VbRelease release;
    VbLoopReleased released;
    gpointer user_data;
};

void
vb_loop_release_free(VbLoopRelease *self)
{
    g_free(self->guest);
    g_free(self->uuid);
    g_free(self->name);
    g_free(self);
}

/* Not by way of the array's own function: what is told may ask for more. */
static void
conclude(VbLoopRelease *self, const VbRelease *release, const GError *error)
{
    guint index = 0;
    VbLoop *loop = self->loop;
    if (self->uuid != NULL) {
        VbWard *ward = vb_loop_ward(loop, self->uuid, self->name);
        ward->releasing = FALSE;
        if (error != NULL && !self->kept)
            vb_loop_take_back(loop, self->uuid, ward);
    }
    if (g_ptr_array_find(loop->releases, self, &index))
        g_ptr_array_steal_index(loop->releases, index);
    if (self->uuid != NULL && (error != NULL || release->recorded) && loop->watcher->released != NULL)
        loop->watcher->released(self->uuid, self->name, release, error, loop->user_data);
    self->released(release, error, self->user_data);
    vb_loop_release_free(self);
}

static void
run_release(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    VbLoopRelease *self = data;
    VbReach *reach = self->loop->reach;
    GError *error = NULL;
    if (reach->ops->release(reach, self->uuid, &self->release, &error))
        g_task_return_boolean(task, TRUE);
    else
        g_task_return_error(task, error);
}

static void
on_released(GObject *source, GAsyncResult *result, gpointer data)
{
    VbLoopRelease *self = data;
    VbLoop *loop = self->loop;
    g_autoptr(GError) error = NULL;
    g_task_propagate_boolean(G_TASK(result), &error);
    loop->looks--;
    conclude(self, error == NULL ? &self->release : NULL, error);
    vb_loop_advance(loop);
    if (loop->connected)
        vb_loop_schedule(loop, 0);
    vb_loop_tell_state(loop);
    vb_loop_check_stopped(loop);
}

static void
run(VbLoopRelease *self)
{
    self->running = TRUE;
    vb_loop_ward(self->loop, self->uuid, self->name)->releasing = TRUE;
    self->loop->looks++;
    g_autoptr(GTask) task = g_task_new(NULL, NULL, on_released, self);
    g_task_set_task_data(task, self, NULL);
    vb_chores_run(self->loop->chores, task, run_release);
}

void
vb_loop_advance_releases(VbLoop *loop)
{
    for (guint i = 0; i < loop->releases->len; i++) {
        VbLoopRelease *self = g_ptr_array_index(loop->releases, i);
        if (!self->running && self->uuid != NULL && vb_loop_flight(loop, self->uuid) == NULL &&
            !vb_loop_ward(loop, self->uuid, self->name)->releasing)
            run(self);
    }
}

void
vb_loop_refuse_releases(VbLoop *loop)
{
    g_autoptr(GError) error = g_error_new_literal(VB_ERROR, VB_ERROR_CANCELLED,
                                                  "vmbalancerd stops");
    for (guint i = loop->releases->len; i-- > 0;) {
        VbLoopRelease *self = g_ptr_array_index(loop->releases, i);
        if (!self->running && self->uuid != NULL)
            conclude(self, NULL, error);
    }
}

static void
let_go(VbLoop *loop, VbWard *ward, const VbGuest *guest)
{
    ward->released = TRUE;
    g_free(ward->released_policy);
    ward->released_policy = g_strdup(guest->policy);
    vb_tick_hold(loop->tick, guest->uuid, VB_HOLD_RELEASED, TRUE);
}

void
vb_loop_take_back(VbLoop *loop, const char *uuid, VbWard *ward)
{
    if (!ward->released)
        return;
    ward->released = FALSE;
    g_clear_pointer(&ward->released_policy, g_free);
    vb_tick_hold(loop->tick, uuid, VB_HOLD_RELEASED, FALSE);
}

static void
prepare(VbLoopRelease *self, const VbGuest *guest)
{
    VbLoop *loop = self->loop;
    VbWard *ward = vb_loop_ward(loop, guest->uuid, guest->name);
    VbFlight *flight = vb_loop_flight(loop, guest->uuid);
    self->uuid = g_strdup(guest->uuid);
    self->name = g_strdup(guest->name);
    self->kept = ward->released;
    let_go(loop, ward, guest);
    vb_errands_withdraw(loop, guest->uuid, "it is to be released");
    if (flight != NULL)
        vb_flight_stop(flight, "it is to be released");
    vb_loop_advance(loop);
    vb_loop_tell_state(loop);
}

/* A guest that no look has seen yet may be one that has just started. */
static void
find(const GError *failure, gpointer data)
{
    VbLoopRelease *self = data;
    g_autoptr(VbSnapshot) seen = vb_loop_seen(self->loop);
    g_autoptr(GError) error = failure != NULL ? g_error_copy(failure) : NULL;
    const VbGuest *guest =
        error == NULL && seen != NULL ? vb_engine_find(seen, self->guest, &error) : NULL;
    if (guest != NULL) {
        prepare(self, guest);
    } else if (failure == NULL && !self->looked) {
        self->looked = TRUE;
        vb_loop_look_anew(self->loop, find, self);
    } else {
        conclude(self, NULL, error);
    }
}

void
vb_loop_release(VbLoop *loop, const char *guest, VbLoopReleased released, gpointer user_data)
{
    VbLoopRelease *self = g_new0(VbLoopRelease, 1);
    self->loop = loop;
    self->guest = g_strdup(guest);
    self->released = released;
    self->user_data = user_data;
    g_ptr_array_add(loop->releases, self);
    g_autoptr(GError) stops =
        loop->stopping ? g_error_new_literal(VB_ERROR, VB_ERROR_CANCELLED, "vmbalancerd stops")
                       : NULL;
    if (stops != NULL)
        conclude(self, NULL, stops);
    else
        find(NULL, self);
}

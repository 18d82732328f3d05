/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/loop_private.h"
#include <gio/gio.h>
#include <vmbalancer/error.h>

/* A guest that starts is in its start job for a moment after the event; who is busy for longer than
 * ten seconds is left to the looks at all. */
#define RETRY_MS 200
#define TRIES_MAX 50

/* A look on its way. */
typedef struct {
    VbLoop *loop;
    VbLookDepth depth;
    char *uuid;          /* of the one guest; NULL: all */
    guint epoch;
    gint64 began_us;
    guint serial;        /* of a full look at all */
    gboolean anew;       /* somebody asked for it: nothing is taken from the look before */
} Look;

static void
look_free(gpointer data)
{
    Look *look = data;
    g_free(look->uuid);
    g_free(look);
}

static void
run_look(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    const Look *look = data;
    VbReach *reach = look->loop->reach;
    const VbObservation *before = look->anew ? NULL : look->loop->full;
    g_autoptr(GError) error = NULL;
    /* The loop leaves its last full look alone while one is under way. */
    VbObservation *seen =
        look->uuid != NULL ? reach->ops->look_guest(reach, look->uuid, &error)
                           : reach->ops->look(reach, look->depth, before, &error);
    if (seen == NULL)
        g_task_return_error(task, g_steal_pointer(&error));
    else
        g_task_return_pointer(task, seen, (GDestroyNotify)vb_observation_free);
}

static void
begin(VbLoop *loop, VbLookDepth depth, const char *uuid, GAsyncReadyCallback done)
{
    Look *look = g_new0(Look, 1);
    *look = (Look){.loop = loop,
                   .depth = depth,
                   .uuid = g_strdup(uuid),
                   .epoch = loop->epoch,
                   .began_us = g_get_monotonic_time(),
                   .serial = loop->looks_begun,
                   .anew = depth == VB_LOOK_FULL && loop->requests->len > 0};
    loop->looks++;
    g_autoptr(GTask) task = g_task_new(NULL, NULL, done, loop);
    g_task_set_task_data(task, look, look_free);
    g_task_run_in_thread(task, run_look);
}

static gboolean
on_beat(gpointer data)
{
    VbLoop *loop = data;
    g_clear_pointer(&loop->beat, g_source_unref);
    if (!loop->looking)
        vb_loop_look(loop, VB_LOOK_THREADS);
    return G_SOURCE_REMOVE;
}

static guint
beat_ms(const VbLoop *loop)
{
    guint vcpus = 0;
    for (guint i = 0; i < loop->full->guests->len; i++)
        vcpus += ((const VbGuestSight *)g_ptr_array_index(loop->full->guests, i))->vcpus->len;
    return vb_pace_beat(&loop->pace, vcpus);
}

static void
schedule_beat(VbLoop *loop)
{
    if (loop->beat != NULL || loop->stopping || !loop->connected || loop->full == NULL)
        return;
    guint ms = beat_ms(loop);
    if (ms == 0)
        return;
    loop->beat = g_timeout_source_new(ms);
    g_source_set_callback(loop->beat, on_beat, loop, NULL);
    g_source_attach(loop->beat, loop->context);
}

static void
tell_trouble(VbLoop *loop, const GError *error)
{
    if ((error != NULL || loop->troubled) && loop->watcher->trouble != NULL)
        loop->watcher->trouble(error, loop->user_data);
    loop->troubled = error != NULL;
}

/* What is known of guests that are no more goes. */
static void
forget(VbLoop *loop, const VbObservation *seen)
{
    g_autoptr(GHashTable) uuids = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < seen->guests->len; i++)
        g_hash_table_add(uuids,
                         ((const VbGuestSight *)g_ptr_array_index(seen->guests, i))->facts->uuid);
    GHashTableIter iter;
    gpointer uuid, ward;
    g_hash_table_iter_init(&iter, loop->wards);
    while (g_hash_table_iter_next(&iter, &uuid, &ward)) {
        if (((VbWard *)ward)->asked || g_hash_table_contains(uuids, uuid))
            continue;
        vb_loop_expect(loop, uuid, ward, FALSE);
        vb_loop_take_back(loop, uuid, ward);
        g_hash_table_iter_remove(&iter);
    }
}

/* Who was released counts again once another policy does. */
static void
take_back(VbLoop *loop, const VbObservation *seen)
{
    for (guint i = 0; i < seen->guests->len; i++) {
        const VbGuest *guest = ((const VbGuestSight *)g_ptr_array_index(seen->guests, i))->facts;
        VbWard *ward = g_hash_table_lookup(loop->wards, guest->uuid);
        if (ward != NULL && ward->released &&
            g_strcmp0(ward->released_policy, guest->policy) != 0)
            vb_loop_take_back(loop, guest->uuid, ward);
    }
}

static void
tell_notes(VbLoop *loop, const VbObservation *seen)
{
    for (guint i = 0; loop->watcher->noted != NULL && i < seen->guests->len; i++) {
        const VbGuestSight *sight = g_ptr_array_index(seen->guests, i);
        VbWard *ward = vb_loop_ward(loop, sight->facts->uuid, sight->facts->name);
        if (g_strcmp0(ward->notes, sight->notes) == 0)
            continue;
        g_free(ward->notes);
        ward->notes = g_strdup(sight->notes);
        loop->watcher->noted(sight->facts->uuid, ward->name, ward->notes, loop->user_data);
    }
}

static void
take_in(VbLoop *loop, const Look *look, VbObservation *seen)
{
    vb_tick_fold(loop->tick, seen);
    loop->look_us = g_get_monotonic_time() - look->began_us;
    vb_observation_free(loop->full);
    loop->full = seen;
    forget(loop, seen);
    take_back(loop, seen);
    tell_notes(loop, seen);
    loop->rebuilt = TRUE;
    /* What was asked for goes first. */
    vb_loop_answer(loop, look->serial, NULL);
    vb_loop_advance(loop);
    vb_loop_decide(loop);
}

static void
on_looked(GObject *source, GAsyncResult *result, gpointer data)
{
    VbLoop *loop = data;
    const Look *look = g_task_get_task_data(G_TASK(result));
    g_autoptr(GError) error = NULL;
    g_autoptr(VbObservation) seen = g_task_propagate_pointer(G_TASK(result), &error);
    loop->looks--;
    loop->looking = FALSE;
    if (loop->stopping) {
        vb_loop_check_stopped(loop);
        return;
    }
    gboolean stale = look->epoch != loop->epoch || !loop->connected;
    if (seen != NULL && look->depth == VB_LOOK_THREADS && !stale)
        vb_tick_fold(loop->tick, seen);
    /* It showed the threads, too. */
    if (look->depth == VB_LOOK_FULL && loop->beat != NULL) {
        g_source_destroy(loop->beat);
        g_clear_pointer(&loop->beat, g_source_unref);
    }
    if (look->depth == VB_LOOK_FULL && !stale) {
        tell_trouble(loop, error);
        loop->looked_us = g_get_monotonic_time();
        if (seen != NULL)
            take_in(loop, look, g_steal_pointer(&seen));
        else
            vb_loop_answer(loop, look->serial, error);
        vb_loop_schedule(loop, vb_pace_next(&loop->pace));
        vb_loop_tell_state(loop);
    }
    if (loop->again || (stale && look->depth == VB_LOOK_FULL))
        vb_loop_schedule(loop, 0);
    loop->again = FALSE;
    schedule_beat(loop);
}

void
vb_loop_look(VbLoop *loop, VbLookDepth depth)
{
    loop->looking = TRUE;
    if (depth == VB_LOOK_FULL) {
        loop->looks_begun++;
        vb_tick_look(loop->tick);
    }
    begin(loop, depth, NULL, on_looked);
}

/* A guest that somebody else places or stops by now must not fly on. */
static void
check_flight(VbFlight *flight, const VbGuest *guest)
{
    if (guest->owner == VB_OWNER_HANDS_OFF || guest->owner == VB_OWNER_OBSERVE_ONLY)
        vb_flight_stop(flight, guest->reason != NULL ? guest->reason
                                                     : "somebody else places it by now");
    else if (guest->state == VB_GUEST_PAUSED)
        vb_flight_stop(flight, "the guest is paused by now");
}

static gboolean
on_retry(gpointer data)
{
    VbLoop *loop = data;
    GHashTableIter iter;
    gpointer uuid, value;
    g_clear_pointer(&loop->retry, g_source_unref);
    g_hash_table_iter_init(&iter, loop->wards);
    while (g_hash_table_iter_next(&iter, &uuid, &value)) {
        VbWard *ward = value;
        if (ward->due)
            vb_loop_ask(loop, uuid, ward->name);
        ward->due = FALSE;
    }
    return G_SOURCE_REMOVE;
}

static void
try_again(VbLoop *loop, const char *uuid, VbWard *ward)
{
    vb_loop_expect(loop, uuid, ward, ward->newcomer && ++ward->tries < TRIES_MAX);
    ward->due = ward->newcomer;
    if (!ward->due || loop->retry != NULL)
        return;
    loop->retry = g_timeout_source_new(RETRY_MS);
    g_source_set_callback(loop->retry, on_retry, loop, NULL);
    g_source_attach(loop->retry, loop->context);
}

/* One that starts paused is met when it is resumed. */
static void
meet_newcomer(VbLoop *loop, VbWard *ward, const Look *look, const VbObservation *seen)
{
    const VbGuest *guest = ((const VbGuestSight *)g_ptr_array_index(seen->guests, 0))->facts;
    gboolean current = loop->rebuilt && look->epoch == loop->epoch;
    if (current && (guest->state == VB_GUEST_BUSY || guest->pid == 0)) {
        try_again(loop, look->uuid, ward);
        return;
    }
    vb_loop_expect(loop, look->uuid, ward, current && guest->state == VB_GUEST_PAUSED);
    if (current && guest->state == VB_GUEST_RUNNING)
        vb_loop_place(loop, seen);
}

static void
on_asked(GObject *source, GAsyncResult *result, gpointer data)
{
    VbLoop *loop = data;
    const Look *look = g_task_get_task_data(G_TASK(result));
    g_autoptr(GError) error = NULL;
    g_autoptr(VbObservation) seen = g_task_propagate_pointer(G_TASK(result), &error);
    VbWard *ward = vb_loop_ward(loop, look->uuid, NULL);
    gboolean again = ward->ask_again;
    ward->asked = ward->ask_again = FALSE;
    loop->looks--;
    if (loop->stopping) {
        vb_loop_check_stopped(loop);
        return;
    }
    if (seen == NULL) {
        g_debug("guest %s: %s", ward->name, error->message);
        try_again(loop, look->uuid, ward);
        return;
    }
    const VbGuestSight *sight = g_ptr_array_index(seen->guests, 0);
    VbFlight *flight = vb_loop_flight(loop, look->uuid);
    if (flight != NULL)
        check_flight(flight, sight->facts);
    else if (ward->newcomer)
        meet_newcomer(loop, ward, look, seen);
    if (again)
        vb_loop_ask(loop, look->uuid, ward->name);
}

void
vb_loop_ask(VbLoop *loop, const char *uuid, const char *name)
{
    VbWard *ward = vb_loop_ward(loop, uuid, name);
    ward->ask_again = ward->asked;
    if (ward->asked || !loop->connected)
        return;
    ward->asked = TRUE;
    begin(loop, VB_LOOK_FULL, uuid, on_asked);
}

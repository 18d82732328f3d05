/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/errand_private.h"
#include "engine/farewell.h"
#include "engine/loop_record.h"
#include "engine/loop_request.h"
#include "engine/records.h"
#include <gio/gio.h>
#include <vmbalancer/error.h>

/* What happens to one guest comes in several events, and guests often come in flocks. */
#define COALESCE_MS 200
/* Blocking requests of others that wait or are under way. */
#define CHORES_MAX 64

static void
destroy_source(GSource **source)
{
    if (*source == NULL)
        return;
    g_source_destroy(*source);
    g_clear_pointer(source, g_source_unref);
}

static gboolean
on_next(gpointer data)
{
    VbLoop *loop = data;
    g_clear_pointer(&loop->next, g_source_unref);
    if (loop->looking)
        loop->again = TRUE;
    else
        vb_loop_look(loop, VB_LOOK_FULL);
    return G_SOURCE_REMOVE;
}

void
vb_loop_schedule(VbLoop *loop, guint ms)
{
    gint64 due_us = g_get_monotonic_time() + (gint64)ms * 1000;
    if (loop->stopping || !loop->connected || (loop->next != NULL && loop->next_us <= due_us))
        return;
    destroy_source(&loop->next);
    loop->next_us = due_us;
    loop->next = g_timeout_source_new(ms);
    g_source_set_callback(loop->next, on_next, loop, NULL);
    g_source_attach(loop->next, loop->context);
}

/* Events may come faster than looks can be taken: then looks take half of the time at most. */
static void
wake(VbLoop *loop)
{
    vb_pace_hurry(&loop->pace);
    vb_loop_schedule(loop, MAX(COALESCE_MS, (guint)(loop->look_us / 1000)));
}

VbWard *
vb_loop_ward(VbLoop *loop, const char *uuid, const char *name)
{
    VbWard *ward = g_hash_table_lookup(loop->wards, uuid);
    if (ward != NULL)
        return ward;
    ward = vb_ward_new(name != NULL ? name : uuid);
    g_hash_table_insert(loop->wards, g_strdup(uuid), ward);
    return ward;
}

void
vb_loop_expect(VbLoop *loop, const char *uuid, VbWard *ward, gboolean starting)
{
    if (ward->newcomer != starting)
        vb_tick_hold(loop->tick, uuid, VB_HOLD_STARTING, starting);
    ward->newcomer = starting;
}

VbFlight *
vb_loop_flight(VbLoop *loop, const char *uuid)
{
    for (guint i = 0; i < loop->flights->len; i++) {
        VbFlight *flight = g_ptr_array_index(loop->flights, i);
        if (g_str_equal(flight->uuid, uuid))
            return flight;
    }
    return NULL;
}

void
vb_loop_tell_state(VbLoop *loop)
{
    if (loop->watcher->turned == NULL)
        return;
    g_autoptr(VbSnapshot) snapshot = vb_model_snapshot(vb_tick_model(loop->tick));
    VbLoopState state = {
        .guests = snapshot->guests->len,
        .in_flight = loop->flights->len,
        .connected = loop->connected,
        .paused = loop->paused,
        .stopping = loop->stopping,
    };
    for (guint i = 0; i < snapshot->guests->len; i++)
        state.opted_in += vb_loop_keeps(loop, g_ptr_array_index(snapshot->guests, i));
    loop->watcher->turned(&state, loop->user_data);
}

static void
on_guest_event(VbLoop *loop, const VbEvent *event)
{
    VbFlight *flight = vb_loop_flight(loop, event->uuid);
    VbWard *ward = vb_loop_ward(loop, event->uuid, event->name);
    switch (event->kind) {
    case VB_EVENT_PAUSED:
    case VB_EVENT_STOPPED:
    case VB_EVENT_MIGRATING:
        if (flight != NULL) {
            g_autofree char *reason = g_strdup_printf("the guest is %s by now",
                                                      vb_event_kind_name(event->kind));
            vb_flight_stop(flight, reason);
        }
        break;
    case VB_EVENT_METADATA:
        vb_loop_take_back(loop, event->uuid, ward);
        break;
    case VB_EVENT_STARTED:
        vb_loop_take_back(loop, event->uuid, ward);
        vb_loop_expect(loop, event->uuid, ward, TRUE);
        ward->tries = 0;
        vb_loop_ask(loop, event->uuid, event->name);
        break;
    case VB_EVENT_RESUMED:
        if (ward->newcomer)
            vb_loop_ask(loop, event->uuid, event->name);
        break;
    case VB_EVENT_TUNABLE:
        /* Mostly our own pin. If not, the flight must end. */
        if (flight != NULL) {
            vb_loop_ask(loop, event->uuid, event->name);
            return;
        }
        break;
    default:
        break;
    }
    wake(loop);
}

/* A host may have no libvirt at all: then the guests of plain QEMU are all that there are. */
static gboolean
does_without(const VbLoop *loop)
{
    return !loop->reached && loop->config->qemu_sockets != NULL;
}

void
vb_loop_event(VbLoop *loop, const VbEvent *event)
{
    if (loop->stopping)
        return;
    if (event->uuid != NULL) {
        on_guest_event(loop, event);
        return;
    }
    loop->reached |= event->kind == VB_EVENT_CONNECTED;
    if (does_without(loop) && loop->connected)
        return;
    loop->rebuilt = FALSE;
    loop->connected = event->kind == VB_EVENT_CONNECTED || does_without(loop);
    if (loop->connected) {
        loop->epoch++;
        vb_pace_hurry(&loop->pace);
        vb_loop_schedule(loop, 0);
    } else {
        destroy_source(&loop->next);
        destroy_source(&loop->beat);
        vb_loop_refuse(loop);
    }
    vb_loop_tell_state(loop);
}

void
vb_loop_advance(VbLoop *loop)
{
    vb_errands_advance(loop);
    if (!loop->stopping)
        vb_loop_advance_releases(loop);
}

void
vb_loop_configure(VbLoop *loop, VbConfig *config)
{
    vb_config_free(loop->config);
    loop->config = vb_config_ref(config);
    vb_tick_configure(loop->tick, config);
    loop->reach->ops->configure(loop->reach, config);
    vb_pace_set(&loop->pace, config->interval_ns);
    wake(loop);
}

static void
on_farewell(const GPtrArray *all, const GError *error, gpointer data)
{
    VbLoop *loop = data;
    if (error != NULL && loop->watcher->trouble != NULL)
        loop->watcher->trouble(error, loop->user_data);
    for (guint i = 0; all != NULL && i < all->len; i++) {
        const VbReleased *guest = g_ptr_array_index(all, i);
        if (!guest->ended && loop->watcher->released != NULL)
            loop->watcher->released(guest->uuid, guest->name, &guest->release, guest->error,
                                    loop->user_data);
    }
    loop->released = TRUE;
    vb_loop_end_recording(loop);
    vb_loop_check_stopped(loop);
}

static void
say_farewell(VbLoop *loop)
{
    loop->releasing = TRUE;
    if (loop->config->keep_on_stop || loop->watching)
        on_farewell(NULL, NULL, loop);
    else
        vb_farewell_say(loop->reach, on_farewell, loop);
}

void
vb_loop_check_stopped(VbLoop *loop)
{
    if (loop->stopping && !loop->releasing && loop->looks == 0 && loop->flights->len == 0)
        say_farewell(loop);
    if (loop->released && loop->recorder == NULL)
        loop->watcher->stopped(loop->user_data);
}

void
vb_loop_stop(VbLoop *loop)
{
    if (loop->stopping)
        return;
    loop->stopping = TRUE;
    destroy_source(&loop->next);
    destroy_source(&loop->beat);
    destroy_source(&loop->retry);
    for (guint i = 0; i < loop->flights->len; i++)
        vb_flight_stop(g_ptr_array_index(loop->flights, i), "vmbalancerd stops");
    vb_errands_cancel(loop);
    vb_loop_refuse(loop);
    vb_loop_refuse_releases(loop);
    vb_loop_tell_state(loop);
    vb_loop_check_stopped(loop);
}

VbLoop *
vb_loop_new(VbReach *reach, VbConfig *config, const VbLoopWatcher *watcher, gpointer user_data)
{
    VbLoop *loop = g_new0(VbLoop, 1);
    loop->reach = reach;
    loop->config = vb_config_ref(config);
    loop->watcher = watcher;
    loop->user_data = user_data;
    loop->context = g_main_context_ref_thread_default();
    loop->tick = vb_tick_new(config);
    loop->wards =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)vb_ward_free);
    loop->flights = g_ptr_array_new_with_free_func((GDestroyNotify)vb_flight_free);
    loop->chores = vb_chores_new(CHORES_MAX);
    loop->requests = vb_loop_requests_new();
    loop->errands = g_ptr_array_new();
    loop->releases = g_ptr_array_new_with_free_func((GDestroyNotify)vb_loop_release_free);
    vb_pace_set(&loop->pace, config->interval_ns);
    return loop;
}

void
vb_loop_free(VbLoop *loop)
{
    if (loop == NULL)
        return;
    destroy_source(&loop->next);
    destroy_source(&loop->beat);
    destroy_source(&loop->retry);
    vb_chores_free(loop->chores);
    g_array_unref(loop->requests);
    g_ptr_array_unref(loop->errands);
    g_ptr_array_unref(loop->releases);
    g_ptr_array_unref(loop->flights);
    g_hash_table_unref(loop->wards);
    vb_observation_free(loop->full);
    vb_tick_free(loop->tick);
    g_main_context_unref(loop->context);
    vb_config_free(loop->config);
    g_free(loop);
}

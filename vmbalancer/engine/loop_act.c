/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/errand_private.h"

static void
tell_outcomes(VbLoop *loop, const VbFlight *flight)
{
    for (guint i = 0; i < flight->outcomes->len; i++) {
        const VbOutcome *outcome = g_ptr_array_index(flight->outcomes, i);
        if (vb_outcome_acted(outcome))
            vb_loop_ward(loop, flight->uuid, flight->name)->ours = TRUE;
        if (loop->watcher->acted != NULL)
            loop->watcher->acted(flight, g_ptr_array_index(flight->plan->actions, outcome->action),
                                 outcome, loop->user_data);
    }
}

static void
on_landed(VbFlight *flight, gpointer data)
{
    VbLoop *loop = data;
    vb_tick_land(loop->tick, flight->uuid, flight->outcomes, vb_flight_failed(flight) || flight->rests,
                 loop->reach->ops->now_ns(loop->reach));
    tell_outcomes(loop, flight);
    if (flight->asked_by != NULL)
        vb_errand_landed(flight->asked_by, flight);
    g_ptr_array_remove(loop->flights, flight);
    vb_loop_advance(loop);
    vb_pace_hurry(&loop->pace);
    vb_loop_schedule(loop, 0);
    vb_loop_tell_state(loop);
    vb_loop_check_stopped(loop);
}

static VbFlight *
start_flight(VbLoop *loop, const VbTrip *trip, const VbSnapshot *before, VbAskedRate rate)
{
    VbFlight *flight = vb_flight_start(loop->reach, trip->plan, before, trip->uuid, rate, on_landed,
                                       loop);
    flight->initial = trip->initial;
    g_ptr_array_add(loop->flights, flight);
    return flight;
}

static void
start_flights(VbLoop *loop, const VbVerdict *verdict)
{
    for (guint i = 0; i < verdict->departing->len; i++)
        start_flight(loop, g_ptr_array_index(verdict->departing, i), verdict->decision->before,
                     (VbAskedRate){0});
}

static gboolean
moves_pages(const VbPlan *plan, const char *uuid)
{
    for (guint i = 0; i < plan->actions->len; i++) {
        const VbAction *action = g_ptr_array_index(plan->actions, i);
        if (action->kind == VB_ACTION_MOVE && g_str_equal(action->uuid, uuid))
            return TRUE;
    }
    return FALSE;
}

gboolean
vb_loop_may_fly(VbLoop *loop, const VbPlan *plan, const char *uuid)
{
    const VbWard *ward = vb_loop_ward(loop, uuid, NULL);
    guint movers = 0;
    if (loop->stopping || !loop->connected || vb_loop_flight(loop, uuid) != NULL ||
        ward->releasing)
        return FALSE;
    for (guint i = 0; i < loop->flights->len; i++)
        movers += ((const VbFlight *)g_ptr_array_index(loop->flights, i))->moves;
    return movers < VB_TICK_MOVERS_MAX || !moves_pages(plan, uuid);
}

VbFlight *
vb_loop_fly(VbLoop *loop, const VbDecision *decision, const char *uuid, VbAskedRate rate)
{
    return start_flight(loop, vb_tick_depart(loop->tick, decision->plan, uuid), decision->before,
                        rate);
}

/* Keeps whose the guest is. Returns: TRUE if it was ours until now and is somebody else's. */
static gboolean
gives_up(VbWard *ward, const VbGuest *guest)
{
    gboolean others =
        guest->owner == VB_OWNER_HANDS_OFF || guest->owner == VB_OWNER_OBSERVE_ONLY;
    gboolean was_ours = ward->ours;
    /* One that is bounded shows as that, placed by us or not. */
    ward->ours = guest->owner == VB_OWNER_OURS || (was_ours && guest->owner == VB_OWNER_BOUNDED);
    return was_ours && others;
}

static void
tell_declines(VbLoop *loop, const VbVerdict *verdict)
{
    for (guint i = 0; i < verdict->guests->len; i++) {
        const char *uuid = g_ptr_array_index(verdict->guests, i);
        const VbGuest *guest = vb_snapshot_find(verdict->decision->before, uuid);
        const VbDecline *decline = vb_plan_declined(verdict->decision->plan, uuid);
        VbWard *ward = vb_loop_ward(loop, uuid, guest->name);
        gboolean gave_up = gives_up(ward, guest) && decline != NULL;
        if (!vb_ward_decline(ward, decline))
            continue;
        if (gave_up && loop->watcher->given_up != NULL)
            loop->watcher->given_up(uuid, ward->name, decline, loop->user_data);
        else if (loop->watcher->declined != NULL)
            loop->watcher->declined(uuid, ward->name, decline, loop->user_data);
    }
}

static void
heed(VbLoop *loop, const VbVerdict *verdict, const GError *error)
{
    if (error != NULL && loop->watcher->trouble != NULL)
        loop->watcher->trouble(error, loop->user_data);
    if (verdict == NULL)
        return;
    tell_declines(loop, verdict);
    start_flights(loop, verdict);
}

void
vb_loop_decide(VbLoop *loop)
{
    g_autoptr(GError) error = NULL;
    if (loop->paused)
        return;
    g_autoptr(VbVerdict) verdict =
        vb_tick_decide(loop->tick, loop->reach->ops->now_ns(loop->reach), &error);
    heed(loop, verdict, error);
}

void
vb_loop_place(VbLoop *loop, const VbObservation *alone)
{
    g_autoptr(GError) error = NULL;
    if (loop->paused)
        return;
    g_autoptr(VbVerdict) verdict = vb_tick_place(loop->tick, alone, &error);
    heed(loop, verdict, error);
    if (verdict != NULL)
        vb_loop_tell_state(loop);
}

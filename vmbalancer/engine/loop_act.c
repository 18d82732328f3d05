/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/predict.h"
#include "engine/loop_private.h"
#include "engine/newcomer.h"

/* Guests whose pages move at the same time: two movers gain 1.6 times one, more load the host's buses. */
#define MOVERS_MAX 2

static void
predict_all(VbSnapshot **snapshot, const GPtrArray *flights)
{
    for (guint i = 0; i < flights->len; i++) {
        const VbFlight *flight = g_ptr_array_index(flights, i);
        VbSnapshot *then = vb_predict(*snapshot, flight->plan);
        vb_snapshot_free(*snapshot);
        *snapshot = then;
    }
}

/* A newcomer was looked at later than all others together. A flight that landed counts as arrived until a look that began later shows what came of it. */
VbSnapshot *
vb_loop_snapshot(VbLoop *loop)
{
    VbSnapshot *snapshot = vb_model_snapshot(loop->model);
    GHashTableIter iter;
    gpointer uuid, guest;
    g_hash_table_iter_init(&iter, loop->newcomers);
    while (g_hash_table_iter_next(&iter, &uuid, &guest)) {
        g_ptr_array_remove(snapshot->guests, vb_snapshot_find(snapshot, uuid));
        g_ptr_array_add(snapshot->guests, vb_guest_copy(guest));
    }
    vb_snapshot_sort(snapshot);
    predict_all(&snapshot, loop->settling);
    predict_all(&snapshot, loop->landed);
    predict_all(&snapshot, loop->flights);
    return snapshot;
}

static void
tell_outcomes(VbLoop *loop, const VbFlight *flight)
{
    for (guint i = 0; i < flight->outcomes->len; i++) {
        const VbOutcome *outcome = g_ptr_array_index(flight->outcomes, i);
        loop->watcher->acted(flight, g_ptr_array_index(flight->plan->actions, outcome->action),
                             outcome, loop->user_data);
    }
}

static void
on_landed(VbFlight *flight, gpointer data)
{
    VbLoop *loop = data;
    VbWard *ward = vb_loop_ward(loop, flight->uuid, flight->name);
    gint64 now_ns = loop->reach->ops->now_ns(loop->reach);
    /* A home given at the start costs the guest nothing: what it has elsewhere may follow at once. */
    vb_model_note(loop->model, flight->plan, flight->outcomes, flight->initial ? 0 : now_ns);
    vb_ward_landed(ward, vb_flight_failed(flight), now_ns);
    tell_outcomes(loop, flight);
    guint index = 0;
    if (g_ptr_array_find(loop->flights, flight, &index))
        g_ptr_array_add(loop->landed, g_ptr_array_steal_index(loop->flights, index));
    vb_pace_hurry(&loop->pace);
    vb_loop_schedule(loop, 0);
    vb_loop_tell_state(loop);
    vb_loop_check_stopped(loop);
}

static VbFlight *
start_flight(VbLoop *loop, const VbDecision *decision, const char *uuid)
{
    VbFlight *flight =
        vb_flight_start(loop->reach, decision->plan, decision->before, uuid,
                        loop->config->rate_bytes_per_s / MOVERS_MAX, on_landed, loop);
    g_ptr_array_add(loop->flights, flight);
    return flight;
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

/* Those that find both movers taken are decided on anew when one has landed. */
static void
start_flights(VbLoop *loop, const VbDecision *decision)
{
    guint movers = 0;
    for (guint i = 0; i < loop->flights->len; i++)
        movers += ((const VbFlight *)g_ptr_array_index(loop->flights, i))->moves;
    for (guint i = 0; i < decision->plan->actions->len; i++) {
        const VbAction *action = g_ptr_array_index(decision->plan->actions, i);
        if (vb_loop_flight(loop, action->uuid) != NULL)
            continue;
        gboolean moves = moves_pages(decision->plan, action->uuid);
        if (moves && movers >= MOVERS_MAX)
            continue;
        movers += moves;
        start_flight(loop, decision, action->uuid);
    }
}

/* (transfer container) UUIDs of those that may be decided on, ending with NULL. */
static GPtrArray *
choose(VbLoop *loop, const VbSnapshot *snapshot)
{
    GPtrArray *uuids = g_ptr_array_new();
    gint64 now_ns = loop->reach->ops->now_ns(loop->reach);
    for (guint i = 0; i < snapshot->guests->len; i++) {
        const VbGuest *guest = g_ptr_array_index(snapshot->guests, i);
        const VbWard *ward = vb_loop_ward(loop, guest->uuid, guest->name);
        if (vb_ward_opted_in(guest, loop->config) && !ward->newcomer &&
            vb_loop_flight(loop, guest->uuid) == NULL && ward->held_until_ns <= now_ns)
            g_ptr_array_add(uuids, guest->uuid);
    }
    g_ptr_array_add(uuids, NULL);
    return uuids;
}

static void
tell_decline(VbLoop *loop, const char *uuid, const VbPlan *plan)
{
    const VbDecline *decline = vb_plan_declined(plan, uuid);
    VbWard *ward = vb_loop_ward(loop, uuid, NULL);
    if (vb_ward_decline(ward, decline))
        loop->watcher->declined(uuid, ward->name, decline, loop->user_data);
}

void
vb_loop_decide(VbLoop *loop)
{
    g_autoptr(VbSnapshot) snapshot = vb_loop_snapshot(loop);
    g_autoptr(GPtrArray) uuids = choose(loop, snapshot);
    g_autoptr(GError) error = NULL;
    if (uuids->len == 1)
        return;
    VbPlanRequest request = {.guests = (const char *const *)(void *)uuids->pdata};
    g_autoptr(VbDecision) decision =
        vb_engine_decide(snapshot, loop->config, &request, &error);
    if (decision == NULL) {
        loop->watcher->trouble(error, loop->user_data);
        return;
    }
    for (guint i = 0; i + 1 < uuids->len; i++)
        tell_decline(loop, g_ptr_array_index(uuids, i), decision->plan);
    start_flights(loop, decision);
}

/* The newcomer as a model sees it; the loop's own learns of it with the next look at all. */
static VbGuest *
meet(const VbObservation *alone)
{
    g_autoptr(VbModel) model = vb_model_new();
    vb_model_fold(model, alone);
    g_autoptr(VbSnapshot) snapshot = vb_model_snapshot(model);
    return vb_guest_copy(g_ptr_array_index(snapshot->guests, 0));
}

/* The host as last looked at, with the newcomer, and with what is free by now. */
static VbSnapshot *
welcome(VbLoop *loop, const VbObservation *alone, const VbGuest *newcomer)
{
    g_hash_table_replace(loop->newcomers, g_strdup(newcomer->uuid), vb_guest_copy(newcomer));
    VbSnapshot *snapshot = vb_loop_snapshot(loop);
    snapshot->topology = alone->topology;
    return snapshot;
}

void
vb_loop_place(VbLoop *loop, const VbObservation *alone)
{
    g_autoptr(VbGuest) newcomer = meet(alone);
    g_autoptr(VbSnapshot) known = vb_model_snapshot(loop->model);
    g_autoptr(GError) error = NULL;
    const VbGuest *same = vb_snapshot_find(known, newcomer->uuid);
    if (!vb_ward_opted_in(newcomer, loop->config) ||
        (same != NULL && vb_guest_home(same) != 0))
        return;
    vb_loop_ward(loop, newcomer->uuid, newcomer->name);
    g_autoptr(VbSnapshot) snapshot = welcome(loop, alone, newcomer);
    g_autoptr(VbDecision) decision =
        vb_newcomer_decide(snapshot, loop->config, newcomer->uuid, &error);
    if (decision == NULL) {
        loop->watcher->trouble(error, loop->user_data);
        return;
    }
    tell_decline(loop, newcomer->uuid, decision->plan);
    if (decision->plan->actions->len > 0)
        start_flight(loop, decision, newcomer->uuid)->initial = TRUE;
    vb_loop_tell_state(loop);
}

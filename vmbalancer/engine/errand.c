/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/errand.h"
#include "engine/errand_private.h"
#include "engine/loop_request.h"
#include <vmbalancer/error.h>

/* A guest of the plan that does not fly. */
typedef struct {
    char *uuid;
    gboolean waits;  /* it found no room, and waits for another to land */
} Passenger;

/* The errand that users see, with what they need not. */
typedef struct {
    VbErrand errand;
    VbLoop *loop;
    VbAsk ask;
    gboolean named;            /* guests were named */
    gboolean parked;           /* until those that were named have landed */
    VbAskedRate rate;          /* of all its flights together */
    GPtrArray *queue;          /* (element-type Passenger) */
    guint flying;
    guint guests;
    gboolean cancelled;
    VbErrandFunc changed;
    gpointer user_data;
} Private;

static void
passenger_free(gpointer data)
{
    Passenger *passenger = data;
    g_free(passenger->uuid);
    g_free(passenger);
}

static void
free_outcome(gpointer outcome)
{
    if (outcome != NULL)
        vb_outcome_free(outcome);
}

gboolean
vb_errand_is_over(const VbErrand *errand)
{
    return errand->state != VB_ERRAND_LOOKING && errand->state != VB_ERRAND_RUNNING;
}

const char *
vb_errand_state_name(VbErrandState state)
{
    static const char *const names[] = {"looking", "running", "done",
                                        "partly",  "failed",  "cancelled"};
    return names[state];
}

/* --- outcomes ------------------------------------------------------------------------------- */

static void
set_outcome(VbErrand *errand, guint index, VbOutcome *outcome)
{
    free_outcome(errand->outcomes->pdata[index]);
    errand->outcomes->pdata[index] = outcome;
}

/* What a flight did, in the order of the guest's actions, under their numbers in the whole plan. */
static void
take_outcomes(VbErrand *errand, const VbFlight *flight)
{
    const GPtrArray *actions = errand->decision->plan->actions;
    for (guint i = 0, of_guest = 0; i < actions->len; i++) {
        const VbAction *action = g_ptr_array_index(actions, i);
        if (!g_str_equal(action->uuid, flight->uuid))
            continue;
        const VbOutcome *told = g_ptr_array_index(flight->outcomes, of_guest++);
        VbOutcome *outcome = vb_outcome_new(i, told->result, told->bytes_moved, told->duration_ns,
                                            told->error);
        outcome->code = told->code;
        outcome->bytes_stuck = told->bytes_stuck;
        set_outcome(errand, i, outcome);
    }
}

static void
call_off(VbErrand *errand, const char *uuid, const char *reason)
{
    const GPtrArray *actions = errand->decision->plan->actions;
    for (guint i = 0; i < actions->len; i++) {
        const VbAction *action = g_ptr_array_index(actions, i);
        if (!g_str_equal(action->uuid, uuid))
            continue;
        VbOutcome *outcome = vb_outcome_new(i, VB_RESULT_CANCELLED, 0, 0, reason);
        outcome->code = VB_ERROR_CANCELLED;
        set_outcome(errand, i, outcome);
    }
}

/* Nothing of it could be done for want of room. */
static gboolean
found_no_room(const VbFlight *flight)
{
    gboolean no_room = FALSE;
    for (guint i = 0; i < flight->outcomes->len; i++) {
        const VbOutcome *outcome = g_ptr_array_index(flight->outcomes, i);
        if (outcome->result == VB_RESULT_DONE || outcome->bytes_moved > 0)
            return FALSE;
        no_room |= outcome->result == VB_RESULT_FAILED && outcome->code == VB_ERROR_NO_SPACE;
    }
    return no_room;
}

static VbErrandState
judge(const Private *self)
{
    const VbErrand *errand = &self->errand;
    guint good = 0, cancelled = 0;
    /* A guest that was named and refused is a failure; one of "all" that others place is not. */
    guint bad = self->named ? errand->decision->plan->declined->len : 0;
    for (guint i = 0; i < errand->outcomes->len; i++) {
        const VbOutcome *outcome = g_ptr_array_index(errand->outcomes, i);
        good += outcome->result == VB_RESULT_DONE || outcome->bytes_moved > 0;
        bad += outcome->result != VB_RESULT_DONE;
        cancelled += outcome->result == VB_RESULT_CANCELLED;
    }
    if (self->cancelled && cancelled > 0)
        return VB_ERRAND_CANCELLED;
    return bad == 0 ? VB_ERRAND_DONE : good > 0 ? VB_ERRAND_PARTLY : VB_ERRAND_FAILED;
}

/* --- flights -------------------------------------------------------------------------------- */

static void
tell(Private *self, VbErrandState state)
{
    self->errand.state = state;
    self->changed(&self->errand, self->user_data);
}

static void
conclude(Private *self, VbErrandState state)
{
    guint index = 0;
    if (g_ptr_array_find(self->loop->errands, self, &index))
        g_ptr_array_remove_index(self->loop->errands, index);
    tell(self, state);
}

static gboolean
is_awaited(VbLoop *loop, const char *uuid)
{
    for (guint i = 0; i < loop->errands->len; i++) {
        const Private *self = g_ptr_array_index(loop->errands, i);
        for (guint q = 0; q < self->queue->len; q++)
            if (g_str_equal(((const Passenger *)g_ptr_array_index(self->queue, q))->uuid, uuid))
                return TRUE;
    }
    return FALSE;
}

/* The loop leaves them to the errand. */
static void
enqueue(Private *self, const char *uuid, gboolean waits)
{
    Passenger *passenger = g_new(Passenger, 1);
    *passenger = (Passenger){g_strdup(uuid), waits};
    g_ptr_array_add(self->queue, passenger);
    vb_tick_hold(self->loop->tick, uuid, VB_HOLD_AWAITED, TRUE);
}

static void
dequeue(Private *self, guint index)
{
    Passenger *passenger = g_ptr_array_steal_index(self->queue, index);
    if (!is_awaited(self->loop, passenger->uuid))
        vb_tick_hold(self->loop->tick, passenger->uuid, VB_HOLD_AWAITED, FALSE);
    passenger_free(passenger);
}

/* Those who wait for room have nobody left who could make it. */
static gboolean
is_stuck(const Private *self)
{
    for (guint i = 0; i < self->queue->len; i++)
        if (!((const Passenger *)g_ptr_array_index(self->queue, i))->waits)
            return FALSE;
    return self->flying == 0;
}

static void
board(Private *self, guint index)
{
    VbLoop *loop = self->loop;
    const Passenger *passenger = g_ptr_array_index(self->queue, index);
    VbFlight *flight = vb_loop_fly(loop, self->errand.decision, passenger->uuid, self->rate);
    flight->asked_by = self;
    self->flying++;
    dequeue(self, index);
}

static void plan(Private *self);

static gboolean
named_fly(const Private *self, const VbSnapshot *snapshot)
{
    for (guint i = 0; self->named && i < snapshot->guests->len; i++) {
        const VbGuest *guest = g_ptr_array_index(snapshot->guests, i);
        for (guint g = 0; self->ask.guests[g] != NULL; g++)
            if (vb_engine_find(snapshot, self->ask.guests[g], NULL) == guest &&
                vb_loop_flies(self->loop, guest->uuid))
                return TRUE;
    }
    return FALSE;
}

/* What is planned for a guest in mid flight would rest on hopes: it is looked at once it has landed. */
static void
unpark(Private *self)
{
    g_autoptr(VbSnapshot) seen = vb_loop_seen(self->loop);
    if (!self->parked || named_fly(self, seen))
        return;
    self->parked = FALSE;
    plan(self);
}

static void
advance(Private *self)
{
    for (guint i = 0; i < self->queue->len;) {
        const Passenger *passenger = g_ptr_array_index(self->queue, i);
        if (!passenger->waits && vb_loop_may_fly(self->loop, self->errand.decision->plan,
                                                 passenger->uuid))
            board(self, i);
        else
            i++;
    }
    if (!is_stuck(self))
        return;
    while (self->queue->len > 0)
        dequeue(self, self->queue->len - 1);
    conclude(self, judge(self));
}

void
vb_errands_advance(VbLoop *loop)
{
    g_autoptr(GPtrArray) errands = g_ptr_array_copy(loop->errands, NULL, NULL);
    for (guint i = 0; i < errands->len; i++) {
        Private *self = g_ptr_array_index(errands, i);
        if (self->errand.state == VB_ERRAND_RUNNING)
            advance(self);
        else
            unpark(self);
    }
}

void
vb_errand_landed(VbErrand *errand, const VbFlight *flight)
{
    Private *self = (Private *)errand;
    gboolean again = found_no_room(flight) && !self->cancelled && flight->stop_reason == NULL;
    self->flying--;
    take_outcomes(errand, flight);
    for (guint i = 0; !again && i < self->queue->len; i++)
        ((Passenger *)g_ptr_array_index(self->queue, i))->waits = FALSE;
    if (again)
        enqueue(self, flight->uuid, TRUE);
}

void
vb_errands_withdraw(VbLoop *loop, const char *uuid, const char *reason)
{
    for (guint i = 0; i < loop->errands->len; i++) {
        Private *self = g_ptr_array_index(loop->errands, i);
        for (guint q = self->queue->len; q-- > 0;) {
            const Passenger *passenger = g_ptr_array_index(self->queue, q);
            if (!g_str_equal(passenger->uuid, uuid))
                continue;
            call_off(&self->errand, passenger->uuid, reason);
            dequeue(self, q);
        }
    }
}

/* --- begin and end -------------------------------------------------------------------------- */

/* Whoever is named is the daemon's business again, even if it was released. */
static void
take_back(Private *self)
{
    const GPtrArray *guests = self->errand.decision->before->guests;
    for (guint i = 0; self->named && i < guests->len; i++) {
        const VbGuest *guest = g_ptr_array_index(guests, i);
        if (guest->selected)
            vb_loop_take_back(self->loop, guest->uuid,
                              vb_loop_ward(self->loop, guest->uuid, guest->name));
    }
}

static void
enqueue_all(Private *self)
{
    const VbPlan *plan = self->errand.decision->plan;
    g_autoptr(GHashTable) known = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < plan->actions->len; i++) {
        const VbAction *action = g_ptr_array_index(plan->actions, i);
        if (g_hash_table_add(known, action->uuid))
            enqueue(self, action->uuid, FALSE);
    }
    self->guests = g_hash_table_size(known);
    g_ptr_array_set_size(self->errand.outcomes, (int)plan->actions->len);
}

static void
on_planned(VbDecision *decision, const GError *error, gpointer data)
{
    Private *self = data;
    VbErrand *errand = &self->errand;
    if (self->cancelled) {
        vb_decision_free(decision);
        errand->error = g_error_new_literal(VB_ERROR, VB_ERROR_CANCELLED,
                                            "cancelled before there was a plan");
        conclude(self, VB_ERRAND_CANCELLED);
        return;
    }
    if (decision == NULL) {
        errand->error = g_error_copy(error);
        conclude(self, g_error_matches(error, VB_ERROR, VB_ERROR_CANCELLED) ? VB_ERRAND_CANCELLED
                                                                            : VB_ERRAND_FAILED);
        return;
    }
    if (named_fly(self, decision->before)) {
        vb_decision_free(decision);
        self->parked = TRUE;
        return;
    }
    errand->decision = decision;
    take_back(self);
    enqueue_all(self);
    tell(self, VB_ERRAND_RUNNING);
    advance(self);
    vb_loop_tell_state(self->loop);
}

static void
plan(Private *self)
{
    vb_loop_plan(self->loop, &self->ask.request, on_planned, self);
}

VbErrand *
vb_errand_begin(VbLoop *loop, const VbPlanRequest *request, guint64 rate_bytes_per_s,
                VbErrandFunc changed, gpointer user_data)
{
    Private *self = g_new0(Private, 1);
    self->loop = loop;
    vb_ask_init(&self->ask, request);
    self->named = request->guests != NULL && request->guests[0] != NULL;
    self->rate.bytes_per_s = rate_bytes_per_s;
    if (rate_bytes_per_s > 0)
        self->rate.common = vb_bucket_new(NULL);
    /* Without what they could share each has a part. */
    if (rate_bytes_per_s > 0 && rate_bytes_per_s < G_MAXUINT64 && self->rate.common == NULL)
        self->rate.bytes_per_s = MAX(rate_bytes_per_s / VB_TICK_MOVERS_MAX, 1);
    self->queue = g_ptr_array_new_with_free_func(passenger_free);
    self->errand.outcomes = g_ptr_array_new_with_free_func(free_outcome);
    self->changed = changed;
    self->user_data = user_data;
    g_ptr_array_add(loop->errands, self);
    plan(self);
    return &self->errand;
}

static void
stop_flights(Private *self)
{
    for (guint i = 0; i < self->loop->flights->len; i++) {
        VbFlight *flight = g_ptr_array_index(self->loop->flights, i);
        if (flight->asked_by != self)
            continue;
        vb_flight_stop(flight, "cancelled");
        /* Whom it leaves where they are is not to be fetched home at once. */
        flight->rests = TRUE;
    }
}

void
vb_errand_cancel(VbErrand *errand)
{
    Private *self = (Private *)errand;
    if (vb_errand_is_over(errand) || self->cancelled)
        return;
    self->cancelled = TRUE;
    for (guint q = self->queue->len; q-- > 0;) {
        const Passenger *passenger = g_ptr_array_index(self->queue, q);
        call_off(errand, passenger->uuid, "cancelled before it began");
        dequeue(self, q);
    }
    stop_flights(self);
    if (errand->state == VB_ERRAND_RUNNING)
        advance(self);
    else if (self->parked)
        on_planned(NULL, NULL, self);
}

void
vb_errands_cancel(VbLoop *loop)
{
    g_autoptr(GPtrArray) errands = g_ptr_array_copy(loop->errands, NULL, NULL);
    for (guint i = 0; i < errands->len; i++)
        vb_errand_cancel(g_ptr_array_index(errands, i));
}

void
vb_errand_progress(const VbErrand *errand, VbRunProgress *ret)
{
    const Private *self = (const Private *)errand;
    *ret = (VbRunProgress){0};
    if (errand->decision == NULL)
        return;
    ret->bytes_planned = vb_plan_bytes(errand->decision->plan);
    ret->guests_planned = self->guests;
    ret->guests_done = self->guests - self->queue->len - self->flying;
    for (guint i = 0; i < errand->outcomes->len; i++) {
        const VbOutcome *outcome = g_ptr_array_index(errand->outcomes, i);
        ret->bytes_moved += outcome != NULL ? outcome->bytes_moved : 0;
    }
    for (guint i = 0; self->flying > 0 && i < self->loop->flights->len; i++) {
        VbFlight *flight = g_ptr_array_index(self->loop->flights, i);
        ret->bytes_moved += flight->asked_by == self ? vb_flight_bytes(flight) : 0;
    }
}

void
vb_errand_free(VbErrand *errand)
{
    Private *self = (Private *)errand;
    if (errand == NULL)
        return;
    vb_ask_clear(&self->ask);
    vb_bucket_free(self->rate.common);
    g_ptr_array_unref(self->queue);
    g_ptr_array_unref(errand->outcomes);
    vb_decision_free(errand->decision);
    g_clear_error(&errand->error);
    g_free(self);
}

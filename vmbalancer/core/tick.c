/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/tick_private.h"
#include "core/newcomer.h"
#include "core/predict.h"
#include <vmbalancer/error.h>

#define HOLD_NS (30 * G_GINT64_CONSTANT(1000000000))
#define DOUBLINGS_MAX 4

void
vb_trip_free(gpointer data)
{
    VbTrip *trip = data;
    vb_plan_free(trip->plan);
    g_free(trip->uuid);
    g_free(trip);
}

void
vb_verdict_free(VbVerdict *verdict)
{
    if (verdict == NULL)
        return;
    vb_decision_free(verdict->decision);
    g_ptr_array_unref(verdict->guests);
    g_ptr_array_unref(verdict->departing);
    g_free(verdict);
}

VbTick *
vb_tick_new(VbConfig *config)
{
    VbTick *tick = g_new0(VbTick, 1);
    tick->config = vb_config_ref(config);
    tick->model = vb_model_new();
    tick->newcomers =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)vb_guest_free);
    tick->held = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    tick->rests = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    tick->trips = g_ptr_array_new_with_free_func(vb_trip_free);
    tick->landed = g_ptr_array_new_with_free_func(vb_trip_free);
    tick->settling = g_ptr_array_new_with_free_func(vb_trip_free);
    return tick;
}

void
vb_tick_free(VbTick *tick)
{
    if (tick == NULL)
        return;
    g_ptr_array_unref(tick->trips);
    g_ptr_array_unref(tick->landed);
    g_ptr_array_unref(tick->settling);
    g_hash_table_unref(tick->newcomers);
    g_hash_table_unref(tick->held);
    g_hash_table_unref(tick->rests);
    vb_model_free(tick->model);
    vb_config_free(tick->config);
    g_free(tick);
}

static void
tell(const VbTick *tick, const VbTickEvent *event)
{
    if (tick->tap != NULL)
        tick->tap(event, tick->tap_data);
}

void
vb_tick_tap(VbTick *tick, VbTickTap tap, gpointer user_data)
{
    tick->tap = tap;
    tick->tap_data = user_data;
}

void
vb_tick_watch(VbTick *tick, gboolean watching)
{
    tick->watching = watching;
    tell(tick, &(VbTickEvent){.call = VB_TICK_WATCH, .yes = watching});
}

void
vb_tick_configure(VbTick *tick, VbConfig *config)
{
    vb_config_free(tick->config);
    tick->config = vb_config_ref(config);
    tell(tick, &(VbTickEvent){.call = VB_TICK_CONFIGURE, .config = config});
}

const VbConfig *
vb_tick_config(const VbTick *tick)
{
    return tick->config;
}

const VbModel *
vb_tick_model(const VbTick *tick)
{
    return tick->model;
}

gboolean
vb_tick_opted_in(const VbGuest *guest, const VbConfig *config)
{
    const char *policy = guest->policy != NULL ? guest->policy : config->default_policy;
    return policy != NULL && !g_str_equal(policy, "none");
}

/* --- what is seen --------------------------------------------------------------------------- */

void
vb_tick_look(VbTick *tick)
{
    g_ptr_array_extend_and_steal(tick->settling, g_steal_pointer(&tick->landed));
    tick->landed = g_ptr_array_new_with_free_func(vb_trip_free);
    tell(tick, &(VbTickEvent){.call = VB_TICK_LOOK});
}

static gboolean
is_gone(gpointer uuid, gpointer rest, gpointer seen)
{
    return !g_hash_table_contains(seen, uuid);
}

/* What is known of guests that are no more goes; who is in the model is no newcomer. */
static void
forget(VbTick *tick, const VbObservation *seen)
{
    g_autoptr(GHashTable) uuids = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < seen->guests->len; i++) {
        const VbGuestSight *sight = g_ptr_array_index(seen->guests, i);
        g_hash_table_add(uuids, sight->facts->uuid);
        g_hash_table_remove(tick->newcomers, sight->facts->uuid);
    }
    g_hash_table_foreach_remove(tick->rests, is_gone, uuids);
}

void
vb_tick_fold(VbTick *tick, const VbObservation *seen)
{
    if (tick->fresh_window)
        vb_model_begin_window(tick->model);
    vb_model_fold(tick->model, seen);
    tick->fresh_window = seen->depth == VB_LOOK_FULL;
    if (seen->depth == VB_LOOK_FULL) {
        forget(tick, seen);
        g_ptr_array_set_size(tick->settling, 0);
    }
    tell(tick, &(VbTickEvent){.call = VB_TICK_FOLD, .seen = seen});
}

void
vb_tick_hold(VbTick *tick, const char *uuid, VbHold why, gboolean held)
{
    guint flags = GPOINTER_TO_UINT(g_hash_table_lookup(tick->held, uuid));
    flags = held ? flags | why : flags & ~(guint)why;
    if (flags != 0)
        g_hash_table_replace(tick->held, g_strdup(uuid), GUINT_TO_POINTER(flags));
    else
        g_hash_table_remove(tick->held, uuid);
    tell(tick, &(VbTickEvent){.call = VB_TICK_HOLD, .uuid = uuid, .why = why, .yes = held});
}

static void
predict_all(VbSnapshot **snapshot, const GPtrArray *trips)
{
    for (guint i = 0; i < trips->len; i++) {
        const VbTrip *trip = g_ptr_array_index(trips, i);
        VbSnapshot *then = vb_predict(*snapshot, trip->plan);
        vb_snapshot_free(*snapshot);
        *snapshot = then;
    }
}

VbSnapshot *
vb_tick_snapshot(const VbTick *tick)
{
    VbSnapshot *snapshot = vb_model_snapshot(tick->model);
    GHashTableIter iter;
    gpointer uuid, guest;
    g_hash_table_iter_init(&iter, tick->newcomers);
    while (g_hash_table_iter_next(&iter, &uuid, &guest)) {
        g_ptr_array_remove(snapshot->guests, vb_snapshot_find(snapshot, uuid));
        g_ptr_array_add(snapshot->guests, vb_guest_copy(guest));
    }
    vb_snapshot_sort(snapshot);
    predict_all(&snapshot, tick->settling);
    predict_all(&snapshot, tick->landed);
    predict_all(&snapshot, tick->trips);
    return snapshot;
}

/* --- what is done --------------------------------------------------------------------------- */

const VbTrip *
vb_tick_trip(const VbTick *tick, const char *uuid)
{
    for (guint i = 0; i < tick->trips->len; i++) {
        const VbTrip *trip = g_ptr_array_index(tick->trips, i);
        if (g_str_equal(trip->uuid, uuid))
            return trip;
    }
    return NULL;
}

VbTrip *
vb_trip_new(const VbPlan *plan, const char *uuid)
{
    VbTrip *trip = g_new0(VbTrip, 1);
    trip->uuid = g_strdup(uuid);
    trip->plan = vb_plan_new(plan->policy);
    for (guint i = 0; i < plan->actions->len; i++) {
        const VbAction *action = g_ptr_array_index(plan->actions, i);
        if (!g_str_equal(action->uuid, uuid))
            continue;
        g_ptr_array_add(trip->plan->actions, vb_action_copy(action));
        trip->moves |= action->kind == VB_ACTION_MOVE;
    }
    return trip;
}

const VbTrip *
vb_tick_depart(VbTick *tick, const VbPlan *plan, const char *uuid)
{
    VbTrip *trip = vb_trip_new(plan, uuid);
    g_ptr_array_add(tick->trips, trip);
    tell(tick, &(VbTickEvent){.call = VB_TICK_DEPART, .uuid = uuid, .plan = trip->plan});
    return trip;
}

/* Those that find both movers taken are decided on anew when one has landed. */
static void
depart_all(VbTick *tick, VbVerdict *verdict)
{
    const VbPlan *plan = verdict->decision->plan;
    guint movers = 0;
    for (guint i = 0; i < tick->trips->len; i++)
        movers += ((const VbTrip *)g_ptr_array_index(tick->trips, i))->moves;
    for (guint i = 0; i < plan->actions->len; i++) {
        const VbAction *action = g_ptr_array_index(plan->actions, i);
        if (vb_tick_trip(tick, action->uuid) != NULL)
            continue;
        VbTrip *trip = vb_trip_new(plan, action->uuid);
        if (trip->moves && movers >= VB_TICK_MOVERS_MAX) {
            vb_trip_free(trip);
            continue;
        }
        movers += trip->moves;
        g_ptr_array_add(tick->trips, trip);
        g_ptr_array_add(verdict->departing, trip);
    }
}

/* What went wrong is that libvirt or the mover were away: that is no fault of the guest's. */
static gboolean
is_cut_off(const GPtrArray *outcomes)
{
    for (guint i = 0; i < outcomes->len; i++)
        if (((const VbOutcome *)g_ptr_array_index(outcomes, i))->code == VB_ERROR_UNREACHABLE)
            return TRUE;
    return FALSE;
}

/* From one failure to the next a guest rests longer; who was cut off does not. */
static void
note_failure(VbTick *tick, const char *uuid, const GPtrArray *outcomes, gint64 now_ns)
{
    VbRest *rest = g_hash_table_lookup(tick->rests, uuid);
    if (rest == NULL) {
        rest = g_new0(VbRest, 1);
        g_hash_table_insert(tick->rests, g_strdup(uuid), rest);
    }
    gboolean cut_off = is_cut_off(outcomes);
    rest->until_ns = now_ns + (HOLD_NS << (cut_off ? 0 : MIN(rest->failures, DOUBLINGS_MAX)));
    rest->failures += !cut_off;
}

void
vb_tick_land(VbTick *tick, const char *uuid, const GPtrArray *outcomes, gboolean failed,
             gint64 now_ns)
{
    VbTrip *trip = (VbTrip *)vb_tick_trip(tick, uuid);
    guint index = 0;
    if (trip == NULL || !g_ptr_array_find(tick->trips, trip, &index))
        return;
    /* A home given at the start costs the guest nothing: what it has elsewhere may follow at once. */
    vb_model_note(tick->model, trip->plan, outcomes, trip->initial ? 0 : now_ns);
    if (failed)
        note_failure(tick, uuid, outcomes, now_ns);
    else
        g_hash_table_remove(tick->rests, uuid);
    g_ptr_array_add(tick->landed, g_ptr_array_steal_index(tick->trips, index));
    tell(tick, &(VbTickEvent){.call = VB_TICK_LAND,
                              .uuid = uuid,
                              .outcomes = outcomes,
                              .yes = failed,
                              .now_ns = now_ns});
}

/* --- what is decided ------------------------------------------------------------------------ */

static VbVerdict *
verdict_new(VbDecision *decision)
{
    VbVerdict *verdict = g_new0(VbVerdict, 1);
    verdict->decision = decision;
    verdict->guests = g_ptr_array_new_with_free_func(g_free);
    verdict->departing = g_ptr_array_new();
    return verdict;
}

static gboolean
is_free(const VbTick *tick, const VbGuest *guest, gint64 now_ns)
{
    const VbRest *rest = g_hash_table_lookup(tick->rests, guest->uuid);
    return vb_tick_opted_in(guest, tick->config) &&
           !g_hash_table_contains(tick->held, guest->uuid) &&
           vb_tick_trip(tick, guest->uuid) == NULL &&
           (rest == NULL || rest->until_ns <= now_ns);
}

/* (transfer container): UUIDs of those that may be decided on, ending with NULL. */
static GPtrArray *
choose(const VbTick *tick, const VbSnapshot *snapshot, gint64 now_ns)
{
    GPtrArray *uuids = g_ptr_array_new();
    for (guint i = 0; i < snapshot->guests->len; i++) {
        const VbGuest *guest = g_ptr_array_index(snapshot->guests, i);
        if (is_free(tick, guest, now_ns))
            g_ptr_array_add(uuids, guest->uuid);
    }
    g_ptr_array_add(uuids, NULL);
    return uuids;
}

static VbVerdict *
decide(VbTick *tick, gint64 now_ns, GError **error)
{
    g_autoptr(VbSnapshot) snapshot = vb_tick_snapshot(tick);
    g_autoptr(GPtrArray) uuids = choose(tick, snapshot, now_ns);
    if (uuids->len == 1)
        return NULL;
    VbPlanRequest request = {.guests = (const char *const *)(void *)uuids->pdata};
    VbDecision *decision = vb_engine_decide(snapshot, tick->config, &request, error);
    if (decision == NULL)
        return NULL;
    VbVerdict *verdict = verdict_new(decision);
    vb_model_lean(tick->model, decision->plan);
    for (guint i = 0; i + 1 < uuids->len; i++)
        g_ptr_array_add(verdict->guests, g_strdup(g_ptr_array_index(uuids, i)));
    if (!tick->watching)
        depart_all(tick, verdict);
    return verdict;
}

VbVerdict *
vb_tick_decide(VbTick *tick, gint64 now_ns, GError **error)
{
    VbVerdict *verdict = decide(tick, now_ns, error);
    tell(tick, &(VbTickEvent){.call = VB_TICK_DECIDE, .now_ns = now_ns, .verdict = verdict});
    return verdict;
}

/* The newcomer as a model sees it; the tick's own learns of it with the next look at all. */
static VbGuest *
meet(const VbObservation *alone)
{
    g_autoptr(VbModel) model = vb_model_new();
    vb_model_fold(model, alone);
    g_autoptr(VbSnapshot) snapshot = vb_model_snapshot(model);
    return vb_guest_copy(g_ptr_array_index(snapshot->guests, 0));
}

static VbVerdict *
place(VbTick *tick, const VbObservation *alone, GError **error)
{
    g_autoptr(VbGuest) newcomer = meet(alone);
    g_autoptr(VbSnapshot) known = vb_model_snapshot(tick->model);
    const VbGuest *same = vb_snapshot_find(known, newcomer->uuid);
    if (!vb_tick_opted_in(newcomer, tick->config) || (same != NULL && vb_guest_home(same) != 0))
        return NULL;
    g_hash_table_replace(tick->newcomers, g_strdup(newcomer->uuid), vb_guest_copy(newcomer));
    g_autoptr(VbSnapshot) snapshot = vb_tick_snapshot(tick);
    /* All else as last looked at, but with what is free by now. */
    snapshot->topology = alone->topology;
    VbDecision *decision = vb_newcomer_decide(snapshot, tick->config, newcomer->uuid, error);
    if (decision == NULL)
        return NULL;
    VbVerdict *verdict = verdict_new(decision);
    g_ptr_array_add(verdict->guests, g_strdup(newcomer->uuid));
    if (decision->plan->actions->len > 0 && !tick->watching) {
        VbTrip *trip = vb_trip_new(decision->plan, newcomer->uuid);
        trip->initial = TRUE;
        g_ptr_array_add(tick->trips, trip);
        g_ptr_array_add(verdict->departing, trip);
    }
    return verdict;
}

VbVerdict *
vb_tick_place(VbTick *tick, const VbObservation *alone, GError **error)
{
    VbVerdict *verdict = place(tick, alone, error);
    tell(tick, &(VbTickEvent){.call = VB_TICK_PLACE, .seen = alone, .verdict = verdict});
    return verdict;
}

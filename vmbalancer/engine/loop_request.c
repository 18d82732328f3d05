/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/loop_request.h"
#include "engine/errand_private.h"
#include <vmbalancer/error.h>

#define REQUESTS_MAX 256
/* Anybody may ask for looks: how far apart they are, at least. */
#define LOOK_PAUSE_US G_USEC_PER_SEC
/* What a second look settles. */
static const char *const unsettled[] = {"unconfirmed", "unknown", NULL};
#define LOOKS_MAX 2

/* Who waits for a look. */
typedef struct {
    guint after;  /* looks that had begun when it was asked for */
    VbLoopLooked looked;
    gpointer user_data;
} Request;

/* Who waits for a plan. */
typedef struct {
    VbLoop *loop;
    VbAsk ask;
    guint looks;
    VbLoopPlanned planned;
    gpointer user_data;
} Plan;

VbSnapshot *
vb_loop_seen(VbLoop *loop)
{
    return loop->full != NULL ? vb_model_snapshot(vb_tick_model(loop->tick)) : NULL;
}

const VbConfig *
vb_loop_config(VbLoop *loop)
{
    return loop->config;
}

gboolean
vb_loop_keeps(VbLoop *loop, const VbGuest *guest)
{
    const VbWard *ward = g_hash_table_lookup(loop->wards, guest->uuid);
    return vb_tick_opted_in(guest, loop->config) && (ward == NULL || !ward->released);
}

gboolean
vb_loop_flies(VbLoop *loop, const char *uuid)
{
    return vb_loop_flight(loop, uuid) != NULL;
}

VbChores *
vb_loop_chores(VbLoop *loop)
{
    return loop->chores;
}

/* --- looks ---------------------------------------------------------------------------------- */

static GError *
why_not(const VbLoop *loop)
{
    if (loop->stopping)
        return g_error_new_literal(VB_ERROR, VB_ERROR_CANCELLED, "vmbalancerd stops");
    if (!loop->connected)
        return g_error_new_literal(VB_ERROR, VB_ERROR_UNREACHABLE,
                                   "vmbalancerd is not connected to libvirt: see its log");
    if (loop->requests->len >= REQUESTS_MAX)
        return g_error_new(VB_ERROR, VB_ERROR_FAILED,
                           "%d requests wait already: try again in a moment", REQUESTS_MAX);
    return NULL;
}

void
vb_loop_look_anew(VbLoop *loop, VbLoopLooked looked, gpointer user_data)
{
    g_autoptr(GError) error = why_not(loop);
    if (error != NULL) {
        looked(error, user_data);
        return;
    }
    Request request = {loop->looks_begun, looked, user_data};
    g_array_append_val(loop->requests, request);
    gint64 due_us = loop->looked_us + MAX(loop->look_us, LOOK_PAUSE_US);
    gint64 wait_us = loop->looked_us > 0 ? due_us - g_get_monotonic_time() : 0;
    vb_loop_schedule(loop, (guint)(MAX(wait_us, 0) / 1000));
}

GArray *
vb_loop_requests_new(void)
{
    return g_array_new(FALSE, FALSE, sizeof(Request));
}

/* Those who are answered may ask again at once: they are taken off first. */
void
vb_loop_answer(VbLoop *loop, guint serial, const GError *error)
{
    g_autoptr(GArray) ready = vb_loop_requests_new();
    for (guint i = loop->requests->len; i-- > 0;) {
        Request request = g_array_index(loop->requests, Request, i);
        if (request.after >= serial)
            continue;
        g_array_prepend_val(ready, request);
        g_array_remove_index(loop->requests, i);
    }
    for (guint i = 0; i < ready->len; i++) {
        const Request *request = &g_array_index(ready, Request, i);
        request->looked(error, request->user_data);
    }
}

void
vb_loop_refuse(VbLoop *loop)
{
    g_autoptr(GError) error = why_not(loop);
    vb_loop_answer(loop, G_MAXUINT, error);
}

/* --- plans ---------------------------------------------------------------------------------- */

void
vb_ask_init(VbAsk *ask, const VbPlanRequest *request)
{
    ask->request = *request;
    ask->guests = g_strdupv((char **)request->guests);
    ask->policy = g_strdup(request->policy);
    ask->request.guests = (const char *const *)ask->guests;
    ask->request.policy = ask->policy;
}

void
vb_ask_clear(VbAsk *ask)
{
    g_strfreev(ask->guests);
    g_free(ask->policy);
}

static gboolean
wants_another_look(const VbDecision *decision)
{
    for (guint i = 0; i < decision->plan->declined->len; i++) {
        const VbDecline *decline = g_ptr_array_index(decision->plan->declined, i);
        if (g_strv_contains(unsettled, decline->code))
            return TRUE;
    }
    return FALSE;
}

/* (transfer container) UUIDs of those that were released, ending with NULL. */
static GPtrArray *
list_released(VbLoop *loop)
{
    GPtrArray *uuids = g_ptr_array_new();
    GHashTableIter iter;
    gpointer uuid, ward;
    g_hash_table_iter_init(&iter, loop->wards);
    while (g_hash_table_iter_next(&iter, &uuid, &ward))
        if (((const VbWard *)ward)->released)
            g_ptr_array_add(uuids, uuid);
    g_ptr_array_add(uuids, NULL);
    return uuids;
}

static void
on_looked_for_plan(const GError *error, gpointer data)
{
    Plan *plan = data;
    VbLoop *loop = plan->loop;
    g_autoptr(GError) why = error != NULL ? g_error_copy(error) : NULL;
    g_autoptr(VbDecision) decision = NULL;
    if (why == NULL) {
        g_autoptr(VbSnapshot) snapshot = vb_tick_snapshot(loop->tick);
        g_autoptr(GPtrArray) released = list_released(loop);
        VbPlanRequest request = plan->ask.request;
        request.cause = VB_CAUSE_MANUAL;
        request.except = (const char *const *)(void *)released->pdata;
        decision = vb_engine_decide(snapshot, loop->config, &request, &why);
    }
    if (decision != NULL && ++plan->looks < LOOKS_MAX && wants_another_look(decision)) {
        vb_loop_look_anew(loop, on_looked_for_plan, plan);
        return;
    }
    plan->planned(g_steal_pointer(&decision), why, plan->user_data);
    vb_ask_clear(&plan->ask);
    g_free(plan);
}

void
vb_loop_plan(VbLoop *loop, const VbPlanRequest *request, VbLoopPlanned planned, gpointer user_data)
{
    Plan *plan = g_new0(Plan, 1);
    plan->loop = loop;
    vb_ask_init(&plan->ask, request);
    plan->planned = planned;
    plan->user_data = user_data;
    vb_loop_look_anew(loop, on_looked_for_plan, plan);
}

/* --- pause ---------------------------------------------------------------------------------- */

void
vb_loop_pause(VbLoop *loop, gboolean paused)
{
    if (loop->paused == paused)
        return;
    loop->paused = paused;
    if (!paused) {
        vb_pace_hurry(&loop->pace);
        vb_loop_schedule(loop, 0);
    }
    vb_loop_tell_state(loop);
}

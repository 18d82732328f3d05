/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/codec.h"
#include "daemon/bus_private.h"
#include "engine/advise.h"
#include "engine/document.h"

/* A call that waits for the loop, with what is to be told on a thread. */
typedef struct {
    VbCall *call;
    JsonNode *(*document)(const VbSnapshot *snapshot);
    VbSnapshot *snapshot;
} Telling;

typedef struct {
    VbCall *call;
    VbAdviceRequest request;
} Advising;

/* --- status and snapshot -------------------------------------------------------------------- */

static void
telling_free(gpointer data)
{
    Telling *telling = data;
    vb_snapshot_free(telling->snapshot);
    g_free(telling);
}

static GVariant *
work_telling(gpointer data, GError **error)
{
    const Telling *telling = data;
    return g_variant_new("(@s)", vb_bus_json(telling->document(telling->snapshot)));
}

static void
on_looked(const GError *error, gpointer data)
{
    Telling *telling = data;
    VbCall *call = telling->call;
    if (error != NULL) {
        vb_call_fail(call, error);
        telling_free(telling);
        return;
    }
    telling->snapshot = vb_loop_seen(call->bus->loop);
    vb_call_work(call, work_telling, telling, telling_free);
}

static void
tell(VbCall *call, JsonNode *(*document)(const VbSnapshot *snapshot))
{
    g_autoptr(GVariant) options = g_variant_get_child_value(vb_call_arguments(call), 0);
    g_autoptr(GError) error = NULL;
    gboolean fresh = FALSE;
    const VbBusOption known[] = {{"fresh", "b", &fresh}, {NULL}};
    if (!vb_bus_options_read(options, known, &error)) {
        vb_call_fail(call, error);
        return;
    }
    Telling *telling = g_new0(Telling, 1);
    telling->call = call;
    telling->document = document;
    g_autoptr(VbSnapshot) seen = vb_loop_seen(call->bus->loop);
    if (fresh || seen == NULL)
        vb_loop_look_anew(call->bus->loop, on_looked, telling);
    else
        on_looked(NULL, telling);
}

static void
get_status(VbCall *call)
{
    tell(call, vb_codec_status);
}

static void
get_snapshot(VbCall *call)
{
    tell(call, vb_codec_snapshot);
}

/* --- plan ----------------------------------------------------------------------------------- */

static void
free_decision(gpointer decision)
{
    vb_decision_free(decision);
}

static GVariant *
work_plan(gpointer data, GError **error)
{
    const VbDecision *decision = data;
    return g_variant_new("(@s@s)",
                         vb_bus_json(vb_codec_plan(decision->plan, decision->predicted)),
                         vb_bus_json(vb_codec_snapshot(decision->before)));
}

static void
on_planned(VbDecision *decision, const GError *error, gpointer data)
{
    VbCall *call = data;
    if (decision == NULL)
        vb_call_fail(call, error);
    else
        vb_call_work(call, work_plan, decision, free_decision);
}

static void
plan(VbCall *call)
{
    g_autofree const char **guests = NULL;
    g_autoptr(GVariant) options = NULL;
    g_autoptr(GError) error = NULL;
    g_auto(VbBusRequest) request = {0};
    g_variant_get(vb_call_arguments(call), "(^a&s@a{sv})", &guests, &options);
    if (vb_bus_request_read(guests, options, FALSE, &request, &error))
        vb_loop_plan(call->bus->loop, &request.request, on_planned, call);
    else
        vb_call_fail(call, error);
}

/* --- advise --------------------------------------------------------------------------------- */

static void
on_looked_for_advice(const GError *error, gpointer data)
{
    g_autofree Advising *advising = data;
    VbCall *call = advising->call;
    VbLoop *loop = call->bus->loop;
    g_autoptr(GError) why = error != NULL ? g_error_copy(error) : NULL;
    g_autoptr(VbSnapshot) seen = why == NULL ? vb_loop_seen(loop) : NULL;
    g_autoptr(VbAdvice) advice =
        seen != NULL ? vb_advise(seen, vb_loop_config(loop), &advising->request, &why) : NULL;
    if (advice == NULL) {
        vb_call_fail(call, why);
        return;
    }
    g_autofree char *nodes = vb_nodeset_format(advice->nodes);
    vb_call_return(call, g_variant_new("(s@s)", nodes, vb_bus_json(vb_advice_json(advice))));
}

static void
advise(VbCall *call)
{
    g_autoptr(GVariant) options = NULL;
    g_autoptr(GError) error = NULL;
    Advising *advising = g_new0(Advising, 1);
    VbAdviceRequest *request = &advising->request;
    const VbBusOption known[] = {{"page-size", "t", &request->page_size}, {NULL}};
    advising->call = call;
    g_variant_get(vb_call_arguments(call), "(ut@a{sv})", &request->vcpus, &request->bytes,
                  &options);
    if (vb_bus_options_read(options, known, &error)) {
        vb_loop_look_anew(call->bus->loop, on_looked_for_advice, advising);
        return;
    }
    vb_call_fail(call, error);
    g_free(advising);
}

/* --- release, rebalance, pause -------------------------------------------------------------- */

typedef struct {
    VbCall *call;
    char *guest;
} Releasing;

static void
on_released(const VbRelease *release, const GError *error, gpointer data)
{
    g_autofree Releasing *releasing = data;
    g_autofree char *guest = releasing->guest;
    if (error != NULL)
        vb_call_fail(releasing->call, error);
    else
        vb_call_return(releasing->call,
                       g_variant_new("(@s)", vb_bus_json(vb_document_release(guest, release))));
}

void
vb_bus_release(VbCall *call, const char *guest)
{
    Releasing *releasing = g_new(Releasing, 1);
    *releasing = (Releasing){call, g_strdup(guest)};
    vb_loop_release(call->bus->loop, guest, on_released, releasing);
}

static void
release(VbCall *call)
{
    const char *guest = NULL;
    g_variant_get(vb_call_arguments(call), "(&s)", &guest);
    vb_bus_release(call, guest);
}

static void
rebalance(VbCall *call)
{
    g_autofree const char **guests = NULL;
    g_autoptr(GVariant) options = NULL;
    g_variant_get(vb_call_arguments(call), "(^a&s@a{sv})", &guests, &options);
    vb_bus_rebalance(call, guests, options);
}

static void
history(VbCall *call)
{
    g_autofree const char **guests = NULL;
    g_autoptr(GVariant) options = NULL;
    g_variant_get(vb_call_arguments(call), "(^a&s@a{sv})", &guests, &options);
    vb_bus_history(call, guests, options);
}

static void
pause_loop(VbCall *call)
{
    vb_loop_pause(call->bus->loop, TRUE);
    vb_call_return(call, NULL);
}

static void
resume_loop(VbCall *call)
{
    vb_loop_pause(call->bus->loop, FALSE);
    vb_call_return(call, NULL);
}

static const VbCallRow rows[] = {
    {"GetStatus", VB_RIGHT_READ, get_status, NULL},
    {"GetSnapshot", VB_RIGHT_READ, get_snapshot, NULL},
    {"Plan", VB_RIGHT_READ, plan, NULL},
    {"Advise", VB_RIGHT_READ, advise, NULL},
    {"History", VB_RIGHT_READ, history, NULL},
    {"Rebalance", VB_RIGHT_REBALANCE, rebalance, NULL},
    {"Release", VB_RIGHT_RELEASE, release, NULL},
    {"Pause", VB_RIGHT_PAUSE, pause_loop, NULL},
    {"Resume", VB_RIGHT_PAUSE, resume_loop, NULL},
    {"StartRecording", VB_RIGHT_RECORD, vb_bus_start_recording, NULL},
    {"StopRecording", VB_RIGHT_RECORD, vb_bus_stop_recording, NULL},
    {NULL},
};

void
vb_bus_host_turned(VbBus *bus, const VbLoopState *state)
{
    vb_bus_host_set_connected(bus->host, state->connected);
    vb_bus_host_set_paused(bus->host, state->paused);
    vb_bus_host_set_guests(bus->host, state->guests);
    vb_bus_host_set_opted_in(bus->host, state->opted_in);
    vb_bus_recorded(bus);
    vb_bus_host_set_in_flight(bus->host, state->in_flight);
}

VbBusHost *
vb_bus_host_new(VbBus *bus, const char *uri)
{
    VbBusHost *host = vb_bus_host_skeleton_new();
    g_autofree char *text = g_utf8_make_valid(uri, -1);
    vb_bus_host_set_version(host, VB_VERSION);
    vb_bus_host_set_uri(host, text);
    vb_calls_answer(bus, G_DBUS_INTERFACE_SKELETON(host), rows);
    vb_calls_answer(bus, G_DBUS_INTERFACE_SKELETON(host), vb_bus_policy_rows);
    return host;
}

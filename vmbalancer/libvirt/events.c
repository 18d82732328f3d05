/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libvirt/events.h"

#include "libvirt/uri.h"
#include <gio/gio.h>

#define PAUSE_FIRST_MS 1000
#define PAUSE_LONGEST_MS 30000

/* Of one link: a link that is given up may still tell something, which nobody wants. */
struct VbEventSink {
    VbEvents *events; /* NULL once the link is given up; the context's alone */
    GMainContext *context;
};

struct VbEvents {
    const VbEventLinkOps *ops;
    char *uri;
    VbEventPauses pauses;
    VbEventFunc func;
    gpointer user_data;
    GMainContext *context;
    GCancellable *cancellable; /* of the attempt under way */
    VbEventSink *sink;         /* of the attempt or link */
    gpointer link;             /* NULL while there is none */
    char *lost;                /* why the link of the attempt under way is dead already; NULL if it is not */
    GSource *pause;            /* until the next attempt */
    guint pause_ms;            /* how long the next one is */
};

/* An event on its way into the consumer's context. */
typedef struct {
    VbEventSink *sink;
    VbEvent event;
} Parcel;

/* An attempt, on its thread. */
typedef struct {
    const VbEventLinkOps *ops;
    char *uri;
    VbEventSink *sink;
} Attempt;

static void attempt(VbEvents *events);

static VbEventSink *
sink_new(VbEvents *events)
{
    VbEventSink *sink = g_atomic_rc_box_new0(VbEventSink);
    sink->events = events;
    sink->context = g_main_context_ref(events->context);
    return sink;
}

static void
sink_clear(gpointer data)
{
    VbEventSink *sink = data;
    g_main_context_unref(sink->context);
}

VbEventSink *
vb_event_sink_ref(VbEventSink *sink)
{
    return g_atomic_rc_box_acquire(sink);
}

void
vb_event_sink_unref(VbEventSink *sink)
{
    if (sink != NULL)
        g_atomic_rc_box_release_full(sink, sink_clear);
}

static void
parcel_free(gpointer data)
{
    Parcel *parcel = data;
    vb_event_sink_unref(parcel->sink);
    g_free(parcel->event.uuid);
    g_free(parcel->event.name);
    g_free(parcel);
}

static void
tell(VbEvents *events, VbEventKind kind, const char *why)
{
    VbEvent event = {.kind = kind, .name = (char *)why};
    events->func(&event, events->user_data);
}

static void
close_link(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    gpointer *both = data;
    ((const VbEventLinkOps *)both[0])->close(both[1]);
    g_task_return_boolean(task, TRUE);
}

/* Saying goodbye to a libvirtd that hangs would hang us too: it has a thread of its own. */
static void
give_up_link(VbEvents *events)
{
    g_cancellable_cancel(events->cancellable);
    g_clear_object(&events->cancellable);
    g_clear_pointer(&events->lost, g_free);
    if (events->sink != NULL) {
        events->sink->events = NULL;
        g_clear_pointer(&events->sink, vb_event_sink_unref);
    }
    if (events->link == NULL)
        return;
    gpointer *both = g_new0(gpointer, 2);
    both[0] = (gpointer)events->ops;
    both[1] = g_steal_pointer(&events->link);
    g_autoptr(GTask) task = g_task_new(NULL, NULL, NULL, NULL);
    g_task_set_task_data(task, both, g_free);
    g_task_run_in_thread(task, close_link);
}

static gboolean
on_pause_over(gpointer data)
{
    VbEvents *events = data;
    g_clear_pointer(&events->pause, g_source_unref);
    attempt(events);
    return G_SOURCE_REMOVE;
}

static void
pause_then_attempt(VbEvents *events)
{
    events->pause = g_timeout_source_new(events->pause_ms);
    events->pause_ms = MIN(events->pause_ms * 2, events->pauses.longest_ms);
    g_source_set_callback(events->pause, on_pause_over, events, NULL);
    g_source_attach(events->pause, events->context);
}

static void
lose_link(VbEvents *events, const char *why)
{
    give_up_link(events);
    pause_then_attempt(events);
    tell(events, VB_EVENT_DISCONNECTED, why);
}

static gboolean
deliver(gpointer data)
{
    const Parcel *parcel = data;
    VbEvents *events = parcel->sink->events;
    if (events == NULL)
        return G_SOURCE_REMOVE;
    if (parcel->event.kind != VB_EVENT_DISCONNECTED)
        events->func(&parcel->event, events->user_data);
    else if (events->link != NULL)
        lose_link(events, parcel->event.name);
    else if (events->lost == NULL)
        events->lost = g_strdup(parcel->event.name);
    return G_SOURCE_REMOVE;
}

void
vb_event_sink_push(VbEventSink *sink, VbEventKind kind, const char *uuid, const char *name)
{
    Parcel *parcel = g_new0(Parcel, 1);
    parcel->sink = vb_event_sink_ref(sink);
    parcel->event.kind = kind;
    parcel->event.uuid = g_strdup(uuid);
    parcel->event.name = name != NULL ? g_utf8_make_valid(name, -1) : NULL;
    g_autoptr(GSource) source = g_idle_source_new();
    g_source_set_priority(source, G_PRIORITY_DEFAULT);
    g_source_set_callback(source, deliver, parcel, parcel_free);
    g_source_attach(source, sink->context);
}

static void
attempt_free(gpointer data)
{
    Attempt *try = data;
    vb_event_sink_unref(try->sink);
    g_free(try->uri);
    g_free(try);
}

static void
run_attempt(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    const Attempt *try = data;
    g_autoptr(GError) error = NULL;
    gpointer link = try->ops->open(try->uri, try->sink, &error);
    if (link == NULL)
        g_task_return_error(task, g_steal_pointer(&error));
    else
        g_task_return_pointer(task, link, (GDestroyNotify)try->ops->close);
}

static void
on_attempt_done(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(GError) error = NULL;
    gpointer link = g_task_propagate_pointer(G_TASK(result), &error);
    /* Cancelled: the events are gone, and with them what @data points to. */
    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return;
    VbEvents *events = data;
    if (link == NULL) {
        lose_link(events, error->message);
        return;
    }
    events->link = link;
    /* It was gone before we heard that it is there, and will not say so again. */
    if (events->lost != NULL) {
        g_autofree char *why = g_steal_pointer(&events->lost);
        lose_link(events, why);
        return;
    }
    events->pause_ms = events->pauses.first_ms;
    tell(events, VB_EVENT_CONNECTED, NULL);
}

static void
attempt(VbEvents *events)
{
    Attempt *try = g_new0(Attempt, 1);
    events->sink = sink_new(events);
    events->cancellable = g_cancellable_new();
    try->ops = events->ops;
    try->uri = g_strdup(events->uri);
    try->sink = vb_event_sink_ref(events->sink);
    g_autoptr(GTask) task = g_task_new(NULL, events->cancellable, on_attempt_done, events);
    g_task_set_task_data(task, try, attempt_free);
    g_task_set_return_on_cancel(task, TRUE);
    g_task_run_in_thread(task, run_attempt);
}

VbEvents *
vb_events_new(const VbEventLinkOps *ops, const char *uri, const VbEventPauses *pauses,
              VbEventFunc func, gpointer user_data)
{
    VbEvents *events = g_new0(VbEvents, 1);
    events->ops = ops;
    events->uri = vb_uri_choose(uri);
    events->pauses = (VbEventPauses){PAUSE_FIRST_MS, PAUSE_LONGEST_MS};
    if (pauses != NULL && pauses->first_ms > 0)
        events->pauses = *pauses;
    events->pause_ms = events->pauses.first_ms;
    events->func = func;
    events->user_data = user_data;
    events->context = g_main_context_ref_thread_default();
    attempt(events);
    return events;
}

void
vb_events_free(VbEvents *events)
{
    if (events == NULL)
        return;
    give_up_link(events);
    if (events->pause != NULL) {
        g_source_destroy(events->pause);
        g_source_unref(events->pause);
    }
    g_main_context_unref(events->context);
    g_free(events->uri);
    g_free(events);
}

const char *
vb_event_kind_name(VbEventKind kind)
{
    static const char *const names[] = {
        [VB_EVENT_CONNECTED] = "connected", [VB_EVENT_DISCONNECTED] = "disconnected",
        [VB_EVENT_STARTED] = "started",     [VB_EVENT_STOPPED] = "stopped",
        [VB_EVENT_PAUSED] = "paused",       [VB_EVENT_RESUMED] = "resumed",
        [VB_EVENT_DEFINED] = "defined",     [VB_EVENT_METADATA] = "metadata",
        [VB_EVENT_TUNABLE] = "tunable",     [VB_EVENT_DEVICE] = "device",
        [VB_EVENT_MIGRATING] = "migrating", [VB_EVENT_JOB_DONE] = "job-done",
    };
    return names[kind];
}

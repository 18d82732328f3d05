/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * What happens to the hypervisor's guests, told as it happens. A broken connection is made anew
 * with growing pauses; after each VB_EVENT_CONNECTED, the first too, events may have been missed:
 * the consumer lists and rebuilds all before it acts. The subscription stands before CONNECTED is
 * told, so that what happens during the listing is told as well.
 */

typedef enum {
    VB_EVENT_CONNECTED,    /**< of the hypervisor as a whole: no uuid */
    VB_EVENT_DISCONNECTED, /**< likewise; @name says why */
    VB_EVENT_STARTED,      /**< it started, was restored, or arrived by migration */
    VB_EVENT_STOPPED,      /**< it ended, was saved, or left by migration */
    VB_EVENT_PAUSED,
    VB_EVENT_RESUMED,
    VB_EVENT_DEFINED,      /**< its configuration was written or removed */
    VB_EVENT_METADATA,
    VB_EVENT_TUNABLE,      /**< pins or other tunables changed, by us or by others */
    VB_EVENT_DEVICE,       /**< a device came or went */
    VB_EVENT_MIGRATING,    /**< it is on its way to another host */
    VB_EVENT_JOB_DONE,     /**< a long job of libvirt's on it ended */
} VbEventKind;

typedef struct {
    VbEventKind kind;
    char *uuid; /**< NULL for the hypervisor as a whole */
    char *name; /**< valid UTF-8, but the owner's text; NULL if unknown */
} VbEvent;

/** Called in the consumer's GMainContext. */
typedef void (*VbEventFunc)(const VbEvent *event, gpointer user_data);

/** Where a link's events go; counted, safe from any thread. What comes after the end is dropped. */
typedef struct VbEventSink VbEventSink;
VbEventSink *vb_event_sink_ref(VbEventSink *sink);
void vb_event_sink_unref(VbEventSink *sink);
/** @uuid, @name: (nullable). VB_EVENT_DISCONNECTED: the link broke, it will be closed. */
void vb_event_sink_push(VbEventSink *sink, VbEventKind kind, const char *uuid, const char *name);

/** How to subscribe. Real: vb_event_link_ops(); tests put a fake in its place. */
typedef struct {
    /**
     * Connects and subscribes to everything; blocks, on a thread of its own.
     * Returns: (transfer full): the link, NULL with VB_ERROR_UNREACHABLE or another error
     */
    gpointer (*open)(const char *uri, VbEventSink *sink, GError **error);
    /** Ends the link; blocks, on a thread of its own. */
    void (*close)(gpointer link);
} VbEventLinkOps;

/**
 * Returns: (transfer none): subscribes to libvirt. The default GMainContext must be iterated from
 * now on: libvirt's own sockets and timers are served there.
 */
const VbEventLinkOps *vb_event_link_ops(void);

/** How long to pause between attempts to connect. All zero: 1 s, doubling up to 30 s. */
typedef struct {
    guint first_ms;
    guint longest_ms;
} VbEventPauses;

typedef struct VbEvents VbEvents;

/**
 * Begins to connect, and delivers to @func in the thread-default GMainContext of the caller.
 * @uri: (nullable): as vb_hypervisor_connect()
 * @pauses: (nullable)
 */
VbEvents *vb_events_new(const VbEventLinkOps *ops, const char *uri, const VbEventPauses *pauses,
                        VbEventFunc func, gpointer user_data);
/** @func is not called any more; an attempt or a goodbye that hangs goes on without us. */
void vb_events_free(VbEvents *events);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbEvents, vb_events_free)

/** "connected", "started", ... */
const char *vb_event_kind_name(VbEventKind kind);

G_END_DECLS

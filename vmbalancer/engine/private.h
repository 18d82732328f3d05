/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/model.h"
#include "engine/engine.h"

G_BEGIN_DECLS

/* The engine's inside, shared by its files only. */
struct VbEngine {
    VbConfig *config;
    VbHypervisor *hypervisor;
    VbMover *mover;          /* for looking; moves have movers of their own */
    GMutex mover_lock;       /* find_ram() runs on several workers */
    VbBucket *common;        /* keeps the configuration's rate: of all runs together */
    VbObserver observer;
    VbModel *model;
    VbObservation *full;     /* the last full look */
    guint deadline_ms;
    const char *who;         /* in the history */
    void (*warn)(const char *text);
    int unrecorded;          /* atomic: the last entries could not be written, and that was told */
    int unlent;              /* atomic: that no hugepages can be borrowed was told */
    int unheated;            /* atomic: that hot parts cannot be told was */
};

/* pools.c */

/** Lends hugepages for the engine's moves. */
VbBroker vb_engine_broker(const VbEngine *engine);
/** What the configuration says of the host: its nodes' reserves, and what may be borrowed. */
void vb_engine_apply_host(VbEngine *engine, VbObservation *host);
/** As vb_broker_settle(); that it fails is left to the next time. */
void vb_engine_settle(const VbEngine *engine, VbBrokerEnded ended, gpointer user_data);
/** Tells what went wrong beside. */
void vb_engine_warn(const VbEngine *engine, const GError *error);

/** Appends to the history; that it fails is told once, and changes nothing. @entries: (element-type VbEntry) */
void vb_engine_record(VbEngine *engine, const GPtrArray *entries);
/** Under the guest's lock, and for the history. @guest: its name and UUID. Errors: vb_engine_release() */
gboolean vb_engine_release_pins(VbEngine *engine, const VbPlacement *placement,
                                const VbDomain *guest, const char *reason, VbRelease *ret,
                                GError **error);

G_END_DECLS

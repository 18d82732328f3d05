/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/failure.h"
#include "daemon/bus.h"
#include "daemon/bus_call.h"
#include "daemon/bus_options.h"
#include "engine/loop_request.h"
#include <bus_generated.h>

G_BEGIN_DECLS

/* The bus's inside, shared by its files only. */

typedef struct VbBusJobEntry VbBusJobEntry;

struct VbBus {
    VbLoop *loop;
    VbReach *reach;
    VbAuthority *authority;
    GDBusConnection *connection; /* NULL: there is none */
    GCancellable *cancellable;   /* of reaching it */
    gulong closed_handler;
    guint name;                  /* the owning of the name, 0: not asked for */
    guint retry;                 /* the source of the next try, 0: none */
    guint retry_s;
    gboolean told;               /* that there is no bus, or not the name */
    VbBusHost *host;
    GDBusObjectManagerServer *objects;
    GHashTable *guests;          /* uuid -> VbBusGuest */
    GPtrArray *jobs;             /* (element-type VbBusJobEntry), oldest first */
    guint last_job;
};

/* bus_host.c, bus_policy.c */

VbBusHost *vb_bus_host_new(VbBus *bus, const char *uri);
void vb_bus_host_turned(VbBus *bus, const VbLoopState *state);
extern const VbCallRow vb_bus_policy_rows[];

/** Answers Release() of the host or of a guest. */
void vb_bus_release(VbCall *call, const char *guest);

/* bus_history.c */

/** Answers History() of the host or of a guest. @guests: (nullable) */
void vb_bus_history(VbCall *call, const char *const *guests, GVariant *options);

/* bus_record.c */

void vb_bus_start_recording(VbCall *call);
void vb_bus_stop_recording(VbCall *call);

/* bus_guest.c */

/** Guest objects come, change and go as the guests do. */
void vb_bus_guests_sync(VbBus *bus);

/* bus_job.c */

/** Answers Rebalance() of the host or of a guest. @guests: (nullable) */
void vb_bus_rebalance(VbCall *call, const char *const *guests, GVariant *options);
void vb_bus_job_free(VbBusJobEntry *job);

G_END_DECLS

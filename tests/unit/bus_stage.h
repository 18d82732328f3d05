/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "daemon/bus.h"
#include "loop_stage.h"

G_BEGIN_DECLS

#define HOST "/org/vmbalancer1"
#define UNTIL LOOP_STAGE_UNTIL

/* Says what it is told to say. */
typedef struct {
    VbAuthority base;
    gboolean refuses;
    guint asked;
    char *right; /* that was asked for last */
} FakeAuthority;

/* The daemon on a private bus, and somebody who calls it. */
typedef struct {
    LoopStage loop;
    FakeAuthority authority;
    VbReach *reach; /* for policies; the loop's own unless it was set before */
    GTestDBus *daemon;
    VbBus *bus;
    GDBusConnection *client;
    GPtrArray *signals; /* (element-type utf8): "PATH MEMBER ARGUMENTS" */
} BusStage;

/** Guest n of @policies gets that policy (NULL: none of its own), 512 MiB on node 2. Ends with "". */
void bus_stage_set_up(BusStage *stage, const char *const *policies);
void bus_stage_tear_down(BusStage *stage);
/** Somebody else on that bus. */
GDBusConnection *bus_stage_client(const BusStage *stage);
/** The guest's object. Returns: (transfer full) */
char *bus_stage_guest(guint n);

/** Calls "Interface.Method" (after org.vmbalancer1.); the daemon's loop turns meanwhile. */
GVariant *bus_stage_call(BusStage *stage, const char *path, const char *method, GVariant *arguments,
                         GError **error);
/** As that, by another caller. */
GVariant *bus_stage_call_by(GDBusConnection *client, const char *path, const char *interface,
                            const char *method, GVariant *arguments, GError **error);
/** Asks to record to that file, which stays the caller's. Returns: FALSE if that was refused. */
gboolean bus_stage_record(BusStage *stage, int fd);
/** A property, as g_variant_print() writes it. "Interface.Property". (transfer full) */
char *bus_stage_property(BusStage *stage, const char *path, const char *property);
gboolean bus_stage_property_is(BusStage *stage, const char *path, const char *property,
                               const char *value);
/** TRUE if a signal was heard that matches @pattern, with * and ?. */
gboolean bus_stage_heard(const BusStage *stage, const char *pattern);
/** Asserts that @error is org.vmbalancer1.Error.@name with @part in its message, and clears it. */
void bus_stage_assert_error(GError **error, const char *name, const char *part);

G_END_DECLS

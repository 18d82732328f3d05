/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/engine.h"
#include "engine/guest_policy.h"
#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/*
 * What the daemon's loop sees with and acts with. Real: vb_reach_new(); tests put a fake in its
 * place. Every call blocks, under the deadlines of observe and libvirt, and is made on a worker
 * thread, several at a time.
 */
typedef struct VbReach VbReach;

typedef struct {
    /** A full look, which takes from @full (nullable) what nothing says has changed since, or one at
     *  the threads of the guests of @full. */
    VbObservation *(*look)(VbReach *reach, VbLookDepth depth, const VbObservation *full,
                           GError **error);
    /** A full look that has that guest alone; VB_ERROR_NO_GUEST if it does not run. */
    VbObservation *(*look_guest)(VbReach *reach, const char *uuid, GError **error);
    /**
     * Does a plan of one guest, as vb_engine_run().
     * @before: the host that it was made for
     * @progress: called on the same thread or another
     * Returns: (transfer full) (element-type VbOutcome), NULL with @error if nothing was tried
     */
    GPtrArray *(*run)(VbReach *reach, const VbPlan *plan, const VbSnapshot *before,
                      VbAskedRate rate, VbEngineProgress progress, gpointer user_data,
                      GCancellable *cancellable, GError **error);
    /** Gives a guest's pins back, as vb_engine_release(). */
    gboolean (*release)(VbReach *reach, const char *uuid, VbRelease *ret, GError **error);
    /** Gives back all pins, as the service stops: as vb_engine_release_all(). */
    GPtrArray *(*release_all)(VbReach *reach, GError **error);
    /** "vmbalancer.policy/1" of a guest, as vb_guest_policy_read(). Returns: (transfer full) */
    JsonNode *(*get_policy)(VbReach *reach, const char *guest, GError **error);
    /** As vb_guest_policy_write(). */
    gboolean (*set_policy)(VbReach *reach, const char *guest, const VbWish *wish, VbScope *scope,
                           GError **error);
    /** Uses another configuration from the next call on. */
    void (*configure)(VbReach *reach, VbConfig *config);
    /** The monotonic clock of the looks; does not block. */
    gint64 (*now_ns)(VbReach *reach);
    void (*free)(VbReach *reach);
} VbReachOps;

/** Implementations embed it first. */
struct VbReach {
    const VbReachOps *ops;
};

/**
 * The real one. Connects at the first call, not before, and anew when the mover died.
 * @uri: (nullable): as vb_hypervisor_connect()
 * @warn: (nullable): as VbEngineOptions.warn
 */
VbReach *vb_reach_new(const char *uri, VbConfig *config, void (*warn)(const char *text));
void vb_reach_free(VbReach *reach);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbReach, vb_reach_free)

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/*
 * Runs blocking calls on threads of its own, each with a deadline. A call that has not returned by
 * then is left behind: the caller goes on with VB_ERROR_TIMEOUT, and what the call still returns is
 * freed when it does. Calls queue in lanes: one lane does one call at a time, and a lane whose call
 * was left behind refuses further calls at once until that one returned. So a stuck guest holds up
 * its own lane only.
 *
 * Safe to use from any number of threads.
 */
typedef struct VbWorker VbWorker;

/** The lane of the connection as a whole: while its call is late, every lane refuses. */
#define VB_LANE_CONNECTION ""
/**
 * Most lanes whose calls may be late at once; beyond that every other lane than the connection's
 * refuses. Each holds one of libvirtd's workers (max_workers, 20) for as long as it is late.
 */
#define VB_LANES_LATE_MAX 4

/**
 * A blocking call, run on another thread. @cancellable: cancelled when nobody waits any more.
 * Returns: a non-NULL result, to be freed with the call's free_result; or NULL with @error.
 */
typedef gpointer (*VbWorkerFunc)(gpointer data, GCancellable *cancellable, GError **error);

/** What to call. */
typedef struct {
    const char *lane;  /**< VB_LANE_CONNECTION or a guest's UUID */
    const char *words; /**< what it does, for messages: "listing guests" */
    VbWorkerFunc func;
    gpointer data;              /**< (transfer full) */
    GDestroyNotify free_data;   /**< (nullable): on any thread, when the call is over */
    GDestroyNotify free_result; /**< (nullable): of a result that came too late */
} VbCall;

VbWorker *vb_worker_new(void);
/** Calls that were left behind go on and free what they hold. */
void vb_worker_free(VbWorker *worker);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbWorker, vb_worker_free)

/**
 * Runs a call and waits for it. The deadline counts the wait for the lane too.
 * Returns: (transfer full): the call's result, NULL with the call's error or VB_ERROR_TIMEOUT.
 */
gpointer vb_worker_run(VbWorker *worker, const VbCall *call, guint deadline_ms, GError **error);

/** TRUE while a call of that lane is left behind. */
gboolean vb_worker_is_late(VbWorker *worker, const char *lane);

G_END_DECLS

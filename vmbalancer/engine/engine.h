/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "act/run.h"
#include "core/decide.h"
#include "observe/observe.h"

G_BEGIN_DECLS

/*
 * Ties observe, core and act together. The one-shot command runs it in-process; calls block and belong
 * on a worker thread where something else must keep turning.
 */
typedef struct VbEngine VbEngine;

/** How to open an engine. All zero is the default. */
typedef struct {
    const char *uri;           /**< NULL: LIBVIRT_DEFAULT_URI, else qemu:///system */
    const char *config_path;   /**< that file alone; NULL: those of engine/files.h */
    VbConfig *config;          /**< (nullable): one that is read already, instead of @config_path */
    gboolean passthrough;      /**< may ask QEMU through libvirt; taints the guest */
    gboolean exact;            /**< RAM by numa_maps instead of samples */
    gboolean no_mover;         /**< neither see nor move RAM: all that giving pins back needs */
    guint deadline_ms;         /**< of each hypervisor call; 0 = 10 s */
    const char *who;           /**< who acts, in the history; not copied; NULL: "command" */
    void (*warn)(const char *text); /**< (nullable): told on any thread what goes wrong beside */
} VbEngineOptions;

/**
 * Reads the configuration, connects to libvirt, starts a mover.
 * @warnings: (element-type utf8): sentences for the user are added
 * Errors: VB_ERROR_INVALID (configuration), VB_ERROR_FAILED (mover), those of
 * vb_hypervisor_connect().
 */
VbEngine *vb_engine_open(const VbEngineOptions *options, GPtrArray *warnings, GError **error);
/**
 * The guests' hypervisor: libvirt, and beside it, where the configuration names QMP sockets, plain
 * QEMU. Then no libvirt is no error.
 * @warn: (nullable): told on any thread what is wrong with a socket
 * Returns: (transfer full), NULL with the errors of vb_hypervisor_connect()
 */
VbHypervisor *vb_engine_connect(const char *uri, const VbConfig *config, guint deadline_ms,
                                void (*warn)(const char *text), GError **error);
/** Returns: (transfer full): the URI that @uri (nullable) comes to. */
char *vb_engine_uri(const char *uri);
void vb_engine_close(VbEngine *engine);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbEngine, vb_engine_close)

/** How a look is taken. */
typedef enum {
    VB_LOOK_ONCE,     /**< one full look, with a window of thread looks before it */
    VB_LOOK_CONFIRM,  /**< two full looks, so that what is remote was seen twice */
} VbLookKind;

/**
 * Looks at the host for @window_ms and folds what was seen into the model.
 * @cancellable: (nullable)
 * Errors: VB_ERROR_UNREACHABLE or VB_ERROR_TIMEOUT (libvirt), VB_ERROR_CANCELLED, VB_ERROR_FAILED
 * for a host that makes no sense. VB_ERROR_INVALID is left to what users wrote.
 */
gboolean vb_engine_look(VbEngine *engine, VbLookKind kind, guint window_ms,
                        GCancellable *cancellable, GError **error);

/** Returns: (transfer full): the host as last looked at, with the configuration's reserves. */
VbSnapshot *vb_engine_snapshot(VbEngine *engine);
/** Returns: (transfer none): the last full look, NULL before the first. */
const VbObservation *vb_engine_observation(VbEngine *engine);
const VbConfig *vb_engine_config(VbEngine *engine);

/** The pace of what was asked for together. */
typedef struct {
    guint64 bytes_per_s; /**< of all its moves; 0 = the configuration's, of all runs at the same time together;
                              G_MAXUINT64 = none, nor that of each guest but what it asks itself */
    VbBucket *common;    /**< (nullable): keeps it where several runs share it; else a run has one of its own */
} VbAskedRate;

typedef void (*VbEngineProgress)(const VbRunProgress *progress, gpointer user_data);

/**
 * Does what was decided; blocks until it is done or cancelled.
 * @progress: (nullable): called on worker threads
 * Returns: (transfer full) (element-type VbOutcome): one for each action
 */
GPtrArray *vb_engine_run(VbEngine *engine, const VbDecision *decision, VbAskedRate rate,
                         VbEngineProgress progress, gpointer user_data,
                         GCancellable *cancellable);

/**
 * Gives a guest's pins back as they were.
 * @guest: name or UUID of a running guest
 * Errors: VB_ERROR_NO_GUEST, VB_ERROR_FAILED while another command acts on it, and those of
 * vb_placement_release().
 */
gboolean vb_engine_release(VbEngine *engine, const char *guest, VbRelease *ret, GError **error);

G_END_DECLS

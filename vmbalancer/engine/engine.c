/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/private.h"
#include <vmbalancer/error.h>

#define DEFAULT_DEADLINE_MS 10000
/* +-1 point at 95 % for any share: 1.96^2 x 0.25 / 0.01^2. */
#define SAMPLE_PAGES 9604
/* Looks at the threads in a window: enough to see a vCPU that wanders, cheap enough for 1,000 guests. */
#define WINDOW_STEPS 10

static VbConfig *
read_config(const char *path, GPtrArray *warnings, GError **error)
{
    g_autofree char *text = NULL;
    gsize length = 0;
    g_autoptr(GError) why = NULL;
    const char *origin = path != NULL ? path : VB_CONFIG_PATH;
    if (g_file_get_contents(origin, &text, &length, &why))
        return vb_config_parse(text, length, origin, warnings, error);
    if (path == NULL && g_error_matches(why, G_FILE_ERROR, G_FILE_ERROR_NOENT))
        return vb_config_new();
    g_set_error(error, VB_ERROR, VB_ERROR_INVALID, "the configuration cannot be read: %s",
                why->message);
    return NULL;
}

/* A damaged record counts as none: the pins are then judged foreign, which is the safe side. */
static GHashTable *
our_pins(const char *uuid, gpointer user_data)
{
    g_autoptr(VbUndo) undo = vb_undo_load(vb_undo_default_dir(), uuid, NULL);
    return undo != NULL ? vb_undo_pins(undo) : NULL;
}

VbEngine *
vb_engine_open(const VbEngineOptions *options, GPtrArray *warnings, GError **error)
{
    guint deadline_ms = options->deadline_ms > 0 ? options->deadline_ms : DEFAULT_DEADLINE_MS;
    g_autoptr(VbConfig) config = read_config(options->config_path, warnings, error);
    if (config == NULL)
        return NULL;
    g_autoptr(VbHypervisor) hypervisor = vb_hypervisor_connect(options->uri, deadline_ms, error);
    if (hypervisor == NULL)
        return NULL;
    g_autoptr(VbMover) mover = vb_mover_spawn(NULL, error);
    if (mover == NULL)
        return NULL;
    VbEngine *engine = g_new0(VbEngine, 1);
    g_mutex_init(&engine->mover_lock);
    engine->config = g_steal_pointer(&config);
    engine->hypervisor = g_steal_pointer(&hypervisor);
    engine->mover = g_steal_pointer(&mover);
    engine->model = vb_model_new();
    engine->deadline_ms = deadline_ms;
    engine->observer = (VbObserver){
        .kernel = vb_kernel_real(),
        .hypervisor = engine->hypervisor,
        .mover = engine->mover,
        .ram = options->exact ? VB_RAM_EXACT : VB_RAM_SAMPLE,
        .sample_pages = SAMPLE_PAGES,
        .passthrough = options->passthrough,
        .deadline_ms = deadline_ms,
        .our_pins = our_pins,
    };
    return engine;
}

void
vb_engine_close(VbEngine *engine)
{
    if (engine == NULL)
        return;
    vb_model_free(engine->model);
    vb_observation_free(engine->full);
    vb_mover_close(engine->mover);
    vb_hypervisor_free(engine->hypervisor);
    vb_config_free(engine->config);
    g_mutex_clear(&engine->mover_lock);
    g_free(engine);
}

static gboolean
look_full(VbEngine *engine, VbRamDepth depth, GError **error)
{
    VbObserver observer = engine->observer;
    observer.ram = depth;
    VbObservation *full = vb_observe_full(&observer, error);
    if (full == NULL)
        return FALSE;
    vb_config_apply_host(engine->config, full);
    vb_model_fold(engine->model, full);
    g_clear_pointer(&engine->full, vb_observation_free);
    engine->full = full;
    return TRUE;
}

/* Thread looks spread over the window. A cancelled window is cut short. */
static gboolean
look_threads(VbEngine *engine, guint window_ms, GCancellable *cancellable, GError **error)
{
    for (guint step = 0; step < WINDOW_STEPS; step++) {
        if (g_cancellable_is_cancelled(cancellable)) {
            g_set_error(error, VB_ERROR, VB_ERROR_CANCELLED, "cancelled while looking");
            return FALSE;
        }
        g_usleep((gulong)window_ms * 1000 / WINDOW_STEPS);
        g_autoptr(VbObservation) threads = vb_observe_threads(&engine->observer, engine->full);
        if (threads != NULL)
            vb_model_fold(engine->model, threads);
    }
    return TRUE;
}

gboolean
vb_engine_look(VbEngine *engine, VbLookKind kind, guint window_ms, GCancellable *cancellable,
               GError **error)
{
    gboolean twice = kind == VB_LOOK_CONFIRM;
    if ((twice || engine->full == NULL) &&
        !look_full(engine, twice ? engine->observer.ram : VB_RAM_SKIP, error))
        return FALSE;
    vb_model_begin_window(engine->model);
    return look_threads(engine, window_ms, cancellable, error) &&
           look_full(engine, engine->observer.ram, error);
}

VbSnapshot *
vb_engine_snapshot(VbEngine *engine)
{
    return vb_model_snapshot(engine->model);
}

const VbObservation *
vb_engine_observation(VbEngine *engine)
{
    return engine->full;
}

const VbConfig *
vb_engine_config(VbEngine *engine)
{
    return engine->config;
}

/* The UUID of a running guest given by name or UUID. */
static char *
resolve(VbEngine *engine, const char *guest, GError **error)
{
    g_autoptr(GPtrArray) looks =
        engine->hypervisor->ops->list(engine->hypervisor, engine->deadline_ms, error);
    if (looks == NULL)
        return NULL;
    for (guint i = 0; i < looks->len; i++) {
        const VbDomainLook *look = g_ptr_array_index(looks, i);
        if (look->live != NULL && (g_strcmp0(look->live->name, guest) == 0 ||
                                   g_strcmp0(look->live->uuid, guest) == 0))
            return g_strdup(look->live->uuid);
    }
    g_set_error(error, VB_ERROR, VB_ERROR_NO_GUEST,
                "no running guest is called \"%s\": see virsh list", guest);
    return NULL;
}

gboolean
vb_engine_release(VbEngine *engine, const char *guest, VbRelease *ret, GError **error)
{
    g_autoptr(VbObservation) host = vb_observation_new(VB_LOOK_FULL);
    g_autofree char *uuid = resolve(engine, guest, error);
    if (uuid == NULL || !vb_observe_host(engine->observer.kernel, host, error))
        return FALSE;
    VbPlacement placement = {
        .hypervisor = engine->hypervisor,
        .state_dir = vb_undo_default_dir(),
        .all_cpus = vb_topology_cpus_of_nodes(&host->topology, host->topology.nodes),
        .deadline_ms = engine->deadline_ms,
    };
    return vb_placement_release(&placement, uuid, ret, error);
}

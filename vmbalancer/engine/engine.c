/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "act/lock.h"
#include "act/state.h"
#include "act/undo.h"
#include "core/entry.h"
#include "engine/files.h"
#include "engine/private.h"
#include "libvirt/uri.h"
#include "plain/joined.h"
#include "plain/plain.h"
#include <vmbalancer/error.h>

#define DEFAULT_DEADLINE_MS 10000
/* Looks at the threads in a window: enough to see a vCPU that wanders, cheap enough for 1,000 guests. */
#define WINDOW_STEPS 10

/* A damaged record counts as none: the pins are then judged foreign, which is the safe side. */
static GHashTable *
our_pins(const char *uuid, gpointer user_data)
{
    g_autoptr(VbUndo) undo = vb_undo_load(vb_state_default_dir(), uuid, NULL);
    return undo != NULL ? vb_undo_pins(undo) : NULL;
}

/* Unlike libvirt, the mover is a part of vmbalancer itself: it is never "unreachable". */
static gboolean
start_mover(VbMover **ret, GError **error)
{
    g_autoptr(GError) why = NULL;
    *ret = vb_mover_open(&why);
    if (*ret == NULL)
        g_set_error_literal(error, VB_ERROR, VB_ERROR_FAILED, why->message);
    return *ret != NULL;
}

static VbSettled *
settle(const VbDomain *live, gpointer user_data)
{
    const VbEngine *engine = user_data;
    return vb_settle(engine->config, vb_policy_all(), live);
}

VbHypervisor *
vb_engine_connect(const char *uri, const VbConfig *config, guint deadline_ms,
                  void (*warn)(const char *text), GError **error)
{
    if (config->qemu_sockets == NULL)
        return vb_hypervisor_connect(uri, deadline_ms, error);
    VbKernel *kernel = vb_kernel_real();
    VbHypervisor *plain =
        vb_plain_new(kernel, (const char *const *)config->qemu_sockets, warn);
    return vb_joined_new(kernel, vb_hypervisor_connect, uri, deadline_ms, plain);
}

VbEngine *
vb_engine_open(const VbEngineOptions *options, GPtrArray *warnings, GError **error)
{
    guint deadline_ms = options->deadline_ms > 0 ? options->deadline_ms : DEFAULT_DEADLINE_MS;
    g_autoptr(VbConfig) config =
        options->config != NULL
            ? vb_config_ref(options->config)
            : vb_config_read(vb_config_files(), options->config_path, warnings, error);
    if (config == NULL)
        return NULL;
    g_autoptr(VbHypervisor) hypervisor =
        vb_engine_connect(options->uri, config, deadline_ms, options->warn, error);
    if (hypervisor == NULL)
        return NULL;
    g_autoptr(VbMover) mover = NULL;
    if (!options->no_mover && !start_mover(&mover, error))
        return NULL;
    g_autoptr(VbBucket) common = vb_bucket_new(error);
    if (common == NULL)
        return NULL;
    VbEngine *engine = g_new0(VbEngine, 1);
    engine->common = g_steal_pointer(&common);
    g_mutex_init(&engine->mover_lock);
    engine->config = g_steal_pointer(&config);
    engine->hypervisor = g_steal_pointer(&hypervisor);
    engine->mover = g_steal_pointer(&mover);
    engine->model = vb_model_new();
    engine->deadline_ms = deadline_ms;
    engine->who = options->who != NULL ? options->who : "command";
    engine->warn = options->warn;
    engine->observer = (VbObserver){
        .kernel = vb_kernel_real(),
        .hypervisor = engine->hypervisor,
        .mover = engine->mover,
        .ram = options->no_mover ? VB_RAM_SKIP : options->exact ? VB_RAM_EXACT : VB_RAM_SAMPLE,
        .passthrough = options->passthrough,
        .deadline_ms = deadline_ms,
        .our_pins = our_pins,
        .settle = settle,
        .user_data = engine,
    };
    return engine;
}

char *
vb_engine_uri(const char *uri)
{
    return vb_uri_choose(uri);
}

void
vb_engine_close(VbEngine *engine)
{
    if (engine == NULL)
        return;
    vb_model_free(engine->model);
    vb_observation_free(engine->full);
    vb_mover_close(engine->mover);
    vb_bucket_free(engine->common);
    vb_hypervisor_free(engine->hypervisor);
    vb_config_free(engine->config);
    g_mutex_clear(&engine->mover_lock);
    g_free(engine);
}

/* "Invalid" is what a user wrote; a file of the host that makes no sense is just a failure. */
static void
propagate(GError **error, GError *why)
{
    if (g_error_matches(why, VB_ERROR, VB_ERROR_INVALID))
        why->code = VB_ERROR_FAILED;
    g_propagate_error(error, why);
}

static gboolean
look_full(VbEngine *engine, VbRamDepth depth, GError **error)
{
    VbObserver observer = engine->observer;
    observer.ram = depth;
    g_autoptr(GError) why = NULL;
    VbObservation *full = vb_observe_full(&observer, &why);
    if (full == NULL) {
        propagate(error, g_steal_pointer(&why));
        return FALSE;
    }
    vb_engine_apply_host(engine, full);
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

/* The running guest of that UUID, else of that name: its look. Returns: (transfer none). */
static const VbDomainLook *
resolve(const GPtrArray *looks, const char *guest, GError **error)
{
    const VbDomainLook *named = NULL;
    for (guint i = 0; i < looks->len; i++) {
        const VbDomainLook *look = g_ptr_array_index(looks, i);
        if (look->live != NULL && g_strcmp0(look->live->uuid, guest) == 0)
            return look;
        if (look->live != NULL && g_strcmp0(look->live->name, guest) == 0)
            named = look;
    }
    if (named == NULL)
        g_set_error(error, VB_ERROR, VB_ERROR_NO_GUEST,
                    "no running guest is called \"%s\": see virsh list", guest);
    return named;
}

static void
record_release(VbEngine *engine, const VbDomain *guest, const char *reason,
               const VbRelease *release, const GError *error)
{
    g_autoptr(GPtrArray) entries = g_ptr_array_new_with_free_func((GDestroyNotify)vb_entry_free);
    VbEntry *entry = vb_entry_new(VB_ENTRY_RELEASE, guest->uuid, guest->name);
    g_ptr_array_add(entries, entry);
    entry->time_us = g_get_real_time();
    entry->who = g_strdup(engine->who);
    entry->restored = release->restored;
    entry->left = release->left;
    entry->absent = release->absent;
    entry->result = g_strdup(vb_result_name(error == NULL           ? VB_RESULT_DONE
                                            : release->restored > 0 ? VB_RESULT_PARTIAL
                                                                    : VB_RESULT_FAILED));
    entry->reason = g_strdup(reason);
    entry->error = error != NULL ? g_strdup(error->message) : NULL;
    vb_engine_record(engine, entries);
}

gboolean
vb_engine_release_pins(VbEngine *engine, const VbPlacement *placement, const VbDomain *guest,
                       const char *reason, VbRelease *ret, GError **error)
{
    g_autoptr(GError) why = NULL;
    g_autoptr(VbLock) lock = vb_lock_take(placement->state_dir, guest->uuid, guest->name, error);
    if (lock == NULL)
        return FALSE;
    gboolean released = vb_placement_release(placement, guest->uuid, ret, &why);
    if (ret->recorded || why != NULL)
        record_release(engine, guest, reason, ret, why);
    if (why != NULL)
        g_propagate_error(error, g_steal_pointer(&why));
    return released;
}

gboolean
vb_engine_release(VbEngine *engine, const char *guest, VbRelease *ret, GError **error)
{
    VbHypervisor *hypervisor = engine->hypervisor;
    g_autoptr(GError) why = NULL;
    g_autoptr(VbObservation) host = vb_observation_new(VB_LOOK_FULL);
    g_autoptr(GPtrArray) looks = hypervisor->ops->list(hypervisor, engine->deadline_ms, error);
    const VbDomainLook *look = looks != NULL ? resolve(looks, guest, error) : NULL;
    if (look == NULL)
        return FALSE;
    if (!vb_observe_host(engine->observer.kernel, NULL, host, &why)) {
        propagate(error, g_steal_pointer(&why));
        return FALSE;
    }
    VbPlacement placement = {
        .hypervisor = hypervisor,
        .state_dir = vb_state_default_dir(),
        .topology = &host->topology,
        .deadline_ms = engine->deadline_ms,
    };
    return vb_engine_release_pins(engine, &placement, look->live, "asked for", ret, error);
}

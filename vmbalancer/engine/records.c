/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/records.h"
#include "act/lock.h"
#include "act/state.h"
#include "act/undo.h"
#include "engine/private.h"
#include "observe/process.h"
#include <vmbalancer/error.h>

/* A libvirtd that restarts, or a guest that is looked at in a bad moment, is long back by then. */
#define GONE_NS (60 * G_GINT64_CONSTANT(1000000000))

struct VbRecords {
    GMutex lock;
    GHashTable *gone; /* uuid -> gint64*: the look that missed it first */
};

/* Who sweeps, by what look. */
typedef struct {
    VbRecords *records;
    VbEngine *engine;
    const VbObservation *seen;
} Sweep;

void
vb_released_free(VbReleased *released)
{
    g_free(released->uuid);
    g_free(released->name);
    g_clear_error(&released->error);
    g_free(released);
}

/* --- giving all back ------------------------------------------------------------------------ */

static const VbDomain *
find_running(const GPtrArray *looks, const char *uuid)
{
    for (guint i = 0; i < looks->len; i++) {
        const VbDomainLook *look = g_ptr_array_index(looks, i);
        if (look->live != NULL && g_strcmp0(look->live->uuid, uuid) == 0)
            return look->live;
    }
    return NULL;
}

static int
by_uuid(gconstpointer a, gconstpointer b)
{
    return g_strcmp0(*(const char *const *)a, *(const char *const *)b);
}

/* Guests that have a record, or whose metadata tells of pins of ours. */
static GPtrArray *
list_pinned(const GPtrArray *looks, GError **error)
{
    GPtrArray *uuids = vb_undo_list(vb_state_default_dir(), error);
    for (guint i = 0; uuids != NULL && i < looks->len; i++) {
        const VbDomain *live = ((const VbDomainLook *)g_ptr_array_index(looks, i))->live;
        if (live != NULL && live->marks->len > 0 &&
            !g_ptr_array_find_with_equal_func(uuids, live->uuid, g_str_equal, NULL))
            g_ptr_array_add(uuids, g_strdup(live->uuid));
    }
    if (uuids != NULL)
        g_ptr_array_sort(uuids, by_uuid);
    return uuids;
}

/* What could not be read of the record matters no more once the guest does not run. */
static char *
recorded_name(const char *uuid)
{
    g_autoptr(VbUndo) undo = vb_undo_load(vb_state_default_dir(), uuid, NULL);
    return g_strdup(undo != NULL && undo->name != NULL ? undo->name : uuid);
}

/*
 * Only live pins are ever made, and they end with the guest; where it is restored, or runs on another
 * host, the note in its metadata came with them. So the record of a guest that does not run is void.
 */
static gboolean
drop_void(VbEngine *engine, const char *uuid, const char *name, GError **error)
{
    g_autoptr(VbLock) lock = vb_lock_take(vb_state_default_dir(), uuid, name, error);
    g_autoptr(GError) why = NULL;
    g_autoptr(VbDomainLook) look =
        lock != NULL ? engine->hypervisor->ops->look(engine->hypervisor, uuid,
                                                     engine->deadline_ms, &why)
                     : NULL;
    if (lock == NULL)
        return FALSE;
    if (look != NULL) {
        g_set_error(error, VB_ERROR, VB_ERROR_FAILED,
                    "guest %s started just now: release it again", look->live->name);
        return FALSE;
    }
    if (!g_error_matches(why, VB_ERROR, VB_ERROR_NO_GUEST)) {
        g_propagate_error(error, g_steal_pointer(&why));
        return FALSE;
    }
    return vb_undo_remove(vb_state_default_dir(), uuid, error);
}

static VbReleased *
release_one(VbEngine *engine, const VbPlacement *placement, const GPtrArray *looks,
            const char *uuid, const char *reason)
{
    VbReleased *released = g_new0(VbReleased, 1);
    const VbDomain *live = find_running(looks, uuid);
    released->uuid = g_strdup(uuid);
    released->name = live != NULL ? g_strdup(live->name) : recorded_name(uuid);
    if (live == NULL) {
        released->ended = drop_void(engine, uuid, released->name, &released->error);
        return released;
    }
    vb_engine_release_pins(engine, placement, live, reason, &released->release, &released->error);
    return released;
}

GPtrArray *
vb_engine_release_all(VbEngine *engine, const char *reason, GError **error)
{
    VbHypervisor *hypervisor = engine->hypervisor;
    g_autoptr(VbObservation) host = vb_observation_new(VB_LOOK_FULL);
    g_autoptr(GPtrArray) looks = hypervisor->ops->list(hypervisor, engine->deadline_ms, error);
    g_autoptr(GPtrArray) uuids = looks != NULL ? list_pinned(looks, error) : NULL;
    vb_engine_settle(engine, NULL, NULL);
    if (uuids == NULL)
        return NULL;
    g_autoptr(GError) why = NULL;
    if (!vb_observe_host(engine->observer.kernel, NULL, host, &why)) {
        g_set_error_literal(error, VB_ERROR, VB_ERROR_FAILED, why->message);
        return NULL;
    }
    VbPlacement placement = {hypervisor, vb_state_default_dir(), &host->topology,
                             engine->deadline_ms};
    GPtrArray *all = g_ptr_array_new_with_free_func((GDestroyNotify)vb_released_free);
    for (guint i = 0; i < uuids->len; i++)
        g_ptr_array_add(all, release_one(engine, &placement, looks, uuids->pdata[i], reason));
    return all;
}

/* --- records of guests that are gone -------------------------------------------------------- */

VbRecords *
vb_records_new(void)
{
    VbRecords *records = g_new0(VbRecords, 1);
    g_mutex_init(&records->lock);
    records->gone = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return records;
}

void
vb_records_free(VbRecords *records)
{
    if (records == NULL)
        return;
    g_hash_table_unref(records->gone);
    g_mutex_clear(&records->lock);
    g_free(records);
}

static gboolean
is_seen(const VbObservation *seen, const char *uuid)
{
    for (guint i = 0; i < seen->guests->len; i++)
        if (g_strcmp0(((const VbGuestSight *)g_ptr_array_index(seen->guests, i))->facts->uuid,
                      uuid) == 0)
            return TRUE;
    return FALSE;
}

/* Returns: TRUE if it has been missed for long. The lock is held. */
static gboolean
is_long_gone(VbRecords *records, const char *uuid, gboolean seen, gint64 now_ns)
{
    const gint64 *since = g_hash_table_lookup(records->gone, uuid);
    gboolean gone = !seen && since != NULL && now_ns - *since >= GONE_NS;
    if (seen || gone)
        g_hash_table_remove(records->gone, uuid);
    else if (since == NULL)
        g_hash_table_insert(records->gone, g_strdup(uuid), g_memdup2(&now_ns, sizeof now_ns));
    return gone;
}

static gboolean
has_no_process(const VbEngine *engine, const char *uuid, const char *name)
{
    g_autoptr(GError) error = NULL;
    VbProcess process;
    return !vb_guest_process_find(engine->observer.kernel, name, uuid, &process, &error) &&
           g_error_matches(error, VB_ERROR, VB_ERROR_NO_GUEST);
}

static void
drop_if_no_process(VbEngine *engine, const char *uuid)
{
    g_autofree char *name = recorded_name(uuid);
    g_autoptr(GError) error = NULL;
    if (!has_no_process(engine, uuid, name))
        return;
    if (drop_void(engine, uuid, name, &error))
        g_debug("guest %s is gone: its record is removed", name);
    else
        g_debug("the record of guest %s stays: %s", name, error->message);
}

/* For the guests that took hugepages along. */
static gboolean
is_over(const char *uuid, gpointer user_data)
{
    const Sweep *sweep = user_data;
    VbHypervisor *hypervisor = sweep->engine->hypervisor;
    g_autofree char *key = g_strconcat("pools of ", uuid, NULL);
    g_mutex_lock(&sweep->records->lock);
    gboolean gone = is_long_gone(sweep->records, key, is_seen(sweep->seen, uuid),
                                 sweep->seen->time_ns);
    g_mutex_unlock(&sweep->records->lock);
    g_autoptr(GError) why = NULL;
    g_autoptr(VbDomainLook) look =
        gone && has_no_process(sweep->engine, uuid, uuid)
            ? hypervisor->ops->look(hypervisor, uuid, sweep->engine->deadline_ms, &why)
            : NULL;
    return look == NULL && g_error_matches(why, VB_ERROR, VB_ERROR_NO_GUEST);
}

void
vb_records_sweep(VbRecords *records, VbEngine *engine, const VbObservation *seen)
{
    g_autoptr(GPtrArray) uuids = vb_undo_list(vb_state_default_dir(), NULL);
    for (guint i = 0; uuids != NULL && i < uuids->len; i++) {
        const char *uuid = g_ptr_array_index(uuids, i);
        g_mutex_lock(&records->lock);
        gboolean gone = is_long_gone(records, uuid, is_seen(seen, uuid), seen->time_ns);
        g_mutex_unlock(&records->lock);
        if (gone)
            drop_if_no_process(engine, uuid);
    }
    Sweep sweep = {records, engine, seen};
    vb_engine_settle(engine, is_over, &sweep);
}

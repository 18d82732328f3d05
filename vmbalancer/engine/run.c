/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/text.h"
#include "engine/private.h"
#include <vmbalancer/error.h>

/* Guests whose pages move at the same time: two movers gain 1.6 times one, more load the host's buses. */
#define WORKERS 2

/* A running decision, for the runner's callbacks. */
typedef struct {
    VbEngine *engine;
    const VbDecision *decision;
    VbEngineProgress progress;
    gpointer user_data;
} Session;

static const VbCell *
cell_of(const VbGuest *guest, guint id)
{
    for (guint i = 0; i < guest->cells->len; i++) {
        const VbCell *cell = g_ptr_array_index(guest->cells, i);
        if (cell->id == id)
            return cell;
    }
    return NULL;
}

static gboolean
shared_cell(const VbDomain *live, guint id)
{
    for (guint i = 0; i < live->cells->len; i++) {
        const VbDomainCell *cell = g_ptr_array_index(live->cells, i);
        if (cell->id == id)
            return cell->shared;
    }
    return FALSE;
}

/* The process is the one that was planned for: its start time goes with each request to the mover. */
static gboolean
find_ram(const VbAction *action, VbMoveSource *ret, gpointer user_data, GError **error)
{
    Session *session = user_data;
    VbEngine *engine = session->engine;
    const VbGuest *guest = vb_snapshot_find(session->decision->before, action->uuid);
    g_autoptr(VbDomainLook) look = engine->hypervisor->ops->look(
        engine->hypervisor, action->uuid, engine->deadline_ms, error);
    if (look == NULL)
        return FALSE;
    ret->process = (VbProcess){guest->pid, guest->start_time};
    g_mutex_lock(&engine->mover_lock);
    g_autoptr(GPtrArray) mappings =
        vb_observe_ram(&engine->observer, &ret->process, look->live, error);
    g_mutex_unlock(&engine->mover_lock);
    if (mappings == NULL)
        return FALSE;
    ret->shared = shared_cell(look->live, action->cell);
    ret->ranges = g_array_new(FALSE, FALSE, sizeof(VbRange));
    for (guint i = 0; i < mappings->len; i++) {
        const VbRamMapping *mapping = g_ptr_array_index(mappings, i);
        if (mapping->cell == action->cell)
            g_array_append_val(ret->ranges, mapping->range);
    }
    return TRUE;
}

static gboolean
refuse_room(const VbAction *action, guint64 free, guint64 reserve, GError **error)
{
    g_autofree char *free_text = vb_bytes_format(free);
    g_autofree char *kept = vb_bytes_format(reserve);
    g_autofree char *needed = vb_bytes_format(action->bytes);
    g_set_error(error, VB_ERROR, VB_ERROR_NO_SPACE,
                "node %d has %s free by now, of which %s stay in reserve; %s needed: free memory "
                "there or name another node with --to",
                action->to, free_text, kept, needed);
    return FALSE;
}

static gboolean
has_room(const VbAction *action, gpointer user_data, GError **error)
{
    Session *session = user_data;
    g_autoptr(VbObservation) host = vb_observation_new(VB_LOOK_FULL);
    if (!vb_observe_host(session->engine->observer.kernel, host, error))
        return FALSE;
    vb_config_apply_host(session->engine->config, host);
    const VbGuest *guest = vb_snapshot_find(session->decision->before, action->uuid);
    const VbCell *cell = cell_of(guest, action->cell);
    const VbNode *node = &host->topology.node[action->to];
    guint64 free = node->memory_free_bytes, reserve = host->reserve_bytes[action->to];
    if (cell->page_size > 4096) {
        const VbHugePool *pool = vb_node_pool(node, cell->page_size);
        free = pool != NULL ? pool->free * pool->page_size : 0;
        reserve = 0;
    }
    return free >= reserve + action->bytes || refuse_room(action, free, reserve, error);
}

static gboolean
may_go_on(const char *uuid, gpointer user_data, GError **error)
{
    Session *session = user_data;
    VbEngine *engine = session->engine;
    g_autoptr(VbDomainLook) look =
        engine->hypervisor->ops->look(engine->hypervisor, uuid, engine->deadline_ms, error);
    if (look == NULL)
        return FALSE;
    if (look->state == VB_GUEST_RUNNING)
        return TRUE;
    g_set_error(error, VB_ERROR, VB_ERROR_CANCELLED, "the guest is %s%s%s by now",
                vb_guest_state_name(look->state), look->busy != NULL ? ": " : "",
                look->busy != NULL ? look->busy : "");
    return FALSE;
}

static void
on_progress(const VbRunProgress *progress, gpointer user_data)
{
    Session *session = user_data;
    if (session->progress != NULL)
        session->progress(progress, session->user_data);
}

GPtrArray *
vb_engine_run(VbEngine *engine, const VbDecision *decision, guint64 rate_bytes_per_s,
              VbEngineProgress progress, gpointer user_data, GCancellable *cancellable)
{
    const VbTopology *topology = &decision->before->topology;
    Session session = {engine, decision, progress, user_data};
    VbPlacement placement = {
        .hypervisor = engine->hypervisor,
        .state_dir = vb_undo_default_dir(),
        .all_cpus = vb_topology_cpus_of_nodes(topology, topology->nodes),
        .deadline_ms = engine->deadline_ms,
    };
    VbRunner runner = {
        .placement = &placement,
        .moves = vb_run_real_moves(),
        .workers = WORKERS,
        .rate_bytes_per_s =
            rate_bytes_per_s > 0 ? rate_bytes_per_s : engine->config->rate_bytes_per_s,
        .guest_rate_bytes_per_s = engine->config->guest_rate_bytes_per_s,
        .find_ram = find_ram,
        .has_room = has_room,
        .may_go_on = may_go_on,
        .progress = on_progress,
        .user_data = &session,
    };
    GPtrArray *outcomes = vb_run(&runner, decision->plan, cancellable);
    vb_model_note(engine->model, decision->plan, outcomes,
                  engine->observer.kernel->ops->now_ns(engine->observer.kernel));
    return outcomes;
}

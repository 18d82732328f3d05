/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "act/hot.h"
#include "act/state.h"
#include "core/owner.h"
#include "core/text.h"
#include "engine/history.h"
#include "engine/private.h"
#include <vmbalancer/error.h>

/* Guests whose pages move at the same time: two movers gain 1.6 times one, more load the host's buses. */
#define WORKERS 2

/* How often, and how long between, a guest is asked anew whose job some call holds. */
#define QUERY_TRIES 5
#define QUERY_PAUSE_US (G_USEC_PER_SEC / 2)

/* Some twenty of DAMON's intervals. */
#define WATCH_NS G_GINT64_CONSTANT(2000000000)

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

/* Looks at a guest; one that could only half be read is none to act on. */
static VbDomainLook *
look_at(const VbEngine *engine, const char *uuid, GError **error)
{
    g_autoptr(VbDomainLook) look =
        engine->hypervisor->ops->look(engine->hypervisor, uuid, engine->deadline_ms, error);
    if (look == NULL || look->error == NULL)
        return g_steal_pointer(&look);
    g_set_error(error, VB_ERROR, VB_ERROR_FAILED, "guest %s could not be read: %s",
                look->live->name, look->error);
    return NULL;
}

static gboolean
check_ranges(const VbAction *action, guint n, GError **error)
{
    if (n == 0)
        g_set_error(error, VB_ERROR, VB_ERROR_CHANGED, "guest %s has no cell %u any more",
                    action->guest, action->cell);
    else if (n > VB_RANGES_MAX)
        g_set_error(error, VB_ERROR, VB_ERROR_UNSUPPORTED,
                    "the memory of cell %u is in %u pieces, more than the %d that can be moved at "
                    "once",
                    action->cell, n, VB_RANGES_MAX);
    return n > 0 && n <= VB_RANGES_MAX;
}

/* The process is the one that was planned for: its start time goes with each request to the mover. */
static gboolean
find_ram(const VbAction *action, VbMoveSource *ret, gpointer user_data, GError **error)
{
    Session *session = user_data;
    VbEngine *engine = session->engine;
    const VbGuest *guest = vb_snapshot_find(session->decision->before, action->uuid);
    g_autoptr(VbDomainLook) look = look_at(engine, action->uuid, error);
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
    return check_ranges(action, ret->ranges->len, error);
}

/* What the plan moves of an action's cell, wherever from. */
static guint64
bytes_of_cell(const VbPlan *plan, const VbAction *action)
{
    guint64 bytes = 0;
    for (guint i = 0; i < plan->actions->len; i++) {
        const VbAction *other = g_ptr_array_index(plan->actions, i);
        if (other->kind == VB_ACTION_MOVE && other->cell == action->cell &&
            g_str_equal(other->uuid, action->uuid))
            bytes += other->bytes;
    }
    return bytes;
}

/* Told once until it works again: who asked for it is to know that it is not to be had. */
static void
tell_unheated(VbEngine *engine, const GError *why)
{
    if (g_error_matches(why, VB_ERROR, VB_ERROR_CANCELLED) ||
        !g_atomic_int_compare_and_exchange(&engine->unheated, FALSE, TRUE))
        return;
    g_autoptr(GError) error = g_error_copy(why);
    g_prefix_error(&error, "hot-first= has no effect, pages move in the order of their addresses: ");
    vb_engine_warn(engine, error);
}

/* Who cannot be told which parts are hot moves them as they come. */
static GArray *
find_hot(const VbAction *action, const VbMoveSource *source, GCancellable *stop, gpointer user_data)
{
    const Session *session = user_data;
    VbEngine *engine = session->engine;
    guint64 least = engine->config->hot_first_bytes;
    if (least == 0 || bytes_of_cell(session->decision->plan, action) < least)
        return NULL;
    VbDamon damon = {engine->observer.kernel, vb_state_default_dir()};
    const VbRange *ranges = (const VbRange *)(const void *)source->ranges->data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GArray) heat = vb_damon_watch(&damon, source->process.pid, ranges,
                                            source->ranges->len, WATCH_NS, stop, &error);
    if (heat == NULL) {
        tell_unheated(engine, error);
        return NULL;
    }
    g_atomic_int_set(&engine->unheated, FALSE);
    GArray *hot = vb_hot_ranges(heat, ranges, source->ranges->len);
    g_info("guest %s: %u of the parts that DAMON saw go first", action->guest,
           hot != NULL ? hot->len : 0);
    return hot;
}

static gboolean
refuse_room(const VbAction *action, guint64 free, guint64 reserve, guint64 coming, GError **error)
{
    g_autofree char *free_text = vb_bytes_format(free);
    g_autofree char *kept = vb_bytes_format(reserve);
    g_autofree char *needed = vb_bytes_format(action->bytes);
    g_autofree char *coming_text = vb_bytes_format(coming);
    g_set_error(error, VB_ERROR, VB_ERROR_NO_SPACE,
                "node %d has %s free by now, of which %s stay in reserve%s%s; %s needed: free memory "
                "there or name another node with --to",
                action->to, free_text, kept,
                coming > 0 ? " and other moves will take " : "", coming > 0 ? coming_text : "",
                needed);
    return FALSE;
}

static guint64
page_size(const VbAction *action, gpointer user_data)
{
    const Session *session = user_data;
    const VbGuest *guest = vb_snapshot_find(session->decision->before, action->uuid);
    /* What is huge by chance takes small pages' room: only a pool is apart. */
    return MAX(cell_of(guest, action->cell)->page_size, 4096);
}

/* What the host has to give now. */
static VbObservation *
look_at_host(VbEngine *engine, GError **error)
{
    g_autoptr(VbObservation) host = vb_observation_new(VB_LOOK_FULL);
    if (!vb_observe_host(engine->observer.kernel, NULL, host, error))
        return NULL;
    vb_engine_apply_host(engine, host);
    return g_steal_pointer(&host);
}

static gboolean
has_pages(const VbAction *action, const VbNode *node, guint64 size, gint64 coming_bytes,
          GError **error)
{
    static const VbHugePool none = {0};
    const VbHugePool *pool = vb_node_pool(node, size);
    pool = pool != NULL ? pool : &none;
    guint64 needed = action->bytes / size + (action->bytes % size != 0);
    gint64 coming = coming_bytes / (gint64)size;
    if ((__int128)pool->free >= (__int128)needed + coming)
        return TRUE;
    g_autofree char *more =
        pool->borrow > 0
            ? g_strdup_printf(" and may borrow %" G_GUINT64_FORMAT " more", pool->borrow)
            : g_strdup("");
    g_set_error(error, VB_ERROR, VB_ERROR_NO_SPACE,
                "node %d has %" G_GUINT64_FORMAT " free hugepages of %" G_GUINT64_FORMAT " KiB by "
                "now%s, of which other moves will take %" G_GINT64_FORMAT "; %" G_GUINT64_FORMAT
                " needed: enlarge the node's pool (nr_hugepages), or let more be borrowed "
                "(hugepages-borrow= in [limits])",
                action->to, pool->free - pool->borrow, size / 1024, more, MAX(coming, 0), needed);
    return FALSE;
}

static gboolean
has_room(const VbAction *action, gint64 coming_bytes, gpointer user_data, GError **error)
{
    const Session *session = user_data;
    g_autoptr(VbObservation) host = look_at_host(session->engine, error);
    if (host == NULL)
        return FALSE;
    const VbNode *node = &host->topology.node[action->to];
    guint64 free = node->memory_free_bytes, reserve = host->reserve_bytes[action->to];
    guint64 size = page_size(action, user_data);
    guint64 coming = (guint64)MAX(coming_bytes, 0);
    if (size > 4096)
        return has_pages(action, node, size, coming_bytes, error);
    __int128 needed = (__int128)reserve + action->bytes + coming_bytes;
    return free >= needed || refuse_room(action, free, reserve, coming, error);
}

static gboolean
make_room(const VbAction *action, gint64 coming_bytes, VbBorrow *ret, gpointer user_data,
          GError **error)
{
    const Session *session = user_data;
    guint64 size = page_size(action, user_data);
    if (size <= 4096)
        return TRUE;
    g_autoptr(VbObservation) host = look_at_host(session->engine, error);
    if (host == NULL)
        return FALSE;
    guint64 free = host->topology.node[action->to].memory_free_bytes;
    guint64 room = free - MIN(host->reserve_bytes[action->to], free);
    VbBroker broker = vb_engine_broker(session->engine);
    *ret = (VbBorrow){
        .uuid = action->uuid,
        .page_size = size,
        .from = action->from,
        .to = action->to,
        .pages = action->bytes / size + (action->bytes % size != 0),
    };
    return vb_broker_borrow(&broker, ret, coming_bytes / (gint64)size, room, error);
}

static void
end_room(const VbBorrow *borrow, guint64 bytes_moved, gpointer user_data)
{
    const Session *session = user_data;
    g_autoptr(GError) error = NULL;
    VbBroker broker = vb_engine_broker(session->engine);
    if (!vb_broker_give_back(&broker, borrow, bytes_moved / borrow->page_size, &error))
        vb_engine_warn(session->engine, error);
}

/* Who places the guest now: an operator may have pinned it since it was planned for. */
static gboolean
still_ours_to_place(const Session *session, const VbDomainLook *look, GError **error)
{
    const VbObserver *observer = &session->engine->observer;
    const VbGuest *guest = vb_snapshot_find(session->decision->before, look->live->uuid);
    if (guest == NULL || guest->forced)
        return TRUE;
    g_autoptr(GHashTable) pins = observer->our_pins(look->live->uuid, observer->user_data);
    g_autoptr(VbSettled) settled =
        observer->settle != NULL ? observer->settle(look->live, observer->user_data) : NULL;
    VbOwnerEvidence evidence = {.live = look->live,
                                .inactive = look->inactive,
                                .settled = settled,
                                .our_pins = pins};
    VbOwnerVerdict verdict = {0};
    vb_owner_judge(&evidence, &session->decision->before->topology, &verdict);
    gboolean ours =
        verdict.owner != VB_OWNER_HANDS_OFF && verdict.owner != VB_OWNER_OBSERVE_ONLY;
    if (!ours)
        g_set_error(error, VB_ERROR, VB_ERROR_CANCELLED, "left alone from now on: %s",
                    verdict.reason);
    vb_owner_verdict_clear(&verdict);
    return ours;
}

/*
 * A job that some call holds, nobody knows which: mostly a query of another client's, over in a
 * moment. One that matters to moving tells its name, or lasts.
 */
static VbDomainLook *
look_past_queries(const VbEngine *engine, const char *uuid, GError **error)
{
    for (guint try = 1;; try++) {
        g_autoptr(VbDomainLook) look = look_at(engine, uuid, error);
        if (look == NULL || g_strcmp0(look->busy, "job") != 0 || try == QUERY_TRIES)
            return g_steal_pointer(&look);
        g_usleep(QUERY_PAUSE_US);
    }
}

static gboolean
may_go_on(const char *uuid, gpointer user_data, GError **error)
{
    const Session *session = user_data;
    g_autoptr(VbDomainLook) look = look_past_queries(session->engine, uuid, error);
    if (look == NULL)
        return FALSE;
    if (look->state == VB_GUEST_RUNNING)
        return still_ours_to_place(session, look, error);
    g_set_error(error, VB_ERROR, VB_ERROR_CANCELLED, "the guest is %s%s%s by now",
                vb_guest_state_name(look->state), look->busy != NULL ? ": " : "",
                look->busy != NULL ? look->busy : "");
    return FALSE;
}

static gboolean
own_rate(const char *uuid, guint64 *ret, gpointer user_data)
{
    const Session *session = user_data;
    const VbGuest *guest = vb_snapshot_find(session->decision->before, uuid);
    if (guest == NULL || !guest->terms.rate_known)
        return FALSE;
    *ret = guest->terms.rate_bytes_per_s;
    return TRUE;
}

static void
on_progress(const VbRunProgress *progress, gpointer user_data)
{
    Session *session = user_data;
    if (session->progress != NULL)
        session->progress(progress, session->user_data);
}

static void
on_guest_done(const char *uuid, const GPtrArray *outcomes, gpointer user_data)
{
    const Session *session = user_data;
    g_autoptr(GPtrArray) entries = vb_entry_list(session->decision->plan, outcomes, uuid,
                                                 session->engine->who, g_get_real_time());
    vb_engine_record(session->engine, entries);
}

GPtrArray *
vb_engine_run(VbEngine *engine, const VbDecision *decision, VbAskedRate rate,
              VbEngineProgress progress, gpointer user_data, GCancellable *cancellable)
{
    Session session = {engine, decision, progress, user_data};
    vb_engine_settle(engine, NULL, NULL);
    g_autoptr(VbBucket) own = rate.common != NULL     ? vb_bucket_ref(rate.common)
                              : rate.bytes_per_s > 0 ? vb_bucket_new(NULL)
                                                     : NULL;
    VbPlacement placement = {
        .hypervisor = engine->hypervisor,
        .state_dir = vb_state_default_dir(),
        .topology = &decision->before->topology,
        .deadline_ms = engine->deadline_ms,
    };
    VbRunner runner = {
        .placement = &placement,
        .moves = vb_run_real_moves(),
        .workers = WORKERS,
        .rate_bytes_per_s =
            rate.bytes_per_s > 0 ? rate.bytes_per_s : engine->config->rate_bytes_per_s,
        .common = rate.bytes_per_s > 0 ? own : engine->common,
        /* Who says "max" means it. */
        .guest_rate_bytes_per_s =
            rate.bytes_per_s == G_MAXUINT64 ? 0 : engine->config->guest_rate_bytes_per_s,
        .own_rate = own_rate,
        .find_ram = find_ram,
        .find_hot = find_hot,
        .page_size = page_size,
        .has_room = has_room,
        .make_room = make_room,
        .end_room = end_room,
        .may_go_on = may_go_on,
        .progress = on_progress,
        .guest_done = on_guest_done,
        .user_data = &session,
    };
    GPtrArray *outcomes = vb_run(&runner, decision->plan, cancellable);
    vb_model_note(engine->model, decision->plan, outcomes,
                  engine->observer.kernel->ops->now_ns(engine->observer.kernel));
    return outcomes;
}

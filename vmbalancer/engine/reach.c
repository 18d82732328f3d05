/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/reach.h"
#include "engine/document.h"
#include "engine/movers.h"
#include "engine/private.h"
#include "engine/records.h"
#include "observe/guest.h"
#include "observe/threads.h"
#include <vmbalancer/error.h>

/* An engine with those who use it: one that is replaced lives until its last call is over. */
typedef struct {
    VbEngine *engine;
} Holder;

typedef struct {
    VbReach reach;
    char *uri;
    void (*warn)(const char *text);
    VbMovers *movers;
    VbKernel *kernel; /* keeps open what each look reads */
    GMutex lock;      /* guards what follows */
    VbConfig *config;
    Holder *holder;   /* NULL: to be opened */
    VbRecords *records;
} Real;

static void
holder_clear(gpointer data)
{
    vb_engine_close(((Holder *)data)->engine);
}

static void
holder_unref(Holder *holder)
{
    g_atomic_rc_box_release_full(holder, holder_clear);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Holder, holder_unref)

static Holder *
open_holder(Real *self, GError **error)
{
    g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);
    VbEngineOptions options = {.uri = self->uri, .config = self->config, .who = "daemon",
                               .warn = self->warn};
    VbEngine *engine = vb_engine_open(&options, warnings, error);
    if (engine == NULL)
        return NULL;
    Holder *holder = g_atomic_rc_box_new0(Holder);
    holder->engine = engine;
    return holder;
}

/* Who waits here while another opens would wait as long by itself. */
static Holder *
take(Real *self, GError **error)
{
    g_mutex_lock(&self->lock);
    if (self->holder == NULL)
        self->holder = open_holder(self, error);
    Holder *holder = self->holder != NULL ? g_atomic_rc_box_acquire(self->holder) : NULL;
    g_mutex_unlock(&self->lock);
    return holder;
}

/* The next call opens a new engine, unless another has done so already. */
static void
drop(Real *self, const Holder *holder)
{
    Holder *old = NULL;
    g_mutex_lock(&self->lock);
    if (holder == NULL || self->holder == holder)
        old = g_steal_pointer(&self->holder);
    g_mutex_unlock(&self->lock);
    if (old != NULL)
        holder_unref(old);
}

/* A mover of its own for each look that is under way: they overlap. */
static VbObservation *
real_look(VbReach *reach, VbLookDepth depth, const VbObservation *full, GError **error)
{
    Real *self = (Real *)reach;
    g_autoptr(Holder) holder = take(self, error);
    if (holder == NULL)
        return NULL;
    VbObserver observer = holder->engine->observer;
    observer.kernel = self->kernel;
    observer.before = full;
    observer.mover = NULL;
    if (depth == VB_LOOK_THREADS)
        return vb_observe_threads(&observer, full);
    observer.mover = vb_movers_take(self->movers, error);
    if (observer.mover == NULL)
        return NULL;
    VbObservation *observation = vb_observe_full(&observer, error);
    vb_movers_give(self->movers, observer.mover);
    if (observation == NULL)
        return NULL;
    vb_engine_apply_host(holder->engine, observation);
    vb_records_sweep(self->records, holder->engine, observation);
    return observation;
}

static VbObservation *
look_at(VbEngine *engine, VbMover *mover, const char *uuid, GError **error)
{
    VbObserver observer = engine->observer;
    observer.mover = mover;
    g_autoptr(VbObservation) observation = vb_observation_new(VB_LOOK_FULL);
    if (!vb_observe_host(observer.kernel, NULL, observation, error))
        return NULL;
    vb_engine_apply_host(engine, observation);
    g_autoptr(VbDomainLook) look = engine->hypervisor->ops->look(engine->hypervisor, uuid,
                                                                 engine->deadline_ms, error);
    if (look == NULL)
        return NULL;
    g_autoptr(VbProcesses) processes = vb_processes_new(observer.kernel);
    g_autoptr(VbGuestSight) sight =
        vb_guest_look(&observer, look, &observation->topology, processes, NULL);
    if (sight == NULL || (sight->facts->pid != 0 && !vb_threads_count(observer.kernel, sight))) {
        g_set_error(error, VB_ERROR, VB_ERROR_NO_GUEST, "guest %s ended while it was looked at",
                    uuid);
        return NULL;
    }
    g_ptr_array_add(observation->guests, g_steal_pointer(&sight));
    observation->time_ns = observer.kernel->ops->now_ns(observer.kernel);
    return g_steal_pointer(&observation);
}

static VbObservation *
real_look_guest(VbReach *reach, const char *uuid, GError **error)
{
    Real *self = (Real *)reach;
    g_autoptr(Holder) holder = take(self, error);
    VbMover *mover = holder != NULL ? vb_movers_take(self->movers, error) : NULL;
    if (mover == NULL)
        return NULL;
    VbObservation *observation = look_at(holder->engine, mover, uuid, error);
    vb_movers_give(self->movers, mover);
    return observation;
}

static gboolean
is_unreachable(const GPtrArray *outcomes)
{
    for (guint i = 0; i < outcomes->len; i++) {
        const VbOutcome *outcome = g_ptr_array_index(outcomes, i);
        if (outcome->result == VB_RESULT_FAILED && outcome->code == VB_ERROR_UNREACHABLE)
            return TRUE;
    }
    return FALSE;
}

static GPtrArray *
real_run(VbReach *reach, const VbPlan *plan, const VbSnapshot *before, VbAskedRate rate,
         VbEngineProgress progress, gpointer user_data, GCancellable *cancellable, GError **error)
{
    g_autoptr(Holder) holder = take((Real *)reach, error);
    if (holder == NULL)
        return NULL;
    VbDecision decision = {.plan = (VbPlan *)plan, .before = (VbSnapshot *)before};
    GPtrArray *outcomes =
        vb_engine_run(holder->engine, &decision, rate, progress, user_data, cancellable);
    if (is_unreachable(outcomes))
        drop((Real *)reach, holder);
    return outcomes;
}

/*
 * Pins of ours are on record, or noted in the guest that came here with them. Returns: FALSE with an
 * error if that cannot be told now.
 */
static gboolean
find_pinned(VbEngine *engine, const char *uuid, gboolean *ret, GError **error)
{
    g_autoptr(GHashTable) ours = engine->observer.our_pins(uuid, engine->observer.user_data);
    g_autoptr(GError) why = NULL;
    *ret = ours != NULL;
    if (*ret)
        return TRUE;
    g_autoptr(VbDomainLook) look =
        engine->hypervisor->ops->look(engine->hypervisor, uuid, engine->deadline_ms, &why);
    *ret = look != NULL && look->live->marks->len > 0;
    if (look != NULL || g_error_matches(why, VB_ERROR, VB_ERROR_NO_GUEST))
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&why));
    return FALSE;
}

/* Most guests are not pinned; those that are are worth listing all for. */
static gboolean
real_release(VbReach *reach, const char *uuid, VbRelease *ret, GError **error)
{
    gboolean pinned = FALSE;
    *ret = (VbRelease){0};
    g_autoptr(Holder) holder = take((Real *)reach, error);
    return holder != NULL && find_pinned(holder->engine, uuid, &pinned, error) &&
           (!pinned || vb_engine_release(holder->engine, uuid, ret, error));
}

static GPtrArray *
real_release_all(VbReach *reach, GError **error)
{
    g_autoptr(Holder) holder = take((Real *)reach, error);
    return holder != NULL ? vb_engine_release_all(holder->engine, "vmbalancerd stops", error) : NULL;
}

static JsonNode *
real_get_policy(VbReach *reach, const char *guest, GError **error)
{
    g_autoptr(Holder) holder = take((Real *)reach, error);
    if (holder == NULL)
        return NULL;
    VbEngine *engine = holder->engine;
    g_autoptr(VbGuestPolicy) policy = vb_guest_policy_read(engine->hypervisor, engine->config, guest,
                                                           engine->deadline_ms, error);
    return policy != NULL ? vb_document_policy(policy) : NULL;
}

static gboolean
real_set_policy(VbReach *reach, const char *guest, const VbWish *wish, VbScope *scope,
                GError **error)
{
    g_autoptr(Holder) holder = take((Real *)reach, error);
    return holder != NULL && vb_guest_policy_write(holder->engine->hypervisor, guest, wish, scope,
                                                   holder->engine->deadline_ms, error);
}

static void
real_configure(VbReach *reach, VbConfig *config)
{
    Real *self = (Real *)reach;
    g_mutex_lock(&self->lock);
    vb_config_free(self->config);
    self->config = vb_config_ref(config);
    g_mutex_unlock(&self->lock);
    drop(self, NULL);
}

static gint64
real_now_ns(VbReach *reach)
{
    VbKernel *kernel = vb_kernel_real();
    return kernel->ops->now_ns(kernel);
}

static void
real_free(VbReach *reach)
{
    Real *self = (Real *)reach;
    drop(self, NULL);
    vb_movers_free(self->movers);
    vb_kernel_kept_free(self->kernel);
    vb_config_free(self->config);
    vb_records_free(self->records);
    g_mutex_clear(&self->lock);
    g_free(self->uri);
    g_free(self);
}

static const VbReachOps real_ops = {
    .look = real_look,
    .look_guest = real_look_guest,
    .run = real_run,
    .release = real_release,
    .release_all = real_release_all,
    .get_policy = real_get_policy,
    .set_policy = real_set_policy,
    .configure = real_configure,
    .now_ns = real_now_ns,
    .free = real_free,
};

VbReach *
vb_reach_new(const char *uri, VbConfig *config, void (*warn)(const char *text))
{
    Real *self = g_new0(Real, 1);
    self->reach.ops = &real_ops;
    self->uri = g_strdup(uri);
    self->warn = warn;
    self->movers = vb_movers_new();
    self->kernel = vb_kernel_kept_new(vb_kernel_real(), 0);
    self->config = vb_config_ref(config);
    self->records = vb_records_new();
    g_mutex_init(&self->lock);
    return &self->reach;
}

void
vb_reach_free(VbReach *reach)
{
    if (reach != NULL)
        reach->ops->free(reach);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake_reach.h"
#include "engine/records.h"
#include <string.h>
#include <vmbalancer/error.h>

#define NODES 4

typedef struct {
    guint n;
    VbGuest *facts;
    char *notes;
    gboolean held, failing;
    int failure;
    guint runs;
    guint64 rate_bytes_per_s;
    gpointer common; /* never looked into */
    guint releases;
    guint busy;
} Guest;

struct FakeReach {
    VbReach base;
    GMutex lock;
    GCond changed;
    VbTopology *topology;
    GPtrArray *guests;
    gint64 now_ns;
    guint looks;
    gboolean blind;
    guint running, running_most;
};

static void
guest_free(Guest *guest)
{
    vb_guest_free(guest->facts);
    g_free(guest->notes);
    g_free(guest);
}

/* The lock is held. Returns: (nullable) */
static Guest *
find(FakeReach *fake, const char *uuid)
{
    for (guint i = 0; i < fake->guests->len; i++) {
        Guest *guest = g_ptr_array_index(fake->guests, i);
        if (g_str_equal(guest->facts->uuid, uuid))
            return guest;
    }
    return NULL;
}

/* Takes the lock. */
static Guest *
enter(FakeReach *fake, guint n)
{
    g_autofree char *uuid = world_uuid(n);
    g_mutex_lock(&fake->lock);
    Guest *guest = find(fake, uuid);
    g_assert_nonnull(guest);
    return guest;
}

static void
leave(FakeReach *fake)
{
    g_cond_broadcast(&fake->changed);
    g_mutex_unlock(&fake->lock);
}

static void
see(FakeReach *fake, VbObservation *seen, const Guest *guest)
{
    VbGuestSight *sight = world_sight(seen, guest->n);
    const VbVcpu *vcpu = world_vcpu_of(guest->facts, 0);
    VbNodeSet nodes = vb_topology_nodes_of_cpus(fake->topology, &vcpu->affinity);
    VbVcpuSight *thread =
        world_thread(sight, 0, (guint64)fake->now_ns / 4, vb_nodeset_first(nodes) * 2);
    thread->affinity_known = TRUE;
    thread->affinity = vcpu->affinity;
    vb_guest_free(sight->facts);
    sight->facts = vb_guest_copy(guest->facts);
    g_ptr_array_set_size(sight->facts->vcpus, 0);
    sight->notes = g_strdup(guest->notes);
}

static VbObservation *
fake_look(VbReach *reach, VbLookDepth depth, const VbObservation *full, GError **error)
{
    FakeReach *fake = (FakeReach *)reach;
    g_mutex_lock(&fake->lock);
    fake->now_ns += SECOND;
    VbObservation *seen = NULL;
    if (fake->blind && depth == VB_LOOK_FULL) {
        g_set_error(error, VB_ERROR, VB_ERROR_UNREACHABLE, "blind");
    } else {
        seen = world_look(depth, fake->now_ns, fake->topology);
        seen->topology = *fake->topology;
        for (guint i = 0; i < fake->guests->len; i++)
            see(fake, seen, g_ptr_array_index(fake->guests, i));
    }
    fake->looks += depth == VB_LOOK_FULL;
    leave(fake);
    return seen;
}

static VbObservation *
fake_look_guest(VbReach *reach, const char *uuid, GError **error)
{
    FakeReach *fake = (FakeReach *)reach;
    g_mutex_lock(&fake->lock);
    VbObservation *seen = NULL;
    const Guest *guest = find(fake, uuid);
    if (guest != NULL) {
        seen = world_look(VB_LOOK_FULL, fake->now_ns, fake->topology);
        see(fake, seen, guest);
    } else {
        g_set_error(error, VB_ERROR, VB_ERROR_NO_GUEST, "no guest %s", uuid);
    }
    leave(fake);
    return seen;
}

static void
apply(FakeReach *fake, Guest *guest, const VbAction *action)
{
    VbCell *cell = world_cell_of(guest->facts, 0);
    if (action->kind == VB_ACTION_PIN) {
        world_vcpu_of(guest->facts, 0)->affinity = action->cpus;
        guest->facts->owner = VB_OWNER_OURS;
        return;
    }
    cell->by_node[action->to] += cell->by_node[action->from];
    cell->by_node[action->from] = 0;
}

static GPtrArray *
fake_run(VbReach *reach, const VbPlan *plan, const VbSnapshot *before, VbAskedRate rate,
         VbEngineProgress progress, gpointer user_data, GCancellable *cancellable, GError **error)
{
    FakeReach *fake = (FakeReach *)reach;
    GPtrArray *outcomes = g_ptr_array_new_with_free_func((GDestroyNotify)vb_outcome_free);
    const VbAction *first = g_ptr_array_index(plan->actions, 0);
    g_mutex_lock(&fake->lock);
    Guest *guest = find(fake, first->uuid);
    guest->runs++;
    guest->rate_bytes_per_s = rate.bytes_per_s;
    guest->common = rate.common;
    fake->running++;
    fake->running_most = MAX(fake->running_most, fake->running);
    g_cond_broadcast(&fake->changed);
    /* As if half of it had been moved when it is held. */
    VbRunProgress half = {.bytes_moved = vb_plan_bytes(plan) / 2};
    progress(&half, user_data);
    while (guest->held && !g_cancellable_is_cancelled(cancellable))
        g_cond_wait_until(&fake->changed, &fake->lock, g_get_monotonic_time() + 10000);
    fake->running--;
    VbResult result = guest->failing                               ? VB_RESULT_FAILED
                      : g_cancellable_is_cancelled(cancellable) ? VB_RESULT_CANCELLED
                                                                   : VB_RESULT_DONE;
    for (guint i = 0; i < plan->actions->len; i++) {
        const VbAction *action = g_ptr_array_index(plan->actions, i);
        g_assert_cmpstr(action->uuid, ==, first->uuid);
        if (result == VB_RESULT_DONE)
            apply(fake, guest, action);
        VbOutcome *outcome =
            vb_outcome_new(i, result, result == VB_RESULT_DONE ? action->bytes : 0, 1,
                           result == VB_RESULT_DONE ? NULL : "as told");
        outcome->code = guest->failing ? guest->failure : VB_ERROR_FAILED;
        g_ptr_array_add(outcomes, outcome);
    }
    leave(fake);
    return outcomes;
}

/* The lock is held. */
static gboolean
release(FakeReach *fake, Guest *guest, VbRelease *ret, GError **error)
{
    guest->releases++;
    if (guest->busy > 0) {
        guest->busy--;
        g_set_error_literal(error, VB_ERROR, VB_ERROR_TIMEOUT, "libvirt is busy with the guest");
        return FALSE;
    }
    if (guest->facts->owner != VB_OWNER_OURS)
        return TRUE;
    world_vcpu_of(guest->facts, 0)->affinity =
        vb_topology_cpus_of_nodes(fake->topology, fake->topology->nodes);
    guest->facts->owner = VB_OWNER_FREE;
    ret->recorded = TRUE;
    ret->restored = 1;
    return TRUE;
}

static gboolean
fake_release(VbReach *reach, const char *uuid, VbRelease *ret, GError **error)
{
    FakeReach *fake = (FakeReach *)reach;
    *ret = (VbRelease){0};
    g_mutex_lock(&fake->lock);
    Guest *guest = find(fake, uuid);
    gboolean done = guest == NULL || release(fake, guest, ret, error);
    leave(fake);
    return done;
}

static GPtrArray *
fake_release_all(VbReach *reach, GError **error)
{
    FakeReach *fake = (FakeReach *)reach;
    GPtrArray *all = g_ptr_array_new_with_free_func((GDestroyNotify)vb_released_free);
    g_mutex_lock(&fake->lock);
    for (guint i = 0; i < fake->guests->len; i++) {
        Guest *guest = g_ptr_array_index(fake->guests, i);
        if (guest->facts->owner != VB_OWNER_OURS)
            continue;
        VbReleased *released = g_new0(VbReleased, 1);
        released->uuid = g_strdup(guest->facts->uuid);
        released->name = g_strdup(guest->facts->name);
        release(fake, guest, &released->release, &released->error);
        g_ptr_array_add(all, released);
    }
    leave(fake);
    return all;
}

/* The lock is held. As libvirt: a UUID, else a name. */
static Guest *
find_named(FakeReach *fake, const char *name, GError **error)
{
    Guest *guest = find(fake, name);
    for (guint i = 0; guest == NULL && i < fake->guests->len; i++)
        if (g_str_equal(((Guest *)g_ptr_array_index(fake->guests, i))->facts->name, name))
            guest = g_ptr_array_index(fake->guests, i);
    if (guest == NULL)
        g_set_error(error, VB_ERROR, VB_ERROR_NO_GUEST, "no guest %s", name);
    return guest;
}

static JsonNode *
fake_get_policy(VbReach *reach, const char *name, GError **error)
{
    FakeReach *fake = (FakeReach *)reach;
    JsonNode *node = NULL;
    g_mutex_lock(&fake->lock);
    const Guest *guest = find_named(fake, name, error);
    if (guest != NULL) {
        node = json_node_new(JSON_NODE_OBJECT);
        json_node_take_object(node, json_object_new());
        if (guest->facts->policy != NULL)
            json_object_set_string_member(json_node_get_object(node), "policy",
                                          guest->facts->policy);
    }
    leave(fake);
    return node;
}

static gboolean
fake_set_policy(VbReach *reach, const char *name, const VbWish *wish, VbScope *scope,
                GError **error)
{
    FakeReach *fake = (FakeReach *)reach;
    g_mutex_lock(&fake->lock);
    Guest *guest = find_named(fake, name, error);
    if (guest != NULL) {
        g_free(guest->facts->policy);
        guest->facts->policy = wish != NULL ? g_strdup(wish->policy) : NULL;
        scope->live |= !scope->config;
    }
    leave(fake);
    return guest != NULL;
}

static void
fake_configure(VbReach *reach, VbConfig *config)
{
}

static gint64
fake_now_ns(VbReach *reach)
{
    FakeReach *fake = (FakeReach *)reach;
    g_mutex_lock(&fake->lock);
    gint64 now_ns = fake->now_ns;
    g_mutex_unlock(&fake->lock);
    return now_ns;
}

static void
fake_free(VbReach *reach)
{
    FakeReach *fake = (FakeReach *)reach;
    g_ptr_array_unref(fake->guests);
    g_mutex_clear(&fake->lock);
    g_cond_clear(&fake->changed);
    g_free(fake->topology);
    g_free(fake);
}

static const VbReachOps fake_ops = {
    .look = fake_look,
    .look_guest = fake_look_guest,
    .run = fake_run,
    .release = fake_release,
    .release_all = fake_release_all,
    .get_policy = fake_get_policy,
    .set_policy = fake_set_policy,
    .configure = fake_configure,
    .now_ns = fake_now_ns,
    .free = fake_free,
};

FakeReach *
fake_reach_new(void)
{
    FakeReach *fake = g_new0(FakeReach, 1);
    fake->base.ops = &fake_ops;
    g_mutex_init(&fake->lock);
    g_cond_init(&fake->changed);
    fake->topology = world_topology(NODES, 2, 8 * GIB);
    fake->guests = g_ptr_array_new_with_free_func((GDestroyNotify)guest_free);
    fake->now_ns = 1000 * SECOND;
    return fake;
}

void
fake_reach_free(FakeReach *fake)
{
    vb_reach_free(&fake->base);
}

VbReach *
fake_reach_base(FakeReach *fake)
{
    return &fake->base;
}

void
fake_reach_add(FakeReach *fake, guint n, const char *policy, guint mib, int node)
{
    Guest *guest = g_new0(Guest, 1);
    g_autofree char *name = g_strdup_printf("guest%u", n);
    guest->n = n;
    guest->facts = world_guest_new(fake->topology, n, name, "0");
    guest->facts->policy = g_strdup(policy);
    world_put(guest->facts, 0, node, mib * MIB);
    world_cell_of(guest->facts, 0)->movable = TRUE;
    world_cell_of(guest->facts, 0)->page_size = 4096;
    g_mutex_lock(&fake->lock);
    g_ptr_array_add(fake->guests, guest);
    leave(fake);
}

void
fake_reach_add_untouched(FakeReach *fake, guint n, const char *policy, guint mib)
{
    fake_reach_add(fake, n, policy, 1, 3);
    world_cell_of(enter(fake, n)->facts, 0)->size_bytes = mib * MIB;
    leave(fake);
}

void
fake_reach_remove(FakeReach *fake, guint n)
{
    g_ptr_array_remove(fake->guests, enter(fake, n));
    leave(fake);
}

void
fake_reach_rename(FakeReach *fake, guint n, const char *name)
{
    VbGuest *facts = enter(fake, n)->facts;
    g_free(facts->name);
    facts->name = g_strdup(name);
    leave(fake);
}

void
fake_reach_set_policy(FakeReach *fake, guint n, const char *policy)
{
    VbGuest *facts = enter(fake, n)->facts;
    g_free(facts->policy);
    facts->policy = g_strdup(policy);
    leave(fake);
}

void
fake_reach_set_notes(FakeReach *fake, guint n, const char *notes)
{
    Guest *guest = enter(fake, n);
    g_free(guest->notes);
    guest->notes = g_strdup(notes);
    leave(fake);
}

void
fake_reach_set_state(FakeReach *fake, guint n, VbGuestState state)
{
    enter(fake, n)->facts->state = state;
    leave(fake);
}

void
fake_reach_take_away(FakeReach *fake, guint n)
{
    VbGuest *facts = enter(fake, n)->facts;
    facts->owner = VB_OWNER_HANDS_OFF;
    g_free(facts->owner_code);
    g_free(facts->reason);
    facts->owner_code = g_strdup("foreign-pin");
    facts->reason = g_strdup("somebody pinned it");
    leave(fake);
}

void
fake_reach_pinned_before(FakeReach *fake, guint n, int node)
{
    VbGuest *facts = enter(fake, n)->facts;
    world_vcpu_of(facts, 0)->affinity =
        vb_topology_cpus_of_nodes(fake->topology, VB_NODE_BIT(node));
    facts->owner = VB_OWNER_OURS;
    leave(fake);
}

void
fake_reach_stray(FakeReach *fake, guint n, int node)
{
    VbCell *cell = world_cell_of(enter(fake, n)->facts, 0);
    memset(cell->by_node, 0, sizeof cell->by_node);
    cell->by_node[node] = cell->present_bytes;
    leave(fake);
}

void
fake_reach_hold(FakeReach *fake, guint n, gboolean hold)
{
    enter(fake, n)->held = hold;
    leave(fake);
}

void
fake_reach_fail(FakeReach *fake, guint n, gboolean fail)
{
    fake_reach_fail_with(fake, n, fail, VB_ERROR_FAILED);
}

void
fake_reach_fail_with(FakeReach *fake, guint n, gboolean fail, int code)
{
    Guest *guest = enter(fake, n);
    guest->failing = fail;
    guest->failure = code;
    leave(fake);
}

void
fake_reach_blind(FakeReach *fake, gboolean blind)
{
    g_mutex_lock(&fake->lock);
    fake->blind = blind;
    leave(fake);
}

guint
fake_reach_runs(FakeReach *fake, guint n)
{
    guint runs = enter(fake, n)->runs;
    leave(fake);
    return runs;
}

void
fake_reach_busy(FakeReach *fake, guint n, guint releases)
{
    enter(fake, n)->busy = releases;
    leave(fake);
}

guint
fake_reach_releases(FakeReach *fake, guint n)
{
    guint releases = enter(fake, n)->releases;
    leave(fake);
    return releases;
}

guint64
fake_reach_rate(FakeReach *fake, guint n)
{
    guint64 rate = enter(fake, n)->rate_bytes_per_s;
    leave(fake);
    return rate;
}

gconstpointer
fake_reach_common(FakeReach *fake, guint n)
{
    gconstpointer common = enter(fake, n)->common;
    leave(fake);
    return common;
}

guint
fake_reach_running_most(FakeReach *fake)
{
    g_mutex_lock(&fake->lock);
    guint most = fake->running_most;
    leave(fake);
    return most;
}

guint
fake_reach_looks(FakeReach *fake)
{
    g_mutex_lock(&fake->lock);
    guint looks = fake->looks;
    leave(fake);
    return looks;
}

int
fake_reach_pinned(FakeReach *fake, guint n)
{
    const VbVcpu *vcpu = world_vcpu_of(enter(fake, n)->facts, 0);
    VbNodeSet nodes = vb_topology_nodes_of_cpus(fake->topology, &vcpu->affinity);
    leave(fake);
    return vb_nodeset_count(nodes) == 1 ? vb_nodeset_first(nodes) : VB_NO_NODE;
}

guint
fake_reach_mib(FakeReach *fake, guint n, int node)
{
    guint64 bytes = world_cell_of(enter(fake, n)->facts, 0)->by_node[node];
    leave(fake);
    return (guint)(bytes / MIB);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a guest's terms come to in a decision: given host and terms, what is planned and declined. */
#include "engine/engine.h"
#include "world.h"
#include <string.h>

/* A host of two nodes; "web" runs on node 0 and has its RAM on node 1, seen twice. */
static VbSnapshot *
host_with_a_remote_guest(VbGuest **ret)
{
    VbSnapshot *host = world_host(2, 4, 4 * GIB);
    *ret = world_guest(host, "web", "0,0");
    world_fill(host, *ret, 0, 1, GIB);
    world_cell_of(*ret, 0)->remote_seen = 5;
    return host;
}

static VbDecision *
decide(const VbSnapshot *host, const VbPlanRequest *request)
{
    g_autoptr(VbConfig) config = vb_config_new();
    g_autoptr(GError) error = NULL;
    VbDecision *decision = vb_engine_decide(host, config, request, &error);
    g_assert_no_error(error);
    return decision;
}

static guint
count(const VbPlan *plan, VbActionKind kind)
{
    guint n = 0;
    for (guint i = 0; i < plan->actions->len; i++)
        n += ((const VbAction *)g_ptr_array_index(plan->actions, i))->kind == kind;
    return n;
}

static void
assert_declined(const VbDecision *decision, const VbGuest *guest, const char *code)
{
    const VbDecline *decline = vb_plan_declined(decision->plan, guest->uuid);
    g_assert_nonnull(decline);
    g_assert_cmpstr(decline->code, ==, code);
    g_assert_cmpuint(decision->plan->actions->len, ==, 0);
}

static void
test_memory_that_must_stay_draws_the_vcpus(void)
{
    VbGuest *guest;
    g_autoptr(VbSnapshot) host = host_with_a_remote_guest(&guest);
    guest->terms.moves = VB_ANSWER_NO;
    g_autoptr(VbDecision) decision = decide(host, &(VbPlanRequest){0});
    g_assert_cmpuint(count(decision->plan, VB_ACTION_MOVE), ==, 0);
    g_assert_cmpuint(count(decision->plan, VB_ACTION_PIN), >=, 2);
    g_assert_cmpint(((VbAction *)g_ptr_array_index(decision->plan->actions, 0))->to, ==, 1);
    VbGuest *after = vb_snapshot_find(decision->predicted, guest->uuid);
    g_assert_true(world_cell_of(after, 0)->movable);
    g_assert_null(world_cell_of(after, 0)->note);
}

static void
test_memory_that_must_stay_is_kept_by_the_guard(void)
{
    VbGuest *guest;
    g_autoptr(VbSnapshot) host = host_with_a_remote_guest(&guest);
    guest->terms.moves = VB_ANSWER_NO;
    g_autoptr(VbDecision) decision = decide(host, &(VbPlanRequest){.policy = "moron"});
    assert_declined(decision, guest, "unmovable");
}

static void
test_vcpus_that_must_not_be_pinned(void)
{
    VbGuest *guest;
    g_autoptr(VbSnapshot) host = host_with_a_remote_guest(&guest);
    guest->terms.pins = VB_ANSWER_NO;
    g_autoptr(VbDecision) pinning = decide(host, &(VbPlanRequest){0});
    assert_declined(pinning, guest, "no-pins");
    g_autoptr(VbDecision) moving = decide(host, &(VbPlanRequest){.policy = "moron"});
    g_assert_cmpuint(count(moving->plan, VB_ACTION_MOVE), ==, 1);
}

static void
test_local_enough_is_left_alone(void)
{
    VbGuest *guest;
    g_autoptr(VbSnapshot) host = host_with_a_remote_guest(&guest);
    world_fill(host, guest, 0, 0, 9 * GIB / 10);
    guest->terms.locality_min_known = TRUE;
    guest->terms.locality_min_bp = 4000;
    g_autoptr(VbDecision) all = decide(host, &(VbPlanRequest){0});
    assert_declined(all, guest, "local");
    const char *const names[] = {"web", NULL};
    g_autoptr(VbDecision) named = decide(host, &(VbPlanRequest){.guests = names});
    g_assert_cmpuint(named->plan->actions->len, >, 0);
    guest->terms.locality_min_bp = 5000;
    g_autoptr(VbDecision) below = decide(host, &(VbPlanRequest){0});
    g_assert_cmpuint(below->plan->actions->len, >, 0);
}

static void
test_the_target_is_the_tolerance(void)
{
    VbGuest *guest;
    g_autoptr(VbSnapshot) host = world_host(2, 4, 4 * GIB);
    guest = world_guest(host, "web", "0,0");
    world_settle(&host->topology, guest, 0);
    world_fill(host, guest, 0, 0, 98 * MIB);
    world_fill(host, guest, 0, 1, 2 * MIB);
    world_cell_of(guest, 0)->remote_seen = 5;
    g_autoptr(VbDecision) usual = decide(host, &(VbPlanRequest){0});
    g_assert_cmpuint(count(usual->plan, VB_ACTION_MOVE), ==, 1);
    guest->terms.locality_target_known = TRUE;
    guest->terms.locality_target_bp = 9500;
    g_autoptr(VbDecision) content = decide(host, &(VbPlanRequest){0});
    g_assert_cmpuint(count(content->plan, VB_ACTION_MOVE), ==, 0);
}

static void
test_its_own_cooldown(void)
{
    VbGuest *guest;
    g_autoptr(VbSnapshot) host = host_with_a_remote_guest(&guest);
    guest->last_move_ns = host->time_ns - 30 * SECOND;
    g_autoptr(VbDecision) usual = decide(host, &(VbPlanRequest){0});
    assert_declined(usual, guest, "cooldown");
    guest->terms.cooldown_known = TRUE;
    guest->terms.cooldown_ns = 20 * SECOND;
    g_autoptr(VbDecision) shorter = decide(host, &(VbPlanRequest){0});
    g_assert_cmpuint(shorter->plan->actions->len, >, 0);
    guest->terms.cooldown_ns = 40 * SECOND;
    g_autoptr(VbDecision) moron = decide(host, &(VbPlanRequest){.policy = "moron"});
    assert_declined(moron, guest, "cooldown");
}

static GHashTable *
setting(const char *name, gint64 value)
{
    GHashTable *settings = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_hash_table_insert(settings, g_strdup(name), g_memdup2(&value, sizeof value));
    return settings;
}

/* Given a guest at home outside of the nodes that it may use by now, it leaves at once. */
static void
test_a_home_outside_the_boundary_is_left(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 4, 4 * GIB);
    VbGuest *guest = world_guest(host, "web", "0,0");
    world_settle(&host->topology, guest, 0);
    world_fill(host, guest, 0, 0, GIB);
    guest->boundary = VB_NODE_BIT(1);
    guest->cpu_boundary = host->topology.node[1].cpus;
    g_autoptr(VbDecision) decision = decide(host, &(VbPlanRequest){0});
    g_assert_cmpuint(count(decision->plan, VB_ACTION_MOVE), ==, 1);
    g_assert_cmphex(vb_guest_home(vb_snapshot_find(decision->predicted, guest->uuid)), ==,
                    VB_NODE_BIT(1));
}

/* A guest's parameters are for its own policy, and outlive the decision of another one. */
static void
test_parameters_belong_to_one_policy(void)
{
    VbGuest *guest;
    g_autoptr(VbSnapshot) host = host_with_a_remote_guest(&guest);
    VbGuest *other = world_guest(host, "other", "0");
    other->policy = g_strdup("moron");
    world_fill(host, other, 0, 1, GIB);
    guest->policy = g_strdup("home-node");
    guest->settings = setting("confirm", 6);
    g_autoptr(VbDecision) own = decide(host, &(VbPlanRequest){0});
    g_assert_cmpuint(count(own->plan, VB_ACTION_MOVE), ==, 1);
    g_assert_cmpstr(((VbAction *)g_ptr_array_index(own->plan->actions, 0))->guest, ==, "other");
    VbGuest *after = vb_snapshot_find(own->predicted, guest->uuid);
    g_assert_cmpint(*(gint64 *)g_hash_table_lookup(after->settings, "confirm"), ==, 6);
    g_free(guest->policy);
    guest->policy = g_strdup("moron");
    const char *const names[] = {"web", NULL};
    g_autoptr(VbDecision) not_its = decide(
        host, &(VbPlanRequest){.guests = names, .policy = "home-node"});
    g_assert_cmpuint(not_its->plan->actions->len, >, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/terms/memory-that-must-stay-draws-the-vcpus",
                    test_memory_that_must_stay_draws_the_vcpus);
    g_test_add_func("/terms/memory-that-must-stay-is-kept",
                    test_memory_that_must_stay_is_kept_by_the_guard);
    g_test_add_func("/terms/vcpus-that-must-not-be-pinned", test_vcpus_that_must_not_be_pinned);
    g_test_add_func("/terms/local-enough-is-left-alone", test_local_enough_is_left_alone);
    g_test_add_func("/terms/the-target-is-the-tolerance", test_the_target_is_the_tolerance);
    g_test_add_func("/terms/a-home-outside-the-boundary-is-left",
                    test_a_home_outside_the_boundary_is_left);
    g_test_add_func("/terms/its-own-cooldown", test_its_own_cooldown);
    g_test_add_func("/terms/parameters-belong-to-one-policy", test_parameters_belong_to_one_policy);
    return g_test_run();
}

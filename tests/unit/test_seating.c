/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What policies share that place vCPUs one by one. */
#include "../../policies/seating.h"
#include "policy_story.h"

static const VbPolicy *const policy = &vb_policy_numa_core;

/* Who is sent somewhere is there; else where it ran, unless it may not run there. */
static void
test_where_one_is(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 2, 8 * GIB);
    VbGuest *web = world_guest(host, "web", "0,1");
    web->boundary = VB_NODE_BIT(1);
    g_autoptr(VbPlan) plan = vb_plan_new("");
    g_autoptr(VbSeating) seating = vb_seating_new(policy, host, "cooldown", plan);
    g_assert_cmpint(vb_seated_node(vb_seating_at(seating, 0)), ==, VB_NO_NODE);
    g_assert_cmpint(vb_seated_node(vb_seating_at(seating, 1)), ==, 1);
    vb_seating_send(seating, vb_seating_at(seating, 0), 1);
    g_assert_cmpint(vb_seated_node(vb_seating_at(seating, 0)), ==, 1);
}

/* One step to node 1 each, then content. */
static gboolean
go_to_one(VbSeating *seating, VbSeated *seated)
{
    if (vb_seated_node(seated) == 1)
        return FALSE;
    vb_seating_send(seating, seated, 1);
    return TRUE;
}

static gboolean
go_round(VbSeating *seating, VbSeated *seated)
{
    vb_seating_send(seating, seated, 1 - vb_seated_node(seated));
    return TRUE;
}

static void
test_it_settles(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 4, 8 * GIB);
    world_guest(host, "web", "0,0,1");
    g_autoptr(VbPlan) plan = vb_plan_new("");
    g_autoptr(VbSeating) seating = vb_seating_new(policy, host, "cooldown", plan);
    vb_seating_settle(seating, go_to_one);
    for (guint i = 0; i < seating->seated->len; i++)
        g_assert_cmpint(vb_seated_node(vb_seating_at(seating, i)), ==, 1);
    g_assert_cmpint(seating->load_bp[1], ==, 3 * VB_BP);
}

/* A policy that errs goes round in circles, but not for ever. */
static void
test_it_ends(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 2, 8 * GIB);
    world_guest(host, "web", "0");
    g_autoptr(VbPlan) plan = vb_plan_new("");
    g_autoptr(VbSeating) seating = vb_seating_new(policy, host, "cooldown", plan);
    vb_seating_settle(seating, go_round);
    g_assert_cmpint(seating->load_bp[0] + seating->load_bp[1], ==, VB_BP);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/seating/where-one-is", test_where_one_is);
    g_test_add_func("/seating/it-settles", test_it_settles);
    g_test_add_func("/seating/it-ends", test_it_ends);
    return g_test_run();
}

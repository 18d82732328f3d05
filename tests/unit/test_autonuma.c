/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What autonuma does in small worlds, told as a story each; what holds for every policy is in
 * tests/property. */
#include "world.h"
#include <string.h>
#include <vmbalancer/policy.h>

static const VbPolicy *const policy = &vb_policy_autonuma;

static void
assert_plan(VbSnapshot *host, const VbGuest *guest, const char *actions, const char *declined)
{
    g_autoptr(VbPlan) plan = vb_policy_decide(policy, host);
    g_autofree char *got = world_describe(plan, guest);
    const VbDecline *decline = vb_plan_declined(plan, guest->uuid);
    g_assert_cmpstr(got, ==, actions);
    g_assert_cmpstr(decline != NULL ? decline->code : NULL, ==, declined);
}

/* The decision before agreed with what this one leans to. */
static void
agree(VbSnapshot *host)
{
    g_autoptr(VbPlan) plan = vb_policy_decide(policy, host);
    for (guint i = 0; i < plan->intents->len; i++) {
        const VbIntent *intent = g_ptr_array_index(plan->intents, i);
        VbVcpu *vcpu = world_vcpu_of(vb_snapshot_find(host, intent->uuid), intent->vcpu);
        vcpu->intent = intent->node;
        vcpu->intent_seen = 1;
    }
}

static void
hold(const VbSnapshot *host, VbGuest *guest, int node)
{
    for (guint i = 0; i < guest->vcpus->len; i++)
        world_vcpu_of(guest, i)->affinity = host->topology.node[node].cpus;
}

/* Two guests on each other's node, every CPU busy: they change places, and no page moves. */
static void
test_they_change_places(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 2, 8 * GIB);
    VbGuest *web = world_guest(host, "web", "0,0");
    VbGuest *db = world_guest(host, "db", "1,1");
    world_fill(host, web, 0, 1, 2 * GIB);
    world_fill(host, db, 0, 0, 2 * GIB);
    agree(host);
    assert_plan(host, web, "pin vcpu0 >1; pin vcpu1 >1", NULL);
    assert_plan(host, db, "pin vcpu0 >0; pin vcpu1 >0", NULL);
}

static void
test_two_decisions_must_agree(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 2, 8 * GIB);
    VbGuest *guest = world_guest(host, "web", "0");
    world_fill(host, guest, 0, 1, GIB);
    assert_plan(host, guest, "", "unconfirmed");
    world_vcpu_of(guest, 0)->intent = 0;
    world_vcpu_of(guest, 0)->intent_seen = 5;
    assert_plan(host, guest, "", "unconfirmed");
    agree(host);
    assert_plan(host, guest, "pin vcpu0 >1", NULL);
    guest->last_move_ns = host->time_ns - 30 * SECOND;
    assert_plan(host, guest, "", "cooldown");
}

/* Where a vCPU is kept from its RAM by those who gain more there, the RAM comes to it. */
static void
test_pages_converge(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 1, 8 * GIB);
    VbGuest *web = world_guest(host, "web", "0");
    VbGuest *db = world_guest(host, "db", "1");
    hold(host, web, 0);
    hold(host, db, 1);
    world_fill(host, web, 0, 1, GIB);
    world_fill(host, db, 0, 1, 2 * GIB);
    assert_plan(host, web, "move 0: 1>0 1024M", NULL);
    assert_plan(host, db, "", NULL);
    world_cell_of(web, 0)->remote_seen = 1;
    assert_plan(host, web, "", NULL);
}

/* Pages that several vCPUs share go to their nodes by what each asks for. */
static void
test_shared_pages_are_split(void)
{
    g_autoptr(VbSnapshot) host = world_host(3, 1, 8 * GIB);
    VbGuest *guest = world_guest(host, "wide", "0,1");
    world_vcpu_of(guest, 0)->affinity = host->topology.node[0].cpus;
    world_vcpu_of(guest, 1)->affinity = host->topology.node[1].cpus;
    guest->boundary = VB_NODE_BIT(0) | VB_NODE_BIT(1);
    world_fill(host, guest, 0, 2, 3 * GIB);
    assert_plan(host, guest, "move 0: 2>0 1536M; move 0: 2>1 1536M", NULL);
}

/* Where accesses went of late counts for vCPUs of one guest, not where its RAM lies. */
static void
test_accesses_count(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 1, 8 * GIB);
    VbGuest *guest = world_guest(host, "web", "0,1");
    world_fill(host, guest, 0, 0, GIB);
    world_fill(host, guest, 0, 1, GIB);
    for (int i = 0; i < 2; i++) {
        VbVcpu *vcpu = world_vcpu_of(guest, (guint)i);
        vcpu->affinity = host->topology.node[i].cpus;
        vcpu->access_known = TRUE;
        vcpu->access_bp[1 - i] = VB_BP;
    }
    agree(host);
    assert_plan(host, guest, "pin vcpu0 >1; pin vcpu1 >0", NULL);
}

static void
test_no_room_is_said(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 1, 2 * GIB);
    VbGuest *web = world_guest(host, "web", "0");
    VbGuest *db = world_guest(host, "db", "1");
    hold(host, web, 0);
    hold(host, db, 1);
    world_fill(host, web, 0, 1, GIB);
    world_fill(host, db, 0, 1, GIB);
    world_fill(host, db, 0, 0, GIB + GIB / 2);
    db->selected = FALSE;
    assert_plan(host, web, "", "no-room");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/autonuma/they-change-places", test_they_change_places);
    g_test_add_func("/autonuma/two-decisions", test_two_decisions_must_agree);
    g_test_add_func("/autonuma/pages-converge", test_pages_converge);
    g_test_add_func("/autonuma/shared-pages", test_shared_pages_are_split);
    g_test_add_func("/autonuma/accesses-count", test_accesses_count);
    g_test_add_func("/autonuma/no-room", test_no_room_is_said);
    return g_test_run();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What autonuma does in small worlds, told as a story each; what holds for every policy is in
 * tests/property. */
#include "policy_story.h"

static const VbPolicy *const policy = &vb_policy_autonuma;

/* Two guests on each other's node, every CPU busy: they change places, and no page moves. */
static void
test_they_change_places(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 2, 8 * GIB);
    VbGuest *web = world_guest(host, "web", "0,0");
    VbGuest *db = world_guest(host, "db", "1,1");
    world_fill(host, web, 0, 1, 2 * GIB);
    world_fill(host, db, 0, 0, 2 * GIB);
    story_agree(policy, host);
    story_plan(policy, host, web, "pin vcpu0 >1; pin vcpu1 >1", NULL);
    story_plan(policy, host, db, "pin vcpu0 >0; pin vcpu1 >0", NULL);
}

static void
test_two_decisions_must_agree(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 2, 8 * GIB);
    VbGuest *guest = world_guest(host, "web", "0");
    world_fill(host, guest, 0, 1, GIB);
    story_plan(policy, host, guest, "", "unconfirmed");
    world_vcpu_of(guest, 0)->intent = 0;
    world_vcpu_of(guest, 0)->intent_seen = 5;
    story_plan(policy, host, guest, "", "unconfirmed");
    story_agree(policy, host);
    story_plan(policy, host, guest, "pin vcpu0 >1", NULL);
    guest->last_move_ns = host->time_ns - 30 * SECOND;
    story_plan(policy, host, guest, "", "cooldown");
}

/* Where a vCPU is kept from its RAM by those who gain more there, the RAM comes to it. */
static void
test_pages_converge(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 1, 8 * GIB);
    VbGuest *web = world_guest(host, "web", "0");
    VbGuest *db = world_guest(host, "db", "1");
    story_hold(host, web, 0);
    story_hold(host, db, 1);
    world_fill(host, web, 0, 1, GIB);
    world_fill(host, db, 0, 1, 2 * GIB);
    story_plan(policy, host, web, "move 0: 1>0 1024M", NULL);
    story_plan(policy, host, db, "", NULL);
    world_cell_of(web, 0)->remote_seen = 1;
    story_plan(policy, host, web, "", NULL);
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
    story_plan(policy, host, guest, "move 0: 2>0 1536M; move 0: 2>1 1536M", NULL);
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
    story_agree(policy, host);
    story_plan(policy, host, guest, "pin vcpu0 >1; pin vcpu1 >0", NULL);
}

static void
test_no_room_is_said(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 1, 2 * GIB);
    VbGuest *web = world_guest(host, "web", "0");
    VbGuest *db = world_guest(host, "db", "1");
    story_hold(host, web, 0);
    story_hold(host, db, 1);
    world_fill(host, web, 0, 1, GIB);
    world_fill(host, db, 0, 1, GIB);
    world_fill(host, db, 0, 0, GIB + GIB / 2);
    db->selected = FALSE;
    story_plan(policy, host, web, "", "no-room");
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

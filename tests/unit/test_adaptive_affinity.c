/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What adaptive-affinity does in small worlds, told as a story each; what holds for every policy is
 * in tests/property. */
#include "policy_story.h"

static const VbPolicy *const policy = &vb_policy_adaptive_affinity;

/* Affinity alone decides: accesses pull. */
static void
test_accesses_pull(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 2, 8 * GIB);
    VbGuest *guest = world_guest(host, "web", "0");
    world_fill(host, guest, 0, 1, GIB);
    story_agree(policy, host);
    story_plan(policy, host, guest, "pin vcpu0 >1", NULL);
}

/* A group pulls its strays, against where the RAM happens to lie if need be. */
static void
test_groups_pull(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 4, 8 * GIB);
    VbGuest *guest = world_guest(host, "web", "0,0,0,1");
    for (guint i = 0; i < 4; i++)
        world_vcpu_of(guest, i)->affinity = host->topology.node[i == 3].cpus;
    world_fill(host, guest, 0, 0, GIB);
    world_fill(host, guest, 0, 1, GIB);
    story_agree(policy, host);
    story_plan(policy, host, guest, "move 0: 1>0 1024M; pin vcpu3 >0", NULL);
}

/* Who has nothing to do with the others goes where the load is less. */
static void
test_the_unrelated_spread(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 2, 8 * GIB);
    VbGuest *web = world_guest(host, "web", "0");
    VbGuest *db = world_guest(host, "db", "0");
    world_vcpu_of(web, 0)->affinity = world_vcpu_of(db, 0)->affinity = host->topology.node[0].cpus;
    story_agree(policy, host);
    story_plan(policy, host, web, "pin vcpu0 >1", NULL);
    story_plan(policy, host, db, "", NULL);
}

/* An idle vCPU does not mind the load. */
static void
test_the_idle_do_not_mind(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 2, 8 * GIB);
    VbGuest *web = world_guest(host, "web", "0");
    VbGuest *db = world_guest(host, "db", "0,0");
    world_vcpu_of(web, 0)->busy_bp = 0;
    world_fill(host, web, 0, 0, GIB);
    world_fill(host, db, 0, 0, GIB);
    db->selected = FALSE;
    story_plan(policy, host, web, "", NULL);
}

static void
test_the_margin_holds(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 2, 8 * GIB);
    VbGuest *guest = world_guest(host, "web", "0");
    world_vcpu_of(guest, 0)->affinity = host->topology.node[0].cpus;
    world_fill(host, guest, 0, 0, 480 * MIB);
    world_fill(host, guest, 0, 1, 520 * MIB);
    story_plan(policy, host, guest, "move 0: 1>0 520M", NULL);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/adaptive-affinity/accesses-pull", test_accesses_pull);
    g_test_add_func("/adaptive-affinity/groups-pull", test_groups_pull);
    g_test_add_func("/adaptive-affinity/the-unrelated-spread", test_the_unrelated_spread);
    g_test_add_func("/adaptive-affinity/the-idle", test_the_idle_do_not_mind);
    g_test_add_func("/adaptive-affinity/margin", test_the_margin_holds);
    return g_test_run();
}

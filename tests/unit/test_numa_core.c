/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What numa-core does in small worlds, told as a story each; what holds for every policy is in
 * tests/property. */
#include "policy_story.h"

static const VbPolicy *const policy = &vb_policy_numa_core;

/* Siblings gather where most of them are, whoever holds their RAM; it follows. */
static void
test_siblings_gather(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 4, 8 * GIB);
    VbGuest *guest = world_guest(host, "web", "0,1,1");
    for (guint i = 0; i < 3; i++)
        world_vcpu_of(guest, i)->affinity = host->topology.node[i > 0].cpus;
    world_fill(host, guest, 0, 0, 2 * GIB);
    story_agree(policy, host);
    story_plan(policy, host, guest, "move 0: 0>1 2048M; pin vcpu0 >1", NULL);
}

/* A node that is full takes no more of them. */
static void
test_a_full_node_takes_none(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 2, 8 * GIB);
    VbGuest *guest = world_guest(host, "web", "0,1,1");
    world_fill(host, guest, 0, 1, GIB);
    story_agree(policy, host);
    story_plan(policy, host, guest, "", NULL);
}

/* Those who share with nobody go where CPUs are idle, each in its turn, and not for less than one
 * CPU. */
static void
test_the_private_spread(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 4, 8 * GIB);
    VbGuest *guests[3];
    for (guint i = 0; i < 3; i++) {
        guests[i] = world_guest(host, "one", "0");
        world_vcpu_of(guests[i], 0)->affinity = host->topology.node[0].cpus;
    }
    story_agree(policy, host);
    story_plan(policy, host, guests[0], "pin vcpu0 >1", NULL);
    story_plan(policy, host, guests[1], "", NULL);
    story_plan(policy, host, guests[2], "", NULL);
}

/* Each cell is a family of its own. */
static void
test_cells_are_families(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 2, 8 * GIB);
    VbGuest *guest = world_guest(host, "wide", "0,0,1,1");
    world_cell(guest);
    for (guint i = 0; i < 4; i++) {
        world_vcpu_of(guest, i)->cell = (int)(i / 2);
        world_vcpu_of(guest, i)->affinity = host->topology.node[i / 2].cpus;
    }
    world_fill(host, guest, 0, 0, GIB);
    world_fill(host, guest, 1, 1, GIB);
    story_plan(policy, host, guest, "", NULL);
}

static void
test_chosen_twice(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 4, 8 * GIB);
    VbGuest *guest = world_guest(host, "web", "0,1,1");
    story_plan(policy, host, guest, "", "unconfirmed");
}

/* By the kernel's faults: siblings that keep to themselves are not gathered. */
static void
test_faults_tell_the_private(void)
{
    static const struct {
        guint private_bp;
        const char *expected;
    } cases[] = {
        {0, "pin vcpu0 >1"},
        {6666, "pin vcpu0 >1"}, /* shared faults are half the private ones */
        {6667, ""},
        {VB_BP, ""},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(VbSnapshot) host = world_host(2, 4, 8 * GIB);
        VbGuest *guest = world_guest(host, "web", "0,1,1");
        for (guint v = 0; v < 3; v++) {
            VbVcpu *vcpu = world_vcpu_of(guest, v);
            vcpu->affinity = host->topology.node[v > 0].cpus;
            vcpu->faults_known = TRUE;
            vcpu->private_bp = cases[i].private_bp;
        }
        world_fill(host, guest, 0, 1, 2 * GIB);
        story_agree(policy, host);
        story_plan(policy, host, guest, cases[i].expected, NULL);
    }
}

/* And one that shares with others than its siblings is not sent away for load. */
static void
test_faults_tell_the_shared(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 4, 8 * GIB);
    VbGuest *guests[3];
    for (guint i = 0; i < 3; i++) {
        guests[i] = world_guest(host, "one", "0");
        world_vcpu_of(guests[i], 0)->affinity = host->topology.node[0].cpus;
    }
    world_vcpu_of(guests[0], 0)->faults_known = TRUE;
    story_agree(policy, host);
    story_plan(policy, host, guests[0], "", NULL);
    story_plan(policy, host, guests[1], "pin vcpu0 >1", NULL);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/numa-core/siblings-gather", test_siblings_gather);
    g_test_add_func("/numa-core/a-full-node", test_a_full_node_takes_none);
    g_test_add_func("/numa-core/the-private-spread", test_the_private_spread);
    g_test_add_func("/numa-core/cells", test_cells_are_families);
    g_test_add_func("/numa-core/faults-private", test_faults_tell_the_private);
    g_test_add_func("/numa-core/faults-shared", test_faults_tell_the_shared);
    g_test_add_func("/numa-core/chosen-twice", test_chosen_twice);
    return g_test_run();
}

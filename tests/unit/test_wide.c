/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What balance does with guests that no node holds, told as a story each. */
#include "core/predict.h"
#include "policy_story.h"
#include <string.h>

static const VbPolicy *const policy = &vb_policy_balance;

/* The host as a decision leaves it, an hour later; asserts that the next one has nothing to add. */
static VbSnapshot *
carry_out(const VbSnapshot *host, const VbGuest *guest, const char *declined)
{
    g_autoptr(VbPlan) plan = vb_policy_decide(policy, host);
    VbSnapshot *then = vb_predict(host, plan);
    then->time_ns += 3600 * SECOND;
    story_agree(policy, then);
    story_plan(policy, then, vb_snapshot_find(then, guest->uuid), "", declined);
    return then;
}

/* vCPUs by the CPUs that nodes have, ranges where most of them run; no more RAM moves than has to. */
static void
test_more_vcpus_than_a_node(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 4, 16 * GIB);
    VbGuest *guest = world_guest(host, "big", "1,1,1,0,0,0");
    world_fill(host, guest, 0, 1, 6 * GIB);
    story_agree(policy, host);
    story_plan(policy, host, guest,
               "move 0: 1>0 3072M; pin vcpu0 >1; pin vcpu1 >1; pin vcpu2 >1; pin vcpu3 >0; "
               "pin vcpu4 >0; pin vcpu5 >0",
               NULL);
    g_autoptr(VbSnapshot) then = carry_out(host, guest, NULL);
    g_assert_cmphex(world_cell_of(vb_snapshot_find(then, guest->uuid), 0)->home, ==, 3);
}

/* A node with fewer CPUs gets fewer vCPUs, and less RAM. */
static void
test_uneven_nodes(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 4, 16 * GIB);
    VbGuest *guest = world_guest(host, "big", "0,0,0,1,1,1");
    host->topology.node[1].cpus = (VbCpuSet){0};
    vb_cpuset_add(&host->topology.node[1].cpus, 4);
    vb_cpuset_add(&host->topology.node[1].cpus, 5);
    host->topology.node[1].n_cpus = 2;
    world_fill(host, guest, 0, 0, 3 * GIB);
    world_fill(host, guest, 0, 1, 3 * GIB);
    story_agree(policy, host);
    story_plan(policy, host, guest,
               "move 0: 1>0 1024M; pin vcpu0 >0; pin vcpu1 >0; pin vcpu2 >0; pin vcpu3 >0; "
               "pin vcpu4 >1; pin vcpu5 >1",
               NULL);
    g_autoptr(VbSnapshot) then = carry_out(host, guest, NULL);
}

/* Two nodes are enough for it, and of those that are as few the closest. */
static void
test_fewest_and_closest(void)
{
    g_autoptr(VbSnapshot) host = world_host(4, 2, 16 * GIB);
    world_distances(&host->topology, "10,31,12,31:31,10,31,12:12,31,10,31:31,12,31,10");
    VbGuest *guest = world_guest(host, "big", "0,0,1,1");
    world_fill(host, guest, 0, 1, 3 * GIB);
    world_fill(host, guest, 0, 0, GIB);
    story_agree(policy, host);
    story_plan(policy, host, guest,
               "move 0: 0>3 1024M; move 0: 1>3 1024M; pin vcpu0 >3; pin vcpu1 >3; pin vcpu2 >1; "
               "pin vcpu3 >1",
               NULL);
    g_autoptr(VbSnapshot) then = carry_out(host, guest, NULL);
}

/* Its vCPUs would fit on one node, its RAM does not. */
static void
test_more_ram_than_a_node(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 8, 8 * GIB);
    VbGuest *guest = world_guest(host, "fat", "0,0,1,1"), *single = world_guest(host, "one", "0");
    world_fill(host, guest, 0, 0, 6 * GIB);
    world_fill(host, guest, 0, 1, 4 * GIB);
    story_agree(policy, host);
    story_plan(policy, host, guest,
               "move 0: 0>1 1024M; pin vcpu0 >0; pin vcpu1 >0; pin vcpu2 >1; pin vcpu3 >1", NULL);
    g_autoptr(VbSnapshot) then = carry_out(host, guest, NULL);
    /* One vCPU can be on one node only: where most of it lies. */
    world_put(single, 0, 0, 3 * GIB);
    world_put(single, 0, 1, 6 * GIB);
    story_agree(policy, host);
    story_plan(policy, host, single, "pin vcpu0 >1", NULL);
}

/* Nodes are hardly ever quite alike: that does not take all vCPUs to the one that has a little more. */
static void
test_a_little_less_ram(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 8, 8 * GIB);
    VbGuest *guest = world_guest(host, "fat", "0,0");
    host->topology.node[0].memory_total_bytes -= GIB / 2;
    world_fill(host, guest, 0, 0, 6 * GIB);
    world_fill(host, guest, 0, 1, 3 * GIB);
    story_agree(policy, host);
    story_plan(policy, host, guest, "move 0: 0>1 1536M; pin vcpu0 >0; pin vcpu1 >1", NULL);
}

/* What a look may be off by, and a move may miss by, is left; what cannot move, too. */
static void
test_nothing_moves_for_nothing(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 2, 64 * GIB);
    VbGuest *guest = world_guest(host, "big", "0,0,1,1");
    VbCell *cell = world_cell_of(guest, 0);
    const char *pins = "pin vcpu0 >0; pin vcpu1 >0; pin vcpu2 >1; pin vcpu3 >1";
    world_fill(host, guest, 0, 0, 16 * GIB);
    world_fill(host, guest, 0, 1, 17 * GIB);
    cell->error_bp = 60;
    story_agree(policy, host);
    story_plan(policy, host, guest, pins, NULL);
    cell->error_bp = 40;
    story_agree(policy, host);
    story_plan(policy, host, guest,
               "move 0: 1>0 512M; pin vcpu0 >0; pin vcpu1 >0; pin vcpu2 >1; pin vcpu3 >1", NULL);
    cell->unmovable_bytes = 512 * MIB;
    story_agree(policy, host);
    story_plan(policy, host, guest, pins, NULL);
    cell->unmovable_bytes = 0;
    cell->movable = FALSE;
    story_agree(policy, host);
    story_plan(policy, host, guest, pins, NULL);
}

/* Pins are what makes a home: who re-pinned one vCPU finds all of them stated anew. */
static void
test_pins_are_stated_together(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 2, 8 * GIB);
    VbGuest *guest = world_guest(host, "big", "0,0,1,1");
    world_fill(host, guest, 0, 0, GIB);
    world_fill(host, guest, 0, 1, GIB);
    story_agree(policy, host);
    g_autoptr(VbSnapshot) then = carry_out(host, guest, NULL);
    VbGuest *now = vb_snapshot_find(then, guest->uuid);
    world_vcpu_of(now, 1)->affinity = then->topology.node[1].cpus;
    world_vcpu_of(now, 1)->share_bp[0] = 0;
    world_vcpu_of(now, 1)->share_bp[1] = VB_BP;
    story_agree(policy, then);
    story_plan(policy, then, now, "pin vcpu0 >0; pin vcpu1 >0; pin vcpu2 >1; pin vcpu3 >1", NULL);
    g_autoptr(VbSnapshot) last = carry_out(then, now, NULL);
    g_assert_cmphex(world_cell_of(vb_snapshot_find(last, guest->uuid), 0)->home, ==, 3);
}

/* Two decisions have to agree; RAM follows who asks for much, and where there is room. */
static void
test_what_it_waits_for(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 2, 8 * GIB);
    VbGuest *guest = world_guest(host, "big", "0,0,1,1");
    const char *pins = "pin vcpu0 >0; pin vcpu1 >0; pin vcpu2 >1; pin vcpu3 >1";
    world_fill(host, guest, 0, 0, 4 * GIB);
    world_cell_of(guest, 0)->remote_seen = 0;
    story_plan(policy, host, guest, "", "unconfirmed");
    story_agree(policy, host);
    story_plan(policy, host, guest,
               "move 0: 0>1 2048M; pin vcpu0 >0; pin vcpu1 >0; pin vcpu2 >1; pin vcpu3 >1", NULL);
    host->topology.node[1].memory_free_bytes = GIB;
    story_plan(policy, host, guest, pins, NULL);
    g_autoptr(VbSnapshot) full = carry_out(host, guest, "no-room");
    host->topology.node[1].memory_free_bytes = 8 * GIB;
    for (guint i = 0; i < 4; i++)
        world_vcpu_of(guest, i)->busy_bp = 10;
    story_agree(policy, host);
    story_plan(policy, host, guest, pins, NULL);
    g_autoptr(VbSnapshot) idle = carry_out(host, guest, "not-worth");
    guest->asked = TRUE;
    story_agree(policy, host);
    story_plan(policy, host, guest,
               "move 0: 0>1 2048M; pin vcpu0 >0; pin vcpu1 >0; pin vcpu2 >1; pin vcpu3 >1", NULL);
}

/* Hugepages move whole, and where pools have them. */
static void
test_hugepages(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 2, 16 * GIB);
    VbGuest *guest = world_guest(host, "big", "0,0,1,1");
    world_cell_of(guest, 0)->page_size = GIB;
    world_pool(&host->topology, 0, GIB, 8, 1);
    world_pool(&host->topology, 1, GIB, 8, 8);
    world_put(guest, 0, 0, 7 * GIB);
    story_agree(policy, host);
    story_plan(policy, host, guest,
               "move 0: 0>1 4096M; pin vcpu0 >0; pin vcpu1 >0; pin vcpu2 >1; pin vcpu3 >1", NULL);
    host->topology.node[1].pools[0].free = 3;
    story_plan(policy, host, guest, "pin vcpu0 >0; pin vcpu1 >0; pin vcpu2 >1; pin vcpu3 >1", NULL);
    g_autoptr(VbSnapshot) then = carry_out(host, guest, "no-room");
}

/* Before it touches its RAM: on close nodes, and it stays there while it fills them. */
static void
test_as_it_starts(void)
{
    g_autoptr(VbSnapshot) host = world_host(4, 2, 16 * GIB);
    world_distances(&host->topology, "10,31,12,31:31,10,31,12:12,31,10,31:31,12,31,10");
    VbGuest *guest = world_guest(host, "big", "0,1,2,3"), *busy = world_guest(host, "busy", "0");
    world_fill(host, busy, 0, 0, GIB);
    world_cell_of(guest, 0)->residency_known = TRUE;
    world_cell_of(guest, 0)->size_bytes = 4 * GIB;
    story_agree(policy, host);
    story_plan(policy, host, guest, "pin vcpu0 >1; pin vcpu1 >1; pin vcpu2 >3; pin vcpu3 >3", NULL);
    g_autoptr(VbSnapshot) then = carry_out(host, guest, NULL);
    guest = vb_snapshot_find(then, guest->uuid);
    world_put(guest, 0, 1, GIB);
    world_put(guest, 0, 3, GIB);
    world_cell_of(guest, 0)->size_bytes = 4 * GIB;
    story_plan(policy, then, guest, "", NULL);
}

/* What would fit on a node so far is not gathered there if the guest is spread, and may outgrow it. */
static void
test_as_it_fills(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 8, 8 * GIB);
    VbGuest *guest = world_guest(host, "fat", "0,0,1,1");
    VbCell *cell = world_cell_of(guest, 0);
    const char *pins = "pin vcpu0 >0; pin vcpu1 >0; pin vcpu2 >1; pin vcpu3 >1";
    cell->residency_known = TRUE;
    cell->size_bytes = 10 * GIB;
    story_agree(policy, host);
    story_plan(policy, host, guest, pins, NULL);
    g_autoptr(VbSnapshot) then = carry_out(host, guest, NULL);
    VbGuest *later = vb_snapshot_find(then, guest->uuid);
    world_fill(then, later, 0, 0, GIB);
    world_fill(then, later, 0, 1, GIB);
    world_cell_of(later, 0)->size_bytes = 10 * GIB;
    story_plan(policy, then, later, "", NULL);
    world_fill(then, later, 0, 0, 4 * GIB);
    world_cell_of(later, 0)->size_bytes = 10 * GIB;
    world_cell_of(later, 0)->remote_seen = 2;
    story_plan(policy, then, later, "move 0: 0>1 2048M", NULL);
    world_cell_of(later, 0)->size_bytes = 6 * GIB;
    story_agree(policy, then);
    story_plan(policy, then, later, "move 0: 1>0 1024M; pin vcpu0 >0; pin vcpu1 >0; pin vcpu2 >0; pin vcpu3 >0", NULL);
    /* One that was never spread has no need to be yet. */
    world_fill(host, guest, 0, 0, GIB);
    world_fill(host, guest, 0, 1, GIB);
    cell->size_bytes = 10 * GIB;
    story_agree(policy, host);
    story_plan(policy, host, guest, "move 0: 1>0 1024M; pin vcpu0 >0; pin vcpu1 >0; pin vcpu2 >0; pin vcpu3 >0", NULL);
}

/* Each cell over the fewest nodes that hold it, and close to the other where both are not on the same. */
static void
test_cells(void)
{
    g_autoptr(VbSnapshot) host = world_host(4, 2, 8 * GIB);
    world_distances(&host->topology, "10,31,12,31:31,10,31,12:12,31,10,31:31,12,31,10");
    VbGuest *guest = world_guest(host, "cells", "0,0,0,1,1,1");
    world_cell(guest);
    for (guint i = 3; i < 6; i++)
        world_vcpu_of(guest, i)->cell = 1;
    world_fill(host, guest, 0, 3, 3 * GIB);
    world_fill(host, guest, 1, 2, 3 * GIB);
    story_agree(policy, host);
    story_plan(policy, host, guest,
               "move 0: 3>1 1024M; move 1: 2>0 1024M; pin vcpu0 >1; pin vcpu1 >3; pin vcpu2 >3; pin vcpu3 >0; "
               "pin vcpu4 >2; pin vcpu5 >2",
               NULL);
    g_autoptr(VbSnapshot) then = carry_out(host, guest, NULL);
    g_assert_cmphex(world_cell_of(vb_snapshot_find(then, guest->uuid), 0)->home, ==, 10);
    g_assert_cmphex(world_cell_of(vb_snapshot_find(then, guest->uuid), 1)->home, ==, 5);
}

/* A wide cell, and a small one of the same guest that has what is left. */
static void
test_a_wide_cell_and_a_small_one(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 2, 8 * GIB);
    VbGuest *guest = world_guest(host, "cells", "0,0,0,1");
    world_cell(guest);
    world_vcpu_of(guest, 3)->cell = 1;
    world_fill(host, guest, 0, 0, 3 * GIB);
    world_fill(host, guest, 1, 1, GIB);
    story_agree(policy, host);
    story_plan(policy, host, guest,
               "move 0: 0>1 1024M; pin vcpu0 >0; pin vcpu1 >0; pin vcpu2 >1; pin vcpu3 >1", NULL);
    g_autoptr(VbSnapshot) then = carry_out(host, guest, NULL);
}

/* All nodes together are too small, for one with cells of its own, too. */
static void
test_too_wide_for_all(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 2, 8 * GIB);
    VbGuest *guest = world_guest(host, "huge", "0,0,0,1,1"), *cells = world_guest(host, "cells", "0,0,0,1,1");
    world_cell(cells);
    world_vcpu_of(cells, 3)->cell = 1;
    world_vcpu_of(cells, 4)->cell = 1;
    world_fill(host, guest, 0, 0, GIB);
    story_agree(policy, host);
    story_plan(policy, host, guest, "", "wide");
    story_plan(policy, host, cells, "", "wide");
}

/* Who wants the bandwidth of more nodes than it needs may ask for them. */
static void
test_interleaved(void)
{
    g_autoptr(VbSnapshot) host = world_host(4, 4, 8 * GIB);
    VbGuest *guest = world_guest(host, "stream", "0,0,0"), *single = world_guest(host, "one", "2");
    world_distances(&host->topology, "10,31,12,31:31,10,31,12:12,31,10,31:31,12,31,10");
    world_fill(host, guest, 0, 0, 3 * GIB);
    world_fill(host, single, 0, 2, GIB);
    story_agree(policy, host);
    story_plan(policy, host, guest, "pin vcpu0 >0; pin vcpu1 >0; pin vcpu2 >0", NULL);
    story_set(&guest->settings, "interleave", 2);
    story_set(&single->settings, "interleave", 2);
    story_agree(policy, host);
    story_plan(policy, host, guest, "move 0: 0>2 1536M; pin vcpu0 >0; pin vcpu1 >0; pin vcpu2 >2", NULL);
    story_plan(policy, host, single, "move 0: 2>0 512M; pin vcpu0 >2", NULL);
    g_autoptr(VbSnapshot) then = carry_out(host, guest, NULL);
    story_plan(policy, then, vb_snapshot_find(then, single->uuid), "", NULL);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/wide/more-vcpus-than-a-node", test_more_vcpus_than_a_node);
    g_test_add_func("/wide/uneven-nodes", test_uneven_nodes);
    g_test_add_func("/wide/fewest-and-closest", test_fewest_and_closest);
    g_test_add_func("/wide/more-ram-than-a-node", test_more_ram_than_a_node);
    g_test_add_func("/wide/a-little-less-ram", test_a_little_less_ram);
    g_test_add_func("/wide/nothing-moves-for-nothing", test_nothing_moves_for_nothing);
    g_test_add_func("/wide/pins-are-stated-together", test_pins_are_stated_together);
    g_test_add_func("/wide/what-it-waits-for", test_what_it_waits_for);
    g_test_add_func("/wide/hugepages", test_hugepages);
    g_test_add_func("/wide/as-it-starts", test_as_it_starts);
    g_test_add_func("/wide/as-it-fills", test_as_it_fills);
    g_test_add_func("/wide/cells", test_cells);
    g_test_add_func("/wide/a-wide-cell-and-a-small-one", test_a_wide_cell_and_a_small_one);
    g_test_add_func("/wide/too-wide-for-all", test_too_wide_for_all);
    g_test_add_func("/wide/interleaved", test_interleaved);
    return g_test_run();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a plan should lead to. */
#include "core/predict.h"
#include "world.h"

static void
pin(VbPlan *plan, const VbSnapshot *host, const VbGuest *guest, const char *thread, int node)
{
    vb_plan_add_pin(plan, guest, thread, &host->topology.node[node].cpus, VB_NO_NODE, node, "test");
}

/* Given 512 MiB on node 1, when 300 of them move to 0, then bytes and free memory follow. */
static void
test_moved_bytes_change_sides(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 2, 2 * GIB);
    g_autoptr(VbPlan) plan = vb_plan_new("test");
    VbGuest *guest = world_guest(host, "web", "0");
    world_fill(host, guest, 0, 1, 512 * MIB);
    vb_plan_add_move(plan, guest, 0, 1, 0, 300 * MIB, "test");
    g_autoptr(VbSnapshot) then = vb_predict(host, plan);
    const VbCell *cell = world_cell_of(vb_snapshot_find(then, guest->uuid), 0);
    g_assert_cmpuint(cell->by_node[0], ==, 300 * MIB);
    g_assert_cmpuint(cell->by_node[1], ==, 212 * MIB);
    g_assert_cmpuint(cell->present_bytes, ==, 512 * MIB);
    g_assert_cmpuint(cell->remote_seen, ==, 0);
    g_assert_cmpuint(then->topology.node[0].memory_free_bytes, ==, 1748 * MIB);
    g_assert_cmpuint(then->topology.node[1].memory_free_bytes, ==, 1836 * MIB);
    g_assert_cmpint(vb_snapshot_find(then, guest->uuid)->last_move_ns, ==, host->time_ns);
    g_assert_cmpuint(world_cell_of(guest, 0)->by_node[1], ==, 512 * MIB);
}

static void
test_hugepages_move_between_pools(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 2, 2 * GIB);
    g_autoptr(VbPlan) plan = vb_plan_new("test");
    VbGuest *guest = world_guest(host, "db", "0");
    world_pool(&host->topology, 0, 2 * MIB, 100, 90);
    world_pool(&host->topology, 1, 2 * MIB, 100, 20);
    world_put(guest, 0, 1, 160 * MIB);
    world_cell_of(guest, 0)->page_size = 2 * MIB;
    vb_plan_add_move(plan, guest, 0, 1, 0, 160 * MIB, "test");
    g_autoptr(VbSnapshot) then = vb_predict(host, plan);
    g_assert_cmpuint(then->topology.node[0].pools[0].free, ==, 10);
    g_assert_cmpuint(then->topology.node[1].pools[0].free, ==, 100);
    g_assert_cmpuint(then->topology.node[0].memory_free_bytes, ==, 2 * GIB);
}

/* Borrowed pages are made of one node's memory, and as many given back to the other's. */
static void
test_hugepages_that_are_borrowed_travel(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 2, 2 * GIB);
    g_autoptr(VbPlan) plan = vb_plan_new("test");
    VbGuest *guest = world_guest(host, "db", "0");
    world_pool(&host->topology, 0, 2 * MIB, 100, 90);
    world_pool(&host->topology, 1, 2 * MIB, 100, 20);
    host->topology.node[0].pools[0].borrow = 60;
    world_put(guest, 0, 1, 160 * MIB);
    world_cell_of(guest, 0)->page_size = 2 * MIB;
    vb_plan_add_move(plan, guest, 0, 1, 0, 160 * MIB, "test");
    g_autoptr(VbSnapshot) then = vb_predict(host, plan);
    g_assert_cmpuint(then->topology.node[0].pools[0].free, ==, 10);
    g_assert_cmpuint(then->topology.node[0].pools[0].borrow, ==, 10);
    g_assert_cmpuint(then->topology.node[0].memory_free_bytes, ==, 2 * GIB - 100 * MIB);
    g_assert_cmpuint(then->topology.node[1].pools[0].free, ==, 50);
    g_assert_cmpuint(then->topology.node[1].memory_free_bytes, ==, 2 * GIB + 100 * MIB);
}

/* More than is there does not move, and a node's free memory does not go below nothing. */
static void
test_impossible_moves_end_at_the_edge(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 2, 100 * MIB);
    g_autoptr(VbPlan) plan = vb_plan_new("test");
    VbGuest *guest = world_guest(host, "web", "0");
    world_put(guest, 0, 1, 150 * MIB);
    vb_plan_add_move(plan, guest, 0, 1, 0, G_MAXUINT64, "test");
    vb_plan_add_move(plan, guest, 0, VB_NO_NODE, 0, MIB, "test");
    vb_plan_add_move(plan, guest, 0, 0, VB_NODES_MAX, MIB, "test");
    vb_plan_add_move(plan, guest, 7, 0, 1, MIB, "test");
    g_autoptr(VbSnapshot) then = vb_predict(host, plan);
    const VbCell *cell = world_cell_of(vb_snapshot_find(then, guest->uuid), 0);
    g_assert_cmpuint(cell->by_node[0], ==, 150 * MIB);
    g_assert_cmpuint(cell->by_node[1], ==, 0);
    g_assert_cmpuint(then->topology.node[0].memory_free_bytes, ==, 0);
}

static void
test_pinned_vcpus_run_where_they_are_pinned(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 2, GIB);
    g_autoptr(VbPlan) plan = vb_plan_new("test");
    VbGuest *guest = world_guest(host, "web", "0,0");
    world_vcpu_of(guest, 1)->affinity_known = FALSE;
    g_ptr_array_add(guest->helpers, vb_helper_thread_new("emulator"));
    pin(plan, host, guest, "vcpu1", 1);
    pin(plan, host, guest, "emulator", 1);
    g_autoptr(VbSnapshot) then = vb_predict(host, plan);
    VbGuest *after = vb_snapshot_find(then, guest->uuid);
    const VbHelperThread *emulator = g_ptr_array_index(after->helpers, 0);
    g_assert_cmpuint(world_vcpu_of(after, 0)->share_bp[0], ==, VB_BP);
    g_assert_cmpuint(world_vcpu_of(after, 1)->share_bp[0], ==, 0);
    g_assert_cmpuint(world_vcpu_of(after, 1)->share_bp[1], ==, VB_BP);
    g_assert_true(world_vcpu_of(after, 1)->affinity_known);
    g_assert_true(vb_cpuset_equal(&emulator->affinity, &host->topology.node[1].cpus));
    g_assert_cmpint(after->owner, ==, VB_OWNER_OURS);
}

/* Given cells at home on 0 and 1, when only a vCPU of cell 0 is pinned elsewhere, then cell 1 stays. */
static void
test_a_pin_changes_the_home_of_its_own_cell(void)
{
    g_autoptr(VbSnapshot) host = world_host(4, 2, GIB);
    g_autoptr(VbPlan) plan = vb_plan_new("test");
    VbGuest *guest = world_guest(host, "db", "0,1");
    world_cell(guest);
    world_vcpu_of(guest, 1)->cell = 1;
    world_cell_of(guest, 0)->home = VB_NODE_BIT(0);
    world_cell_of(guest, 1)->home = VB_NODE_BIT(1);
    pin(plan, host, guest, "vcpu0", 2);
    g_autoptr(VbSnapshot) then = vb_predict(host, plan);
    VbGuest *after = vb_snapshot_find(then, guest->uuid);
    g_assert_cmphex(world_cell_of(after, 0)->home, ==, VB_NODE_BIT(2));
    g_assert_cmphex(world_cell_of(after, 1)->home, ==, VB_NODE_BIT(1));
}

/* A cell whose vCPUs go to two nodes lives on both; one without vCPUs lives with its guest. */
static void
test_homes_of_odd_cells(void)
{
    g_autoptr(VbSnapshot) host = world_host(4, 2, GIB);
    g_autoptr(VbPlan) plan = vb_plan_new("test");
    VbGuest *guest = world_guest(host, "db", "0,1");
    world_cell(guest);
    world_cell_of(guest, 0)->home = VB_NODE_BIT(3);
    world_cell_of(guest, 1)->home = VB_NODE_BIT(3);
    pin(plan, host, guest, "vcpu0", 0);
    pin(plan, host, guest, "vcpu1", 1);
    g_autoptr(VbSnapshot) then = vb_predict(host, plan);
    VbGuest *after = vb_snapshot_find(then, guest->uuid);
    g_assert_cmphex(world_cell_of(after, 0)->home, ==, VB_NODE_BIT(0) | VB_NODE_BIT(1));
    g_assert_cmphex(world_cell_of(after, 1)->home, ==, VB_NODE_BIT(0) | VB_NODE_BIT(1));
}

static void
test_an_empty_plan_changes_nothing_for_others(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 2, GIB);
    g_autoptr(VbPlan) plan = vb_plan_new("test");
    VbGuest *guest = world_guest(host, "web", "0");
    world_put(guest, 0, 1, 100 * MIB);
    g_autoptr(VbSnapshot) then = vb_predict(host, plan);
    VbGuest *after = vb_snapshot_find(then, guest->uuid);
    g_assert_cmpuint(world_cell_of(after, 0)->by_node[1], ==, 100 * MIB);
    g_assert_cmphex(world_cell_of(after, 0)->home, ==, 0);
    g_assert_cmpint(after->last_move_ns, ==, 0);
    g_assert_cmpint(after->owner, ==, VB_OWNER_FREE);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/predict/moved-bytes-change-sides", test_moved_bytes_change_sides);
    g_test_add_func("/predict/hugepages-move-between-pools", test_hugepages_move_between_pools);
    g_test_add_func("/predict/hugepages-borrowed", test_hugepages_that_are_borrowed_travel);
    g_test_add_func("/predict/impossible-moves", test_impossible_moves_end_at_the_edge);
    g_test_add_func("/predict/pinned-vcpus-run-there", test_pinned_vcpus_run_where_they_are_pinned);
    g_test_add_func("/predict/homes-by-cell", test_a_pin_changes_the_home_of_its_own_cell);
    g_test_add_func("/predict/homes-of-odd-cells", test_homes_of_odd_cells);
    g_test_add_func("/predict/an-empty-plan", test_an_empty_plan_changes_nothing_for_others);
    return g_test_run();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What balance does in small worlds, told as a story each; what holds for every policy is in
 * tests/property, how near it comes to the best there is in test_balance_optimum.c. */
#include "policy_story.h"
#include <string.h>

static const VbPolicy *const policy = &vb_policy_balance;

static const VbAction *
first_action(const VbPlan *plan, const VbGuest *guest)
{
    for (guint i = 0; i < plan->actions->len; i++) {
        const VbAction *action = g_ptr_array_index(plan->actions, i);
        if (g_str_equal(action->uuid, guest->uuid))
            return action;
    }
    return NULL;
}

static void
assert_cause(const VbSnapshot *host, const VbGuest *guest, VbCause cause)
{
    g_autoptr(VbPlan) plan = vb_policy_decide(policy, host);
    const VbAction *action = first_action(plan, guest);
    g_assert_nonnull(action);
    g_assert_cmpstr(vb_cause_name(action->cause), ==, vb_cause_name(cause));
    g_assert_nonnull(strstr(action->reason, "node "));
}

/* Pins cost nothing: vCPUs go to their RAM, and not the other way round. */
static void
test_vcpus_go_to_their_ram(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 4, 8 * GIB);
    VbGuest *guest = world_guest(host, "web", "0,0");
    world_fill(host, guest, 0, 1, 2 * GIB);
    story_agree(policy, host);
    story_plan(policy, host, guest, "pin vcpu0 >1; pin vcpu1 >1", NULL);
    assert_cause(host, guest, VB_CAUSE_LOCALITY);
}

/* RAM follows vCPUs that ask for much, and not those that sleep: it has to pay for itself. */
static void
test_ram_follows_if_it_pays(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 4, 8 * GIB);
    VbGuest *busy = world_guest(host, "busy", "0"), *idle = world_guest(host, "idle", "0");
    world_vcpu_of(idle, 0)->busy_bp = 5;
    world_settle(&host->topology, idle, 0);
    world_fill(host, busy, 0, 0, GIB);
    world_fill(host, idle, 0, 0, GIB);
    world_fill(host, busy, 0, 1, 512 * MIB);
    world_fill(host, idle, 0, 1, 512 * MIB);
    story_agree(policy, host);
    story_plan(policy, host, busy, "move 0: 1>0 512M; pin vcpu0 >0", NULL);
    story_plan(policy, host, idle, "", "not-worth");
    story_set(&host->settings, "move-cost", 0);
    story_agree(policy, host);
    story_plan(policy, host, idle, "move 0: 1>0 512M", NULL);
}

/* Who expects guests to stay for a minute only moves less than who expects them for a day. */
static void
test_the_stay_decides(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 4, 64 * GIB);
    VbGuest *guest = world_guest(host, "big", "0");
    world_fill(host, guest, 0, 0, 24 * GIB);
    world_fill(host, guest, 0, 1, 16 * GIB);
    story_agree(policy, host);
    story_set(&host->settings, "stay", 10 * SECOND);
    story_plan(policy, host, guest, "pin vcpu0 >0", NULL);
    story_set(&host->settings, "stay", 86400 * SECOND);
    story_plan(policy, host, guest, "move 0: 1>0 16384M; pin vcpu0 >0", NULL);
}

/* A node that is asked for more than it has sends somebody away, RAM and all. */
static void
test_overload_is_relieved(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 2, 8 * GIB);
    VbGuest *guests[3];
    for (guint i = 0; i < 3; i++) {
        guests[i] = world_guest(host, "one", "0");
        world_settle(&host->topology, guests[i], 0);
        world_fill(host, guests[i], 0, 0, (3 - i) * GIB);
    }
    story_agree(policy, host);
    story_plan(policy, host, guests[0], "", NULL);
    story_plan(policy, host, guests[1], "", NULL);
    story_plan(policy, host, guests[2], "move 0: 0>1 1024M; pin vcpu0 >1", NULL);
    assert_cause(host, guests[2], VB_CAUSE_LOAD);
}

/* Devices count as a share of the accesses: enough to choose by, and to bring little RAM, but RAM that
 * stays where it is draws more. */
static void
test_devices_draw_a_little(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 4, 64 * GIB);
    VbGuest *light = world_guest(host, "light", "0"), *heavy = world_guest(host, "heavy", "0");
    VbGuest *locked = world_guest(host, "locked", "0");
    light->devices[1] = heavy->devices[1] = locked->devices[1] = 2;
    world_fill(host, light, 0, 0, 512 * MIB);
    world_fill(host, heavy, 0, 0, 16 * GIB);
    world_fill(host, locked, 0, 0, 512 * MIB);
    world_cell_of(locked, 0)->movable = FALSE;
    story_agree(policy, host);
    story_plan(policy, host, light, "move 0: 0>1 512M; pin vcpu0 >1", NULL);
    story_plan(policy, host, heavy, "pin vcpu0 >0", NULL);
    story_plan(policy, host, locked, "pin vcpu0 >0", NULL);
    story_set(&host->settings, "devices", 0);
    story_agree(policy, host);
    story_plan(policy, host, light, "pin vcpu0 >0", NULL);
}

/* RAM of which the firmware says that it is slow serves fewer. */
static void
test_slow_ram_serves_fewer(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 4, 64 * GIB);
    VbGuest *guests[3];
    for (guint i = 0; i < 3; i++) {
        guests[i] = world_guest(host, "one", "0");
        world_settle(&host->topology, guests[i], 0);
        world_fill(host, guests[i], 0, 0, (3 - i) * 64 * MIB);
    }
    story_set(&host->settings, "bandwidth", 40);
    host->topology.node[0].bandwidth_mib_s = host->topology.node[1].bandwidth_mib_s = 100000;
    story_agree(policy, host);
    story_plan(policy, host, guests[2], "", NULL);
    host->topology.node[0].bandwidth_mib_s = 30000;
    story_agree(policy, host);
    story_plan(policy, host, guests[2], "move 0: 0>1 64M; pin vcpu0 >1", NULL);
    /* Told of one node only it is no measure. */
    host->topology.node[1].bandwidth_mib_s = 0;
    story_agree(policy, host);
    story_plan(policy, host, guests[2], "", NULL);
}

/* Two on the threads of one core get less done than each on a core of its own. */
static void
test_threads_of_a_core_are_no_two_cores(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 2, 8 * GIB);
    VbGuest *guests[2];
    for (guint i = 0; i < 2; i++) {
        guests[i] = world_guest(host, "one", "0");
        world_settle(&host->topology, guests[i], 0);
        world_fill(host, guests[i], 0, 0, (2 - i) * 256 * MIB);
    }
    story_agree(policy, host);
    story_plan(policy, host, guests[1], "", NULL);
    host->topology.node[0].capacity_bp = host->topology.node[1].capacity_bp = 13000;
    story_agree(policy, host);
    story_plan(policy, host, guests[0], "", NULL);
    story_plan(policy, host, guests[1], "move 0: 0>1 256M; pin vcpu0 >1", NULL);
}

/* Three share two CPUs, and use no more than these have: that more was wanted shows in their
 * waiting. */
static void
test_who_waits_asks_for_more(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 2, 8 * GIB);
    VbGuest *guests[3];
    for (guint i = 0; i < 3; i++) {
        guests[i] = world_guest(host, "one", "0");
        world_settle(&host->topology, guests[i], 0);
        world_fill(host, guests[i], 0, 0, (3 - i) * GIB);
        world_vcpu_of(guests[i], 0)->busy_bp = 6666;
        world_vcpu_of(guests[i], 0)->wait_bp = 3334;
    }
    story_agree(policy, host);
    story_plan(policy, host, guests[2], "", NULL);
    for (guint i = 0; i < 3; i++)
        world_vcpu_of(guests[i], 0)->wait_known = TRUE;
    story_agree(policy, host);
    story_plan(policy, host, guests[2], "move 0: 0>1 1024M; pin vcpu0 >1", NULL);
    assert_cause(host, guests[2], VB_CAUSE_LOAD);
}

/* Each runs where the RAM of the other is, and no node has CPUs for both: they change places. */
static void
test_guests_change_places(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 2, 8 * GIB);
    VbGuest *one = world_guest(host, "one", "0,0"), *two = world_guest(host, "two", "1,1");
    world_settle(&host->topology, one, 0);
    world_settle(&host->topology, two, 1);
    world_fill(host, one, 0, 1, 6 * GIB);
    world_fill(host, two, 0, 0, 6 * GIB);
    story_agree(policy, host);
    story_plan(policy, host, one, "pin vcpu0 >1; pin vcpu1 >1", NULL);
    story_plan(policy, host, two, "pin vcpu0 >0; pin vcpu1 >0", NULL);
}

static void
add_cells(const VbSnapshot *host, VbGuest *guest, guint vcpus_each)
{
    while (guest->cells->len < guest->vcpus->len / vcpus_each)
        world_cell(guest);
    for (guint i = 0; i < guest->vcpus->len; i++)
        world_vcpu_of(guest, i)->cell = (int)(i / vcpus_each);
    (void)host;
}

/* A guest that fits on no single node is split by cells, over nodes that are close to each other.
 */
static void
test_cells_on_close_nodes(void)
{
    g_autoptr(VbSnapshot) host = world_host(4, 2, 8 * GIB);
    world_distances(&host->topology, "10,31,12,31:31,10,31,12:12,31,10,31:31,12,31,10");
    VbGuest *wide = world_guest(host, "wide", "0,0,1,1");
    add_cells(host, wide, 2);
    world_fill(host, wide, 0, 1, 2 * GIB);
    world_fill(host, wide, 1, 0, 512 * MIB);
    world_fill(host, wide, 1, 2, 512 * MIB);
    story_agree(policy, host);
    story_plan(policy, host, wide,
               "move 1: 0>3 512M; move 1: 2>3 512M; pin vcpu0 >1; pin vcpu1 >1; pin vcpu2 >3; "
               "pin vcpu3 >3",
               NULL);
}

/* Two decisions have to agree before a guest leaves its place; then it rests. */
static void
test_two_looks_and_a_rest(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 4, 8 * GIB);
    VbGuest *guest = world_guest(host, "web", "0,0");
    world_settle(&host->topology, guest, 0);
    world_fill(host, guest, 0, 1, 2 * GIB);
    story_plan(policy, host, guest, "", "unconfirmed");
    story_agree(policy, host);
    guest->last_move_ns = host->time_ns - 59 * SECOND;
    story_plan(policy, host, guest, "", "cooldown");
    guest->last_move_ns = host->time_ns - 60 * SECOND;
    story_plan(policy, host, guest, "pin vcpu0 >1; pin vcpu1 >1", NULL);
}

/* Who would take the room of one that waits for the next look waits, too. */
static void
test_who_needs_the_room_waits(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 2, 4 * GIB);
    VbGuest *one = world_guest(host, "one", "1,1"), *two = world_guest(host, "two", "0,0");
    world_settle(&host->topology, one, 1);
    world_settle(&host->topology, two, 0);
    world_fill(host, one, 0, 0, 3 * GIB);
    world_fill(host, two, 0, 1, 2 * GIB);
    world_fill(host, two, 0, 0, GIB / 2);
    story_agree(policy, host);
    story_plan(policy, host, one, "pin vcpu0 >0; pin vcpu1 >0", NULL);
    for (guint i = 0; i < 2; i++)
        world_vcpu_of(one, i)->intent_seen = 0;
    story_plan(policy, host, one, "", "unconfirmed");
}

/* Neither the reserve nor a boundary is broken for a gain. */
static void
test_limits(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 4, 4 * GIB);
    VbGuest *guest = world_guest(host, "web", "0");
    world_settle(&host->topology, guest, 0);
    world_fill(host, guest, 0, 1, 2 * GIB);
    guest->boundary = VB_NODE_BIT(0);
    story_agree(policy, host);
    story_plan(policy, host, guest, "move 0: 1>0 2048M", NULL);
    host->reserve_bytes[0] = 3 * GIB;
    story_plan(policy, host, guest, "", "no-room");
    guest->boundary = VB_NODE_BIT(5);
    story_plan(policy, host, guest, "", "boundary");
}

/* Who is asked for has its RAM brought home, idle or not, and goes nowhere without it. */
static void
test_who_is_asked_for(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 4, 16 * GIB);
    VbGuest *guest = world_guest(host, "idle", "1");
    world_vcpu_of(guest, 0)->busy_bp = 0;
    world_fill(host, guest, 0, 1, 8 * GIB);
    guest->boundary = VB_NODE_BIT(0);
    story_plan(policy, host, guest, "pin vcpu0 >0", NULL);
    guest->asked = TRUE;
    story_plan(policy, host, guest, "move 0: 1>0 8192M; pin vcpu0 >0", NULL);
    host->reserve_bytes[0] = 9 * GIB;
    story_plan(policy, host, guest, "", "no-room");
    guest->boundary = VB_NODE_BIT(0) | VB_NODE_BIT(1);
    story_plan(policy, host, guest, "pin vcpu0 >1", NULL);
}

/* One cell has room, the other has none: the guest stays whole, and leaves its room to nobody. */
static void
test_cells_come_along_together(void)
{
    g_autoptr(VbSnapshot) host = world_host(3, 2, 4 * GIB);
    VbGuest *wide = world_guest(host, "wide", "2,2"), *other = world_guest(host, "other", "0");
    add_cells(host, wide, 1);
    world_settle(&host->topology, other, 0);
    world_fill(host, wide, 0, 2, GIB);
    world_fill(host, wide, 1, 2, 2 * GIB);
    world_fill(host, other, 0, 0, 3 * GIB / 2);
    wide->boundary = VB_NODE_BIT(0) | VB_NODE_BIT(1);
    other->boundary = VB_NODE_BIT(2);
    wide->asked = other->asked = TRUE;
    host->reserve_bytes[0] = host->reserve_bytes[1] = 3 * GIB - GIB / 2;
    host->reserve_bytes[2] = 0;
    story_agree(policy, host);
    story_plan(policy, host, wide, "", "no-room");
    story_plan(policy, host, other, "", "no-room");
    host->reserve_bytes[1] = GIB;
    story_agree(policy, host);
    story_plan(policy, host, wide,
               "move 0: 2>1 1024M; move 1: 2>1 2048M; pin vcpu0 >1; pin vcpu1 >1", NULL);
    story_plan(policy, host, other, "move 0: 0>2 1536M; pin vcpu0 >2", NULL);
}

static void
test_a_first_place_must_be_seen_twice(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 4, 8 * GIB);
    VbGuest *guest = world_guest(host, "web", "0,0");
    world_fill(host, guest, 0, 1, 2 * GIB);
    world_cell_of(guest, 0)->remote_seen = 1;
    story_plan(policy, host, guest, "", "unconfirmed");
    world_cell_of(guest, 0)->remote_seen = 2;
    story_plan(policy, host, guest, "pin vcpu0 >1; pin vcpu1 >1", NULL);
}

/* Hugepages go where their pool has pages. */
static void
test_hugepages(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 4, 4 * GIB);
    VbGuest *guest = world_guest(host, "huge", "0");
    world_settle(&host->topology, guest, 0);
    guest->boundary = VB_NODE_BIT(0);
    world_cell_of(guest, 0)->page_size = 2 * MIB;
    world_put(guest, 0, 1, GIB);
    world_pool(&host->topology, 0, 2 * MIB, 1024, 511);
    world_pool(&host->topology, 1, 2 * MIB, 1024, 512);
    story_agree(policy, host);
    story_plan(policy, host, guest, "", "no-room");
    ((VbHugePool *)vb_node_pool(&host->topology.node[0], 2 * MIB))->free = 512;
    story_agree(policy, host);
    story_plan(policy, host, guest, "move 0: 1>0 1024M", NULL);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/balance/vcpus-go-to-their-ram", test_vcpus_go_to_their_ram);
    g_test_add_func("/balance/ram-follows-if-it-pays", test_ram_follows_if_it_pays);
    g_test_add_func("/balance/the-stay-decides", test_the_stay_decides);
    g_test_add_func("/balance/overload-is-relieved", test_overload_is_relieved);
    g_test_add_func("/balance/devices-draw-a-little", test_devices_draw_a_little);
    g_test_add_func("/balance/slow-ram-serves-fewer", test_slow_ram_serves_fewer);
    g_test_add_func("/balance/threads-of-a-core", test_threads_of_a_core_are_no_two_cores);
    g_test_add_func("/balance/who-waits-asks-for-more", test_who_waits_asks_for_more);
    g_test_add_func("/balance/guests-change-places", test_guests_change_places);
    g_test_add_func("/balance/cells-on-close-nodes", test_cells_on_close_nodes);
    g_test_add_func("/balance/two-looks-and-a-rest", test_two_looks_and_a_rest);
    g_test_add_func("/balance/a-first-place", test_a_first_place_must_be_seen_twice);
    g_test_add_func("/balance/who-needs-the-room-waits", test_who_needs_the_room_waits);
    g_test_add_func("/balance/limits", test_limits);
    g_test_add_func("/balance/hugepages", test_hugepages);
    g_test_add_func("/balance/who-is-asked-for", test_who_is_asked_for);
    g_test_add_func("/balance/cells-come-along-together", test_cells_come_along_together);
    return g_test_run();
}

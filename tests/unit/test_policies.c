/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What each policy does in small worlds, told as a story each. The laws that hold for all of them
 * are in tests/property. */
#include "policy_story.h"
#include <string.h>

/* --- what all policies share --- */

static void
test_policies_are_found_by_name(void)
{
    for (const VbPolicy *const *policy = vb_policy_all(); *policy != NULL; policy++) {
        g_assert_true(vb_policy_find((*policy)->name) == *policy);
        g_assert_cmpuint(strlen((*policy)->question), >, 5);
        for (const VbParameter *p = (*policy)->parameters; p != NULL && p->name != NULL; p++) {
            g_assert_cmpint(p->minimum, <=, p->fallback);
            g_assert_cmpint(p->fallback, <=, p->maximum);
        }
    }
    g_assert_null(vb_policy_find("nonsense"));
    g_assert_null(vb_policy_find(NULL));
}

/* The guest's own word, then the host's, then the default; always within the range. */
static void
test_parameters(void)
{
    const VbPolicy *policy = &vb_policy_home_node;
    g_autoptr(VbSnapshot) host = world_host(1, 1, GIB);
    VbGuest *guest = world_guest(host, "web", "0");
    g_assert_cmpint(vb_policy_parameter(policy, host, guest, "tolerance"), ==, 100);
    story_set(&host->settings, "tolerance", 200);
    g_assert_cmpint(vb_policy_parameter(policy, host, guest, "tolerance"), ==, 200);
    story_set(&guest->settings, "tolerance", 300);
    g_assert_cmpint(vb_policy_parameter(policy, host, guest, "tolerance"), ==, 300);
    g_assert_cmpint(vb_policy_parameter(policy, host, NULL, "tolerance"), ==, 200);
    story_set(&guest->settings, "tolerance", G_MAXINT64);
    g_assert_cmpint(vb_policy_parameter(policy, host, guest, "tolerance"), ==, VB_BP);
    story_set(&guest->settings, "tolerance", G_MININT64);
    g_assert_cmpint(vb_policy_parameter(policy, host, guest, "tolerance"), ==, 0);
}

static void
hands_off(VbGuest *g)
{
    g->owner = VB_OWNER_HANDS_OFF;
}

static void
observe_only(VbGuest *g)
{
    g->owner = VB_OWNER_OBSERVE_ONLY;
}

static void
pause_it(VbGuest *g)
{
    g->state = VB_GUEST_PAUSED;
}

static void
migrate(VbGuest *g)
{
    g->state = VB_GUEST_BUSY;
}

static void
no_residency(VbGuest *g)
{
    world_cell_of(g, 0)->residency_known = FALSE;
}

static void
no_share(VbGuest *g)
{
    world_vcpu_of(g, 1)->share_known = FALSE;
}

static void
no_vcpus(VbGuest *g)
{
    g_ptr_array_set_size(g->vcpus, 0);
}

static void
no_cells(VbGuest *g)
{
    g_ptr_array_set_size(g->cells, 0);
}

static void
no_demand(VbGuest *g)
{
    world_vcpu_of(g, 0)->busy_known = FALSE;
}

static const struct {
    const char *name;
    void (*spoil)(VbGuest *guest);
    const char *moron;
    const char *home_node;
} unfit[] = {
    {"hands-off", hands_off, "owner", "owner"},
    {"observe-only", observe_only, "owner", "owner"},
    {"paused", pause_it, "state", "state"},
    {"migrating", migrate, "state", "state"},
    {"residency-unknown", no_residency, "unknown", "unknown"},
    {"share-unknown", no_share, "unknown", "unknown"},
    {"no-vcpus", no_vcpus, "unknown", "unknown"},
    {"no-cells", no_cells, "unknown", "unknown"},
    {"demand-unknown", no_demand, NULL, "unknown"},
};

/* Guests that must not or cannot be decided on are declined, with the same words by every policy.
 */
static void
test_unfit_guests_are_declined(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(unfit); i++) {
        g_autoptr(VbSnapshot) host = world_host(2, 4, 4 * GIB);
        VbGuest *guest = world_guest(host, "web", "0,0");
        world_put(guest, 0, 1, GIB);
        unfit[i].spoil(guest);
        g_test_message("%s", unfit[i].name);
        story_plan(&vb_policy_home_node, host, guest, "", unfit[i].home_node);
        if (unfit[i].moron != NULL)
            story_plan(&vb_policy_moron, host, guest, "", unfit[i].moron);
    }
}

static void
test_unselected_guests_are_left_alone(void)
{
    for (const VbPolicy *const *policy = vb_policy_all(); *policy != NULL; policy++) {
        g_autoptr(VbSnapshot) host = world_host(2, 4, 4 * GIB);
        VbGuest *guest = world_guest(host, "web", "0");
        world_put(guest, 0, 1, GIB);
        guest->selected = FALSE;
        story_plan(*policy, host, guest, "", NULL);
    }
}

static void
test_none_does_nothing(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 4, 4 * GIB);
    VbGuest *guest = world_guest(host, "web", "0");
    world_put(guest, 0, 1, GIB);
    story_plan(&vb_policy_none, host, guest, "", NULL);
}

/* --- moron --- */

static void
test_moron_sends_ram_after_the_vcpus(void)
{
    g_autoptr(VbSnapshot) host = world_host(4, 2, 4 * GIB);
    VbGuest *guest = world_guest(host, "web", "0,0,1,0");
    world_put(guest, 0, 1, 100 * MIB);
    world_put(guest, 0, 3, 400 * MIB);
    story_plan(&vb_policy_moron, host, guest, "move 0: 3>0 300M; move 0: 3>1 100M", NULL);
}

static void
test_moron_has_no_memory(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 2, 4 * GIB);
    VbGuest *guest = world_guest(host, "web", "0");
    world_put(guest, 0, 1, 400 * MIB);
    world_cell_of(guest, 0)->remote_seen = 0;
    world_cell_of(guest, 0)->home = VB_NODE_BIT(1);
    guest->last_move_ns = host->time_ns;
    story_plan(&vb_policy_moron, host, guest, "move 0: 1>0 400M", NULL);
}

/* Each cell follows its own vCPUs; one that has none follows them all. */
static void
test_moron_minds_cells(void)
{
    g_autoptr(VbSnapshot) host = world_host(4, 2, 4 * GIB);
    VbGuest *guest = world_guest(host, "db", "0,1");
    world_cell(guest);
    world_cell(guest);
    world_vcpu_of(guest, 1)->cell = 1;
    for (guint i = 0; i < 3; i++)
        world_put(guest, i, 3, 100 * MIB);
    story_plan(&vb_policy_moron, host, guest,
               "move 0: 3>0 100M; move 1: 3>1 100M; move 2: 3>0 50M; move 2: 3>1 50M", NULL);
}

static void
test_moron_stays_inside_the_boundary(void)
{
    g_autoptr(VbSnapshot) host = world_host(4, 2, 4 * GIB);
    VbGuest *guest = world_guest(host, "web", "0,1");
    world_put(guest, 0, 3, 100 * MIB);
    guest->boundary = VB_NODE_BIT(1) | VB_NODE_BIT(3);
    story_plan(&vb_policy_moron, host, guest, "move 0: 3>1 100M", NULL);
}

/* Small parts go along with the largest, so that nothing is left over for the next tick. */
static void
test_moron_leaves_no_crumbs(void)
{
    g_autoptr(VbSnapshot) host = world_host(6, 2, 4 * GIB);
    VbGuest *guest = world_guest(host, "web", "0,0,1,2,3,4");
    world_put(guest, 0, 5, 5 * MIB);
    story_plan(&vb_policy_moron, host, guest, "move 0: 5>0 5M", NULL);
    story_set(&guest->settings, "minimum", 0);
    g_autoptr(VbPlan) plan = vb_policy_decide(&vb_policy_moron, host);
    g_assert_cmpuint(plan->actions->len, ==, 5);
    g_assert_cmpuint(vb_plan_bytes(plan), ==, 5 * MIB);
}

static void
test_moron_says_what_cannot_move(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 2, 4 * GIB);
    VbGuest *guest = world_guest(host, "web", "0");
    world_put(guest, 0, 1, 100 * MIB);
    world_cell_of(guest, 0)->unmovable_bytes = 40 * MIB;
    story_plan(&vb_policy_moron, host, guest, "move 0: 1>0 60M", NULL);
    world_cell_of(guest, 0)->movable = FALSE;
    story_plan(&vb_policy_moron, host, guest, "", "unmovable");
}

/* --- home-node --- */

/* Of nodes that are alike the one near its devices; but who has a home does not leave it for them. */
static void
test_home_node_devices(void)
{
    g_autoptr(VbSnapshot) host = world_host(3, 4, 8 * GIB);
    VbGuest *guest = world_guest(host, "web", "0");
    guest->devices[2] = 1;
    story_plan(&vb_policy_home_node, host, guest, "pin vcpu0 >2", NULL);
    world_settle(&host->topology, guest, 0);
    story_plan(&vb_policy_home_node, host, guest, "", NULL);
}

static void
test_home_is_where_the_ram_is(void)
{
    g_autoptr(VbSnapshot) host = world_host(4, 4, 8 * GIB);
    VbGuest *guest = world_guest(host, "web", "0,0");
    world_fill(host, guest, 0, 2, 2 * GIB);
    g_ptr_array_add(guest->helpers, vb_helper_thread_new("emulator"));
    story_plan(&vb_policy_home_node, host, guest, "pin emulator >2; pin vcpu0 >2; pin vcpu1 >2",
               NULL);
}

static void
test_ram_follows_the_home(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 4, 8 * GIB);
    VbGuest *guest = world_guest(host, "web", "0");
    world_fill(host, guest, 0, 0, 2 * GIB);
    world_fill(host, guest, 0, 1, GIB);
    story_plan(&vb_policy_home_node, host, guest, "move 0: 1>0 1024M; pin vcpu0 >0", NULL);
}

static void
test_a_settled_guest_stays(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 4, 8 * GIB);
    VbGuest *guest = world_guest(host, "web", "0");
    world_fill(host, guest, 0, 0, 2 * GIB);
    world_settle(&host->topology, guest, 0);
    story_plan(&vb_policy_home_node, host, guest, "", NULL);
}

/* A node without a byte to spare still is the home of who lives there, a sliver elsewhere or not.
 */
static void
test_a_full_home_is_no_reason_to_leave(void)
{
    static const struct {
        guint64 elsewhere;
        const char *code;
    } cases[] = {{0, NULL}, {10 * MIB, NULL}, {200 * MIB, "no-room"}};
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(VbSnapshot) host = world_host(2, 4, 8 * GIB);
        VbGuest *guest = world_guest(host, "web", "0");
        world_fill(host, guest, 0, 0, 2 * GIB - cases[i].elsewhere);
        world_fill(host, guest, 0, 1, cases[i].elsewhere);
        world_settle(&host->topology, guest, 0);
        world_cell_of(guest, 0)->remote_seen = 9;
        host->reserve_bytes[0] = GIB;
        host->topology.node[0].memory_free_bytes = GIB / 2;
        story_plan(&vb_policy_home_node, host, guest, "", cases[i].code);
    }
}

/* Two busy guests on one node: one of them leaves, the one with less to move. */
static void
test_load_is_spread(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 2, 8 * GIB);
    VbGuest *big = world_guest(host, "big", "0,0");
    VbGuest *small = world_guest(host, "small", "0,0");
    world_fill(host, big, 0, 0, 2 * GIB);
    world_fill(host, small, 0, 0, GIB);
    story_plan(&vb_policy_home_node, host, big, "pin vcpu0 >0; pin vcpu1 >0", NULL);
    story_plan(&vb_policy_home_node, host, small, "move 0: 0>1 1024M; pin vcpu0 >1; pin vcpu1 >1",
               NULL);
}

/* Of equals the lower UUID is served first and, where all is equal, the lower node is taken. */
static void
test_ties(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 1, 8 * GIB);
    VbGuest *first = world_guest(host, "z", "0");
    VbGuest *second = world_guest(host, "a", "0");
    world_fill(host, first, 0, 0, GIB);
    world_fill(host, second, 0, 0, GIB);
    story_plan(&vb_policy_home_node, host, first, "pin vcpu0 >0", NULL);
    story_plan(&vb_policy_home_node, host, second, "move 0: 0>1 1024M; pin vcpu0 >1", NULL);
}

static void
test_remote_ram_must_be_seen_twice(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 4, 8 * GIB);
    VbGuest *guest = world_guest(host, "web", "0");
    world_fill(host, guest, 0, 0, 2 * GIB);
    world_fill(host, guest, 0, 1, GIB);
    world_settle(&host->topology, guest, 0);
    world_cell_of(guest, 0)->remote_seen = 1;
    story_plan(&vb_policy_home_node, host, guest, "", "unconfirmed");
    world_cell_of(guest, 0)->remote_seen = 2;
    story_plan(&vb_policy_home_node, host, guest, "move 0: 1>0 1024M", NULL);
}

static void
test_cooldown(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 4, 8 * GIB);
    VbGuest *guest = world_guest(host, "web", "0");
    world_fill(host, guest, 0, 0, 2 * GIB);
    world_fill(host, guest, 0, 1, GIB);
    world_settle(&host->topology, guest, 0);
    world_cell_of(guest, 0)->remote_seen = 9;
    guest->last_move_ns = host->time_ns - 60 * SECOND + 1;
    story_plan(&vb_policy_home_node, host, guest, "", "cooldown");
    guest->last_move_ns--;
    story_plan(&vb_policy_home_node, host, guest, "move 0: 1>0 1024M", NULL);
}

/* A home that the boundary no longer has must be left, cooldown or not. */
static void
test_a_lost_home_is_left_at_once(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 4, 8 * GIB);
    VbGuest *guest = world_guest(host, "web", "0");
    world_fill(host, guest, 0, 0, GIB);
    world_settle(&host->topology, guest, 0);
    world_cell_of(guest, 0)->remote_seen = 9;
    guest->last_move_ns = host->time_ns - 1;
    guest->boundary = VB_NODE_BIT(1);
    story_plan(&vb_policy_home_node, host, guest, "move 0: 0>1 1024M; pin vcpu0 >1", NULL);
}

/* What was known not to move is left where it is, and is not asked for again. */
static void
test_unmovable_ram_stays(void)
{
    g_autoptr(VbSnapshot) host = world_host(4, 4, 8 * GIB);
    VbGuest *guest = world_guest(host, "web", "0");
    world_fill(host, guest, 0, 0, 3 * GIB);
    world_fill(host, guest, 0, 1, 300 * MIB);
    world_fill(host, guest, 0, 2, 100 * MIB);
    world_settle(&host->topology, guest, 0);
    world_cell_of(guest, 0)->remote_seen = 9;
    world_cell_of(guest, 0)->unmovable_bytes = 200 * MIB;
    story_plan(&vb_policy_home_node, host, guest, "move 0: 1>0 150M; move 0: 2>0 50M", NULL);
    world_cell_of(guest, 0)->unmovable_bytes = 400 * MIB;
    story_plan(&vb_policy_home_node, host, guest, "", NULL);
}

/* A thread whose affinity cannot be read is pinned with a new home, not again at every tick. */
static void
test_unknown_affinity_is_not_different(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 4, 8 * GIB);
    VbGuest *guest = world_guest(host, "web", "0");
    world_fill(host, guest, 0, 0, GIB);
    g_ptr_array_add(guest->helpers, vb_helper_thread_new("emulator"));
    story_plan(&vb_policy_home_node, host, guest, "pin emulator >0; pin vcpu0 >0", NULL);
    world_settle(&host->topology, guest, 0);
    story_plan(&vb_policy_home_node, host, guest, "", NULL);
}

static void
test_guests_that_fit_nowhere(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 2, 4 * GIB);
    VbGuest *wide = world_guest(host, "wide", "0,0,1");
    VbGuest *large = world_guest(host, "large", "0");
    VbGuest *shut = world_guest(host, "shut", "0");
    VbGuest *fenced = world_guest(host, "fenced", "0,0");
    world_put(large, 0, 0, 3 * GIB);
    world_put(large, 0, 1, 2 * GIB);
    shut->boundary = VB_NODE_BIT(7);
    fenced->cpu_boundary = (VbCpuSet){{1 << 0 | 1 << 2}};
    story_plan(&vb_policy_home_node, host, wide, "", "wide");
    story_plan(&vb_policy_home_node, host, large, "", "wide");
    story_plan(&vb_policy_home_node, host, shut, "", "boundary");
    story_plan(&vb_policy_home_node, host, fenced, "", "wide");
}

/* Nodes without CPUs hold RAM but are nobody's home; ids may have holes. */
static void
test_sparse_and_cpuless_nodes(void)
{
    g_autoptr(VbSnapshot) host = world_host(3, 2, 4 * GIB);
    world_rename_node(&host->topology, 1, 9);
    world_rename_node(&host->topology, 2, 40);
    host->topology.node[40].cpus = (VbCpuSet){0};
    host->topology.node[40].n_cpus = 0;
    VbGuest *guest = world_guest(host, "web", "9");
    world_fill(host, guest, 0, 40, GIB);
    story_plan(&vb_policy_home_node, host, guest, "move 0: 40>0 1024M; pin vcpu0 >0", NULL);
    host->topology.node[0].distance[40] = 40;
    world_cell_of(guest, 0)->unmovable_bytes = GIB / 2;
    story_plan(&vb_policy_home_node, host, guest, "move 0: 40>9 512M; pin vcpu0 >9", NULL);
}

/* Hugepages need pages in the pool of the target; another node's pool will do. */
static void
test_hugepages_need_a_pool(void)
{
    g_autoptr(VbSnapshot) host = world_host(3, 2, 4 * GIB);
    VbGuest *guest = world_guest(host, "db", "0");
    world_put(guest, 0, 2, GIB);
    world_cell_of(guest, 0)->page_size = 2 * MIB;
    guest->boundary = VB_NODE_BIT(0) | VB_NODE_BIT(1);
    world_pool(&host->topology, 2, 2 * MIB, 512, 0);
    story_plan(&vb_policy_home_node, host, guest, "", "no-room");
    world_pool(&host->topology, 0, 2 * MIB, 512, 511);
    story_plan(&vb_policy_home_node, host, guest, "", "no-room");
    world_pool(&host->topology, 1, 2 * MIB, 512, 512);
    story_plan(&vb_policy_home_node, host, guest, "move 0: 2>1 1024M; pin vcpu0 >1", NULL);
}

/* One guest leaves, and the next takes its room: the plan is in that order. */
static void
test_room_that_another_leaves(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 2, 4 * GIB);
    VbGuest *waiter = world_guest(host, "waiter", "0,0");
    VbGuest *leaver = world_guest(host, "leaver", "0");
    world_fill(host, leaver, 0, 0, 2 * GIB);
    world_fill(host, waiter, 0, 1, 3 * GIB);
    leaver->boundary = waiter->boundary = 0;
    waiter->boundary = VB_NODE_BIT(0);
    leaver->boundary = VB_NODE_BIT(1);
    host->topology.node[1].memory_free_bytes = 2 * GIB;
    g_autoptr(VbPlan) plan = vb_policy_decide(&vb_policy_home_node, host);
    const VbAction *first = g_ptr_array_index(plan->actions, 0);
    const VbAction *last = g_ptr_array_index(plan->actions, plan->actions->len - 1);
    g_assert_cmpstr(first->guest, ==, "leaver");
    g_assert_cmpstr(last->guest, ==, "waiter");
    g_assert_cmpuint(plan->actions->len, ==, 5);
}

static void
test_gain_is_what_locality_wins(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 2, 4 * GIB);
    VbGuest *guest = world_guest(host, "web", "1");
    world_fill(host, guest, 0, 0, 900 * MIB);
    world_fill(host, guest, 0, 1, 100 * MIB);
    world_cell_of(guest, 0)->unmovable_bytes = 900 * MIB;
    guest->boundary = VB_NODE_BIT(0);
    g_autoptr(VbPlan) plan = vb_policy_decide(&vb_policy_home_node, host);
    const VbAction *first = g_ptr_array_index(plan->actions, 0);
    g_assert_cmpint(first->gain_bp, ==, 9000 - 1000);
}

/* A guest that nothing is present of has a home all the same. */
static void
test_an_empty_guest(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 2, 4 * GIB);
    VbGuest *guest = world_guest(host, "new", "1");
    world_vcpu_of(guest, 0)->busy_bp = 0;
    story_plan(&vb_policy_home_node, host, guest, "pin vcpu0 >0", NULL);
    story_plan(&vb_policy_moron, host, guest, "", NULL);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/policies/are-found-by-name", test_policies_are_found_by_name);
    g_test_add_func("/policies/parameters", test_parameters);
    g_test_add_func("/policies/unfit-guests-are-declined", test_unfit_guests_are_declined);
    g_test_add_func("/policies/unselected-are-left-alone", test_unselected_guests_are_left_alone);
    g_test_add_func("/none/does-nothing", test_none_does_nothing);
    g_test_add_func("/moron/sends-ram-after-the-vcpus", test_moron_sends_ram_after_the_vcpus);
    g_test_add_func("/moron/has-no-memory", test_moron_has_no_memory);
    g_test_add_func("/moron/minds-cells", test_moron_minds_cells);
    g_test_add_func("/moron/stays-inside-the-boundary", test_moron_stays_inside_the_boundary);
    g_test_add_func("/moron/leaves-no-crumbs", test_moron_leaves_no_crumbs);
    g_test_add_func("/moron/says-what-cannot-move", test_moron_says_what_cannot_move);
    g_test_add_func("/home-node/home-is-where-the-ram-is", test_home_is_where_the_ram_is);
    g_test_add_func("/home-node/devices", test_home_node_devices);
    g_test_add_func("/home-node/ram-follows-the-home", test_ram_follows_the_home);
    g_test_add_func("/home-node/a-settled-guest-stays", test_a_settled_guest_stays);
    g_test_add_func("/home-node/a-full-home", test_a_full_home_is_no_reason_to_leave);
    g_test_add_func("/home-node/load-is-spread", test_load_is_spread);
    g_test_add_func("/home-node/ties", test_ties);
    g_test_add_func("/home-node/seen-twice", test_remote_ram_must_be_seen_twice);
    g_test_add_func("/home-node/cooldown", test_cooldown);
    g_test_add_func("/home-node/a-lost-home-is-left", test_a_lost_home_is_left_at_once);
    g_test_add_func("/home-node/unmovable-ram-stays", test_unmovable_ram_stays);
    g_test_add_func("/home-node/unknown-affinity", test_unknown_affinity_is_not_different);
    g_test_add_func("/home-node/guests-that-fit-nowhere", test_guests_that_fit_nowhere);
    g_test_add_func("/home-node/sparse-and-cpuless-nodes", test_sparse_and_cpuless_nodes);
    g_test_add_func("/home-node/hugepages-need-a-pool", test_hugepages_need_a_pool);
    g_test_add_func("/home-node/room-that-another-leaves", test_room_that_another_leaves);
    g_test_add_func("/home-node/gain", test_gain_is_what_locality_wins);
    g_test_add_func("/home-node/an-empty-guest", test_an_empty_guest);
    return g_test_run();
}

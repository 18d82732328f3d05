/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The guard takes out what must not be done and says why; it never adds. */
#include "core/guard.h"
#include "world.h"
#include <string.h>

/* A host of 2 nodes with 1 GiB each, 100 MiB in reserve, and "web" with 512 MiB on node 1. */
typedef struct {
    VbSnapshot *host;
    VbGuest *guest;
    VbPlan *plan;
    VbGuardLimits limits;
} Stage;

static void
set_up(Stage *stage)
{
    stage->host = world_host(2, 2, GIB);
    stage->host->reserve_bytes[0] = stage->host->reserve_bytes[1] = 100 * MIB;
    stage->guest = world_guest(stage->host, "web", "0,0");
    world_fill(stage->host, stage->guest, 0, 1, 512 * MIB);
    stage->plan = vb_plan_new("test");
    stage->limits = (VbGuardLimits){0};
}

static void
tear_down(Stage *stage)
{
    vb_snapshot_free(stage->host);
    vb_plan_free(stage->plan);
}

static void
pin(Stage *stage, const VbGuest *guest, int node)
{
    vb_plan_add_pin(stage->plan, guest, "vcpu0", &stage->host->topology.node[node].cpus,
                    VB_NO_NODE, node, "test");
}

static void
move(Stage *stage, const VbGuest *guest, int from, int to, guint64 bytes)
{
    vb_plan_add_move(stage->plan, guest, 0, from, to, bytes, "test");
}

static void
guard(Stage *stage)
{
    vb_guard_apply(stage->plan, stage->host, &stage->limits);
}

static void
assert_passes(Stage *stage, const VbGuest *guest, const char *actions)
{
    guard(stage);
    g_autofree char *left = world_describe(stage->plan, guest);
    g_assert_cmpstr(left, ==, actions);
    g_assert_null(vb_plan_declined(stage->plan, guest->uuid));
}

static void
assert_left_out(Stage *stage, const VbGuest *guest, const char *code)
{
    const VbDecline *decline = vb_plan_declined(stage->plan, guest->uuid);
    g_autofree char *left = world_describe(stage->plan, guest);
    g_assert_cmpstr(left, ==, "");
    g_assert_nonnull(decline);
    g_assert_cmpstr(decline->code, ==, code);
    g_assert_cmpuint(strlen(decline->reason), >, 10);
}

static void
test_a_sound_plan_passes(void)
{
    Stage stage;
    set_up(&stage);
    pin(&stage, stage.guest, 0);
    move(&stage, stage.guest, 1, 0, 512 * MIB);
    assert_passes(&stage, stage.guest, "move 0: 1>0 512M; pin vcpu0 >0");
    tear_down(&stage);
}

static void
rival(Stage *s)
{
    s->host->rival = g_strdup("numad");
}

static void
unselect(Stage *s)
{
    s->guest->selected = FALSE;
}

static void
hands_off(Stage *s)
{
    s->guest->owner = VB_OWNER_HANDS_OFF;
}

static void
observe_only(Stage *s)
{
    s->guest->owner = VB_OWNER_OBSERVE_ONLY;
}

static void
pause_it(Stage *s)
{
    s->guest->state = VB_GUEST_PAUSED;
}

static void
make_busy(Stage *s)
{
    s->guest->state = VB_GUEST_BUSY;
}

static void
turn_off(Stage *s)
{
    s->guest->state = VB_GUEST_OFF;
}

static void
lose_sight(Stage *s)
{
    s->guest->state = VB_GUEST_UNKNOWN;
}

static void
bound_nodes(Stage *s)
{
    s->guest->boundary = VB_NODE_BIT(1);
}

static void
bound_cpus(Stage *s)
{
    s->guest->cpu_boundary = s->host->topology.node[1].cpus;
}

static void
lock_ram(Stage *s)
{
    world_cell_of(s->guest, 0)->movable = FALSE;
}

static void
lose_residency(Stage *s)
{
    world_cell_of(s->guest, 0)->residency_known = FALSE;
}

static void
shrink(Stage *s)
{
    world_cell_of(s->guest, 0)->by_node[1] = 511 * MIB;
}

static void
fill_up(Stage *s)
{
    s->host->topology.node[0].memory_free_bytes = 611 * MIB;
}

static void
below_reserve(Stage *s)
{
    s->host->topology.node[0].memory_free_bytes = MIB;
}

static void
budget(Stage *s)
{
    s->limits.budget_bytes = 511 * MIB;
}

static void
no_pool(Stage *s)
{
    world_cell_of(s->guest, 0)->page_size = 2 * MIB;
}

static void
node_gone(Stage *s)
{
    s->host->topology.nodes = VB_NODE_BIT(1);
}

static void
just_moved(Stage *s)
{
    s->limits.cooldown_ns = 60 * SECOND;
    s->guest->last_move_ns = s->host->time_ns - 60 * SECOND + 1;
}

static void
small_pool(Stage *s)
{
    no_pool(s);
    world_pool(&s->host->topology, 0, 2 * MIB, 512, 255);
}

static void
small_loan(Stage *s)
{
    small_pool(s);
    s->host->topology.node[0].pools[0].borrow = 55;
}

/* Of 256 pages 56 are to be made of memory, which has room for 55 beside the reserve. */
static void
no_memory_to_borrow(Stage *s)
{
    no_pool(s);
    world_pool(&s->host->topology, 0, 2 * MIB, 512, 256);
    s->host->topology.node[0].pools[0].borrow = 56;
    s->host->topology.node[0].memory_free_bytes = s->host->reserve_bytes[0] + 111 * MIB;
}

/* What is wrong, and the code that the guest is declined with. */
static const struct {
    const char *name;
    void (*spoil)(Stage *stage);
    const char *code;
} refusals[] = {
    {"rival", rival, "rival"},
    {"not-selected", unselect, "not-selected"},
    {"hands-off", hands_off, "owner"},
    {"observe-only", observe_only, "owner"},
    {"paused", pause_it, "state"},
    {"busy", make_busy, "state"},
    {"off", turn_off, "state"},
    {"unknown-state", lose_sight, "state"},
    {"node-boundary", bound_nodes, "boundary"},
    {"cpu-boundary", bound_cpus, "boundary"},
    {"unmovable", lock_ram, "unmovable"},
    {"residency-unknown", lose_residency, "unmovable"},
    {"more-than-is-there", shrink, "unmovable"},
    {"one-mib-short", fill_up, "no-room"},
    {"below-reserve-already", below_reserve, "no-room"},
    {"over-budget", budget, "budget"},
    {"no-pool", no_pool, "no-pool"},
    {"pool-one-page-short", small_pool, "no-pool"},
    {"loan-one-page-short", small_loan, "no-pool"},
    {"no-memory-to-borrow", no_memory_to_borrow, "no-pool"},
    {"node-gone", node_gone, "boundary"},
    {"just-moved", just_moved, "cooldown"},
};

static void
test_refusals(gconstpointer data)
{
    guint i = GPOINTER_TO_UINT(data);
    Stage stage;
    set_up(&stage);
    pin(&stage, stage.guest, 0);
    move(&stage, stage.guest, 1, 0, 512 * MIB);
    refusals[i].spoil(&stage);
    guard(&stage);
    assert_left_out(&stage, stage.guest, refusals[i].code);
    tear_down(&stage);
}

/* The first takes what is free, and borrows; the second finds that much less memory, and says so. */
static void
test_borrowed_pages_take_memory(void)
{
    Stage stage;
    set_up(&stage);
    no_memory_to_borrow(&stage);
    stage.host->topology.node[0].memory_free_bytes += MIB;
    pin(&stage, stage.guest, 0);
    move(&stage, stage.guest, 1, 0, 512 * MIB);
    guard(&stage);
    g_assert_cmpuint(stage.plan->declined->len, ==, 0);
    tear_down(&stage);
    set_up(&stage);
    small_loan(&stage);
    move(&stage, stage.guest, 1, 0, 512 * MIB);
    guard(&stage);
    const VbDecline *decline = g_ptr_array_index(stage.plan->declined, 0);
    g_assert_true(strstr(decline->reason, "node 0 has 200 free hugepages of 2048 KiB and may borrow "
                                          "55 more, 256 needed") != NULL);
    g_assert_true(strstr(decline->reason, "hugepages-borrow=") != NULL);
    tear_down(&stage);
}

/* Actions that no policy should make are refused, not followed out of an array. */
static void
test_senseless_actions(void)
{
    static const int nodes[][2] = {{1, 1}, {VB_NO_NODE, 0}, {VB_NODES_MAX, 0}, {1, VB_NO_NODE},
                                   {1, VB_NODES_MAX}, {1, 5}, {G_MAXINT, 0}, {G_MININT, G_MININT}};
    for (guint i = 0; i < G_N_ELEMENTS(nodes); i++) {
        Stage stage;
        set_up(&stage);
        move(&stage, stage.guest, nodes[i][0], nodes[i][1], MIB);
        guard(&stage);
        g_assert_cmpuint(stage.plan->actions->len, ==, 0);
        g_assert_cmpuint(stage.plan->declined->len, ==, 1);
        tear_down(&stage);
    }
}

static void
test_an_unknown_cell(void)
{
    Stage stage;
    set_up(&stage);
    vb_plan_add_move(stage.plan, stage.guest, 4, 1, 0, MIB, "test");
    guard(&stage);
    assert_left_out(&stage, stage.guest, "unmovable");
    tear_down(&stage);
}

/* Two moves that are each possible, but together more than the node holds of the cell. */
static void
test_moves_count_together(void)
{
    Stage stage;
    set_up(&stage);
    move(&stage, stage.guest, 1, 0, 300 * MIB);
    move(&stage, stage.guest, 1, 0, 300 * MIB);
    guard(&stage);
    assert_left_out(&stage, stage.guest, "unmovable");
    tear_down(&stage);
}

/* A pin goes to the node that it says, and to some CPU. */
static void
test_pins_to_nowhere(void)
{
    VbCpuSet empty = {0};
    Stage stage;
    set_up(&stage);
    vb_plan_add_pin(stage.plan, stage.guest, "vcpu0", &empty, 0, 0, "test");
    guard(&stage);
    assert_left_out(&stage, stage.guest, "boundary");
    tear_down(&stage);
    set_up(&stage);
    vb_plan_add_pin(stage.plan, stage.guest, "vcpu0", &stage.host->topology.node[1].cpus, 0, 0, "test");
    guard(&stage);
    assert_left_out(&stage, stage.guest, "boundary");
    tear_down(&stage);
}

/* Given one bad action among good ones, the whole guest stays, and others are not touched. */
static void
test_whole_or_not_at_all(void)
{
    Stage stage;
    set_up(&stage);
    VbGuest *other = world_guest(stage.host, "mail", "0");
    world_fill(stage.host, other, 0, 1, 10 * MIB);
    pin(&stage, stage.guest, 0);
    move(&stage, other, 1, 0, 10 * MIB);
    move(&stage, stage.guest, 1, 0, 513 * MIB);
    assert_passes(&stage, other, "move 0: 1>0 10M");
    assert_left_out(&stage, stage.guest, "unmovable");
    tear_down(&stage);
}

/* Given room for one, then the first in the plan gets it; what it leaves is the next one's room. */
static void
test_one_after_the_other(void)
{
    Stage stage;
    set_up(&stage);
    VbGuest *second = world_guest(stage.host, "mail", "0");
    VbGuest *third = world_guest(stage.host, "db", "1");
    world_fill(stage.host, second, 0, 1, 400 * MIB);
    world_fill(stage.host, third, 0, 0, 250 * MIB);
    move(&stage, stage.guest, 1, 0, 512 * MIB);
    move(&stage, second, 1, 0, 400 * MIB);
    move(&stage, third, 0, 1, 250 * MIB);
    assert_passes(&stage, stage.guest, "move 0: 1>0 512M");
    assert_left_out(&stage, second, "no-room");
    assert_passes(&stage, third, "move 0: 0>1 250M");
    tear_down(&stage);
}

/* A guest that is refused half-way has not used any room or budget. */
static void
test_refused_guests_use_nothing(void)
{
    Stage stage;
    set_up(&stage);
    VbGuest *second = world_guest(stage.host, "mail", "0");
    world_fill(stage.host, second, 0, 1, 400 * MIB);
    stage.limits.budget_bytes = 512 * MIB;
    move(&stage, stage.guest, 1, 0, 500 * MIB);
    move(&stage, stage.guest, 1, 0, 500 * MIB);
    move(&stage, second, 1, 0, 400 * MIB);
    guard(&stage);
    assert_left_out(&stage, stage.guest, "unmovable");
    assert_passes(&stage, second, "move 0: 1>0 400M");
    tear_down(&stage);
}

static void
test_force_is_obeyed(void)
{
    Stage stage;
    set_up(&stage);
    rival(&stage);
    hands_off(&stage);
    just_moved(&stage);
    stage.guest->forced = TRUE;
    stage.limits.force = TRUE;
    move(&stage, stage.guest, 1, 0, 512 * MIB);
    assert_passes(&stage, stage.guest, "move 0: 1>0 512M");
    tear_down(&stage);
}

/* Force is no licence to break a boundary or to fill a node. */
static void
test_force_breaks_no_boundary(void)
{
    void (*const spoil[])(Stage *) = {bound_nodes, fill_up, pause_it, no_pool, lock_ram};
    for (guint i = 0; i < G_N_ELEMENTS(spoil); i++) {
        Stage stage;
        set_up(&stage);
        spoil[i](&stage);
        stage.guest->forced = TRUE;
        stage.limits.force = TRUE;
        move(&stage, stage.guest, 1, 0, 512 * MIB);
        guard(&stage);
        g_assert_cmpuint(stage.plan->actions->len, ==, 0);
        tear_down(&stage);
    }
}

static void
test_the_owners_words_are_kept(void)
{
    Stage stage;
    set_up(&stage);
    hands_off(&stage);
    stage.guest->owner_code = g_strdup("vcpupin");
    stage.guest->reason = g_strdup("100 %s of it is pinned by the operator");
    move(&stage, stage.guest, 1, 0, MIB);
    guard(&stage);
    assert_left_out(&stage, stage.guest, "vcpupin");
    g_assert_cmpstr(vb_plan_declined(stage.plan, stage.guest->uuid)->reason, ==,
                    stage.guest->reason);
    tear_down(&stage);
}

/* The refusal names what is free, what is kept and what is needed. */
static void
test_room_is_explained_in_numbers(void)
{
    Stage stage;
    set_up(&stage);
    fill_up(&stage);
    move(&stage, stage.guest, 1, 0, 512 * MIB);
    guard(&stage);
    const char *reason = vb_plan_declined(stage.plan, stage.guest->uuid)->reason;
    g_assert_nonnull(strstr(reason, "611 MiB free"));
    g_assert_nonnull(strstr(reason, "100 MiB stay in reserve"));
    g_assert_nonnull(strstr(reason, "512 MiB needed"));
    tear_down(&stage);
}

static void
test_guests_that_went_away(void)
{
    Stage stage;
    set_up(&stage);
    move(&stage, stage.guest, 1, 0, MIB);
    g_ptr_array_set_size(stage.host->guests, 0);
    guard(&stage);
    g_assert_cmpuint(stage.plan->actions->len, ==, 0);
    tear_down(&stage);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/guard/a-sound-plan-passes", test_a_sound_plan_passes);
    for (guint i = 0; i < G_N_ELEMENTS(refusals); i++) {
        g_autofree char *path = g_strdup_printf("/guard/refuses/%s", refusals[i].name);
        g_test_add_data_func(path, GUINT_TO_POINTER(i), test_refusals);
    }
    g_test_add_func("/guard/borrowed-pages-take-memory", test_borrowed_pages_take_memory);
    g_test_add_func("/guard/senseless-actions", test_senseless_actions);
    g_test_add_func("/guard/an-unknown-cell", test_an_unknown_cell);
    g_test_add_func("/guard/moves-count-together", test_moves_count_together);
    g_test_add_func("/guard/pins-to-nowhere", test_pins_to_nowhere);
    g_test_add_func("/guard/whole-or-not-at-all", test_whole_or_not_at_all);
    g_test_add_func("/guard/one-after-the-other", test_one_after_the_other);
    g_test_add_func("/guard/refused-guests-use-nothing", test_refused_guests_use_nothing);
    g_test_add_func("/guard/force-is-obeyed", test_force_is_obeyed);
    g_test_add_func("/guard/force-breaks-no-boundary", test_force_breaks_no_boundary);
    g_test_add_func("/guard/the-owners-words-are-kept", test_the_owners_words_are_kept);
    g_test_add_func("/guard/room-is-explained", test_room_is_explained_in_numbers);
    g_test_add_func("/guard/guests-that-went-away", test_guests_that_went_away);
    return g_test_run();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the model remembers: homes, looks that found RAM remote, when a guest last moved. */
#include "core/model.h"
#include "world.h"

/* A guest of two cells, vCPU 0 and 1 in cell 0 and 1, on a host of two nodes. */
typedef struct {
    VbTopology *host;
    VbModel *model;
    VbPlan *plan;
    GPtrArray *outcomes;
    gint64 second;
} Stage;

static void
set_up(Stage *stage)
{
    stage->host = world_topology(2, 2, GIB);
    stage->model = vb_model_new();
    stage->plan = vb_plan_new("test");
    stage->outcomes = g_ptr_array_new_with_free_func((GDestroyNotify)vb_outcome_free);
    stage->second = 1;
}

static void
tear_down(Stage *stage)
{
    g_free(stage->host);
    vb_model_free(stage->model);
    vb_plan_free(stage->plan);
    g_ptr_array_unref(stage->outcomes);
}

/* How a look differs from the plain one: 1 GiB of cell 0 on node 0, threads free, owner nobody. */
typedef struct {
    VbOwner owner;
    guint64 remote_bytes; /* of cell 0, on node 1 */
    gboolean blind;       /* cell 0's residency could not be read */
    int pinned;           /* node whose CPUs the threads are held to, + 1 */
    gboolean nowhere;     /* their affinity is read as the empty set */
    guint64 start_time;
} Look;

static void
fold(Stage *stage, Look how)
{
    g_autoptr(VbObservation) seen =
        world_look(VB_LOOK_FULL, stage->second++ * SECOND, stage->host);
    VbGuestSight *sight = world_sight(seen, 1);
    sight->facts->owner = how.owner;
    sight->facts->start_time += how.start_time;
    world_cell(sight->facts)->remote_seen = 0;
    world_put(sight->facts, 0, 0, GIB - how.remote_bytes);
    world_put(sight->facts, 0, 1, how.remote_bytes);
    world_cell_of(sight->facts, 0)->residency_known = !how.blind;
    for (guint id = 0; id < 2; id++) {
        VbVcpuSight *thread = world_thread(sight, id, 0, 0);
        thread->cell = (int)id;
        thread->affinity_known = how.pinned > 0 || how.nowhere;
        if (how.pinned > 0)
            thread->affinity = stage->host->node[how.pinned - 1].cpus;
    }
    vb_model_fold(stage->model, seen);
}

static VbGuest *
state_of(Stage *stage)
{
    g_autoptr(VbSnapshot) snapshot = vb_model_snapshot(stage->model);
    g_assert_cmpuint(snapshot->guests->len, ==, 1);
    return vb_guest_copy(g_ptr_array_index(snapshot->guests, 0));
}

static void
assert_homes(Stage *stage, VbNodeSet first, VbNodeSet second)
{
    g_autoptr(VbGuest) guest = state_of(stage);
    g_assert_cmphex(world_cell_of(guest, 0)->home, ==, first);
    g_assert_cmphex(world_cell_of(guest, 1)->home, ==, second);
}

static void
assert_remote_seen(Stage *stage, guint looks)
{
    g_autoptr(VbGuest) guest = state_of(stage);
    g_assert_cmpuint(world_cell_of(guest, 0)->remote_seen, ==, looks);
}

static void
assert_last_move(Stage *stage, gint64 ns)
{
    g_autoptr(VbGuest) guest = state_of(stage);
    g_assert_cmpint(guest->last_move_ns, ==, ns);
}

static void
outcome(Stage *stage, guint action, VbResult result, guint64 bytes)
{
    g_ptr_array_add(stage->outcomes, vb_outcome_new(action, result, bytes, SECOND, NULL));
}

static void
pin(Stage *stage, const char *thread, int node, VbResult result)
{
    g_autoptr(VbGuest) guest = state_of(stage);
    vb_plan_add_pin(stage->plan, guest, thread, &stage->host->node[node].cpus, VB_NO_NODE, node,
                    "test");
    outcome(stage, stage->plan->actions->len - 1, result, 0);
}

static void
move(Stage *stage, VbResult result, guint64 bytes)
{
    g_autoptr(VbGuest) guest = state_of(stage);
    vb_plan_add_move(stage->plan, guest, 0, 1, 0, GIB, "test");
    outcome(stage, stage->plan->actions->len - 1, result, bytes);
}

static void
note(Stage *stage)
{
    vb_model_note(stage->model, stage->plan, stage->outcomes, stage->second * SECOND);
}

static void
test_pins_make_homes_and_homes_stay(void)
{
    Stage stage;
    set_up(&stage);
    fold(&stage, (Look){0});
    assert_homes(&stage, 0, 0);
    pin(&stage, "vcpu0", 1, VB_RESULT_DONE);
    pin(&stage, "vcpu1", 1, VB_RESULT_DONE);
    note(&stage);
    assert_homes(&stage, VB_NODE_BIT(1), VB_NODE_BIT(1));
    fold(&stage, (Look){0});
    assert_homes(&stage, VB_NODE_BIT(1), VB_NODE_BIT(1));
    assert_last_move(&stage, 2 * SECOND);
    tear_down(&stage);
}

/* A node that is taken out of the host is no home any more, and when it comes back nobody lives there yet. */
static void
test_a_home_goes_with_its_node(void)
{
    Stage stage;
    set_up(&stage);
    fold(&stage, (Look){0});
    pin(&stage, "vcpu0", 0, VB_RESULT_DONE);
    pin(&stage, "vcpu1", 1, VB_RESULT_DONE);
    note(&stage);
    stage.host->nodes &= ~VB_NODE_BIT(1);
    fold(&stage, (Look){0});
    assert_homes(&stage, VB_NODE_BIT(0), 0);
    stage.host->nodes |= VB_NODE_BIT(1);
    fold(&stage, (Look){0});
    assert_homes(&stage, VB_NODE_BIT(0), 0);
    tear_down(&stage);
}

/* Each cell's home is where its own vCPUs went. */
static void
test_cells_have_homes_of_their_own(void)
{
    Stage stage;
    set_up(&stage);
    fold(&stage, (Look){0});
    pin(&stage, "vcpu0", 0, VB_RESULT_DONE);
    pin(&stage, "vcpu1", 1, VB_RESULT_DONE);
    note(&stage);
    assert_homes(&stage, VB_NODE_BIT(0), VB_NODE_BIT(1));
    tear_down(&stage);
}

/* A pin that failed, or of another thread, makes no home. */
static void
test_only_pins_that_were_done_count(void)
{
    Stage stage;
    set_up(&stage);
    fold(&stage, (Look){0});
    pin(&stage, "vcpu0", 0, VB_RESULT_DONE);
    pin(&stage, "vcpu1", 0, VB_RESULT_FAILED);
    pin(&stage, "emulator", 1, VB_RESULT_DONE);
    pin(&stage, "vcpu9", 1, VB_RESULT_DONE);
    note(&stage);
    assert_homes(&stage, VB_NODE_BIT(0), 0);
    tear_down(&stage);
}

static void
test_a_move_starts_the_cooldown(void)
{
    static const struct {
        VbResult result;
        guint64 bytes;
        gboolean counts;
    } cases[] = {
        {VB_RESULT_DONE, GIB, TRUE},        {VB_RESULT_PARTIAL, MIB, TRUE},
        {VB_RESULT_FAILED, MIB, TRUE},      {VB_RESULT_CANCELLED, MIB, TRUE},
        {VB_RESULT_FAILED, 0, FALSE},       {VB_RESULT_CANCELLED, 0, FALSE},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        Stage stage;
        set_up(&stage);
        fold(&stage, (Look){0});
        move(&stage, cases[i].result, cases[i].bytes);
        note(&stage);
        assert_last_move(&stage, cases[i].counts ? 2 * SECOND : 0);
        assert_homes(&stage, 0, 0);
        tear_down(&stage);
    }
}

/* Outcomes of actions that the plan does not have, and of guests that are gone, are no matter. */
static void
test_outcomes_of_nothing(void)
{
    Stage stage;
    set_up(&stage);
    fold(&stage, (Look){0});
    g_autofree VbTopology *other = world_topology(1, 1, GIB);
    g_autoptr(VbGuest) gone = world_guest_new(other, 77, "gone", "0");
    vb_plan_add_move(stage.plan, gone, 0, 1, 0, MIB, "test");
    outcome(&stage, 0, VB_RESULT_DONE, MIB);
    outcome(&stage, 1, VB_RESULT_DONE, MIB);
    outcome(&stage, G_MAXUINT, VB_RESULT_DONE, MIB);
    note(&stage);
    assert_last_move(&stage, 0);
    tear_down(&stage);
}

static void
test_a_restarted_guest_has_no_state(void)
{
    Stage stage;
    set_up(&stage);
    fold(&stage, (Look){0});
    pin(&stage, "vcpu0", 1, VB_RESULT_DONE);
    note(&stage);
    fold(&stage, (Look){.start_time = 1});
    assert_homes(&stage, 0, 0);
    assert_last_move(&stage, 0);
    tear_down(&stage);
}

/* Looks in a row that find RAM away from home count; one that does not starts again. */
static void
test_remote_looks_in_a_row(void)
{
    Stage stage;
    set_up(&stage);
    fold(&stage, (Look){0});
    pin(&stage, "vcpu0", 0, VB_RESULT_DONE);
    note(&stage);
    fold(&stage, (Look){0});
    assert_remote_seen(&stage, 0);
    fold(&stage, (Look){.remote_bytes = 100 * MIB});
    fold(&stage, (Look){.remote_bytes = 100 * MIB});
    assert_remote_seen(&stage, 2);
    fold(&stage, (Look){.blind = TRUE, .remote_bytes = 100 * MIB});
    assert_remote_seen(&stage, 2);
    fold(&stage, (Look){.remote_bytes = 10 * MIB});
    assert_remote_seen(&stage, 0);
    fold(&stage, (Look){.remote_bytes = 100 * MIB});
    assert_remote_seen(&stage, 1);
    move(&stage, VB_RESULT_PARTIAL, MIB);
    note(&stage);
    assert_remote_seen(&stage, 0);
    tear_down(&stage);
}

/* A restart of ours: pins that it finds, of a guest that the record says is ours, say the home. */
static void
test_a_guest_of_ours_keeps_its_home(void)
{
    static const struct {
        Look how;
        VbNodeSet home;
    } cases[] = {
        {{.owner = VB_OWNER_OURS, .pinned = 2}, VB_NODE_BIT(1)},
        {{.owner = VB_OWNER_OURS, .pinned = 1}, VB_NODE_BIT(0)},
        {{.owner = VB_OWNER_OURS}, 0},
        {{.owner = VB_OWNER_OURS, .nowhere = TRUE}, 0},
        {{.owner = VB_OWNER_FREE, .pinned = 2}, 0},
        {{.owner = VB_OWNER_BOUNDED, .pinned = 2}, VB_NODE_BIT(1)},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        Stage stage;
        set_up(&stage);
        fold(&stage, cases[i].how);
        assert_homes(&stage, cases[i].home, cases[i].home);
        tear_down(&stage);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/model/pins-make-homes", test_pins_make_homes_and_homes_stay);
    g_test_add_func("/model/a-home-goes-with-its-node", test_a_home_goes_with_its_node);
    g_test_add_func("/model/cells-have-homes-of-their-own", test_cells_have_homes_of_their_own);
    g_test_add_func("/model/only-done-pins-count", test_only_pins_that_were_done_count);
    g_test_add_func("/model/a-move-starts-the-cooldown", test_a_move_starts_the_cooldown);
    g_test_add_func("/model/outcomes-of-nothing", test_outcomes_of_nothing);
    g_test_add_func("/model/a-restarted-guest", test_a_restarted_guest_has_no_state);
    g_test_add_func("/model/remote-looks-in-a-row", test_remote_looks_in_a_row);
    g_test_add_func("/model/a-guest-of-ours-keeps-its-home", test_a_guest_of_ours_keeps_its_home);
    return g_test_run();
}

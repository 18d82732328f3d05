/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The hand-placed optimum. */
#include "sim/hand.h"
#include "sim/run.h"
#include "sim/score.h"

#define GIB (G_GUINT64_CONSTANT(1) << 30)
#define SECOND G_GINT64_CONSTANT(1000000000)

static VbScenario *
host(guint nodes, guint cpus, guint64 memory)
{
    VbScenario *scenario = vb_scenario_new("a world");
    scenario->duration_ns = 60 * SECOND;
    for (guint i = 0; i < nodes; i++)
        vb_scenario_add_node(scenario, cpus, memory);
    return scenario;
}

static VbScenarioGuest *
guest(VbScenario *scenario, guint vcpus, guint64 memory, guint busy_bp)
{
    VbScenarioGuest *plot = vb_scenario_add_guest(scenario, "guest", vcpus, memory);
    vb_scenario_add_phase(plot, 10, busy_bp);
    return plot;
}

static VbNodeSet
cell_of(const GPtrArray *seats, guint g, guint cell)
{
    return ((const VbHandSeat *)g_ptr_array_index(seats, g))->cell[cell];
}

static VbScore
score_of(const VbTrace *trace)
{
    VbScore score;
    vb_score_read(trace, &score);
    return score;
}

static VbScore
hand_score(const VbScenario *scenario)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VbTrace) trace = vb_sim_run(scenario, "hand", 1, VB_TRACE_MOMENTS, &error);
    g_assert_no_error(error);
    return score_of(trace);
}

static void
test_each_on_a_node_with_room(void)
{
    g_autoptr(VbScenario) scenario = host(2, 4, 8 * GIB);
    for (guint i = 0; i < 4; i++)
        guest(scenario, 2, 3 * GIB, VB_BP);
    VbScore score = hand_score(scenario);
    g_assert_cmpuint(score.local_bp, ==, VB_BP);
    g_assert_cmpuint(score.overload_bp, <, 100);
    g_assert_cmpuint(score.moved_bytes, ==, 0);
}

static void
test_what_fits_only_in_one_way_fits(void)
{
    static const guint gib[] = {4, 4, 5, 3};
    g_autoptr(VbScenario) scenario = host(2, 8, 8 * GIB + GIB / 8);
    for (guint i = 0; i < G_N_ELEMENTS(gib); i++)
        guest(scenario, 1, gib[i] * GIB, VB_BP);
    g_autoptr(GPtrArray) seats = vb_hand_search(scenario);
    g_assert_cmpuint(cell_of(seats, 0, 0), ==, cell_of(seats, 1, 0));
    g_assert_cmpuint(cell_of(seats, 2, 0), ==, cell_of(seats, 3, 0));
    g_assert_cmpuint(cell_of(seats, 0, 0), !=, cell_of(seats, 2, 0));
    g_assert_cmpuint(hand_score(scenario).local_bp, ==, VB_BP);
}

static void
test_cells_of_a_wide_guest_have_a_node_each(void)
{
    g_autoptr(VbScenario) scenario = host(2, 4, 8 * GIB);
    guest(scenario, 8, 12 * GIB, VB_BP)->cells = 2;
    g_autoptr(GPtrArray) seats = vb_hand_search(scenario);
    g_assert_cmpuint(cell_of(seats, 0, 0) | cell_of(seats, 0, 1), ==, 3);
    g_assert_cmpuint(hand_score(scenario).local_bp, ==, VB_BP);
}

static void
test_a_guest_wider_than_a_node_lies_on_two(void)
{
    g_autoptr(VbScenario) scenario = host(3, 4, 8 * GIB);
    guest(scenario, 8, 12 * GIB, VB_BP);
    g_autoptr(GPtrArray) seats = vb_hand_search(scenario);
    g_assert_cmpuint(vb_nodeset_count(cell_of(seats, 0, 0)), ==, 2);
    VbScore score = hand_score(scenario);
    g_assert_cmpuint(score.local_bp, >=, 4990);
    g_assert_cmpuint(score.overload_bp, <, 100);
}

static void
test_what_a_vcpu_has_for_itself_lies_beside_it(void)
{
    g_autoptr(VbScenario) scenario = host(2, 4, 8 * GIB);
    VbScenarioGuest *wide = guest(scenario, 8, 12 * GIB, VB_BP);
    wide->own_bp = 8000;
    g_array_index(wide->phases, VbPhase, 0).private_bp = 8000;
    VbScore score = hand_score(scenario);
    g_assert_cmpuint(score.local_bp, >=, 8990);
}

static void
test_who_is_not_there_takes_no_room(void)
{
    g_autoptr(VbScenario) scenario = host(2, 4, 8 * GIB);
    guest(scenario, 2, 6 * GIB, VB_BP);
    guest(scenario, 2, 6 * GIB, VB_BP)->leave_ns = 20 * SECOND;
    VbScenarioGuest *late = guest(scenario, 2, 6 * GIB, VB_BP);
    late->arrival = VB_ARRIVAL_MIGRATION;
    late->arrive_ns = 40 * SECOND;
    g_autoptr(GPtrArray) seats = vb_hand_search(scenario);
    g_assert_cmpuint(cell_of(seats, 1, 0), ==, cell_of(seats, 2, 0));
    g_assert_cmpuint(cell_of(seats, 0, 0), !=, cell_of(seats, 2, 0));
}

/* The score with three guests on these nodes, by the world itself. */
static VbScore
seated(const VbScenario *scenario, const int *node)
{
    g_autoptr(VbTrace) trace = vb_trace_new(scenario->name, "seated", 1, scenario->n_nodes);
    g_autoptr(VbWorld) world = vb_world_new(scenario, 1, trace, VB_TRACE_MOMENTS);
    for (guint g = 0; g < scenario->guests->len; g++) {
        const VbScenarioGuest *plot = g_ptr_array_index(scenario->guests, g);
        g_autofree int *vcpus = g_new0(int, plot->vcpus);
        VbNodeSet cell = VB_NODE_BIT(node[g]);
        for (guint i = 0; i < plot->vcpus; i++)
            vcpus[i] = node[g];
        vb_world_seat(world, g, vcpus, &cell);
    }
    vb_world_begin(world);
    while (vb_world_now_ns(world) < VB_WORLD_BEGIN_NS + scenario->duration_ns)
        vb_world_step(world);
    vb_world_note(world);
    return score_of(trace);
}

static void
test_no_other_seats_are_better(void)
{
    g_autoptr(VbScenario) scenario = host(3, 4, 8 * GIB);
    scenario->node[1].cpus = 2;
    scenario->node[2].bandwidth_bytes_per_s = 2 * GIB;
    guest(scenario, 4, 4 * GIB, VB_BP);
    guest(scenario, 3, 3 * GIB, 7000);
    guest(scenario, 2, 2 * GIB, 9000);
    guint best = G_MAXUINT;
    for (guint i = 0; i < 27; i++) {
        int node[] = {(int)(i % 3), (int)(i / 3 % 3), (int)(i / 9)};
        best = MIN(best, seated(scenario, node).slowdown_bp);
    }
    guint hand = hand_score(scenario).slowdown_bp;
    g_test_message("slowdown by hand %u, of all seats %u", hand, best);
    g_assert_cmpuint(hand, <=, best + best / 100);
}

static void
test_the_same_each_time(void)
{
    g_autoptr(VbScenario) scenario = host(4, 8, 16 * GIB);
    for (guint i = 0; i < 12; i++)
        guest(scenario, 1 + i % 4, (1 + i % 5) * GIB, 3000 + 500 * i);
    g_autoptr(GPtrArray) one = vb_hand_search(scenario);
    g_autoptr(GPtrArray) other = vb_hand_search(scenario);
    for (guint g = 0; g < scenario->guests->len; g++)
        g_assert_cmpuint(cell_of(one, g, 0), ==, cell_of(other, g, 0));
}

static void
test_nobody_to_place(void)
{
    g_autoptr(VbScenario) scenario = host(2, 4, 8 * GIB);
    g_autoptr(GPtrArray) seats = vb_hand_search(scenario);
    g_assert_cmpuint(seats->len, ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/hand/room", test_each_on_a_node_with_room);
    g_test_add_func("/hand/one-way", test_what_fits_only_in_one_way_fits);
    g_test_add_func("/hand/cells", test_cells_of_a_wide_guest_have_a_node_each);
    g_test_add_func("/hand/wide", test_a_guest_wider_than_a_node_lies_on_two);
    g_test_add_func("/hand/own", test_what_a_vcpu_has_for_itself_lies_beside_it);
    g_test_add_func("/hand/time", test_who_is_not_there_takes_no_room);
    g_test_add_func("/hand/all-seats", test_no_other_seats_are_better);
    g_test_add_func("/hand/same", test_the_same_each_time);
    g_test_add_func("/hand/nobody", test_nobody_to_place);
    return g_test_run();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The physics of made-up hosts, and that the same words and seed make the same world. */
#include "sim/fleet.h"
#include "sim/generate.h"
#include <string.h>

#define SECOND G_GINT64_CONSTANT(1000000000)
#define MIB (G_GUINT64_CONSTANT(1) << 20)
#define GIB (G_GUINT64_CONSTANT(1) << 30)

static VbScenario *
generate(const char *kind, guint64 seed)
{
    g_autoptr(GError) error = NULL;
    VbScenario *scenario = vb_generate(kind, seed, &error);
    g_assert_no_error(error);
    return scenario;
}

static VbTrace *
run(const VbScenario *scenario, const char *policy, guint64 seed)
{
    g_autoptr(GError) error = NULL;
    VbTrace *trace = vb_sim_run(scenario, policy, seed, VB_TRACE_GUESTS, &error);
    g_assert_no_error(error);
    return trace;
}

static void
assert_same(const VbTrace *a, const VbTrace *b)
{
    g_assert_cmpuint(a->ticks, ==, b->ticks);
    g_assert_cmpmem(a->moments->data, a->moments->len * sizeof(VbMoment), b->moments->data,
                    b->moments->len * sizeof(VbMoment));
    g_assert_cmpuint(a->guests->len, ==, b->guests->len);
    for (guint i = 0; i < a->guests->len; i++) {
        const VbTraceGuest *x = g_ptr_array_index(a->guests, i), *y = g_ptr_array_index(b->guests, i);
        g_assert_cmpstr(x->uuid, ==, y->uuid);
        g_assert_cmpint(x->left_ns, ==, y->left_ns);
        g_assert_cmpmem(x->end, sizeof x->end, y->end, sizeof y->end);
        g_assert_cmpmem(x->local_bp->data, x->local_bp->len * 2, y->local_bp->data,
                        y->local_bp->len * 2);
    }
}

static void
test_the_same_seed_makes_the_same_world(void)
{
    guint differ = 0;
    for (const VbKind *kind = vb_generate_kinds(); kind->name != NULL; kind++) {
        g_autoptr(VbScenario) scenario = generate(kind->name, 7);
        g_autoptr(VbScenario) again = generate(kind->name, 7);
        scenario->duration_ns = again->duration_ns = 120 * SECOND;
        g_autoptr(VbTrace) a = run(scenario, "home-node", 3);
        g_autoptr(VbTrace) b = run(again, "home-node", 3);
        g_autoptr(VbTrace) other = run(scenario, "home-node", 4);
        assert_same(a, b);
        differ += vb_trace_last(a)->work_ns != vb_trace_last(other)->work_ns;
    }
    g_assert_cmpuint(differ, >, 5);
}

static void
test_a_fleet_is_the_same_by_any_number_of_threads(void)
{
    VbFleet one = {0}, three = {0};
    VbFleetPlan plan = {.kind = "fleet:4", .policy = "home-node", .seed = 9, .hosts = 20, .threads = 1};
    g_autoptr(GError) error = NULL;
    g_assert_true(vb_fleet_run(&plan, &one, &error));
    plan.threads = 3;
    g_assert_true(vb_fleet_run(&plan, &three, &error));
    g_assert_cmpmem(&one, sizeof one, &three, sizeof three);
    g_assert_cmpuint(one.hosts, ==, 20);
    g_assert_cmpuint(one.guests, ==, 80);
    /* Its worst host can be made again. */
    g_autoptr(VbScenario) worst = generate("fleet:4", one.worst_seed);
    g_autoptr(VbTrace) trace = run(worst, "home-node", one.worst_seed);
    const VbMoment *last = vb_trace_last(trace);
    g_assert_cmpuint((guint64)((unsigned __int128)last->local * VB_BP / last->accesses), ==, one.worst_bp);
    plan.policy = "frob";
    g_assert_false(vb_fleet_run(&plan, &three, &error));
    g_assert_nonnull(error);
}

/* --- physics: a world driven by hand, looked at after each step ----------------------------- */

typedef struct {
    guint64 used[VB_NODES_MAX]; /* by guests */
} Books;

static Books
books_of(const VbObservation *seen, guint64 page_size)
{
    Books books = {{0}};
    for (guint i = 0; i < seen->guests->len; i++) {
        const VbGuest *guest = ((const VbGuestSight *)g_ptr_array_index(seen->guests, i))->facts;
        for (guint c = 0; c < guest->cells->len; c++) {
            const VbCell *cell = g_ptr_array_index(guest->cells, c);
            g_assert_cmpuint(cell->present_bytes, <=, cell->size_bytes);
            for (guint node = 0; cell->page_size == page_size && node < VB_NODES_MAX; node++)
                books.used[node] += cell->by_node[node];
        }
    }
    return books;
}

/* What guests have and what is free is what the node has, always. */
static void
check_books(const VbScenario *scenario, const VbObservation *seen)
{
    Books small = books_of(seen, 4096), huge = books_of(seen, 2 * MIB);
    for (guint id = 0; id < scenario->n_nodes; id++) {
        const VbScenarioNode *node = &scenario->node[id];
        const VbNode *host = &seen->topology.node[id];
        const VbHugePool *pool = vb_node_pool(host, 2 * MIB);
        g_assert_cmpuint(small.used[id] + host->memory_free_bytes + node->used_bytes +
                             node->huge_2m * 2 * MIB,
                         ==, node->memory_bytes);
        if (pool != NULL)
            g_assert_cmpuint(huge.used[id] + pool->free * 2 * MIB, ==, node->huge_2m * 2 * MIB);
        else
            g_assert_cmpuint(huge.used[id], ==, 0);
    }
}

static void
check_threads(const VbObservation *seen)
{
    for (guint i = 0; i < seen->guests->len; i++) {
        const VbGuestSight *sight = g_ptr_array_index(seen->guests, i);
        for (guint v = 0; v < sight->vcpus->len; v++) {
            const VbVcpuSight *vcpu = g_ptr_array_index(sight->vcpus, v);
            g_assert_cmpint(vcpu->last_cpu, >=, 0);
            g_assert_true(vb_cpuset_has(&vcpu->affinity, (guint)vcpu->last_cpu));
        }
    }
}

/* A plan that throws guests about without any sense: the world must bear it. */
static void
stir(VbWorld *world, const VbObservation *seen, guint64 n)
{
    static const guint64 reserve[VB_NODES_MAX] = {0};
    const VbGuestSight *sight = g_ptr_array_index(seen->guests, n % seen->guests->len);
    const VbGuest *guest = sight->facts;
    guint nodes = vb_nodeset_count(seen->topology.nodes);
    int to = (int)(n / 3 % nodes), from = (int)(n / 7 % nodes);
    const VbCell *cell = g_ptr_array_index(guest->cells, n % guest->cells->len);
    g_autoptr(VbPlan) plan = vb_plan_new("stir");
    for (guint v = 0; v < sight->vcpus->len; v += 2) {
        g_autofree char *thread = g_strdup_printf("vcpu%u", v);
        vb_plan_add_pin(plan, guest, thread, &seen->topology.node[to].cpus, VB_NO_NODE, to, "stirred");
    }
    if (from != to)
        vb_plan_add_move(plan, guest, cell->id, from, to, cell->by_node[from] + 12345, "stirred")->all =
            n % 2 == 0;
    vb_world_depart(world, guest->uuid, plan, 512 * MIB, reserve);
}

static void
live_through(const VbScenario *scenario)
{
    g_autoptr(VbTrace) trace = vb_trace_new("x", "x", 1, scenario->n_nodes);
    g_autoptr(VbWorld) world = vb_world_new(scenario, 1, trace, VB_TRACE_MOMENTS);
    g_autoptr(GHashTable) away = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    guint landed = 0;
    vb_world_begin(world);
    for (guint64 step = 0; step < 1200; step++) {
        const GArray *news = vb_world_step(world);
        for (guint i = 0; i < news->len; i++) {
            const VbNews *piece = &g_array_index(news, VbNews, i);
            if (piece->kind != VB_NEWS_LANDED)
                continue;
            g_assert_true(g_hash_table_remove(away, vb_world_uuid(world, piece->guest)));
            landed++;
        }
        g_autoptr(VbObservation) seen = vb_world_look(world, VB_LOOK_FULL, NULL);
        check_books(scenario, seen);
        check_threads(seen);
        if (step % 5 != 0)
            continue;
        const VbGuestSight *next = g_ptr_array_index(seen->guests, step % seen->guests->len);
        if (g_hash_table_add(away, g_strdup(next->facts->uuid)))
            stir(world, seen, step);
    }
    vb_world_note(world);
    const VbMoment *last = vb_trace_last(trace);
    g_assert_cmpuint(landed, >, 20);
    g_assert_cmpuint(last->local, <=, last->accesses);
    g_assert_cmpuint(last->work_ns, <=, last->given_ns);
    g_assert_cmpuint(last->given_ns, <=, last->wanted_ns);
    g_assert_cmpuint(last->moved_bytes, >, 0);
}

static void
test_no_byte_is_lost_and_no_pin_ignored(void)
{
    for (const VbKind *kind = vb_generate_kinds(); kind->name != NULL; kind++) {
        g_autoptr(VbScenario) scenario = generate(kind->name, 5);
        scenario->look_error_bp = 0;
        scenario->busy_pages_bp = 500;
        for (guint i = 0; i < scenario->guests->len; i += 3)
            ((VbScenarioGuest *)g_ptr_array_index(scenario->guests, i))->unmovable_bp = 1000;
        live_through(scenario);
    }
}

static void
test_no_byte_of_a_pool_is_lost(void)
{
    g_autoptr(VbScenario) scenario = generate("full", 5);
    scenario->look_error_bp = 0;
    for (guint i = 0; i < scenario->n_nodes; i++)
        scenario->node[i].huge_2m = scenario->node[i].memory_bytes / (4 * MIB);
    for (guint i = 0; i < scenario->guests->len; i++) {
        VbScenarioGuest *guest = g_ptr_array_index(scenario->guests, i);
        guest->page_size = i % 2 == 0 ? 2 * MIB : 4096;
        guest->memory_bytes /= 2;
    }
    live_through(scenario);
}

/* --- what can be said beforehand ------------------------------------------------------------ */

static VbScenario *
host(guint nodes)
{
    VbScenario *scenario = vb_scenario_new("test");
    scenario->duration_ns = 60 * SECOND;
    scenario->drift_per_hour = 0;
    scenario->look_error_bp = 0;
    for (guint i = 0; i < nodes; i++)
        vb_scenario_add_node(scenario, 4, 16 * GIB);
    return scenario;
}

static const VbTraceGuest *
guest_of(const VbTrace *trace, guint i)
{
    return g_ptr_array_index(trace->guests, i);
}

static void
test_what_is_touched_first_lies_where_it_is_touched(void)
{
    g_autoptr(VbScenario) scenario = host(2);
    VbScenarioGuest *guest = vb_scenario_add_guest(scenario, "g", 2, 4 * GIB);
    guest->arrival = VB_ARRIVAL_START;
    guest->touched_bp = 0;
    guest->ran_on = VB_NODE_BIT(1);
    vb_scenario_add_phase(guest, 60, VB_BP)->touch_bytes_per_s = 256 * MIB;
    g_autoptr(VbTrace) trace = run(scenario, "none", 1);
    g_assert_cmpuint(guest_of(trace, 0)->begin[0] + guest_of(trace, 0)->begin[1], ==, 0);
    g_assert_cmpuint(guest_of(trace, 0)->end[0], ==, 0);
    g_assert_cmpuint(guest_of(trace, 0)->end[1], ==, 4 * GIB);
    g_assert_cmpuint(vb_trace_last(trace)->local, ==, vb_trace_last(trace)->accesses);
}

static void
test_what_does_not_fit_lies_on_the_nearest_node(void)
{
    g_autoptr(VbScenario) scenario = host(3);
    scenario->distance[0][2] = scenario->distance[2][0] = 12;
    VbScenarioGuest *guest = vb_scenario_add_guest(scenario, "g", 1, 20 * GIB);
    guest->ran_on = guest->memory_on = VB_NODE_BIT(0);
    vb_scenario_add_phase(guest, 60, VB_BP);
    g_autoptr(VbTrace) trace = run(scenario, "none", 1);
    g_assert_cmpuint(guest_of(trace, 0)->begin[0], ==, 16 * GIB - VB_WORLD_FREE_BYTES);
    g_assert_cmpuint(guest_of(trace, 0)->begin[1], ==, 0);
    g_assert_cmpuint(guest_of(trace, 0)->begin[2], ==, 4 * GIB + VB_WORLD_FREE_BYTES);
}

/* A guest with all RAM at distance 20 that waits half of its time for memory does 2/3 of the work. */
static void
test_far_memory_is_as_slow_as_the_distance_says(void)
{
    g_autoptr(VbScenario) scenario = host(2);
    scenario->distance[0][1] = scenario->distance[1][0] = 20;
    VbScenarioGuest *guest = vb_scenario_add_guest(scenario, "g", 1, GIB);
    guest->ran_on = VB_NODE_BIT(0);
    guest->memory_on = VB_NODE_BIT(1);
    vb_scenario_add_phase(guest, 60, 8000)->memory_bp = 5000;
    g_autoptr(VbTrace) trace = run(scenario, "none", 1);
    const VbMoment *last = vb_trace_last(trace);
    g_assert_cmpuint(last->local, ==, 0);
    g_assert_cmpuint(last->work_ns * 1000 / last->given_ns, ==, 666);
    g_assert_cmpuint(last->given_ns, ==, last->wanted_ns);
}

static void
test_a_node_gives_no_more_cpu_time_than_it_has(void)
{
    g_autoptr(VbScenario) scenario = host(1);
    VbScenarioGuest *guest = vb_scenario_add_guest(scenario, "g", 8, GIB);
    vb_scenario_add_phase(guest, 60, VB_BP);
    g_autoptr(VbTrace) trace = run(scenario, "none", 1);
    guint64 capacity = 4 * 60 * (guint64)SECOND;
    g_assert_cmpuint(vb_trace_last(trace)->given_ns, <=, capacity);
    g_assert_cmpuint(vb_trace_last(trace)->given_ns, >=, capacity / 1000 * 999);
    g_assert_cmpuint(vb_trace_last(trace)->wanted_ns, >, capacity * 19 / 10);
}

/* Twice as much is wanted as there is: each waits about as long as it runs, and looks tell so. */
static void
test_who_waits_for_a_cpu_is_seen_to_wait(void)
{
    g_autoptr(VbScenario) scenario = host(1);
    g_autoptr(VbTrace) trace = vb_trace_new("x", "x", 1, 1);
    vb_scenario_add_phase(vb_scenario_add_guest(scenario, "g", 8, GIB), 60, VB_BP);
    g_autoptr(VbWorld) world = vb_world_new(scenario, 1, trace, VB_TRACE_MOMENTS);
    vb_world_begin(world);
    for (guint step = 0; step < 40; step++)
        vb_world_step(world);
    g_autoptr(VbObservation) seen = vb_world_look(world, VB_LOOK_THREADS, NULL);
    const VbGuestSight *sight = g_ptr_array_index(seen->guests, 0);
    for (guint i = 0; i < sight->vcpus->len; i++) {
        const VbVcpuSight *vcpu = g_ptr_array_index(sight->vcpus, i);
        g_assert_true(vcpu->wait_known);
        g_assert_cmpuint(vcpu->run_ns, >, 4 * (guint64)SECOND);
        g_assert_cmpuint(vcpu->wait_ns * 100, >, vcpu->run_ns * 90);
        g_assert_cmpuint(vcpu->wait_ns * 100, <, vcpu->run_ns * 110);
    }
}

static void
test_a_node_short_of_bandwidth_slows_its_users_down(void)
{
    guint64 work_ns[2];
    for (guint i = 0; i < 2; i++) {
        g_autoptr(VbScenario) scenario = host(1);
        scenario->node[0].bandwidth_bytes_per_s = i == 0 ? 0 : 4 * GIB;
        VbScenarioGuest *guest = vb_scenario_add_guest(scenario, "g", 4, GIB);
        vb_scenario_add_phase(guest, 60, VB_BP)->memory_bp = 8000;
        g_autoptr(VbTrace) trace = run(scenario, "none", 1);
        work_ns[i] = vb_trace_last(trace)->work_ns;
    }
    g_assert_cmpuint(work_ns[1] * 2, <, work_ns[0]);
}

static void
test_the_kernel_evens_out_but_an_overload_alone(void)
{
    guint64 local[2], accesses[2];
    for (guint i = 0; i < 2; i++) {
        g_autoptr(VbScenario) scenario = host(2);
        VbScenarioGuest *guest = vb_scenario_add_guest(scenario, "g", i == 0 ? 2 : 6, GIB);
        guest->ran_on = guest->memory_on = VB_NODE_BIT(0);
        vb_scenario_add_phase(guest, 60, 9000);
        g_autoptr(VbTrace) trace = run(scenario, "none", 1);
        local[i] = vb_trace_last(trace)->local;
        accesses[i] = vb_trace_last(trace)->accesses;
    }
    g_assert_cmpuint(local[0], ==, accesses[0]);
    g_assert_cmpuint(local[1] * 10, <, accesses[1] * 8);
}

/* --- a daemon that takes its time ------------------------------------------------------------ */

/* One guest that runs where its RAM is not. */
static VbScenario *
astray(void)
{
    VbScenario *scenario = host(2);
    scenario->mover_bytes_per_s = 512 * MIB;
    VbScenarioGuest *guest = vb_scenario_add_guest(scenario, "g", 2, GIB);
    guest->ran_on = VB_NODE_BIT(0);
    guest->memory_on = VB_NODE_BIT(1);
    vb_scenario_add_phase(guest, 60, 5000);
    return scenario;
}

/* When a moment first tells of what is counted there, in s; they come every five. */
static gint64
first_seen(const VbTrace *trace, gsize offset)
{
    for (guint i = 0; i < trace->moments->len; i++) {
        const VbMoment *moment = &g_array_index(trace->moments, VbMoment, i);
        if (G_STRUCT_MEMBER(guint, moment, offset) > 0)
            return moment->time_ns / SECOND;
    }
    return -1;
}

/* Looks begin at 0 s and, 2 s after the first has ended, at 7 s; the second is acted upon, at 12 s. */
static void
test_a_decision_comes_when_its_look_is_over(void)
{
    static const struct {
        gint64 look_s, pinned_s;
    } cases[] = {{0, 5}, {5, 15}, {12, 30}};
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(VbScenario) scenario = astray();
        scenario->look_ns = cases[i].look_s * SECOND;
        g_autoptr(VbTrace) trace = run(scenario, "home-node", 1);
        g_assert_cmpint(first_seen(trace, G_STRUCT_OFFSET(VbMoment, pins)), ==, cases[i].pinned_s);
    }
}

/* Three threads of 4 s each from 2 s on; only then its RAM, which takes 2 s. */
static void
test_pages_wait_for_pins(void)
{
    static const gint64 pin_s[] = {0, 4}, landed_s[] = {5, 20};
    for (guint i = 0; i < G_N_ELEMENTS(pin_s); i++) {
        g_autoptr(VbScenario) scenario = astray();
        VbScenarioGuest *other = vb_scenario_add_guest(scenario, "other", 4, 15 * GIB);
        other->ran_on = other->memory_on = VB_NODE_BIT(1);
        vb_scenario_add_phase(other, 60, VB_BP);
        scenario->pin_ns = pin_s[i] * SECOND;
        g_autoptr(VbTrace) trace = run(scenario, "home-node", 1);
        const VbMoment *tenth = &g_array_index(trace->moments, VbMoment, 1);
        g_assert_cmpint(first_seen(trace, G_STRUCT_OFFSET(VbMoment, moves)), ==, landed_s[i]);
        g_assert_cmpuint(tenth->moved_bytes, ==, i == 0 ? GIB : 0);
        g_assert_cmpuint(vb_trace_last(trace)->moved_bytes, ==, GIB);
    }
}

/* Whom a look saw may be gone when it is over. */
static void
test_a_guest_may_go_while_it_is_looked_at(void)
{
    g_autoptr(VbScenario) scenario = astray();
    scenario->look_ns = 5 * SECOND;
    ((VbScenarioGuest *)g_ptr_array_index(scenario->guests, 0))->leave_ns = 9 * SECOND;
    g_autoptr(VbTrace) trace = run(scenario, "home-node", 1);
    g_assert_cmpint(guest_of(trace, 0)->left_ns, ==, 9 * SECOND);
    g_assert_cmpuint(vb_trace_last(trace)->pins, ==, 0);
    g_assert_cmpuint(vb_trace_last(trace)->moved_bytes, ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/simulation/the-same-seed-makes-the-same-world",
                    test_the_same_seed_makes_the_same_world);
    g_test_add_func("/simulation/a-fleet-is-the-same-by-any-number-of-threads",
                    test_a_fleet_is_the_same_by_any_number_of_threads);
    g_test_add_func("/simulation/no-byte-is-lost-and-no-pin-ignored",
                    test_no_byte_is_lost_and_no_pin_ignored);
    g_test_add_func("/simulation/no-byte-of-a-pool-is-lost", test_no_byte_of_a_pool_is_lost);
    g_test_add_func("/simulation/what-is-touched-first-lies-where-it-is-touched",
                    test_what_is_touched_first_lies_where_it_is_touched);
    g_test_add_func("/simulation/what-does-not-fit-lies-on-the-nearest-node",
                    test_what_does_not_fit_lies_on_the_nearest_node);
    g_test_add_func("/simulation/far-memory-is-as-slow-as-the-distance-says",
                    test_far_memory_is_as_slow_as_the_distance_says);
    g_test_add_func("/simulation/a-node-gives-no-more-cpu-time-than-it-has",
                    test_a_node_gives_no_more_cpu_time_than_it_has);
    g_test_add_func("/simulation/who-waits-for-a-cpu-is-seen-to-wait",
                    test_who_waits_for_a_cpu_is_seen_to_wait);
    g_test_add_func("/simulation/a-node-short-of-bandwidth-slows-its-users-down",
                    test_a_node_short_of_bandwidth_slows_its_users_down);
    g_test_add_func("/simulation/the-kernel-evens-out-but-an-overload-alone",
                    test_the_kernel_evens_out_but_an_overload_alone);
    g_test_add_func("/simulation/a-decision-comes-when-its-look-is-over",
                    test_a_decision_comes_when_its_look_is_over);
    g_test_add_func("/simulation/pages-wait-for-pins", test_pages_wait_for_pins);
    g_test_add_func("/simulation/a-guest-may-go-while-it-is-looked-at",
                    test_a_guest_may_go_while_it_is_looked_at);
    return g_test_run();
}

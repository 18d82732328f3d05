/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What policies must do, and never do, with the guests of made-up hosts. */
#include "sim/generate.h"
#include "sim/run.h"
#include <string.h>
#include <vmbalancer/policy.h>

#define SECOND G_GINT64_CONSTANT(1000000000)

static VbScenario *
shipped(const char *name)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = g_strdup_printf("%s/%s.json", g_getenv("VB_SCENARIOS"), name);
    g_autofree char *text = NULL;
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    VbScenario *scenario = vb_scenario_parse(text, -1, &error);
    g_assert_no_error(error);
    return scenario;
}

static VbTrace *
run(const VbScenario *scenario, const char *policy, guint64 seed)
{
    g_autoptr(GError) error = NULL;
    VbTrace *trace = vb_sim_run(scenario, policy, seed, VB_TRACE_MOMENTS, &error);
    g_assert_no_error(error);
    return trace;
}

static guint
local_bp(const VbTrace *trace)
{
    const VbMoment *last = vb_trace_last(trace);
    return (guint)((unsigned __int128)last->local * VB_BP / MAX(last->accesses, 1));
}

static void
test_scattered_guests_come_home(void)
{
    g_autoptr(VbScenario) scenario = shipped("scattered");
    g_autoptr(VbTrace) none = run(scenario, "none", 1);
    g_autoptr(VbTrace) home = run(scenario, "home-node", 1);
    g_test_message("none %u, home-node %u of 10000 accesses local", local_bp(none), local_bp(home));
    g_assert_cmpuint(local_bp(none), <, 5000);
    g_assert_cmpuint(local_bp(home), >, 9500);
    g_assert_cmpuint(vb_trace_last(home)->work_ns, >, vb_trace_last(none)->work_ns);
    g_assert_cmpuint(vb_trace_last(none)->pins + vb_trace_last(none)->moves, ==, 0);
}

/* moron never pins: its moves follow wherever the kernel takes the vCPUs, and that is its character. */
static gboolean
may_bounce(const VbPolicy *policy)
{
    return policy == &vb_policy_moron;
}

static void
test_nobody_bounces(gconstpointer data)
{
    guint64 seeds = g_ascii_strtoull(g_getenv("VB_SEEDS"), NULL, 10);
    g_assert_cmpuint(seeds, >, 0);
    for (guint64 seed = 1; seed <= seeds; seed++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(VbScenario) scenario =
            strchr(data, '+') != NULL ? shipped(strchr(data, '+') + 1) : vb_generate(data, seed, &error);
        g_assert_no_error(error);
        for (const VbPolicy *const *policy = vb_policy_all(); *policy != NULL; policy++) {
            g_autoptr(VbTrace) trace = run(scenario, (*policy)->name, seed);
            const VbMoment *last = vb_trace_last(trace);
            if (last->ping_pongs > 0)
                g_test_message("%s, seed %u: %u back and forth by %s", (const char *)data, (guint)seed,
                               last->ping_pongs, (*policy)->name);
            if (!may_bounce(*policy))
                g_assert_cmpuint(last->ping_pongs, ==, 0);
        }
    }
}

/* RAM that lies evenly on two nodes: what a look makes of it is now one, now the other. */
static VbTrace *
run_between_two_nodes(gboolean original)
{
    static const char *const names[] = {"margin", "confirm", "cooldown"};
    static const gint64 values[] = {0, 1, 0};
    g_autoptr(VbScenario) scenario = vb_scenario_new("between");
    vb_scenario_add_node(scenario, 4, G_GUINT64_CONSTANT(16) << 30);
    vb_scenario_add_node(scenario, 4, G_GUINT64_CONSTANT(16) << 30);
    VbScenarioGuest *guest = vb_scenario_add_guest(scenario, "between", 2, G_GUINT64_CONSTANT(4) << 30);
    guest->memory_on = VB_NODE_BIT(0) | VB_NODE_BIT(1);
    vb_scenario_add_phase(guest, 60, 8000);
    scenario->settings = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    for (guint i = 0; original && i < G_N_ELEMENTS(names); i++)
        g_hash_table_insert(scenario->settings, g_strconcat("cpu-follows-memory.", names[i], NULL),
                            g_memdup2(&values[i], sizeof values[i]));
    return run(scenario, "cpu-follows-memory", 1);
}

static void
test_the_original_cpu_follows_memory_bounces_the_shipped_one_does_not(void)
{
    g_autoptr(VbTrace) original = run_between_two_nodes(TRUE);
    g_autoptr(VbTrace) shipped_one = run_between_two_nodes(FALSE);
    g_test_message("back and forth: the original %u times in %u trips, the shipped one %u in %u",
                   vb_trace_last(original)->ping_pongs, vb_trace_last(original)->pins,
                   vb_trace_last(shipped_one)->ping_pongs, vb_trace_last(shipped_one)->pins);
    g_assert_cmpuint(vb_trace_last(original)->ping_pongs, >, 10);
    g_assert_cmpuint(vb_trace_last(shipped_one)->ping_pongs, ==, 0);
    g_assert_cmpuint(vb_trace_last(shipped_one)->pins, <=, 1);
}

/* A guest that starts gets its home before it has touched much: what it touches is near from then on. */
static void
test_who_starts_is_placed_before_it_touches(void)
{
    g_autoptr(VbScenario) scenario = shipped("web");
    for (guint i = scenario->guests->len; i > 0; i--)
        if (((VbScenarioGuest *)g_ptr_array_index(scenario->guests, i - 1))->arrival !=
            VB_ARRIVAL_START)
            g_ptr_array_remove_index(scenario->guests, i - 1);
    scenario->drift_per_hour = 3600;
    g_autoptr(VbTrace) none = run(scenario, "none", 1);
    g_autoptr(VbTrace) home = run(scenario, "home-node", 1);
    g_assert_cmpuint(local_bp(none), <, 9000);
    g_assert_cmpuint(local_bp(home), >, 9900);
    g_assert_cmpuint(vb_trace_last(home)->pins, >=, scenario->guests->len);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/simulated-policies/scattered-guests-come-home", test_scattered_guests_come_home);
    g_test_add_data_func("/simulated-policies/nobody-bounces-under-the-square-wave", "+square-wave",
                         test_nobody_bounces);
    g_test_add_data_func("/simulated-policies/nobody-bounces-under-square-waves", "square",
                         test_nobody_bounces);
    g_test_add_func("/simulated-policies/the-original-cpu-follows-memory-bounces",
                    test_the_original_cpu_follows_memory_bounces_the_shipped_one_does_not);
    g_test_add_func("/simulated-policies/who-starts-is-placed-before-it-touches",
                    test_who_starts_is_placed_before_it_touches);
    return g_test_run();
}

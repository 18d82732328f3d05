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
    for (guint64 seed = 1; seed <= 3; seed++) {
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

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/simulated-policies/scattered-guests-come-home", test_scattered_guests_come_home);
    g_test_add_data_func("/simulated-policies/nobody-bounces-under-the-square-wave", "+square-wave",
                         test_nobody_bounces);
    g_test_add_data_func("/simulated-policies/nobody-bounces-under-square-waves", "square",
                         test_nobody_bounces);
    return g_test_run();
}

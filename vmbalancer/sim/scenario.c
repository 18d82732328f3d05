/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sim/scenario.h"

#define SECOND G_GINT64_CONSTANT(1000000000)
#define MIB (G_GUINT64_CONSTANT(1) << 20)
/* Of a two-socket host (ACPI's own example). */
#define DISTANCE_REMOTE 21

static void
guest_free(gpointer data)
{
    VbScenarioGuest *guest = data;
    g_free(guest->name);
    g_free(guest->policy);
    g_array_unref(guest->phases);
    g_free(guest);
}

VbScenario *
vb_scenario_new(const char *name)
{
    VbScenario *scenario = g_new0(VbScenario, 1);
    scenario->name = g_strdup(name);
    scenario->about = g_strdup("");
    scenario->duration_ns = 600 * SECOND;
    scenario->interval_ns = 10 * SECOND;
    scenario->rate_bytes_per_s = 512 * MIB;
    scenario->mover_bytes_per_s = 2048 * MIB;
    scenario->look_error_bp = 50;
    scenario->drift_per_hour = 6;
    scenario->guests = g_ptr_array_new_with_free_func(guest_free);
    return scenario;
}

void
vb_scenario_free(VbScenario *scenario)
{
    if (scenario == NULL)
        return;
    g_free(scenario->name);
    g_free(scenario->about);
    g_clear_pointer(&scenario->settings, g_hash_table_unref);
    g_ptr_array_unref(scenario->guests);
    g_free(scenario);
}

VbScenarioNode *
vb_scenario_add_node(VbScenario *scenario, guint cpus, guint64 memory_bytes)
{
    g_return_val_if_fail(scenario->n_nodes < VB_NODES_MAX, NULL);
    guint id = scenario->n_nodes++;
    for (guint other = 0; other < id; other++)
        scenario->distance[id][other] = scenario->distance[other][id] = DISTANCE_REMOTE;
    scenario->distance[id][id] = VB_DISTANCE_LOCAL;
    scenario->node[id] = (VbScenarioNode){.cpus = cpus, .memory_bytes = memory_bytes};
    return &scenario->node[id];
}

VbScenarioGuest *
vb_scenario_add_guest(VbScenario *scenario, const char *name, guint vcpus, guint64 memory_bytes)
{
    VbScenarioGuest *guest = g_new0(VbScenarioGuest, 1);
    guest->name = g_strdup(name);
    guest->vcpus = vcpus;
    guest->cells = 1;
    guest->memory_bytes = memory_bytes;
    guest->page_size = 4096;
    guest->touched_bp = VB_BP;
    guest->leave_ns = -1;
    guest->phases = g_array_new(FALSE, TRUE, sizeof(VbPhase));
    g_ptr_array_add(scenario->guests, guest);
    return guest;
}

VbPhase *
vb_scenario_add_phase(VbScenarioGuest *guest, gint64 seconds, guint busy_bp)
{
    VbPhase phase = {.duration_ns = seconds * SECOND, .busy_bp = busy_bp, .memory_bp = 4000};
    g_array_append_val(guest->phases, phase);
    return &g_array_index(guest->phases, VbPhase, guest->phases->len - 1);
}

guint
vb_scenario_vcpus(const VbScenario *scenario)
{
    guint vcpus = 0;
    for (guint i = 0; i < scenario->guests->len; i++)
        vcpus += ((const VbScenarioGuest *)g_ptr_array_index(scenario->guests, i))->vcpus;
    return vcpus;
}

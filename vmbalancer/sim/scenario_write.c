/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/json_write.h"
#include "sim/scenario.h"

#define SECOND G_GINT64_CONSTANT(1000000000)
#define MS G_GINT64_CONSTANT(1000000)
#define MIB (G_GUINT64_CONSTANT(1) << 20)

static void
put_mib(JsonObject *object, const char *name, guint64 bytes)
{
    vb_json_put_u64(object, name, bytes / MIB);
}

static void
put_seconds(JsonObject *object, const char *name, gint64 ns)
{
    json_object_set_int_member(object, name, ns / SECOND);
}

static void
put_nodes(JsonObject *object, const VbScenario *scenario)
{
    JsonArray *nodes = vb_json_put_array(object, "nodes");
    JsonArray *rows = vb_json_put_array(object, "distances");
    for (guint i = 0; i < scenario->n_nodes; i++) {
        const VbScenarioNode *node = &scenario->node[i];
        JsonObject *into = vb_json_append_object(nodes);
        json_object_set_int_member(into, "cpus", node->cpus);
        put_mib(into, "memory_mib", node->memory_bytes);
        put_mib(into, "used_mib", node->used_bytes);
        put_mib(into, "bandwidth_mib_per_s", node->bandwidth_bytes_per_s);
        vb_json_put_u64(into, "huge_2m", node->huge_2m);
        vb_json_put_u64(into, "huge_1g", node->huge_1g);
        JsonArray *row = json_array_new();
        for (guint j = 0; j < scenario->n_nodes; j++)
            json_array_add_int_element(row, scenario->distance[i][j]);
        json_array_add_array_element(rows, row);
    }
}

static void
put_phases(JsonObject *object, const VbScenarioGuest *guest)
{
    JsonArray *phases = vb_json_put_array(object, "phases");
    for (guint i = 0; i < guest->phases->len; i++) {
        const VbPhase *phase = &g_array_index(guest->phases, VbPhase, i);
        JsonObject *into = vb_json_append_object(phases);
        put_seconds(into, "seconds", phase->duration_ns);
        vb_json_put_bp(into, "busy", (int)phase->busy_bp);
        vb_json_put_bp(into, "memory", (int)phase->memory_bp);
        vb_json_put_bp(into, "private", (int)phase->private_bp);
        vb_json_put_bp(into, "across", (int)phase->across_bp);
        put_mib(into, "touch_mib_per_s", phase->touch_bytes_per_s);
    }
}

static void
put_guest(JsonObject *object, const VbScenarioGuest *guest)
{
    static const char *const arrivals[] = {"there", "start", "migration"};
    vb_json_put_text(object, "name", guest->name);
    vb_json_put_text(object, "policy", guest->policy);
    json_object_set_int_member(object, "vcpus", guest->vcpus);
    json_object_set_int_member(object, "cells", guest->cells);
    put_mib(object, "memory_mib", guest->memory_bytes);
    vb_json_put_text(object, "page",
                     guest->page_size == 4096      ? "4KiB"
                     : guest->page_size == 2 * MIB ? "2MiB"
                                                   : "1GiB");
    vb_json_put_bp(object, "own", (int)guest->own_bp);
    vb_json_put_bp(object, "unmovable", (int)guest->unmovable_bp);
    vb_json_put_bp(object, "touched", (int)guest->touched_bp);
    vb_json_put_text(object, "arrives_by", arrivals[guest->arrival]);
    put_seconds(object, "arrive_s", guest->arrive_ns);
    vb_json_put_known(object, "leave_s", guest->leave_ns >= 0, guest->leave_ns / SECOND);
    vb_json_put_text(object, "leaves_by", guest->leaves_by_migration ? "migration" : "stop");
    put_seconds(object, "shift_s", guest->shift_ns);
    vb_json_put_nodeset(object, "ran_on", guest->ran_on);
    json_object_set_int_member(object, "first", guest->first);
    vb_json_put_nodeset(object, "memory_on", guest->memory_on);
    put_phases(object, guest);
}

JsonNode *
vb_scenario_document(const VbScenario *scenario)
{
    JsonNode *node = vb_json_document(VB_SCENARIO_SCHEMA);
    JsonObject *object = json_node_get_object(node);
    vb_json_put_text(object, "name", scenario->name);
    vb_json_put_text(object, "about", scenario->about);
    put_seconds(object, "seconds", scenario->duration_ns);
    put_seconds(object, "interval_s", scenario->interval_ns);
    put_mib(object, "guest_rate_mib_per_s", scenario->rate_bytes_per_s);
    put_mib(object, "mover_mib_per_s", scenario->mover_bytes_per_s);
    json_object_set_int_member(object, "look_ms", scenario->look_ns / MS);
    json_object_set_int_member(object, "pin_ms", scenario->pin_ns / MS);
    if (scenario->reserve_set)
        put_mib(object, "reserve_mib", scenario->reserve_bytes);
    vb_json_put_bp(object, "busy_pages", (int)scenario->busy_pages_bp);
    vb_json_put_bp(object, "look_error", (int)scenario->look_error_bp);
    json_object_set_int_member(object, "drift_per_hour", scenario->drift_per_hour);
    vb_json_put_settings(object, "settings", scenario->settings);
    put_nodes(object, scenario);
    JsonArray *guests = vb_json_put_array(object, "guests");
    for (guint i = 0; i < scenario->guests->len; i++)
        put_guest(vb_json_append_object(guests), g_ptr_array_index(scenario->guests, i));
    return node;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/json_read.h"
#include "core/json_text.h"
#include "sim/scenario.h"
#include <string.h>

#define SECOND G_GINT64_CONSTANT(1000000000)
#define MS G_GINT64_CONSTANT(1000000)
#define MIB (G_GUINT64_CONSTANT(1) << 20)
#define DEPTH_MAX 8
#define NAME_MAX_BYTES 128
#define ABOUT_MAX_BYTES 4096
#define SETTINGS_MAX 64
#define NODE_MIB_MAX (4 << 20)
#define RATE_MIB_MAX (16 << 20)
#define DISTANCE_MAX 254
#define DELAY_MS_MAX 60000

/* What is being read, and the copies of the guest that it is in. */
typedef struct {
    VbScenario *scenario;
    VbScenarioGuest *guest;
    guint row; /* of the distances, so far */
} Reading;

/* Members that nobody knows are mistakes: a word misspelt must not mean its default. */
static void
check_members(VbJsonReader *reader, JsonObject *object, const char *const *known)
{
    JsonObjectIter iter;
    const char *name;
    JsonNode *node;
    json_object_iter_init_ordered(&iter, object);
    while (json_object_iter_next_ordered(&iter, &name, &node))
        if (!g_strv_contains(known, name)) {
            g_autofree char *list = g_strjoinv(", ", (char **)known);
            g_autofree char *shown = g_strndup(name, strnlen(name, NAME_MAX_BYTES));
            g_autofree char *valid = g_utf8_make_valid(shown, -1);
            vb_json_fail(reader, valid, "there is no such member; there are: %s", list);
            return;
        }
}

static gint64
seconds(VbJsonReader *reader, JsonObject *object, const char *name, gint64 least, gint64 otherwise)
{
    gint64 value =
        vb_json_int_or(reader, object, name, least, VB_SCENARIO_SECONDS_MAX, otherwise);
    return value < 0 ? value : value * SECOND;
}

static guint64
mib(VbJsonReader *reader, JsonObject *object, const char *name, gint64 least, gint64 most,
    gint64 otherwise)
{
    return (guint64)vb_json_int_or(reader, object, name, least, most, otherwise) * MIB;
}

/* A share from 0 to 1. */
static guint
share(VbJsonReader *reader, JsonObject *object, const char *name, guint otherwise)
{
    return vb_json_has(object, name)
               ? (guint)vb_json_scaled(reader, object, name, VB_BP, 0, VB_BP)
               : otherwise;
}

static VbNodeSet
nodes(VbJsonReader *reader, JsonObject *object, const char *name, const VbScenario *scenario)
{
    VbNodeSet set = vb_json_nodeset(reader, object, name);
    guint count = scenario->n_nodes;
    if (count < VB_NODES_MAX && set >> count != 0)
        vb_json_fail(reader, name, "the host's nodes are 0 to %u", count - 1);
    return set;
}

static void
read_node(VbJsonReader *reader, JsonObject *object, gpointer data)
{
    static const char *const known[] = {"cpus", "memory_mib", "used_mib", "bandwidth_mib_per_s",
                                        "huge_2m", "huge_1g", NULL};
    VbScenario *scenario = ((Reading *)data)->scenario;
    check_members(reader, object, known);
    guint cpus = (guint)vb_json_int(reader, object, "cpus", 0, 512);
    gint64 memory = vb_json_int(reader, object, "memory_mib", 0, NODE_MIB_MAX);
    if (vb_json_failed(reader))
        return;
    VbScenarioNode *node = vb_scenario_add_node(scenario, cpus, (guint64)memory * MIB);
    node->used_bytes = mib(reader, object, "used_mib", 0, memory, 0);
    node->bandwidth_bytes_per_s = mib(reader, object, "bandwidth_mib_per_s", 0, RATE_MIB_MAX, 0);
    gint64 left = memory - (gint64)(node->used_bytes / MIB);
    node->huge_2m = (guint64)vb_json_int_or(reader, object, "huge_2m", 0, left / 2, 0);
    left -= (gint64)node->huge_2m * 2;
    node->huge_1g = (guint64)vb_json_int_or(reader, object, "huge_1g", 0, left / 1024, 0);
}

static void
read_distances(VbJsonReader *reader, JsonObject *object, VbScenario *scenario)
{
    JsonNode *node = json_object_get_member(object, "distances");
    guint count = scenario->n_nodes;
    if (!vb_json_has(object, "distances") || vb_json_failed(reader))
        return;
    JsonArray *rows = JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
    if (rows == NULL || json_array_get_length(rows) != count) {
        vb_json_fail(reader, "distances", "expected %u rows, one a node", count);
        return;
    }
    for (guint i = 0; i < count; i++) {
        g_autofree char *name = g_strdup_printf("distances[%u]", i);
        g_autoptr(JsonObject) row = json_object_new();
        json_object_set_member(row, name, json_node_copy(json_array_get_element(rows, i)));
        guint64 value[VB_NODES_MAX];
        if (!vb_json_u64s(reader, row, name, count, value)) {
            vb_json_fail(reader, name, "expected %u distances", count);
            return;
        }
        for (guint j = 0; j < count; j++) {
            gboolean good = i == j ? value[j] == VB_DISTANCE_LOCAL
                                   : value[j] > VB_DISTANCE_LOCAL && value[j] <= DISTANCE_MAX;
            if (!good)
                vb_json_fail(reader, name, "a node is 10 from itself and 11 to 254 from others");
            scenario->distance[i][j] = (guint16)value[j];
        }
    }
}

static void
read_phase(VbJsonReader *reader, JsonObject *object, gpointer data)
{
    static const char *const known[] = {"seconds", "busy", "memory", "private", "across",
                                        "touch_mib_per_s", NULL};
    Reading *reading = data;
    check_members(reader, object, known);
    VbPhase *phase = vb_scenario_add_phase(reading->guest, 0, 0);
    phase->duration_ns =
        vb_json_int(reader, object, "seconds", 1, VB_SCENARIO_SECONDS_MAX) * SECOND;
    phase->busy_bp = (guint)vb_json_scaled(reader, object, "busy", VB_BP, 0, VB_BP);
    phase->memory_bp = share(reader, object, "memory", phase->memory_bp);
    phase->private_bp = share(reader, object, "private", 0);
    phase->across_bp = share(reader, object, "across", 0);
    phase->touch_bytes_per_s = mib(reader, object, "touch_mib_per_s", 0, RATE_MIB_MAX, 0);
}

static void
read_size(VbJsonReader *reader, JsonObject *object, VbScenarioGuest *guest)
{
    static const char *const sizes[] = {"4KiB", "2MiB", "1GiB", NULL};
    static const guint64 bytes[] = {4096, 2 * MIB, 1024 * MIB};
    guest->vcpus = (guint)vb_json_int(reader, object, "vcpus", 1, 512);
    guest->cells = (guint)vb_json_int_or(reader, object, "cells", 1, VB_SCENARIO_CELLS_MAX, 1);
    guest->memory_bytes =
        (guint64)vb_json_int(reader, object, "memory_mib", 1, NODE_MIB_MAX) * MIB;
    if (vb_json_has(object, "page"))
        guest->page_size = bytes[vb_json_word(reader, object, "page", sizes)];
    if (guest->cells > guest->vcpus)
        vb_json_fail(reader, "cells", "%u, more than vcpus", guest->cells);
    guint64 grain = guest->page_size * MAX(guest->cells, 1);
    if (guest->memory_bytes < grain)
        vb_json_fail(reader, "memory_mib", "each cell needs at least a page");
}

static void
read_life(VbJsonReader *reader, JsonObject *object, VbScenarioGuest *guest)
{
    static const char *const arrivals[] = {"there", "start", "migration", NULL};
    static const char *const ends[] = {"stop", "migration", NULL};
    if (vb_json_has(object, "arrives_by"))
        guest->arrival = (VbArrival)vb_json_word(reader, object, "arrives_by", arrivals);
    guest->arrive_ns = seconds(reader, object, "arrive_s", 0, 0);
    guest->leave_ns = seconds(reader, object, "leave_s", 0, -1);
    if (vb_json_has(object, "leaves_by"))
        guest->leaves_by_migration = vb_json_word(reader, object, "leaves_by", ends) == 1;
    if (guest->arrival == VB_ARRIVAL_THERE && guest->arrive_ns > 0)
        vb_json_fail(reader, "arrive_s", "who is there from the beginning arrives at 0; say "
                                         "\"arrives_by\": \"start\" or \"migration\"");
    if (guest->leave_ns >= 0 && guest->leave_ns <= guest->arrive_ns)
        vb_json_fail(reader, "leave_s", "must be after arrive_s");
    guest->touched_bp = share(reader, object, "touched",
                              guest->arrival == VB_ARRIVAL_START ? 0 : VB_BP);
    guest->shift_ns = seconds(reader, object, "shift_s", 0, 0);
}

/* The further ones of "count": later, further on in their phases, a node further. */
static void
add_copies(VbScenario *scenario, const VbScenarioGuest *model, guint count, gint64 later_ns,
           gint64 shift_ns)
{
    g_autofree char *name = g_strdup(model->name);
    for (guint i = 1; i < count; i++) {
        g_autofree char *numbered = g_strdup_printf("%s%u", name, i + 1);
        VbScenarioGuest *guest =
            vb_scenario_add_guest(scenario, numbered, model->vcpus, model->memory_bytes);
        GArray *phases = guest->phases;
        char *own_name = guest->name;
        *guest = *model;
        guest->name = own_name;
        guest->policy = g_strdup(model->policy);
        guest->phases = phases;
        g_array_append_vals(phases, model->phases->data, model->phases->len);
        guest->arrive_ns = model->arrive_ns + later_ns * i;
        if (model->leave_ns >= 0)
            guest->leave_ns = model->leave_ns + later_ns * i;
        guest->shift_ns = model->shift_ns + shift_ns * i;
        guest->first = (model->first + i) % MAX(vb_nodeset_count(model->ran_on), 1);
    }
}

static void
check_room(VbJsonReader *reader, const VbScenario *scenario, guint more, guint vcpus)
{
    if (scenario->guests->len + more > VB_SCENARIO_GUESTS_MAX)
        vb_json_fail(reader, "count", "more than %u guests", VB_SCENARIO_GUESTS_MAX);
    else if (vb_scenario_vcpus(scenario) + more * vcpus > VB_SCENARIO_VCPUS_MAX)
        vb_json_fail(reader, "count", "more than %u vCPUs in all", VB_SCENARIO_VCPUS_MAX);
}

static void
read_guest(VbJsonReader *reader, JsonObject *object, gpointer data)
{
    static const char *const known[] = {
        "name",     "count",   "policy",    "vcpus",    "cells",   "memory_mib", "page",
        "own",      "touched", "unmovable", "arrive_s", "leave_s", "arrives_by", "leaves_by",
        "apart_s",  "shift_s", "shift_apart_s", "ran_on", "first", "memory_on",  "phases", NULL};
    Reading *reading = data;
    check_members(reader, object, known);
    g_autofree char *name = vb_json_text(reader, object, "name", NAME_MAX_BYTES);
    if (name == NULL || *name == '\0')
        vb_json_fail(reader, "name", "missing");
    guint count = (guint)vb_json_int_or(reader, object, "count", 1, VB_SCENARIO_GUESTS_MAX, 1);
    if (vb_json_failed(reader))
        return;
    VbScenarioGuest *guest = vb_scenario_add_guest(reading->scenario, name, 1, MIB);
    reading->guest = guest;
    guest->policy = vb_json_text(reader, object, "policy", NAME_MAX_BYTES);
    read_size(reader, object, guest);
    read_life(reader, object, guest);
    guest->own_bp = share(reader, object, "own", 0);
    guest->unmovable_bp = share(reader, object, "unmovable", 0);
    guest->ran_on = nodes(reader, object, "ran_on", reading->scenario);
    guest->memory_on = nodes(reader, object, "memory_on", reading->scenario);
    guest->first = (guint)vb_json_int_or(reader, object, "first", 0, VB_NODES_MAX, 0);
    gint64 later = seconds(reader, object, "apart_s", 0, 0);
    gint64 shift = seconds(reader, object, "shift_apart_s", 0, 0);
    if (guest->arrival == VB_ARRIVAL_THERE && later > 0)
        vb_json_fail(reader, "apart_s", "guests that are there arrive together");
    vb_json_each(reader, object, "phases", VB_SCENARIO_PHASES_MAX, read_phase, reading);
    if (guest->phases->len == 0)
        vb_json_fail(reader, "phases", "at least one is needed");
    gint64 end_ns = MAX(guest->arrive_ns, guest->leave_ns) + later * (count - 1);
    if (MAX(end_ns, guest->shift_ns + shift * (count - 1)) > VB_SCENARIO_SECONDS_MAX * SECOND)
        vb_json_fail(reader, "count", "the last of so many comes, goes or is shifted by more than "
                                      "%d s", VB_SCENARIO_SECONDS_MAX);
    check_room(reader, reading->scenario, count - 1, guest->vcpus);
    if (!vb_json_failed(reader))
        add_copies(reading->scenario, guest, count, later, shift);
}

/* Whether there are such policies and parameters is not the file's matter, but that it names both. */
static void
check_settings(VbJsonReader *reader, const VbScenario *scenario)
{
    GHashTableIter iter;
    gpointer name;
    if (scenario->settings == NULL)
        return;
    g_hash_table_iter_init(&iter, scenario->settings);
    while (g_hash_table_iter_next(&iter, &name, NULL))
        if (strchr(name, '.') == NULL)
            vb_json_fail(reader, "settings", "a name is POLICY.PARAMETER");
}

static void
read_host(VbJsonReader *reader, JsonObject *object, VbScenario *scenario)
{
    scenario->duration_ns =
        vb_json_int(reader, object, "seconds", 1, VB_SCENARIO_SECONDS_MAX) * SECOND;
    scenario->interval_ns =
        vb_json_int_or(reader, object, "interval_s", 1, 3600, scenario->interval_ns / SECOND) *
        SECOND;
    scenario->rate_bytes_per_s = mib(reader, object, "guest_rate_mib_per_s", 1, RATE_MIB_MAX,
                                     (gint64)(scenario->rate_bytes_per_s / MIB));
    scenario->mover_bytes_per_s = mib(reader, object, "mover_mib_per_s", 1, RATE_MIB_MAX,
                                      (gint64)(scenario->mover_bytes_per_s / MIB));
    scenario->look_ns = vb_json_int_or(reader, object, "look_ms", 0, DELAY_MS_MAX, 0) * MS;
    scenario->pin_ns = vb_json_int_or(reader, object, "pin_ms", 0, DELAY_MS_MAX, 0) * MS;
    scenario->reserve_set = vb_json_has(object, "reserve_mib");
    scenario->reserve_bytes = mib(reader, object, "reserve_mib", 0, NODE_MIB_MAX, 0);
    scenario->busy_pages_bp = share(reader, object, "busy_pages", 0);
    scenario->look_error_bp = share(reader, object, "look_error", scenario->look_error_bp);
    scenario->drift_per_hour = (guint)vb_json_int_or(reader, object, "drift_per_hour", 0, 3600,
                                                     scenario->drift_per_hour);
    scenario->settings = vb_json_settings(reader, object, "settings", SETTINGS_MAX);
    check_settings(reader, scenario);
}

static void
read_scenario(VbJsonReader *reader, JsonObject *object, VbScenario *scenario)
{
    static const char *const known[] = {
        "schema",     "name",       "about",          "seconds",    "interval_s",
        "guest_rate_mib_per_s",     "mover_mib_per_s", "look_ms",  "pin_ms",
        "reserve_mib", "busy_pages",
        "look_error", "drift_per_hour", "settings",   "nodes",      "distances",
        "guests",     NULL};
    Reading reading = {.scenario = scenario};
    vb_json_word(reader, object, "schema", (const char *const[]){VB_SCENARIO_SCHEMA, NULL});
    check_members(reader, object, known);
    g_autofree char *name = vb_json_text(reader, object, "name", NAME_MAX_BYTES);
    if (name == NULL || *name == '\0')
        vb_json_fail(reader, "name", "missing");
    g_free(scenario->name);
    scenario->name = g_steal_pointer(&name);
    if (vb_json_has(object, "about")) {
        g_free(scenario->about);
        scenario->about = vb_json_text(reader, object, "about", ABOUT_MAX_BYTES);
    }
    read_host(reader, object, scenario);
    vb_json_each(reader, object, "nodes", VB_NODES_MAX, read_node, &reading);
    guint cpus = 0;
    for (guint i = 0; i < scenario->n_nodes; i++)
        cpus += scenario->node[i].cpus;
    if (cpus == 0 || cpus > VB_CPUS_MAX)
        vb_json_fail(reader, "nodes", "the host has %u CPUs; 1 to %u may be", cpus, VB_CPUS_MAX);
    read_distances(reader, object, scenario);
    vb_json_each(reader, object, "guests", VB_SCENARIO_GUESTS_MAX, read_guest, &reading);
}

VbScenario *
vb_scenario_parse(const char *text, gssize length, GError **error)
{
    g_autoptr(JsonNode) document = vb_json_text_parse(text, length, VB_SCENARIO_SCHEMA, DEPTH_MAX,
                                                      VB_SCENARIO_SIZE_MAX, error);
    if (document == NULL)
        return NULL;
    g_autoptr(VbJsonReader) reader = vb_json_reader_new(VB_SCENARIO_SCHEMA);
    g_autoptr(VbScenario) scenario = vb_scenario_new("");
    read_scenario(reader, json_node_get_object(document), scenario);
    return vb_json_finish(reader, error) ? g_steal_pointer(&scenario) : NULL;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sim/generate.h"
#include "sim/dice.h"
#include <string.h>
#include <vmbalancer/error.h>

#define SECOND G_GINT64_CONSTANT(1000000000)
#define MIB (G_GUINT64_CONSTANT(1) << 20)
#define GIB (G_GUINT64_CONSTANT(1) << 30)
/* A socket of DDR4-2666 with six channels, about two thirds of what it says on the box. */
#define BANDWIDTH (80 * GIB)

static guint
below(guint64 seed, guint64 who, guint64 what, guint limit)
{
    return (guint)vb_dice_below(seed, VB_DICE_GENERATE, who, what, limit);
}

static void
add_host(VbScenario *scenario, guint nodes, guint cpus, guint64 memory_bytes)
{
    for (guint i = 0; i < nodes; i++) {
        VbScenarioNode *node = vb_scenario_add_node(scenario, cpus, memory_bytes);
        node->used_bytes = GIB;
        node->bandwidth_bytes_per_s = BANDWIDTH;
    }
}

/* As many nodes of that size as hold the vCPUs at @percent of the CPUs; two at least, eight at most. */
static guint
nodes_for(guint vcpus, guint cpus, guint percent)
{
    guint wanted = vcpus * 100 / percent;
    return CLAMP((wanted + cpus - 1) / cpus, 2, 8);
}

static VbScenarioGuest *
add_guest(VbScenario *scenario, const char *name, guint vcpus, guint64 memory_bytes)
{
    g_autofree char *numbered = g_strdup_printf("%s%u", name, scenario->guests->len + 1);
    return vb_scenario_add_guest(scenario, numbered, vcpus, memory_bytes);
}

/* Ran on one node and has its RAM on another, as guests do that others made room for. */
static void
scatter(const VbScenario *scenario, VbScenarioGuest *guest, guint64 seed, guint who)
{
    guint nodes = scenario->n_nodes, at = below(seed, who, 100, nodes);
    guint ram = (at + 1 + below(seed, who, 101, nodes - 1)) % nodes;
    guest->ran_on = VB_NODE_BIT(at);
    guest->memory_on = VB_NODE_BIT(ram);
}

/* Many small guests of which some are scattered, some start and some stop; each has its own rhythm. */
static void
make_web(VbScenario *scenario, guint guests, guint64 seed)
{
    add_host(scenario, nodes_for(guests * 2, 8, 60), 8, MAX(guests, 8) * 2 * GIB);
    for (guint i = 0; i < guests; i++) {
        VbScenarioGuest *guest = add_guest(scenario, "web", 2, 2 * GIB);
        gint64 period = 40 + below(seed, i, 0, 120);
        if (i % 4 == 3) {
            guest->arrival = VB_ARRIVAL_START;
            guest->arrive_ns = (gint64)below(seed, i, 1, 600) * SECOND;
            guest->touched_bp = 0;
        } else if (i % 2 == 0) {
            scatter(scenario, guest, seed, i);
        }
        if (i % 8 == 5)
            guest->leave_ns = guest->arrive_ns + (gint64)(300 + below(seed, i, 2, 600)) * SECOND;
        guest->shift_ns = (gint64)below(seed, i, 3, 200) * SECOND;
        guest->own_bp = 2500;
        vb_scenario_add_phase(guest, period, 2000 + below(seed, i, 4, 3000));
        vb_scenario_add_phase(guest, period, 5000 + below(seed, i, 5, 3000));
        for (guint p = 0; p < guest->phases->len; p++) {
            VbPhase *phase = &g_array_index(guest->phases, VbPhase, p);
            phase->private_bp = 3000;
            phase->touch_bytes_per_s = 64 * MIB;
        }
    }
}

/* Every other guest a database that is always busy; the others are batches that come and go. */
static void
make_database(VbScenario *scenario, guint guests, guint64 seed)
{
    add_host(scenario, nodes_for(guests * 4, 8, 75), 8, MAX(guests, 4) * 8 * GIB);
    for (guint i = 0; i < guests; i++) {
        gboolean batch = i % 2 == 1;
        VbScenarioGuest *guest = add_guest(scenario, batch ? "batch" : "db", 4, (batch ? 4 : 8) * GIB);
        VbPhase *phase = vb_scenario_add_phase(guest, 600, batch ? 9500 : 7000);
        phase->memory_bp = batch ? 3000 : 6000;
        guest->own_bp = batch ? 8000 : 0;
        phase->private_bp = batch ? 9000 : 0;
        if (!batch) {
            scatter(scenario, guest, seed, i);
            continue;
        }
        guest->arrival = VB_ARRIVAL_START;
        guest->arrive_ns = (gint64)(30 + below(seed, i, 0, 600)) * SECOND;
        guest->leave_ns = guest->arrive_ns + (gint64)(180 + below(seed, i, 1, 300)) * SECOND;
        guest->touched_bp = 0;
        phase->touch_bytes_per_s = 256 * MIB;
    }
}

/* The first guest, and each fourth, is wider than a node and has cells; the rest is small. */
static void
make_wide(VbScenario *scenario, guint guests, guint64 seed)
{
    add_host(scenario, MAX(4, nodes_for(guests * 5, 8, 75)), 8, 64 * GIB);
    for (guint i = 0; i < guests; i++) {
        gboolean wide = i % 4 == 0;
        VbScenarioGuest *guest =
            add_guest(scenario, wide ? "wide" : "small", wide ? 12 : 2, (wide ? 24 : 4) * GIB);
        VbPhase *phase = vb_scenario_add_phase(guest, 600, wide ? 8000 : 5000);
        if (!wide) {
            scatter(scenario, guest, seed, i);
            continue;
        }
        guest->cells = 2;
        phase->memory_bp = 6000;
        phase->across_bp = 1000;
        guest->memory_on = VB_NODE_BIT(scenario->n_nodes) - 1;
        phase = vb_scenario_add_phase(guest, 300, 4000);
        phase->across_bp = 1000;
    }
}

/* A day in 20 minutes: half of the guests work by day, half by night. */
static void
make_diurnal(VbScenario *scenario, guint guests, guint64 seed)
{
    static const guint day[] = {500, 2000, 6000, 9000, 9000, 6000, 2000, 500};
    scenario->duration_ns = 2400 * SECOND;
    add_host(scenario, nodes_for(guests * 4, 8, 110), 8, MAX(guests, 4) * 4 * GIB);
    for (guint i = 0; i < guests; i++) {
        VbScenarioGuest *guest = add_guest(scenario, i % 2 == 0 ? "day" : "night", 4, 4 * GIB);
        scatter(scenario, guest, seed, i);
        guest->shift_ns = i % 2 == 0 ? 0 : 600 * SECOND;
        for (guint hour = 0; hour < G_N_ELEMENTS(day); hour++)
            vb_scenario_add_phase(guest, 150, day[hour]);
    }
}

/* Each guest is fully busy and idle by turns, in a rhythm of its own. */
static void
make_square(VbScenario *scenario, guint guests, guint64 seed)
{
    add_host(scenario, nodes_for(guests * 3, 8, 75), 8, MAX(guests, 4) * 4 * GIB);
    for (guint i = 0; i < guests; i++) {
        VbScenarioGuest *guest = add_guest(scenario, "square", 3, 4 * GIB);
        gint64 half = 10 + below(seed, i, 0, 190);
        scatter(scenario, guest, seed, i);
        guest->shift_ns = (gint64)below(seed, i, 1, 400) * SECOND;
        vb_scenario_add_phase(guest, half, 9500);
        vb_scenario_add_phase(guest, half, 100);
    }
}

/*
 * Pairs that together are too much for a node, of which one rests just when a policy has come to a
 * conclusion: a little longer than the guests' rest after a move.
 */
static void
make_ping_pong(VbScenario *scenario, guint guests, guint64 seed)
{
    add_host(scenario, MAX(2, (guests + 2) / 3), 8, 32 * GIB);
    for (guint i = 0; i < guests; i++) {
        VbScenarioGuest *guest = add_guest(scenario, "seesaw", 5, 6 * GIB);
        guest->ran_on = VB_NODE_BIT(i / 2 % scenario->n_nodes);
        guest->memory_on = VB_NODE_BIT(i % scenario->n_nodes);
        guest->shift_ns = i % 2 == 0 ? 0 : 70 * SECOND;
        vb_scenario_add_phase(guest, 70 + below(seed, i, 0, 5), 9500);
        vb_scenario_add_phase(guest, 70, 500);
    }
}

/* No node has room for a further guest: only who changes places gets home. */
static void
make_full(VbScenario *scenario, guint guests, guint64 seed)
{
    guint nodes = CLAMP(guests / 2, 2, 8), each = (guests + nodes - 1) / nodes;
    add_host(scenario, nodes, MAX(each * 3, 4), each * 6 * GIB + 5 * GIB);
    for (guint i = 0; i < guests; i++) {
        VbScenarioGuest *guest = add_guest(scenario, "full", 2, 6 * GIB);
        guest->ran_on = VB_NODE_BIT(i % nodes);
        guest->memory_on = VB_NODE_BIT((i + 1 + below(seed, i % nodes, 0, nodes - 1)) % nodes);
        vb_scenario_add_phase(guest, 300, 8000);
    }
}

/* autonuma-benchmark's numa01: two with as many threads as half of the host has CPUs, all on all RAM. */
static void
make_numa01(VbScenario *scenario, guint guests, guint64 seed)
{
    guint nodes = MAX(guests, 2);
    add_host(scenario, MIN(nodes, 8), 8, 32 * GIB);
    for (guint i = 0; i < guests; i++) {
        VbScenarioGuest *guest = add_guest(scenario, "numa01-", scenario->n_nodes * 8 / guests, 6 * GIB);
        VbPhase *phase = vb_scenario_add_phase(guest, 600, 9800);
        guest->ran_on = VB_NODE_BIT(scenario->n_nodes) - 1;
        guest->memory_on = guest->ran_on;
        phase->memory_bp = 7000;
    }
}

/* numa02: each thread on RAM of its own, all of it written by one thread at first. */
static void
make_numa02(VbScenario *scenario, guint guests, guint64 seed)
{
    make_numa01(scenario, guests, seed);
    for (guint i = 0; i < scenario->guests->len; i++) {
        VbScenarioGuest *guest = g_ptr_array_index(scenario->guests, i);
        g_array_index(guest->phases, VbPhase, 0).private_bp = VB_BP;
        guest->own_bp = 9800;
        guest->memory_on = VB_NODE_BIT((i + 1) % scenario->n_nodes);
        g_free(guest->name);
        guest->name = g_strdup_printf("numa02-%u", i + 1);
    }
}

/* A host of a fleet: any of the others but the longest, in a tenth of the time. */
static void
make_fleet(VbScenario *scenario, guint guests, guint64 seed)
{
    static void (*const make[])(VbScenario *, guint, guint64) = {make_web, make_database, make_wide,
                                                                 make_square, make_full};
    make[below(seed, 0, 200, G_N_ELEMENTS(make))](scenario, guests, seed);
    scenario->duration_ns = 120 * SECOND;
    for (guint i = 0; i < scenario->guests->len; i++) {
        VbScenarioGuest *guest = g_ptr_array_index(scenario->guests, i);
        guest->arrive_ns = guest->arrive_ns / SECOND / 10 * SECOND;
        if (guest->leave_ns >= 0)
            guest->leave_ns = MAX(guest->leave_ns / SECOND / 10 * SECOND, guest->arrive_ns + SECOND);
    }
}

const VbKind *
vb_generate_kinds(void)
{
    static const VbKind kinds[] = {
        {"web", "consolidated small guests, some scattered, some come and go", 16, make_web},
        {"database", "databases that stay and batches that come and go", 8, make_database},
        {"wide", "guests with cells, wider than a node, among small ones", 5, make_wide},
        {"diurnal", "guests of the day and of the night", 12, make_diurnal},
        {"square", "guests that are busy and idle by turns", 10, make_square},
        {"ping-pong", "pairs that tempt a policy to throw them to and fro", 6, make_ping_pong},
        {"full", "nodes so full that guests must change places", 8, make_full},
        {"numa01", "autonuma-benchmark's numa01: all threads on all RAM", 2, make_numa01},
        {"numa02", "autonuma-benchmark's numa02: each thread on its own RAM", 2, make_numa02},
        {"fleet", "a host of a fleet: one of web, database, wide, square, full, for 2 minutes", 8,
         make_fleet},
        {NULL},
    };
    return kinds;
}

static const VbKind *
find_kind(const char *name, GError **error)
{
    g_autoptr(GString) known = g_string_new(NULL);
    for (const VbKind *kind = vb_generate_kinds(); kind->name != NULL; kind++) {
        if (g_str_equal(kind->name, name))
            return kind;
        g_string_append_printf(known, "%s%s", known->len > 0 ? ", " : "", kind->name);
    }
    g_set_error(error, VB_ERROR, VB_ERROR_INVALID, "there is no kind of worlds \"%s\"; there are: %s",
                name, known->str);
    return NULL;
}

VbScenario *
vb_generate(const char *text, guint64 seed, GError **error)
{
    const char *colon = strchr(text, ':');
    g_autofree char *name = colon != NULL ? g_strndup(text, (gsize)(colon - text)) : g_strdup(text);
    const VbKind *kind = find_kind(name, error);
    guint64 guests = 0;
    if (kind == NULL)
        return NULL;
    if (colon == NULL) {
        guests = kind->guests;
    } else if (!g_ascii_string_to_unsigned(colon + 1, 10, 2, VB_GENERATE_GUESTS_MAX, &guests, NULL)) {
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID, "\"%s\": after the colon goes how many guests, 2 to %u",
                    text, VB_GENERATE_GUESTS_MAX);
        return NULL;
    }
    VbScenario *scenario = vb_scenario_new(kind->name);
    g_free(scenario->about);
    scenario->about = g_strdup(kind->about);
    scenario->duration_ns = 1200 * SECOND;
    kind->make(scenario, (guint)guests, seed);
    return scenario;
}

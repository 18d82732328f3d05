/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/codec.h"
#include "sim/recorded_parts.h"
#include <vmbalancer/error.h>

#define SECOND G_GINT64_CONSTANT(1000000000)
#define MIB (G_GUINT64_CONSTANT(1) << 20)
/* Of a guest that comes with more than this of its RAM touched, the RAM came with it. */
#define MIGRATED_BP 5000
/* Of all guests together: as many as a scenario's text has room for. */
#define PHASES_MAX 20000

/* The numbers of nodes in the scenario, from 0, for their ids on the host. */
static VbNodeSet
renumber(const VbRecorded *recorded, VbNodeSet ids)
{
    VbNodeSet numbers = 0;
    guint count = 0;
    int id;
    VB_NODESET_FOREACH(id, recorded->topology.nodes)
    {
        numbers |= ids & VB_NODE_BIT(id) ? VB_NODE_BIT(count) : 0;
        count++;
    }
    return numbers;
}

/* --- nodes ---------------------------------------------------------------------------------- */

static guint64
guests_on(const VbRecorded *recorded, int id)
{
    guint64 bytes = 0;
    for (guint i = 0; i < recorded->guests->len; i++) {
        const VbRecordedGuest *guest = g_ptr_array_index(recorded->guests, i);
        for (guint c = 0; guest->arrived_ns == recorded->first_ns && c < guest->first->cells->len; c++) {
            const VbCell *cell = g_ptr_array_index(guest->first->cells, c);
            bytes += cell->page_size < 2 * MIB ? cell->by_node[id] : 0;
        }
    }
    return bytes;
}

static void
add_node(const VbRecorded *recorded, VbScenario *scenario, int id)
{
    const VbNode *from = &recorded->topology.node[id];
    VbScenarioNode *node = vb_scenario_add_node(scenario, from->n_cpus, from->memory_total_bytes);
    guint64 known = from->memory_free_bytes + guests_on(recorded, id);
    for (guint p = 0; p < from->n_pools; p++) {
        const VbHugePool *pool = &from->pools[p];
        if (pool->page_size == 2 * MIB)
            node->huge_2m = pool->total;
        else if (pool->page_size == 1024 * MIB)
            node->huge_1g = pool->total;
        known += pool->page_size * pool->total;
    }
    node->used_bytes = from->memory_total_bytes > known ? from->memory_total_bytes - known : 0;
}

static void
add_nodes(const VbRecorded *recorded, VbScenario *scenario)
{
    const VbTopology *topology = &recorded->topology;
    guint a = 0, b = 0;
    int from, to;
    VB_NODESET_FOREACH(from, topology->nodes)
    add_node(recorded, scenario, from);
    VB_NODESET_FOREACH(from, topology->nodes)
    {
        b = 0;
        VB_NODESET_FOREACH(to, topology->nodes)
        scenario->distance[a][b++] = topology->node[from].distance[to];
        a++;
    }
}

/* --- guests --------------------------------------------------------------------------------- */

/* The nodes on which RAM that lies evenly is nearest to how it lies: each with over half an even part. */
static VbNodeSet
even_set(const VbRecordedGuest *guest)
{
    guint64 by_node[VB_NODES_MAX] = {0}, all = 0;
    for (guint c = 0; c < guest->first->cells->len; c++)
        for (guint n = 0; n < VB_NODES_MAX; n++) {
            by_node[n] += ((const VbCell *)g_ptr_array_index(guest->first->cells, c))->by_node[n];
            all += ((const VbCell *)g_ptr_array_index(guest->first->cells, c))->by_node[n];
        }
    for (guint count = VB_NODES_MAX; count > 0 && all > 0; count--) {
        VbNodeSet set = 0;
        for (guint n = 0; n < VB_NODES_MAX; n++)
            set |= by_node[n] >= all / count / 2 + 1 ? VB_NODE_BIT(n) : 0;
        if (vb_nodeset_count(set) >= count)
            return set;
    }
    return 0;
}

/* Part of @value that falls into the part of a sample which is in from..to. */
static guint64
part_of(guint64 value, const VbRecordedSample *sample, gint64 from_ns, gint64 to_ns)
{
    gint64 begin = MAX(sample->from_ns, from_ns), end = MIN(sample->to_ns, to_ns);
    if (end <= begin)
        return 0;
    return (guint64)((unsigned __int128)value * (guint64)(end - begin) /
                     (guint64)(sample->to_ns - sample->from_ns));
}

static void
add_phase(const VbRecordedGuest *guest, VbScenarioGuest *plot, gint64 from_ns, gint64 to_ns)
{
    guint64 run_ns = 0, touched = 0, all_ns = (guint64)(to_ns - from_ns) * guest->vcpus;
    for (guint i = 0; i < guest->samples->len; i++) {
        const VbRecordedSample *sample = &g_array_index(guest->samples, VbRecordedSample, i);
        run_ns += part_of(sample->run_ns, sample, from_ns, to_ns);
        touched += part_of(sample->touched_bytes, sample, from_ns, to_ns);
    }
    VbPhase *phase = vb_scenario_add_phase(plot, 1, (guint)MIN((unsigned __int128)run_ns * VB_BP / all_ns, VB_BP));
    phase->duration_ns = to_ns - from_ns;
    /* Who did not run touched nothing by itself. */
    if (run_ns > 0)
        phase->touch_bytes_per_s =
            (guint64)((unsigned __int128)touched * (guint64)SECOND / run_ns);
}

static void
add_phases(const VbRecordedGuest *guest, VbScenarioGuest *plot, guint most)
{
    gint64 length_ns = guest->seen_ns - guest->arrived_ns;
    gint64 each_ns = MAX(length_ns / (gint64)CLAMP(guest->samples->len, 1, most), SECOND);
    gint64 at_ns = guest->arrived_ns;
    if (length_ns < SECOND)
        vb_scenario_add_phase(plot, 1, 0);
    for (; guest->seen_ns - at_ns >= 2 * each_ns; at_ns += each_ns)
        add_phase(guest, plot, at_ns, at_ns + each_ns);
    if (length_ns >= SECOND)
        add_phase(guest, plot, at_ns, guest->seen_ns);
}

/* Nobody of us moves it, under whatever policy. */
static gboolean
is_fixed(const VbRecorded *recorded, const VbGuest *guest)
{
    VbNodeSet homes = vb_topology_home_nodes(&recorded->topology);
    return (guest->owner != VB_OWNER_FREE && guest->owner != VB_OWNER_OURS) ||
           (guest->boundary != 0 && (homes & ~guest->boundary) != 0) ||
           g_strcmp0(guest->policy, "none") == 0;
}

static guint
share_bp(guint64 part, guint64 whole)
{
    return whole > 0 ? (guint)MIN((unsigned __int128)part * VB_BP / whole, VB_BP) : 0;
}

static guint64
page_of(const VbGuest *guest)
{
    guint64 size = ((const VbCell *)g_ptr_array_index(guest->cells, 0))->page_size;
    return size >= 1024 * MIB ? 1024 * MIB : size >= 2 * MIB ? 2 * MIB : 4096;
}

/* Whole seconds: a scenario has no others. */
static void
set_stay(const VbRecorded *recorded, const VbRecordedGuest *guest, VbScenarioGuest *plot)
{
    plot->arrive_ns = (guest->arrived_ns - recorded->first_ns) / SECOND * SECOND;
    if (guest->seen_ns < recorded->last_ns)
        plot->leave_ns = MAX((guest->seen_ns - recorded->first_ns) / SECOND * SECOND,
                             plot->arrive_ns) + SECOND;
    if (guest->arrived_ns > recorded->first_ns)
        plot->arrival = plot->touched_bp > MIGRATED_BP ? VB_ARRIVAL_MIGRATION : VB_ARRIVAL_START;
}

static void
add_guest(const VbRecorded *recorded, VbScenario *scenario, const VbRecordedGuest *guest, guint phases)
{
    const VbGuest *first = guest->first;
    guint64 size = 0, present = vb_guest_present_bytes(first), stuck = 0;
    for (guint c = 0; c < first->cells->len; c++) {
        const VbCell *cell = g_ptr_array_index(first->cells, c);
        size += cell->size_bytes;
        stuck += cell->movable ? cell->unmovable_bytes : cell->present_bytes;
    }
    size = MAX(MAX(size, present), MIB);
    VbScenarioGuest *plot = vb_scenario_add_guest(
        scenario, first->name != NULL && *first->name != '\0' ? first->name : first->uuid,
        guest->vcpus, size);
    plot->policy = is_fixed(recorded, first) ? g_strdup("none") : NULL;
    plot->cells = MIN(MIN(first->cells->len, guest->vcpus), VB_SCENARIO_CELLS_MAX);
    /* A scenario's cells are alike; where they are not so on the host, none may be less than a page. */
    plot->page_size = size / plot->cells >= page_of(first) ? page_of(first) : 4096;
    plot->touched_bp = share_bp(present, size);
    plot->unmovable_bp = share_bp(stuck, present);
    plot->ran_on = renumber(recorded, guest->ran_on);
    plot->memory_on = renumber(recorded, even_set(guest));
    set_stay(recorded, guest, plot);
    add_phases(guest, plot, phases);
}

static gboolean
can_run(const VbRecordedGuest *guest)
{
    return guest->vcpus > 0 && guest->first->cells->len > 0;
}

static gboolean
check(const VbRecorded *recorded, guint guests, GError **error)
{
    gint64 length_ns = recorded->last_ns - recorded->first_ns;
    if (recorded->looks < 2 || length_ns < SECOND || guests == 0) {
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID,
                    "the recording has too little for a model of the host: %u full looks in "
                    "%" G_GINT64_FORMAT " s, at %u guests; record for longer, with guests that run",
                    recorded->looks, length_ns / SECOND, guests);
        return FALSE;
    }
    if (guests > VB_SCENARIO_GUESTS_MAX || length_ns / SECOND > VB_SCENARIO_SECONDS_MAX) {
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID,
                    "the recording has %u guests in %" G_GINT64_FORMAT
                    " s; a model may have %d in %d s: record for a shorter time",
                    guests, length_ns / SECOND, VB_SCENARIO_GUESTS_MAX, VB_SCENARIO_SECONDS_MAX);
        return FALSE;
    }
    return TRUE;
}

/* A recording is anybody's text: what it makes is held to what a scenario file is held to. */
static gboolean
may_be(const VbScenario *scenario, GError **error)
{
    g_autoptr(JsonNode) document = vb_scenario_document(scenario);
    g_autofree char *text = vb_codec_text(document, FALSE);
    g_autoptr(VbScenario) same = vb_scenario_parse(text, -1, error);
    if (same == NULL)
        g_prefix_error(error, "the recorded host cannot be modelled: ");
    return same != NULL;
}

VbScenario *
vb_recorded_scenario(const VbRecorded *recorded, const char *name, GError **error)
{
    guint guests = 0;
    for (guint i = 0; i < recorded->guests->len; i++)
        guests += can_run(g_ptr_array_index(recorded->guests, i));
    if (!check(recorded, guests, error))
        return NULL;
    g_autoptr(VbScenario) scenario = vb_scenario_new(name);
    g_free(scenario->about);
    scenario->about = g_strdup("A model of what would have been, made of a recording: guests take the CPU time that they took then, "
                               "use all of their RAM alike, and wait for it two fifths of their time.");
    scenario->duration_ns = recorded->last_ns - recorded->first_ns;
    add_nodes(recorded, scenario);
    for (guint i = 0; i < recorded->guests->len; i++) {
        const VbRecordedGuest *guest = g_ptr_array_index(recorded->guests, i);
        if (can_run(guest))
            add_guest(recorded, scenario, guest, CLAMP(PHASES_MAX / guests, 1, VB_SCENARIO_PHASES_MAX));
    }
    return may_be(scenario, error) ? g_steal_pointer(&scenario) : NULL;
}

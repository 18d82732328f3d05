/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sim/hand_board.h"
#include "sim/world.h"

#define ACCESS_BYTES 64
/* Of a node's bandwidth, what can be used before accesses wait for each other (sim/world.h). */
#define BANDWIDTH_USABLE_BP 8000
/* Room that is not there costs more than any distance. */
#define COST_OF_MIB 100000
#define MIB (G_GUINT64_CONSTANT(1) << 20)
#define GIB (G_GUINT64_CONSTANT(1) << 30)
/* Shares of distance: 1000 is a local access. */
#define LOCAL 1000
/* Up to so many nodes each set of them is a choice for a guest that needs several. */
#define SETS_MAX_NODES 4

static const VbPhase *
phase_at(const VbScenarioGuest *plot, gint64 time_ns)
{
    gint64 length_ns = 0;
    if (time_ns < plot->arrive_ns || (plot->leave_ns >= 0 && time_ns >= plot->leave_ns))
        return NULL;
    for (guint i = 0; i < plot->phases->len; i++)
        length_ns += g_array_index(plot->phases, VbPhase, i).duration_ns;
    gint64 at_ns = (time_ns - plot->arrive_ns + plot->shift_ns) % MAX(length_ns, 1);
    for (guint i = 0; i < plot->phases->len; i++) {
        const VbPhase *phase = &g_array_index(plot->phases, VbPhase, i);
        if (at_ns < phase->duration_ns)
            return phase;
        at_ns -= phase->duration_ns;
    }
    return NULL;
}

static guint64
bytes_of(const VbScenarioGuest *plot)
{
    for (guint i = 0; i < plot->phases->len; i++)
        if (g_array_index(plot->phases, VbPhase, i).touch_bytes_per_s > 0)
            return plot->memory_bytes / plot->cells;
    return plot->memory_bytes / VB_BP * plot->touched_bp / plot->cells;
}

static guint64
room_of(const VbScenarioNode *node, guint page)
{
    guint64 pools = node->huge_2m * 2 * MIB + node->huge_1g * GIB;
    guint64 taken = pools + node->used_bytes + VB_WORLD_FREE_BYTES;
    if (page > 0)
        return page == 1 ? node->huge_2m * 2 * MIB : node->huge_1g * GIB;
    return node->memory_bytes > taken ? node->memory_bytes - taken : 0;
}

/* The @count nodes that are nearest to @node, itself the first. */
static VbNodeSet
nearest(const VbScenario *scenario, guint node, guint count)
{
    VbNodeSet set = VB_NODE_BIT(node);
    while (vb_nodeset_count(set) < count) {
        int best = VB_NO_NODE;
        for (guint n = 0; n < scenario->n_nodes; n++)
            if (!(set & VB_NODE_BIT(n)) &&
                (best < 0 || scenario->distance[node][n] < scenario->distance[node][best]))
                best = (int)n;
        set |= VB_NODE_BIT(best);
    }
    return set;
}

static gboolean
fits_one(const VbScenario *scenario, const VbHandGuest *guest)
{
    for (guint n = 0; n < scenario->n_nodes; n++)
        if (room_of(&scenario->node[n], guest->page) >= guest->cell_bytes &&
            scenario->node[n].cpus >= guest->plot->vcpus / guest->plot->cells)
            return TRUE;
    return FALSE;
}

static void
add_choice(VbHandGuest *guest, VbNodeSet set)
{
    for (guint i = 0; i < guest->choices->len; i++)
        if (g_array_index(guest->choices, VbNodeSet, i) == set)
            return;
    g_array_append_val(guest->choices, set);
}

/* Nodes alone; where a cell fits on none, sets of them, too. */
static void
find_choices(const VbScenario *scenario, VbHandGuest *guest)
{
    guint nodes = scenario->n_nodes;
    VbNodeSet homes = 0;
    for (guint n = 0; n < nodes; n++)
        homes |= scenario->node[n].cpus > 0 ? VB_NODE_BIT(n) : 0;
    for (guint n = 0; n < nodes; n++)
        if ((homes & VB_NODE_BIT(n)) && room_of(&scenario->node[n], guest->page) > 0)
            add_choice(guest, VB_NODE_BIT(n));
    if (fits_one(scenario, guest) && guest->choices->len > 0)
        return;
    for (VbNodeSet set = 1; nodes <= SETS_MAX_NODES && set < VB_NODE_BIT(nodes); set++)
        if ((set & ~homes) == 0)
            add_choice(guest, set);
    for (guint n = 0; nodes > SETS_MAX_NODES && n < nodes; n++)
        for (guint count = 2; count < 2 * nodes; count *= 2)
            if ((nearest(scenario, n, MIN(count, nodes)) & ~homes) == 0)
                add_choice(guest, nearest(scenario, n, MIN(count, nodes)));
    if (guest->choices->len == 0)
        add_choice(guest, homes);
}

VbHandBoard *
vb_hand_board_new(const VbScenario *scenario)
{
    VbHandBoard *board = g_new0(VbHandBoard, 1);
    board->scenario = scenario;
    board->n_guests = scenario->guests->len;
    board->guest = g_new0(VbHandGuest, board->n_guests);
    board->load = g_malloc0(sizeof *board->load * VB_HAND_MOMENTS);
    for (guint g = 0; g < board->n_guests; g++) {
        VbHandGuest *guest = &board->guest[g];
        guest->plot = g_ptr_array_index(scenario->guests, g);
        guest->page = guest->plot->page_size >= GIB ? 2 : guest->plot->page_size >= 2 * MIB ? 1 : 0;
        guest->cell_bytes = bytes_of(guest->plot);
        guest->set = g_new0(VbNodeSet, guest->plot->cells);
        guest->choices = g_array_new(FALSE, FALSE, sizeof(VbNodeSet));
        find_choices(scenario, guest);
        for (guint t = 0; t < VB_HAND_MOMENTS; t++)
            guest->phase[t] = phase_at(
                guest->plot, scenario->duration_ns / (2 * VB_HAND_MOMENTS) * (2 * (gint64)t + 1));
    }
    return board;
}

void
vb_hand_board_free(VbHandBoard *board)
{
    if (board == NULL)
        return;
    for (guint g = 0; g < board->n_guests; g++) {
        g_free(board->guest[g].set);
        g_array_unref(board->guest[g].choices);
    }
    g_free(board->guest);
    g_free(board->load);
    g_free(board);
}

/* Takes the lowest node out of a set that is not empty: the sets are small, and there are millions. */
static guint
pop(VbNodeSet *set)
{
    guint node = (guint)__builtin_ctzll(*set);
    *set &= *set - 1;
    return node;
}

/* Mean distance between two sets, LOCAL for the same node. */
static gint64
distance(const VbScenario *scenario, VbNodeSet from, VbNodeSet to)
{
    gint64 sum = 0, pairs = 0;
    while (from != 0) {
        guint here = pop(&from);
        for (VbNodeSet rest = to; rest != 0; pairs++)
            sum += scenario->distance[here][pop(&rest)];
    }
    return sum * LOCAL / VB_DISTANCE_LOCAL / MAX(pairs, 1);
}

/* Share of a cell's accesses that go to each vCPU's own part: that lies where the vCPU is. */
static gint64
own_of(const VbHandGuest *guest, const VbPhase *phase)
{
    return guest->plot->own_bp > 0 ? phase->private_bp : 0;
}

/* Share of a cell's accesses that go to what the vCPUs of @other of its guest share, in bp. */
static gint64
share_of(const VbHandGuest *guest, const VbPhase *phase, guint cell, guint other)
{
    gint64 all_bp = VB_BP - own_of(guest, phase);
    gint64 across_bp = all_bp * phase->across_bp / VB_BP;
    return across_bp / guest->plot->cells + (cell == other ? all_bp - across_bp : 0);
}

/* vCPUs are dealt out to the cells in their order. */
static gint64
demand_of(const VbHandGuest *guest, const VbPhase *phase, guint cell)
{
    guint vcpus = guest->plot->vcpus / guest->plot->cells +
                  (cell < guest->plot->vcpus % guest->plot->cells);
    return (gint64)vcpus * phase->busy_bp;
}

/* What one cell does at one moment. */
typedef struct {
    VbHandLoad *load;
    gint64 demand_bp;
    gint64 memory_bp;
    int sign;
} Lay;

/* Adds accesses, @share_bp of all, to RAM on @set that is @far away. Returns: how long they wait, in bp. */
static gint64
lay_accesses(const Lay *lay, VbNodeSet set, gint64 share_bp, gint64 far)
{
    gint64 waits_bp = lay->memory_bp * share_bp / VB_BP * far / LOCAL;
    gint64 bytes_per_ms = lay->demand_bp * lay->memory_bp / VB_BP * share_bp / VB_BP * 1000 *
                          VB_WORLD_ACCESSES_PER_US / VB_BP * ACCESS_BYTES;
    int count = __builtin_popcountll(set);
    while (set != 0) {
        guint n = pop(&set);
        lay->load[n].waits_bp += lay->sign * (lay->demand_bp * waits_bp / VB_BP / count);
        lay->load[n].bytes_per_ms += lay->sign * (bytes_per_ms / count);
    }
    return waits_bp;
}

/* Adds what one cell asks of the nodes, @sign times. Returns: what it loses to distance. */
static gint64
lay_cell(VbHandBoard *board, const VbHandGuest *guest, guint moment, guint cell, int sign)
{
    const VbPhase *phase = guest->phase[moment];
    const Lay lay = {board->load[moment], demand_of(guest, phase, cell), phase->memory_bp, sign};
    gint64 stretch = VB_BP - phase->memory_bp;
    int nodes = __builtin_popcountll(guest->set[cell]);
    for (VbNodeSet rest = guest->set[cell]; rest != 0;) {
        guint n = pop(&rest);
        lay.load[n].demand_bp += sign * (lay.demand_bp / nodes);
        lay.load[n].bytes[guest->page] += sign * ((gint64)guest->cell_bytes / nodes);
    }
    stretch += lay_accesses(&lay, guest->set[cell], own_of(guest, phase), LOCAL);
    for (guint other = 0; other < guest->plot->cells; other++) {
        gint64 share_bp = share_of(guest, phase, cell, other);
        if (share_bp > 0)
            stretch += lay_accesses(&lay, guest->set[other], share_bp,
                                    distance(board->scenario, guest->set[cell], guest->set[other]));
    }
    return lay.demand_bp - lay.demand_bp * VB_BP / MAX(stretch, VB_BP);
}

static gint64
lay(VbHandBoard *board, guint number, int sign)
{
    const VbHandGuest *guest = &board->guest[number];
    gint64 lost = 0;
    for (guint t = 0; t < VB_HAND_MOMENTS; t++)
        for (guint cell = 0; guest->phase[t] != NULL && cell < guest->plot->cells; cell++)
            lost += lay_cell(board, guest, t, cell, sign);
    return lost;
}

void
vb_hand_board_lift(VbHandBoard *board, guint guest)
{
    lay(board, guest, -1);
    board->guest[guest].lost = 0;
}

void
vb_hand_board_put(VbHandBoard *board, guint guest)
{
    board->guest[guest].lost = lay(board, guest, 1);
}

static gint64
node_cost(const VbScenarioNode *node, const VbHandLoad *load)
{
    gint64 cost = MAX(0, load->demand_bp - (gint64)node->cpus * VB_BP);
    gint64 usable =
        (gint64)(node->bandwidth_bytes_per_s / 1000 / VB_BP * BANDWIDTH_USABLE_BP);
    if (usable > 0 && load->bytes_per_ms > usable)
        cost += load->waits_bp * (load->bytes_per_ms - usable) / usable;
    for (guint page = 0; page < VB_HAND_PAGES; page++) {
        gint64 over = load->bytes[page] - (gint64)room_of(node, page);
        /* The rest of a division is no want of room. */
        if (over > (gint64)MIB)
            cost += over / (gint64)MIB * COST_OF_MIB;
    }
    return cost;
}

gint64
vb_hand_board_count(VbHandBoard *board)
{
    board->cost = 0;
    for (guint t = 0; t < VB_HAND_MOMENTS; t++)
        for (guint n = 0; n < board->scenario->n_nodes; n++)
            board->cost += node_cost(&board->scenario->node[n], &board->load[t][n]);
    for (guint g = 0; g < board->n_guests; g++)
        board->cost += board->guest[g].lost;
    return board->cost;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "place.h"

/*
 * home-node, after balancenuma v2 (Mel Gorman, LKML 2012-11-19, "Foundation for automatic NUMA
 * balancing V2") and ESXi's home nodes ("VMware vSphere: the CPU scheduler", 2013): each guest has
 * one advisory home, kept until another is clearly better; its vCPUs are pulled there, its RAM
 * follows what was seen remote twice in a row.
 *
 * Homes are chosen for all guests together: those that have one start there, the others take the
 * cheapest node that has room, the greatest demand first; then each in turn may change to a cheaper
 * one until none wants to. Each step lowers the sum of all costs, so it ends, and ends where deciding
 * again would change nothing. All costs are in one unit, basis points of a CPU times SLIT distance
 * beyond local:
 *   access    demand x distance to the RAM that stays where it is
 *   moving    per MiB, more for a guest that has a home already (that is the hysteresis)
 *   load      what a node's CPUs are asked beyond their number, and a little for all load, so that
 *             of equal nodes the emptier one wins
 */

/* Ten distance steps a bp of overload: an overloaded CPU halves a guest, like the farthest memory. */
#define OVERLOAD_COST 20
/* A guest counts at least as a hundredth of a CPU, so that an idle one has a home too. */
#define DEMAND_FLOOR_BP 100
/* A seat's home before its guest has chosen for the first time: it weighs nothing anywhere. */
#define UNSEATED (-2)
/* Turns that the guests get to change their mind; it settles in two or three. */
#define TURNS_MAX 64

static const VbParameter parameters[] = {
    {"tolerance", 0, VB_BP, 100, "bp", "share of a cell's RAM that may lie away from home"},
    {"confirm", 1, 100, 2, "", "looks in a row that must find RAM remote before it moves"},
    {"move-cost", 0, 1000000, 4, "", "cost of moving a MiB, in bp of a CPU x distance"},
    {"stickiness", 1, 1000, 4, "", "times the cost of moving for a guest that has a home"},
    {"cooldown", G_GINT64_CONSTANT(1000000000), G_MAXINT64, G_GINT64_CONSTANT(60000000000), "ns",
     "time for which a guest that moved is left alone"},
    {NULL},
};

/* A guest that is to get a home. */
typedef struct {
    const VbGuest *guest;
    VbNodeSet candidates;
    int origin;        /* its home now, VB_NO_NODE if it has none or must leave it */
    int home;          /* as chosen so far; VB_NO_NODE: it stays as it is, where it runs; or UNSEATED */
    gboolean stuck;    /* it cannot be set down: it stays as it is */
    gboolean gathered; /* its RAM follows; a home that it has may lack room for what is elsewhere */
    gboolean waiting;  /* for another look that finds its RAM remote */
    gint64 demand_bp;
    gint64 move_cost;  /* per MiB */
    guint tolerance_bp;
} Seat;

typedef struct {
    const VbPolicy *policy;
    const VbSnapshot *snapshot;
    VbPlan *plan;
    VbTopology free_then;           /* what is free once all have moved to their homes so far */
    gint64 load_bp[VB_NODES_MAX];
    GArray *seats;                  /* (element-type Seat) */
} Board;

static gint64
parameter(const Board *board, const VbGuest *guest, const char *name)
{
    return vb_policy_parameter(board->policy, board->snapshot, guest, name);
}

static Seat *
seat_at(const Board *board, guint index)
{
    return &g_array_index(board->seats, Seat, index);
}

/* What a node's load costs: see OVERLOAD_COST; the square keeps equal nodes even. */
static gint64
load_cost(const VbNode *node, gint64 load_bp)
{
    gint64 capacity = (gint64)node->n_cpus * VB_BP;
    gint64 over = MAX(load_bp - capacity, 0);
    return over * OVERLOAD_COST + (gint64)((__int128)load_bp * load_bp / capacity);
}

/* Distance beyond local from @node to the RAM that stays where it is: all, or what cannot move. */
static gint64
access_cost(const Seat *seat, const VbTopology *topology, int node, gboolean gathered)
{
    __int128 sum = 0;
    guint64 present = vb_guest_present_bytes(seat->guest);
    for (guint i = 0; i < seat->guest->cells->len; i++) {
        const VbCell *cell = g_ptr_array_index(seat->guest->cells, i);
        guint64 stay = cell->movable && gathered ? MIN(cell->unmovable_bytes, cell->present_bytes)
                                                 : cell->present_bytes;
        int other;
        if (stay == 0)
            continue;
        VB_NODESET_FOREACH(other, topology->nodes)
        {
            gint64 beyond = (gint64)topology->node[node].distance[other] - VB_DISTANCE_LOCAL;
            sum += (__int128)cell->by_node[other] * stay / cell->present_bytes * MAX(beyond, 0);
        }
    }
    return present > 0 ? (gint64)(sum * seat->demand_bp / present) : 0;
}

/* What @seat's guest costs at @node, while it does not count there yet. */
static gint64
cost(const Board *board, const Seat *seat, int node, gboolean gathered)
{
    const VbNode *target = &board->snapshot->topology.node[node];
    guint64 moved = gathered ? vb_place_bytes(seat->guest, node, seat->tolerance_bp) : 0;
    return access_cost(seat, &board->snapshot->topology, node, gathered) +
           (gint64)(moved >> 20) * seat->move_cost +
           load_cost(target, board->load_bp[node] + seat->demand_bp) -
           load_cost(target, board->load_bp[node]);
}

static gboolean
roomy(const Board *board, const Seat *seat, const VbTopology *topology, int node)
{
    return vb_place_fits(board->snapshot, topology, seat->guest, node, seat->tolerance_bp);
}

/* A guest that is not to be placed weighs on the nodes where it runs. */
static void
add_standing_load(Board *board, const VbGuest *guest, gint64 sign)
{
    gint64 floor = guest->vcpus->len > 0 ? DEMAND_FLOOR_BP / guest->vcpus->len : 0;
    gboolean idle = vb_guest_demand_bp(guest) < DEMAND_FLOOR_BP;
    for (guint i = 0; i < guest->vcpus->len; i++) {
        const VbVcpu *vcpu = g_ptr_array_index(guest->vcpus, i);
        gint64 busy = vcpu->busy_known ? vcpu->busy_bp : VB_BP;
        if (idle)
            busy = floor;
        for (guint node = 0; vcpu->share_known && node < VB_NODES_MAX; node++)
            board->load_bp[node] += sign * (busy * vcpu->share_bp[node] / VB_BP);
    }
}

static void
leave(Board *board, Seat *seat)
{
    if (seat->home == VB_NO_NODE)
        add_standing_load(board, seat->guest, -1);
    if (seat->home < 0)
        return;
    board->load_bp[seat->home] -= seat->demand_bp;
    if (seat->gathered)
        vb_place_unbook(&board->free_then, seat->guest, seat->home, seat->tolerance_bp);
}

static void
take(Board *board, Seat *seat, int node, gboolean gathered)
{
    seat->home = node;
    seat->gathered = gathered;
    if (node == VB_NO_NODE) {
        add_standing_load(board, seat->guest, 1);
        return;
    }
    board->load_bp[node] += seat->demand_bp;
    if (gathered)
        vb_place_book(&board->free_then, seat->guest, node, seat->tolerance_bp);
}

/*
 * Lets a guest take the cheapest candidate that has room; its own home it may keep without. Of
 * equals it stays where it is, else the lowest id wins. Returns: TRUE if it changed its mind.
 */
static gboolean
choose(Board *board, Seat *seat)
{
    int before = seat->home, best = VB_NO_NODE, node;
    gboolean was_gathered = seat->gathered, gathered = FALSE;
    gint64 least = G_MAXINT64;
    leave(board, seat);
    VB_NODESET_FOREACH(node, seat->candidates)
    {
        gboolean room = roomy(board, seat, &board->free_then, node);
        if (!room && node != seat->origin)
            continue;
        gint64 price = cost(board, seat, node, room);
        if (price > least || (price == least && node != before))
            continue;
        least = price;
        best = node;
        gathered = room;
    }
    take(board, seat, best, gathered);
    return best != before || gathered != was_gathered;
}

static VbNodeSet
candidates_of(const Board *board, const VbGuest *guest)
{
    const VbTopology *topology = &board->snapshot->topology;
    VbNodeSet candidates = 0;
    int node;
    VB_NODESET_FOREACH(node, guest->boundary & vb_topology_home_nodes(topology))
    {
        VbCpuSet cpus = vb_place_cpus(topology, guest, node);
        if (vb_cpuset_count(&cpus) >= guest->vcpus->len &&
            topology->node[node].memory_total_bytes >= vb_guest_present_bytes(guest))
            candidates |= VB_NODE_BIT(node);
    }
    return candidates;
}

static gboolean
cooling(const Board *board, const VbGuest *guest)
{
    return guest->last_move_ns != 0 &&
           board->snapshot->time_ns - guest->last_move_ns < parameter(board, guest, "cooldown");
}

/* Why a guest cannot be seated at all; it is declined for it. */
static gboolean
decline_unseatable(Board *board, const VbGuest *guest, VbNodeSet candidates)
{
    g_autofree char *allowed = vb_nodeset_format(guest->boundary);
    if ((guest->boundary & vb_topology_home_nodes(&board->snapshot->topology)) == 0) {
        vb_plan_decline(board->plan, guest, "boundary",
                        "the nodes that it may use (\"%s\") have no CPUs and memory, or are "
                        "reserved: allow others",
                        allowed);
        return TRUE;
    }
    if (candidates == 0) {
        vb_plan_decline(board->plan, guest, "wide",
                        "its %u vCPUs and %" G_GUINT64_FORMAT " MiB fit on no single node of \"%s\": "
                        "home-node places guests that fit on one node; use guest NUMA cells or "
                        "fewer vCPUs",
                        guest->vcpus->len, vb_guest_present_bytes(guest) >> 20, allowed);
        return TRUE;
    }
    if (cooling(board, guest) && (vb_guest_home(guest) & ~candidates) == 0) {
        vb_plan_decline(board->plan, guest, "cooldown",
                        "it moved a moment ago; it is left alone until its cooldown is over");
        return TRUE;
    }
    return FALSE;
}

/* Gives a guest a seat, or declines it: then it weighs where it runs. */
static void
consider(Board *board, const VbGuest *guest)
{
    VbNodeSet candidates = candidates_of(board, guest), home = vb_guest_home(guest);
    if (decline_unseatable(board, guest, candidates)) {
        add_standing_load(board, guest, 1);
        return;
    }
    int origin = vb_nodeset_count(home) == 1 && (home & candidates) != 0
                     ? vb_nodeset_first(home)
                     : VB_NO_NODE;
    Seat seat = {
        .guest = guest,
        .candidates = candidates,
        .origin = origin,
        .home = UNSEATED,
        .demand_bp = MAX((gint64)vb_guest_demand_bp(guest), DEMAND_FLOOR_BP),
        .move_cost = parameter(board, guest, "move-cost") *
                     (origin != VB_NO_NODE ? parameter(board, guest, "stickiness") : 1),
        .tolerance_bp = (guint)parameter(board, guest, "tolerance"),
    };
    g_array_append_val(board->seats, seat);
}

/* Greatest demand first; of equals the one with more RAM; then by UUID. */
static int
compare_seats(gconstpointer a, gconstpointer b)
{
    const Seat *left = a, *right = b;
    guint64 left_bytes = vb_guest_present_bytes(left->guest);
    guint64 right_bytes = vb_guest_present_bytes(right->guest);
    if (left->demand_bp != right->demand_bp)
        return left->demand_bp > right->demand_bp ? -1 : 1;
    if (left_bytes != right_bytes)
        return left_bytes > right_bytes ? -1 : 1;
    return g_strcmp0(left->guest->uuid, right->guest->uuid);
}

/* Back to the start: who has a home sits there, who is stuck is where it runs. */
static void
start(Board *board)
{
    for (guint i = 0; i < board->seats->len; i++) {
        leave(board, seat_at(board, i));
        seat_at(board, i)->home = UNSEATED;
    }
    for (guint i = 0; i < board->seats->len; i++) {
        Seat *seat = seat_at(board, i);
        if (seat->stuck)
            take(board, seat, VB_NO_NODE, FALSE);
        else if (seat->origin != VB_NO_NODE)
            take(board, seat, seat->origin, roomy(board, seat, &board->free_then, seat->origin));
    }
}

static void
choose_homes(Board *board)
{
    gboolean changed = TRUE;
    start(board);
    for (guint turn = 0; changed && turn < TURNS_MAX; turn++) {
        changed = FALSE;
        for (guint i = 0; i < board->seats->len; i++)
            if (!seat_at(board, i)->stuck)
                changed |= choose(board, seat_at(board, i));
    }
}

/* RAM must be seen remote several times in a row, unless the home itself is new. */
static gboolean
confirmed(const Board *board, const Seat *seat)
{
    gint64 wanted = parameter(board, seat->guest, "confirm");
    if (seat->origin != VB_NO_NODE && seat->origin != seat->home)
        return TRUE;
    for (guint i = 0; seat->gathered && i < seat->guest->cells->len; i++) {
        const VbCell *cell = g_ptr_array_index(seat->guest->cells, i);
        if (cell->remote_seen < wanted &&
            vb_place_cell_bytes(cell, seat->home, seat->tolerance_bp) > 0)
            return FALSE;
    }
    return TRUE;
}

/*
 * The order in which each finds room: one may have to wait for what another leaves. Those that
 * never find it are stuck. Returns: (transfer container) (element-type Seat): those that can go.
 */
static GPtrArray *
line_up(Board *board, gboolean *ret_stuck)
{
    g_autofree VbTopology *free_now =
        g_memdup2(&board->snapshot->topology, sizeof board->snapshot->topology);
    g_autofree gboolean *done = g_new0(gboolean, board->seats->len + 1);
    GPtrArray *line = g_ptr_array_new();
    *ret_stuck = FALSE;
    for (gboolean progress = TRUE; progress;) {
        progress = FALSE;
        for (guint i = 0; i < board->seats->len; i++) {
            Seat *seat = seat_at(board, i);
            seat->waiting = seat->home != VB_NO_NODE && !confirmed(board, seat);
            if (done[i] || seat->waiting || seat->home == VB_NO_NODE ||
                (seat->gathered && !roomy(board, seat, free_now, seat->home)))
                continue;
            if (seat->gathered)
                vb_place_book(free_now, seat->guest, seat->home, seat->tolerance_bp);
            g_ptr_array_add(line, seat);
            done[i] = progress = TRUE;
        }
    }
    for (guint i = 0; i < board->seats->len; i++) {
        Seat *seat = seat_at(board, i);
        if (!done[i] && !seat->waiting && seat->home != VB_NO_NODE)
            *ret_stuck = seat->stuck = TRUE;
    }
    return line;
}

static char *
reason_of(const Board *board, const Seat *seat)
{
    guint64 present = vb_guest_present_bytes(seat->guest), here = 0;
    for (guint i = 0; i < seat->guest->cells->len; i++)
        here += ((const VbCell *)g_ptr_array_index(seat->guest->cells, i))->by_node[seat->home];
    gint64 tenths = board->load_bp[seat->home] * 10 / VB_BP;
    return g_strdup_printf("home %d: %u %% of its RAM is there, %" G_GINT64_FORMAT
                           ".%" G_GINT64_FORMAT " of %u CPUs will be asked for",
                           seat->home,
                           present > 0 ? (guint)((unsigned __int128)here * 100 / present) : 100,
                           tenths / 10, tenths % 10,
                           board->snapshot->topology.node[seat->home].n_cpus);
}

/* With all vCPUs at home, only what stays away is remote. */
static void
set_gain(const Board *board, guint first, const Seat *seat)
{
    guint now;
    guint64 away = 0, present = vb_guest_present_bytes(seat->guest);
    if (!vb_guest_locality(seat->guest, &now, NULL))
        return;
    for (guint i = 0; i < seat->guest->cells->len; i++) {
        const VbCell *cell = g_ptr_array_index(seat->guest->cells, i);
        away += cell->present_bytes - MIN(cell->by_node[seat->home], cell->present_bytes);
    }
    if (seat->gathered)
        away -= MIN(away, vb_place_bytes(seat->guest, seat->home, seat->tolerance_bp));
    guint then = present > 0 ? VB_BP - (guint)((unsigned __int128)away * VB_BP / present) : VB_BP;
    for (guint i = first; i < board->plan->actions->len; i++)
        ((VbAction *)g_ptr_array_index(board->plan->actions, i))->gain_bp = (int)then - (int)now;
}

/* Says which node it would rather live on and what that lacks, if there is one. */
static void
explain_room(Board *board, Seat *seat)
{
    int home = seat->home, wish = VB_NO_NODE, node;
    gboolean gathered = seat->gathered;
    gint64 least = G_MAXINT64;
    leave(board, seat);
    if (home != VB_NO_NODE && gathered)
        least = cost(board, seat, home, TRUE);
    VB_NODESET_FOREACH(node, seat->candidates)
    {
        gint64 price = cost(board, seat, node, TRUE);
        if (price < least && !roomy(board, seat, &board->free_then, node)) {
            least = price;
            wish = node;
        }
    }
    take(board, seat, home, gathered);
    if (wish == VB_NO_NODE)
        return;
    VbArrival arrival =
        vb_place_arrival(seat->guest, &board->free_then, wish, seat->tolerance_bp);
    guint64 needed = vb_place_bytes(seat->guest, wish, seat->tolerance_bp);
    vb_plan_decline(board->plan, seat->guest, "no-room",
                    "home %d has %" G_GUINT64_FORMAT " MiB free of which %" G_GUINT64_FORMAT
                    " MiB stay in reserve, %" G_GUINT64_FORMAT " MiB needed%s, and no other node that "
                    "it may use is better; free memory, allow more nodes, or lower reserve=",
                    wish, board->free_then.node[wish].memory_free_bytes >> 20,
                    board->snapshot->reserve_bytes[wish] >> 20, needed >> 20,
                    arrival.no_pool || arrival.small_bytes < needed ? " (of it in hugepages)" : "");
}

static void
emit(Board *board, Seat *seat)
{
    g_autofree char *reason = reason_of(board, seat);
    guint first = board->plan->actions->len;
    /* A cell that may lie away whole is one that nothing is moved of. */
    vb_place_guest(board->plan, board->snapshot, seat->guest, seat->home,
                   seat->gathered ? seat->tolerance_bp : VB_BP, reason);
    set_gain(board, first, seat);
    if (board->plan->actions->len == first)
        explain_room(board, seat);
}

static void
settle(Board *board)
{
    g_autoptr(GPtrArray) line = NULL;
    gboolean stuck = TRUE;
    while (stuck) {
        g_clear_pointer(&line, g_ptr_array_unref);
        choose_homes(board);
        line = line_up(board, &stuck);
    }
    for (guint i = 0; i < line->len; i++)
        emit(board, g_ptr_array_index(line, i));
    for (guint i = 0; i < board->seats->len; i++) {
        Seat *seat = seat_at(board, i);
        if (seat->waiting)
            vb_plan_decline(board->plan, seat->guest, "unconfirmed",
                            "its RAM was seen away from home %d in too few looks in a row; it "
                            "moves if the next look agrees",
                            seat->home);
        else if (seat->home == VB_NO_NODE)
            explain_room(board, seat);
    }
}

static void
decide(const VbPolicy *policy, const VbSnapshot *snapshot, VbPlan *plan)
{
    g_autoptr(GArray) seats = g_array_new(FALSE, TRUE, sizeof(Seat));
    g_autofree Board *board = g_new0(Board, 1);
    board->policy = policy;
    board->snapshot = snapshot;
    board->plan = plan;
    board->free_then = snapshot->topology;
    board->seats = seats;
    for (guint i = 0; i < snapshot->guests->len; i++) {
        const VbGuest *guest = g_ptr_array_index(snapshot->guests, i);
        if (!guest->selected || vb_plan_declined(plan, guest->uuid) != NULL)
            add_standing_load(board, guest, 1);
        else
            consider(board, guest);
    }
    g_array_sort(seats, compare_seats);
    settle(board);
}

const VbPolicy vb_policy_home_node = {
    .name = "home-node",
    .question = "which one node should each guest live on?",
    .needs = VB_NEEDS_RESIDENCY | VB_NEEDS_SHARE | VB_NEEDS_DEMAND,
    .parameters = parameters,
    .decide = decide,
};

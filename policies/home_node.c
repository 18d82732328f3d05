/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "place.h"
#include <string.h>

/*
 * home-node, after balancenuma v2 (Mel Gorman, LKML 2012-11-19, "Foundation for automatic NUMA
 * balancing V2") and ESXi's home nodes ("VMware vSphere: the CPU scheduler", 2013): each guest has one advisory
 * home, kept until another is clearly better; its vCPUs are pulled there, its RAM follows what was
 * seen remote twice in a row.
 *
 * Homes are chosen for all guests together: the guest with the greatest demand first takes the
 * cheapest node, then each in turn may change to a cheaper one until none wants to. All costs are in one unit,
 * basis points of a CPU times SLIT distance beyond local:
 *   access    demand x distance to the RAM that cannot follow
 *   moving    per MiB, more for a guest that has a home already (that is the hysteresis)
 *   load      what a node's CPUs are asked beyond their number, and a little for all load, so that
 *             of equal nodes the emptier one wins
 */

/* Ten distance steps a bp of overload: an overloaded CPU halves a guest, like the farthest memory. */
#define OVERLOAD_COST 20
/* A guest counts at least as a hundredth of a CPU, so that an idle one has a home too. */
#define DEMAND_FLOOR_BP 100
/* Turns that the guests get to change their mind; it settles in two or three. */
#define TURNS_MAX 16

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
    int home;          /* as chosen so far, VB_NO_NODE if none fits */
    gint64 demand_bp;
    gint64 move_cost;  /* per MiB */
} Seat;

typedef struct {
    const VbPolicy *policy;
    const VbSnapshot *snapshot;
    VbPlan *plan;
    VbTopology free_now;            /* what is free once those placed so far have moved */
    gint64 load_bp[VB_NODES_MAX];
    GArray *seats;                  /* (element-type Seat) */
} Board;

static gint64
parameter(const Board *board, const VbGuest *guest, const char *name)
{
    return vb_policy_parameter(board->policy, board->snapshot, guest, name);
}

/* What a node's load costs: see OVERLOAD_COST; the square keeps equal nodes even. */
static gint64
load_cost(const VbNode *node, gint64 load_bp)
{
    gint64 capacity = (gint64)node->n_cpus * VB_BP;
    if (capacity == 0)
        return G_MAXINT32;
    gint64 over = MAX(load_bp - capacity, 0);
    return over * OVERLOAD_COST + (gint64)((__int128)load_bp * load_bp / capacity);
}

/* Distance beyond local from @node to the RAM that stays where it is. */
static gint64
access_cost(const Seat *seat, const VbTopology *topology, int node)
{
    __int128 sum = 0;
    guint64 present = vb_guest_present_bytes(seat->guest);
    if (present == 0)
        return 0;
    for (guint i = 0; i < seat->guest->cells->len; i++) {
        const VbCell *cell = g_ptr_array_index(seat->guest->cells, i);
        guint64 stay = cell->movable ? MIN(cell->unmovable_bytes, cell->present_bytes)
                                     : cell->present_bytes;
        int other;
        if (cell->present_bytes == 0 || stay == 0)
            continue;
        VB_NODESET_FOREACH(other, topology->nodes)
        {
            gint64 beyond = (gint64)topology->node[node].distance[other] - VB_DISTANCE_LOCAL;
            sum += (__int128)cell->by_node[other] * stay / cell->present_bytes * MAX(beyond, 0);
        }
    }
    return (gint64)(sum * seat->demand_bp / present);
}

static gint64
cost(const Board *board, const Seat *seat, int node)
{
    const VbTopology *topology = &board->snapshot->topology;
    gint64 moved_mib = (gint64)(vb_place_bytes_off(seat->guest, node) >> 20);
    gint64 load = board->load_bp[node];
    const VbNode *target = &topology->node[node];
    return access_cost(seat, topology, node) + moved_mib * seat->move_cost +
           load_cost(target, load + seat->demand_bp) - load_cost(target, load);
}

static gboolean
roomy(const Board *board, const Seat *seat, int node)
{
    return vb_place_fits(board->snapshot, &board->free_now, seat->guest, node);
}

/* The cheapest candidate; ties go to the lowest id. @need_room: only one that has room now. */
static int
cheapest(const Board *board, const Seat *seat, gboolean need_room)
{
    int best = VB_NO_NODE, node;
    gint64 least = G_MAXINT64;
    VB_NODESET_FOREACH(node, seat->candidates)
    {
        if (need_room && !roomy(board, seat, node))
            continue;
        gint64 price = cost(board, seat, node);
        if (price < least) {
            least = price;
            best = node;
        }
    }
    return best;
}

/* A guest that is not to be placed weighs on the nodes where it runs. */
static void
add_standing_load(Board *board, const VbGuest *guest)
{
    for (guint i = 0; i < guest->vcpus->len; i++) {
        const VbVcpu *vcpu = g_ptr_array_index(guest->vcpus, i);
        gint64 busy = vcpu->busy_known ? vcpu->busy_bp : VB_BP;
        for (guint node = 0; vcpu->share_known && node < VB_NODES_MAX; node++)
            board->load_bp[node] += busy * vcpu->share_bp[node] / VB_BP;
    }
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
cooling(const Board *board, const VbGuest *guest, int origin)
{
    if (guest->last_move_ns == 0 || origin == VB_NO_NODE)
        return FALSE;
    return board->snapshot->time_ns - guest->last_move_ns < parameter(board, guest, "cooldown");
}

/* Seats a guest, or declines it, or lets it be. */
static void
consider(Board *board, const VbGuest *guest)
{
    VbNodeSet candidates = candidates_of(board, guest);
    VbNodeSet home = vb_guest_home(guest);
    int origin = vb_nodeset_count(home) == 1 && (home & candidates) != 0
                     ? vb_nodeset_first(home)
                     : VB_NO_NODE;
    if (candidates == 0) {
        g_autofree char *allowed = vb_nodeset_format(guest->boundary);
        vb_plan_decline(board->plan, guest, "wide",
                        "its %u vCPUs and %" G_GUINT64_FORMAT " MiB fit on no single node of \"%s\": "
                        "home-node places guests that fit on one node; use guest NUMA cells or "
                        "fewer vCPUs",
                        guest->vcpus->len, vb_guest_present_bytes(guest) >> 20, allowed);
        add_standing_load(board, guest);
        return;
    }
    if (cooling(board, guest, origin)) {
        vb_plan_decline(board->plan, guest, "cooldown",
                        "it moved a moment ago; it is left alone until its cooldown is over");
        add_standing_load(board, guest);
        return;
    }
    Seat seat = {
        .guest = guest,
        .candidates = candidates,
        .origin = origin,
        .home = VB_NO_NODE,
        .demand_bp = MAX((gint64)vb_guest_demand_bp(guest), DEMAND_FLOOR_BP),
        .move_cost = parameter(board, guest, "move-cost") *
                     (origin != VB_NO_NODE ? parameter(board, guest, "stickiness") : 1),
    };
    g_array_append_val(board->seats, seat);
}

/* Greatest demand first; of equals the one with more RAM; then by UUID (guests come sorted). */
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

static void
take(Board *board, Seat *seat, int node)
{
    if (seat->home != VB_NO_NODE)
        board->load_bp[seat->home] -= seat->demand_bp;
    if (node != VB_NO_NODE)
        board->load_bp[node] += seat->demand_bp;
    seat->home = node;
}

/* Choosing together: memory is checked when the guests are set down, in settle(). */
static void
choose_homes(Board *board)
{
    g_array_sort(board->seats, compare_seats);
    for (guint i = 0; i < board->seats->len; i++) {
        Seat *seat = &g_array_index(board->seats, Seat, i);
        take(board, seat, seat->origin != VB_NO_NODE ? seat->origin
                                                     : cheapest(board, seat, FALSE));
    }
    gboolean changed = TRUE;
    for (guint turn = 0; changed && turn < TURNS_MAX; turn++) {
        changed = FALSE;
        for (guint i = 0; i < board->seats->len; i++) {
            Seat *seat = &g_array_index(board->seats, Seat, i);
            int before = seat->home;
            take(board, seat, VB_NO_NODE);
            int best = cheapest(board, seat, FALSE);
            if (best != before && cost(board, seat, best) >= cost(board, seat, before))
                best = before;
            take(board, seat, best);
            changed |= best != before;
        }
    }
}

/* RAM must be seen remote several times in a row, unless the home itself is new. */
static gboolean
confirmed(const Board *board, const Seat *seat)
{
    if (seat->origin != VB_NO_NODE && seat->origin != seat->home)
        return TRUE;
    gint64 wanted = parameter(board, seat->guest, "confirm");
    gint64 tolerance = parameter(board, seat->guest, "tolerance");
    for (guint i = 0; i < seat->guest->cells->len; i++) {
        const VbCell *cell = g_ptr_array_index(seat->guest->cells, i);
        guint64 off = cell->present_bytes - cell->by_node[seat->home];
        if ((__int128)off * VB_BP > (__int128)cell->present_bytes * tolerance &&
            cell->remote_seen < wanted)
            return FALSE;
    }
    return TRUE;
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
                           seat->home, present > 0 ? (guint)(here * 100 / present) : 100,
                           tenths / 10, tenths % 10,
                           board->snapshot->topology.node[seat->home].n_cpus);
}

static void
set_gain(const Board *board, guint first, const VbGuest *guest)
{
    guint now;
    if (!vb_guest_locality(guest, &now, NULL))
        return;
    guint64 stay = 0, present = vb_guest_present_bytes(guest);
    for (guint i = 0; i < guest->cells->len; i++) {
        const VbCell *cell = g_ptr_array_index(guest->cells, i);
        stay += cell->movable ? MIN(cell->unmovable_bytes, cell->present_bytes)
                              : cell->present_bytes;
    }
    guint then = present > 0 ? VB_BP - (guint)((unsigned __int128)stay * VB_BP / present) : VB_BP;
    for (guint i = first; i < board->plan->actions->len; i++)
        ((VbAction *)g_ptr_array_index(board->plan->actions, i))->gain_bp = (int)then - (int)now;
}

static void
emit(Board *board, const Seat *seat)
{
    guint first = board->plan->actions->len;
    if (!confirmed(board, seat)) {
        vb_plan_decline(board->plan, seat->guest, "unconfirmed",
                        "its RAM was seen away from home %d in too few looks in a row; it moves if "
                        "the next look agrees",
                        seat->home);
        return;
    }
    g_autofree char *reason = reason_of(board, seat);
    vb_place_guest(board->plan, board->snapshot, seat->guest, seat->home,
                   (guint)parameter(board, seat->guest, "tolerance"), reason);
    vb_place_book(&board->free_now, seat->guest, seat->home);
    set_gain(board, first, seat->guest);
}

static void
decline_room(Board *board, const Seat *seat)
{
    int node = cheapest(board, seat, FALSE);
    VbArrival arrival = vb_place_arrival(seat->guest, &board->free_now, node);
    guint64 needed = arrival.small_bytes;
    for (guint i = 0; i < VB_POOLS_MAX; i++)
        needed += arrival.pool_bytes[i];
    vb_plan_decline(board->plan, seat->guest, "no-room",
                    "home %d has %" G_GUINT64_FORMAT " MiB free of which %" G_GUINT64_FORMAT
                    " MiB stay in reserve, %" G_GUINT64_FORMAT " MiB needed%s, and no other node that "
                    "it may use has room; free memory, allow more nodes, or lower reserve=",
                    node, board->free_now.node[node].memory_free_bytes >> 20,
                    board->snapshot->reserve_bytes[node] >> 20, needed >> 20,
                    arrival.no_pool ? " in a hugepage pool that the node lacks" : "");
}

/*
 * Sets guests down one by one, so that one may take the room that another has left. Those that do not
 * fit wait; when nobody fits any more, they look for another home, and at last are declined.
 */
static void
settle(Board *board)
{
    g_autofree gboolean *done = g_new0(gboolean, board->seats->len + 1);
    gboolean progress = TRUE, elsewhere = FALSE;
    while (progress || !elsewhere) {
        elsewhere = !progress;
        progress = FALSE;
        for (guint i = 0; i < board->seats->len; i++) {
            Seat *seat = &g_array_index(board->seats, Seat, i);
            if (done[i])
                continue;
            if (elsewhere && cheapest(board, seat, TRUE) != VB_NO_NODE)
                take(board, seat, cheapest(board, seat, TRUE));
            if (!roomy(board, seat, seat->home))
                continue;
            emit(board, seat);
            done[i] = progress = TRUE;
        }
    }
    for (guint i = 0; i < board->seats->len; i++)
        if (!done[i])
            decline_room(board, &g_array_index(board->seats, Seat, i));
}

static void
decide(const VbPolicy *policy, const VbSnapshot *snapshot, VbPlan *plan)
{
    g_autoptr(GArray) seats = g_array_new(FALSE, TRUE, sizeof(Seat));
    g_autofree Board *board = g_new0(Board, 1);
    board->policy = policy;
    board->snapshot = snapshot;
    board->plan = plan;
    board->free_now = snapshot->topology;
    board->seats = seats;
    for (guint i = 0; i < snapshot->guests->len; i++) {
        const VbGuest *guest = g_ptr_array_index(snapshot->guests, i);
        if (!guest->selected || vb_plan_declined(plan, guest->uuid) != NULL)
            add_standing_load(board, guest);
        else
            consider(board, guest);
    }
    choose_homes(board);
    settle(board);
}

const VbPolicy vb_policy_home_node = {
    .name = "home-node",
    .question = "which one node should each guest live on?",
    .needs = VB_NEEDS_RESIDENCY | VB_NEEDS_SHARE | VB_NEEDS_DEMAND,
    .parameters = parameters,
    .decide = decide,
};

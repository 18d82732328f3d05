/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "place.h"
#include "seating.h"

/* What a seating comes to as a plan: pins, then pages that follow. */

/* Moves smaller than this are not worth their while. */
#define LEAST_BYTES (G_GUINT64_CONSTANT(1) << 20)

/* A guest whose part of the plan is being made. */
typedef struct {
    VbSeating *seating;
    const VbFollow *follow;
    const VbGuest *guest;
    guint first, end; /* its vCPUs among the seated */
    gboolean done;
} Party;

static gint64
parameter(const Party *party, const char *name)
{
    return vb_policy_parameter(party->seating->policy, party->seating->snapshot, party->guest,
                               name);
}

static gboolean
is_changed(const Party *party)
{
    for (guint i = party->first; i < party->end; i++) {
        const VbSeated *seated = vb_seating_at(party->seating, i);
        if (seated->node != VB_NO_NODE && (seated->node != seated->from || !seated->held))
            return TRUE;
    }
    return FALSE;
}

/* The node that most of the guest's demand is on; helpers serve all of it. */
static int
centre_of(const Party *party)
{
    gint64 demand[VB_NODES_MAX] = {0};
    int centre = VB_NO_NODE;
    for (guint i = party->first; i < party->end; i++)
        if (vb_seated_node(vb_seating_at(party->seating, i)) != VB_NO_NODE)
            demand[vb_seated_node(vb_seating_at(party->seating, i))] +=
                vb_seating_at(party->seating, i)->demand_bp + 1;
    for (int node = 0; node < VB_NODES_MAX; node++)
        if (demand[node] > (centre != VB_NO_NODE ? demand[centre] : 0))
            centre = node;
    return centre;
}

static void
pin_vcpus(const Party *party)
{
    const VbSeating *seating = party->seating;
    for (guint i = party->first; i < party->end; i++) {
        const VbSeated *seated = vb_seating_at(seating, i);
        int node = vb_seated_node(seated);
        if (node == VB_NO_NODE || (node == seated->from && seated->held))
            continue;
        VbCpuSet cpus = vb_place_cpus(&seating->snapshot->topology, party->guest, node);
        g_autofree char *thread = g_strdup_printf("vcpu%u", seated->vcpu->id);
        vb_plan_add_pin(seating->plan, party->guest, thread, &cpus,
                        vb_place_main_node(seated->vcpu), node, party->follow->reason);
    }
}

static void
pin_helpers(const Party *party)
{
    const VbSeating *seating = party->seating;
    int centre = centre_of(party);
    for (guint i = 0; centre != VB_NO_NODE && i < party->guest->helpers->len; i++) {
        const VbHelperThread *helper = g_ptr_array_index(party->guest->helpers, i);
        VbCpuSet cpus = vb_place_cpus(&seating->snapshot->topology, party->guest, centre);
        if (!helper->affinity_known || !vb_cpuset_equal(&helper->affinity, &cpus))
            vb_plan_add_pin(seating->plan, party->guest, helper->name, &cpus, VB_NO_NODE, centre,
                            "most of the guest that it serves is there");
    }
}

/* Demand of the cell's vCPUs by node, of all vCPUs if it has none. Returns: the nodes. */
static VbNodeSet
users_of(const Party *party, const VbCell *cell, gint64 *demand)
{
    VbNodeSet nodes = 0;
    for (guint pass = 0; pass < 2 && nodes == 0; pass++)
        for (guint i = party->first; i < party->end; i++) {
            const VbSeated *seated = vb_seating_at(party->seating, i);
            int node = vb_seated_node(seated);
            /* One that runs to and fro says nothing of where its RAM should be. */
            if (node == VB_NO_NODE || (pass == 0 && seated->cell != cell))
                continue;
            nodes |= VB_NODE_BIT(node);
            demand[node] += seated->demand_bp + 1;
        }
    return nodes;
}

static guint64
loose_outside(const VbCell *cell, VbNodeSet nodes)
{
    guint64 bytes = 0;
    for (int node = 0; node < VB_NODES_MAX; node++)
        bytes += (nodes & VB_NODE_BIT(node)) == 0 ? vb_place_loose(cell, node) : 0;
    return bytes;
}

/* Of @bytes on node @from, the part that goes to each of @nodes; what is too little goes with the
 * most. */
static void
share_out(guint64 bytes, VbNodeSet nodes, const gint64 *demand, guint64 *part)
{
    gint64 total = 0;
    guint64 rest = bytes;
    int node, top = vb_nodeset_first(nodes);
    VB_NODESET_FOREACH(node, nodes)
    {
        total += demand[node];
        if (demand[node] > demand[top])
            top = node;
    }
    VB_NODESET_FOREACH(node, nodes)
    {
        part[node] = (guint64)((unsigned __int128)bytes * (guint64)demand[node] / (guint64)total);
        part[node] = part[node] < LEAST_BYTES ? 0 : part[node];
        rest -= part[node];
    }
    part[top] += rest;
}

/* Returns: FALSE if there is no room for all of it; some is then booked. */
static gboolean
move_cell(const Party *party, const VbCell *cell, VbSpace *space, VbPlan *moves)
{
    gint64 demand[VB_NODES_MAX] = {0};
    VbNodeSet nodes = users_of(party, cell, demand);
    guint64 off = loose_outside(cell, nodes), seen = 0, given = 0;
    guint64 movable = off - MIN(off, vb_place_fixed(cell));
    guint64 tolerated = (guint64)((unsigned __int128)cell->present_bytes *
                                  (guint64)parameter(party, party->follow->tolerance) / VB_BP);
    if (!cell->movable || nodes == 0 || movable <= MAX(tolerated, LEAST_BYTES) ||
        cell->remote_seen < parameter(party, party->follow->confirm))
        return TRUE;
    for (int from = 0; from < VB_NODES_MAX; from++) {
        guint64 part[VB_NODES_MAX] = {0};
        if ((nodes & VB_NODE_BIT(from)) != 0 || vb_place_loose(cell, from) == 0)
            continue;
        seen += vb_place_loose(cell, from);
        guint64 bytes = (guint64)((unsigned __int128)movable * seen / off) - given;
        given += bytes;
        share_out(bytes, nodes, demand, part);
        int to;
        VB_NODESET_FOREACH(to, nodes)
        {
            if (part[to] == 0)
                continue;
            if (!vb_space_book(space, cell, from, to, part[to]))
                return FALSE;
            vb_plan_add_move(moves, party->guest, cell->id, from, to, part[to],
                             "no vCPU that uses it runs where it lies");
        }
    }
    return TRUE;
}

static int
compare_cells(gconstpointer a, gconstpointer b)
{
    const VbCell *left = *(VbCell *const *)a, *right = *(VbCell *const *)b;
    return (left->id > right->id) - (left->id < right->id);
}

/*
 * One cell may need the room that another leaves: they go by id, in whatever order they came.
 * Returns: FALSE if some of the RAM that should follow has no room where it is to go.
 */
static gboolean
move_cells(const Party *party, VbSpace *space, VbPlan *moves)
{
    g_autoptr(GPtrArray) cells = g_ptr_array_new();
    g_ptr_array_extend(cells, party->guest->cells, NULL, NULL);
    g_ptr_array_sort(cells, compare_cells);
    for (guint i = 0; party->follow->confirm != NULL && i < cells->len; i++)
        if (!move_cell(party, g_ptr_array_index(cells, i), space, moves))
            return FALSE;
    return TRUE;
}

/* The guest as its part of the plan, from action @first on, should leave it. */
static VbGuest *
imagine(const Party *party, guint first)
{
    VbGuest *then = vb_guest_copy(party->guest);
    for (guint i = first; i < party->seating->plan->actions->len; i++) {
        const VbAction *action = g_ptr_array_index(party->seating->plan->actions, i);
        for (guint c = 0; action->kind == VB_ACTION_MOVE && c < then->cells->len; c++) {
            VbCell *cell = g_ptr_array_index(then->cells, c);
            if (cell->id != action->cell)
                continue;
            cell->by_node[action->from] -= action->bytes;
            cell->by_node[action->to] += action->bytes;
        }
    }
    for (guint i = party->first; i < party->end; i++) {
        const VbSeated *seated = vb_seating_at(party->seating, i);
        VbVcpu *vcpu = g_ptr_array_index(then->vcpus, seated->index);
        int node = vb_seated_node(seated);
        for (int other = 0; node != VB_NO_NODE && other < VB_NODES_MAX; other++)
            vcpu->share_bp[other] = other == node ? VB_BP : 0;
    }
    return then;
}

/*
 * Notes where vCPUs would be sent that fewer decisions in a row than asked for would send there.
 * Returns: TRUE if there are such: then nothing is done to the guest yet.
 */
static gboolean
is_unconfirmed(const Party *party)
{
    gint64 wanted = party->follow->confirm != NULL ? parameter(party, party->follow->confirm) : 1;
    gboolean unconfirmed = FALSE;
    for (guint i = party->first; i < party->end; i++) {
        const VbSeated *seated = vb_seating_at(party->seating, i);
        const VbVcpu *vcpu = seated->vcpu;
        gint64 agreed = seated->node == vcpu->intent ? (gint64)vcpu->intent_seen + 1 : 1;
        if (seated->node == VB_NO_NODE || (seated->node == seated->from && seated->held))
            continue;
        vb_plan_intend(party->seating->plan, party->guest->uuid, vcpu->id, seated->node);
        unconfirmed |= agreed < wanted;
    }
    return unconfirmed;
}

static void
emit(Party *party, const VbPlan *moves)
{
    VbPlan *plan = party->seating->plan;
    guint first = plan->actions->len, now_bp, then_bp;
    if (is_changed(party) || moves->actions->len > 0) {
        pin_vcpus(party);
        pin_helpers(party);
    }
    for (guint i = 0; i < moves->actions->len; i++)
        g_ptr_array_add(plan->actions, vb_action_copy(g_ptr_array_index(moves->actions, i)));
    g_autoptr(VbGuest) then = imagine(party, first);
    if (vb_guest_locality(party->guest, &now_bp, NULL) && vb_guest_locality(then, &then_bp, NULL))
        for (guint i = first; i < plan->actions->len; i++)
            ((VbAction *)g_ptr_array_index(plan->actions, i))->gain_bp = (int)then_bp - (int)now_bp;
    party->done = TRUE;
}

/* Who leaves makes room for others: until nobody finds any. */
static void
emit_with_room(GArray *parties, VbSpace *space)
{
    for (gboolean progress = TRUE; progress;) {
        progress = FALSE;
        for (guint i = 0; i < parties->len; i++) {
            Party *party = &g_array_index(parties, Party, i);
            g_autoptr(VbPlan) moves = vb_plan_new("");
            g_autofree VbSpace *tried = g_memdup2(space, sizeof *space);
            if (party->done || !move_cells(party, tried, moves))
                continue;
            *space = *tried;
            emit(party, moves);
            progress = TRUE;
        }
    }
}

static void
emit_without_room(Party *party)
{
    g_autoptr(VbPlan) none = vb_plan_new("");
    guint first = party->seating->plan->actions->len;
    emit(party, none);
    if (party->seating->plan->actions->len == first)
        vb_plan_decline(
            party->seating->plan, party->guest, "no-room",
            "its RAM lies where its vCPUs do not run, and there is no room for it where "
            "they do: free memory there, or lower reserve=");
}

void
vb_seating_emit(VbSeating *seating, const VbFollow *follow)
{
    g_autoptr(GArray) parties = g_array_new(FALSE, TRUE, sizeof(Party));
    g_autofree VbSpace *space = g_new(VbSpace, 1);
    vb_space_init(space, seating->snapshot);
    for (guint i = 0; i < seating->seated->len;) {
        Party party = {seating, follow, vb_seating_at(seating, i)->guest, i, i, FALSE};
        while (party.end < seating->seated->len &&
               vb_seating_at(seating, party.end)->guest == party.guest)
            party.end++;
        i = party.end;
        if (!is_unconfirmed(&party))
            g_array_append_val(parties, party);
        else
            vb_plan_decline(
                seating->plan, party.guest, "unconfirmed",
                "its vCPUs would be better off elsewhere; they go if the next look agrees");
    }
    emit_with_room(parties, space);
    for (guint i = 0; i < parties->len; i++)
        if (!g_array_index(parties, Party, i).done)
            emit_without_room(&g_array_index(parties, Party, i));
}

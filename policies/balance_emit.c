/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "balance_search.h"
#include "balance_wide.h"
#include "place.h"

/* The plan that seats come to: pins, then pages. */

static gint64
parameter(const VbBalance *balance, const VbGuest *guest, const char *name)
{
    return vb_policy_parameter(balance->policy, balance->snapshot, guest, name);
}

static int
node_of(const VbBalance *balance, const VbParty *party)
{
    return balance->bench[vb_way_node(party->way)].id;
}

/* The nodes of its vCPUs, by id. */
static VbNodeSet
home_of(const VbBalance *balance, const VbParty *party)
{
    guint64 nodes = vb_way_nodes(party, party->way);
    VbNodeSet home = 0;
    for (guint i = 0; i < balance->nodes; i++)
        home |= (nodes >> i & 1) != 0 ? VB_NODE_BIT(balance->bench[i].id) : 0;
    return home;
}

/*
 * Unknown is not different: what could not be read would else be pinned again and again. Pins are
 * what makes a home, so those that go with moves are stated even where the thread is held there.
 */
static gboolean
must_pin(const VbBalance *balance, const VbParty *party, const VbVcpu *vcpu, int node,
         const VbCpuSet *cpus)
{
    gboolean new_home = party->cell->home != home_of(balance, party);
    if (vcpu->affinity_known)
        return !vb_cpuset_equal(&vcpu->affinity, cpus) ||
               (new_home && party->ways[party->way].bytes > 0);
    return new_home || vcpu->share_bp[node] < VB_BP;
}

/* "2 of its vCPUs on node 0, 1 on node 1" */
static char *
reason_of_spread(const VbBalance *balance, const VbParty *party)
{
    const VbSpread *spread = &party->spreads[vb_way_node(party->way)];
    guint64 bytes = party->ways[party->way].bytes;
    g_autoptr(GString) parts = g_string_new(NULL);
    for (guint i = 0; i < balance->nodes; i++)
        if (spread->vcpus[i] > 0)
            g_string_append_printf(parts, "%s%" G_GUINT64_FORMAT "%s on node %d",
                                   parts->len > 0 ? ", " : "", spread->vcpus[i],
                                   parts->len > 0 ? "" : " of its vCPUs", balance->bench[i].id);
    if (bytes > 0)
        g_string_append_printf(parts, ", %" G_GUINT64_FORMAT " MiB follow", bytes >> 20);
    return g_strdup_printf("spread, as no node is to hold it: %s", parts->str);
}

static char *
reason_of(const VbBalance *balance, const VbParty *party)
{
    if (party->spreads != NULL)
        return reason_of_spread(balance, party);
    const VbBench *bench = &balance->bench[vb_way_node(party->way)];
    const VbWay *way = &party->ways[party->way];
    guint64 there = party->cell->by_node[bench->id], present = party->cell->present_bytes;
    guint percent = present > 0 ? (guint)((unsigned __int128)there * 100 / present) : 100;
    gint64 tenths = bench->load * 10 / VB_BP;
    g_autofree char *follow =
        way->bytes > 0 ? g_strdup_printf(", %" G_GUINT64_FORMAT " MiB follow", way->bytes >> 20)
                       : g_strdup("");
    return g_strdup_printf("node %d: %u %% of its RAM is there%s; %" G_GINT64_FORMAT
                           ".%" G_GINT64_FORMAT " of %" G_GINT64_FORMAT
                           " CPUs will be asked for",
                           bench->id, percent, follow, tenths / 10, tenths % 10,
                           bench->cpu_bp / VB_BP);
}

/* Pins are what makes a home: of several nodes all are stated, or none. */
static gboolean
is_to_pin(const VbBalance *balance, const VbParty *party, const int *seats)
{
    gboolean any = FALSE;
    for (guint i = 0; i < party->guest->vcpus->len; i++) {
        if (seats[i] == VB_NO_NODE)
            continue;
        VbCpuSet cpus = vb_place_cpus(&balance->snapshot->topology, party->guest, seats[i]);
        any |= must_pin(balance, party, g_ptr_array_index(party->guest->vcpus, i), seats[i], &cpus);
    }
    return any;
}

static void
pin_vcpus(const VbBalance *balance, const VbParty *party)
{
    const GPtrArray *vcpus = party->guest->vcpus;
    g_autofree int *seats = vb_balance_seats(balance, party);
    g_autofree char *reason = NULL;
    gboolean any = party->spreads != NULL && is_to_pin(balance, party, seats);
    for (guint i = 0; i < vcpus->len; i++) {
        const VbVcpu *vcpu = g_ptr_array_index(vcpus, i);
        if (seats[i] == VB_NO_NODE)
            continue;
        VbCpuSet cpus = vb_place_cpus(&balance->snapshot->topology, party->guest, seats[i]);
        if (!any && !must_pin(balance, party, vcpu, seats[i], &cpus))
            continue;
        g_autofree char *thread = g_strdup_printf("vcpu%u", vcpu->id);
        if (reason == NULL)
            reason = reason_of(balance, party);
        vb_plan_add_pin(balance->plan, party->guest, thread, &cpus, vb_place_main_node(vcpu),
                        seats[i], reason);
    }
}

/* Threads that serve the whole guest are well on any node of it; else they go where most of it is. */
static void
pin_helper(const VbBalance *balance, const VbParty *first, const VbHelperThread *helper,
           gboolean changed)
{
    const VbTopology *topology = &balance->snapshot->topology;
    const VbParty *centre = first;
    for (guint i = first->first; i < first->end; i++) {
        const VbParty *party = vb_balance_party(balance, i);
        VbNodeSet home = home_of(balance, party);
        int id;
        VB_NODESET_FOREACH(id, home)
        {
            VbCpuSet cpus = vb_place_cpus(topology, party->guest, id);
            if (helper->affinity_known && vb_cpuset_equal(&helper->affinity, &cpus))
                return;
        }
        if (party->demand_bp > centre->demand_bp)
            centre = party;
    }
    int node = centre->spreads != NULL ? vb_nodeset_first(home_of(balance, centre))
                                       : node_of(balance, centre);
    VbCpuSet cpus = vb_place_cpus(topology, first->guest, node);
    if (helper->affinity_known || changed)
        vb_plan_add_pin(balance->plan, first->guest, helper->name, &cpus, VB_NO_NODE, node,
                        "most of the guest that it serves is there");
}

/* Part of what a guest on several nodes has on one that has too much of it. */
typedef struct {
    const VbBalance *balance;
    const VbParty *party;
    const char *reason;
} Mover;

static void
move_part(guint from, guint to, gint64 bytes, gpointer data)
{
    const Mover *mover = data;
    vb_plan_add_move(mover->balance->plan, mover->party->guest, mover->party->cell->id,
                     mover->balance->bench[from].id, mover->balance->bench[to].id, (guint64)bytes,
                     mover->reason);
}

static void
move_pages(const VbBalance *balance, const VbParty *party)
{
    const VbWay *way = &party->ways[party->way];
    g_autofree char *reason = way->froms > 0 ? reason_of(balance, party) : NULL;
    if (party->spreads != NULL) {
        Mover mover = {balance, party, reason};
        vb_spread_flows(balance, party, party->way, move_part, &mover);
        return;
    }
    for (guint i = 0; i < way->froms; i++) {
        const VbPortion *from = &g_array_index(balance->portions, VbPortion, way->from + i);
        vb_plan_add_move(balance->plan, party->guest, party->cell->id,
                         balance->bench[from->node].id, node_of(balance, party),
                         (guint64)from->amount, reason)
            ->all = TRUE;
    }
}

/* The guest as the actions from @first on should leave it. */
static VbGuest *
imagine(const VbBalance *balance, const VbGuest *guest, guint first)
{
    VbGuest *then = vb_guest_copy(guest);
    for (guint i = first; i < balance->plan->actions->len; i++) {
        const VbAction *action = g_ptr_array_index(balance->plan->actions, i);
        for (guint c = 0; action->kind == VB_ACTION_MOVE && c < then->cells->len; c++) {
            VbCell *cell = g_ptr_array_index(then->cells, c);
            if (cell->id != action->cell)
                continue;
            cell->by_node[action->from] -= action->bytes;
            cell->by_node[action->to] += action->bytes;
        }
        for (guint v = 0; action->kind == VB_ACTION_PIN && v < then->vcpus->len; v++) {
            VbVcpu *vcpu = g_ptr_array_index(then->vcpus, v);
            g_autofree char *thread = g_strdup_printf("vcpu%u", vcpu->id);
            for (int node = 0; g_str_equal(thread, action->thread) && node < VB_NODES_MAX; node++)
                vcpu->share_bp[node] = node == action->to ? VB_BP : 0;
        }
    }
    return then;
}

/* A guest that goes from a busier node to one that will be less busy goes for the load. */
static gboolean
is_relieved(const VbBalance *balance, const VbParty *party)
{
    g_autofree int *seats = vb_balance_seats(balance, party);
    for (guint i = 0; i < party->guest->vcpus->len; i++) {
        if (seats[i] == VB_NO_NODE)
            continue;
        const VbBench *there = &balance->bench[balance->number[seats[i]]];
        int main = vb_place_main_node(g_ptr_array_index(party->guest->vcpus, i));
        const VbBench *here = main != VB_NO_NODE ? &balance->bench[balance->number[main]] : there;
        if (here != there && here->cpu_bp > 0 &&
            here->before * there->cpu_bp > there->load * here->cpu_bp)
            return TRUE;
    }
    return FALSE;
}

/* States what the guest gains, and why it goes. */
static void
weigh_up(const VbBalance *balance, const VbParty *first, guint begin)
{
    g_autoptr(VbGuest) then = imagine(balance, first->guest, begin);
    guint now_bp = 0, then_bp = 0;
    vb_guest_locality(first->guest, &now_bp, NULL);
    vb_guest_locality(then, &then_bp, NULL);
    gboolean relieved = FALSE;
    for (guint i = first->first; i < first->end; i++)
        relieved |= is_relieved(balance, vb_balance_party(balance, i));
    for (guint i = begin; i < balance->plan->actions->len; i++) {
        VbAction *action = g_ptr_array_index(balance->plan->actions, i);
        action->gain_bp = (int)then_bp - (int)now_bp;
        action->cause = then_bp > now_bp ? VB_CAUSE_LOCALITY
                        : relieved       ? VB_CAUSE_LOAD
                        : then_bp == now_bp ? VB_CAUSE_LOCALITY
                                            : VB_CAUSE_BALANCE;
    }
}

/* @line: its parties, in the order of their moves. */
static void
emit_guest(const VbBalance *balance, const VbParty *first, const guint *line)
{
    guint begin = balance->plan->actions->len, count = first->end - first->first;
    gboolean moves = FALSE;
    for (guint i = first->first; i < first->end; i++) {
        const VbParty *party = vb_balance_party(balance, i);
        pin_vcpus(balance, party);
        moves |= party->ways[party->way].froms > 0;
    }
    gboolean changed = moves || balance->plan->actions->len > begin;
    for (guint i = 0; i < first->guest->helpers->len; i++)
        pin_helper(balance, first, g_ptr_array_index(first->guest->helpers, i), changed);
    for (guint i = 0; i < count; i++)
        move_pages(balance, vb_balance_party(balance, line[i]));
    if (balance->plan->actions->len > begin)
        weigh_up(balance, first, begin);
}

/*
 * A party without a place gets one, and RAM comes to where its vCPUs are, once it was seen away in
 * enough looks; to leave a place, enough decisions in a row have to agree. Where it may not stay there
 * is nothing to wait for.
 */
static gboolean
is_seen(const VbParty *party, gint64 wanted)
{
    gboolean leaves = party->origin >= 0 && (guint)party->origin != vb_way_node(party->way);
    if (leaves)
        return !party->ways[2 * party->origin].open;
    return party->cell->present_bytes == 0 || party->cell->remote_seen >= wanted;
}

/* Notes where vCPUs would be sent. Returns: TRUE if it is not yet time to. */
static gboolean
is_unconfirmed(const VbBalance *balance, const VbParty *first)
{
    gint64 wanted = parameter(balance, first->guest, "confirm");
    gboolean unconfirmed = FALSE;
    for (guint i = first->first; i < first->end; i++) {
        const VbParty *party = vb_balance_party(balance, i);
        g_autofree int *seats = vb_balance_seats(balance, party);
        gboolean agreed = TRUE;
        for (guint v = 0; v < first->guest->vcpus->len; v++) {
            const VbVcpu *vcpu = g_ptr_array_index(first->guest->vcpus, v);
            if (seats[v] == VB_NO_NODE)
                continue;
            vb_plan_intend(balance->plan, first->guest->uuid, vcpu->id, seats[v]);
            gint64 seen = seats[v] == vcpu->intent ? (gint64)vcpu->intent_seen + 1 : 1;
            agreed = agreed && seen >= wanted;
        }
        unconfirmed |= !agreed && !is_seen(party, wanted);
    }
    return unconfirmed;
}

static void
emit_line(const VbBalance *balance, const GArray *line, GHashTable *unconfirmed)
{
    for (guint i = 0; i < line->len;) {
        guint index = g_array_index(line, guint, i);
        const VbParty *first = vb_balance_party(balance, index);
        guint begin = balance->plan->actions->len;
        first = vb_balance_party(balance, first->first);
        emit_guest(balance, first, &g_array_index(line, guint, i));
        i += first->end - first->first;
        if (unconfirmed != NULL && balance->plan->actions->len > begin &&
            is_unconfirmed(balance, first))
            g_hash_table_add(unconfirmed, (gpointer)first->guest);
    }
}

/* Those who wait, and those who wait for the room that they leave. */
static void
explain_waiting(const VbBalance *balance, GHashTable *held, const GArray *rest)
{
    g_autoptr(GHashTable) gone = g_hash_table_new(NULL, NULL);
    for (guint i = 0; i < rest->len; i++)
        g_hash_table_add(gone, (gpointer)vb_balance_party(balance, g_array_index(rest, guint, i))->guest);
    for (guint i = 0; i < balance->parties->len; i = vb_balance_party(balance, i)->end) {
        const VbParty *party = vb_balance_party(balance, i);
        if (g_hash_table_contains(held, party->guest))
            vb_plan_decline(balance->plan, party->guest, "unconfirmed",
                            "it would be better off on other nodes; it goes if the next look agrees");
        else if (!party->out && !g_hash_table_contains(gone, party->guest))
            vb_plan_decline(balance->plan, party->guest, "unconfirmed",
                            "there is no room for it before others have gone, who go if the next "
                            "look agrees");
    }
}

void
vb_balance_emit(VbBalance *balance, GArray *line)
{
    g_autoptr(GHashTable) held = g_hash_table_new(NULL, NULL);
    emit_line(balance, line, held);
    if (g_hash_table_size(held) == 0)
        return;
    /* Who waits leaves no room; who needs it waits, too. */
    g_ptr_array_set_size(balance->plan->actions, 0);
    g_autoptr(GArray) rest = vb_balance_line_up(balance, held);
    emit_line(balance, rest, NULL);
    explain_waiting(balance, held, rest);
}

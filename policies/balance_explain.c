/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "balance_search.h"
#include "balance_wide.h"
#include "place.h"

/* Why guests are left as they are. */

#define NS_PER_S G_GINT64_CONSTANT(1000000000)

/* The cheapest way if room were no question, if it is cheaper than its seat; else VB_BALANCE_UP. */
static int
wish_of(VbBalance *balance, VbParty *party)
{
    int seat = vb_balance_rise(balance, party), wish = VB_BALANCE_UP;
    gint64 least = vb_balance_price(balance, party, seat);
    for (int way = 0; way < 2 * (int)balance->nodes; way++) {
        gint64 price =
            party->ways[way].open ? vb_balance_price(balance, party, way) : G_MAXINT64;
        if (price >= least)
            continue;
        least = price;
        wish = way;
    }
    vb_balance_sit(balance, party, seat);
    return wish;
}

/* Declines for want of hugepages if that is what it lacks. Returns: TRUE if so. */
static gboolean
explain_pool(const VbBalance *balance, const VbParty *party, guint node, guint64 bytes)
{
    const VbBench *there = &balance->bench[node];
    const VbNode *host = &balance->snapshot->topology.node[there->id];
    guint64 page_size = party->cell->page_size;
    const VbHugePool *pool = page_size > 4096 ? vb_node_pool(host, page_size) : NULL;
    if (pool != NULL)
        vb_place_decline_pool(balance->plan, party->guest, there->id, pool,
                              (guint64)MAX(there->pool[pool - host->pools], 0), bytes / page_size);
    return pool != NULL;
}

/* What is left of a node's room once @portion has come; below 0: it has none for that. */
static gint64
left_after(const VbBalance *balance, const VbParty *party, const VbPortion *portion)
{
    const VbBench *bench = &balance->bench[portion->node];
    const VbNode *host = &balance->snapshot->topology.node[bench->id];
    guint64 page_size = party->cell->page_size;
    const VbHugePool *pool = page_size > 4096 ? vb_node_pool(host, page_size) : NULL;
    gint64 room = pool != NULL ? bench->pool[pool - host->pools] * (gint64)page_size
                               : bench->free - bench->reserve;
    return room - portion->amount;
}

/* Of several nodes it matters which one lacks most of what would come to it. */
static void
explain_several(const VbBalance *balance, const VbParty *party, int wish)
{
    const VbWay *way = &party->ways[wish];
    const VbPortion *worst = NULL;
    for (guint i = 0; i < way->tos; i++) {
        const VbPortion *to = &g_array_index(balance->portions, VbPortion, way->to + i);
        if (worst == NULL || left_after(balance, party, to) < left_after(balance, party, worst))
            worst = to;
    }
    if (explain_pool(balance, party, worst->node, (guint64)worst->amount))
        return;
    const VbBench *there = &balance->bench[worst->node];
    vb_plan_decline(balance->plan, party->guest, "no-room",
                    "it needs several nodes, and one of them, node %d, will have %" G_GINT64_FORMAT
                    " MiB free of which %" G_GINT64_FORMAT " MiB stay in reserve, %" G_GINT64_FORMAT
                    " MiB needed, and no other way is better; free memory, allow more nodes, or "
                    "lower reserve=",
                    there->id, MAX(there->free, 0) >> 20, there->reserve >> 20, worst->amount >> 20);
}

static void
explain_room(const VbBalance *balance, const VbParty *party, int wish)
{
    if (party->spreads != NULL) {
        explain_several(balance, party, wish);
        return;
    }
    const VbBench *there = &balance->bench[vb_way_node(wish)];
    if (explain_pool(balance, party, vb_way_node(wish), party->ways[wish].bytes))
        return;
    vb_plan_decline(balance->plan, party->guest, "no-room",
                    "node %d will have %" G_GINT64_FORMAT " MiB free of which %" G_GINT64_FORMAT
                    " MiB stay in reserve, %" G_GUINT64_FORMAT " MiB needed, and no other way "
                    "is better; free memory, allow more nodes, or lower reserve=",
                    there->id, MAX(there->free, 0) >> 20, there->reserve >> 20,
                    party->ways[wish].bytes >> 20);
}

static void
explain_party(VbBalance *balance, VbParty *party)
{
    int wish = wish_of(balance, party);
    const VbWay *brought = &party->ways[2 * vb_way_node(party->way) + 1];
    const VbBench *here = &balance->bench[vb_way_node(party->way)];
    if (wish != VB_BALANCE_UP && party->ways[wish].bytes > 0) {
        explain_room(balance, party, wish);
    } else if (brought->open && party->ways[party->way].bytes == 0) {
        gint64 stay = vb_policy_parameter(balance->policy, balance->snapshot, party->guest, "stay");
        g_autofree char *where = party->spreads != NULL
                                     ? g_strdup("where fewer of its vCPUs run than could use them")
                                     : g_strdup_printf("away from node %d, where it runs", here->id);
        vb_plan_decline(balance->plan, party->guest, "not-worth",
                        "%" G_GUINT64_FORMAT " MiB of its RAM lie %s: "
                        "for what it asks of a CPU, moving them does not pay within %" G_GINT64_FORMAT
                        " s; raise stay=, lower move-cost=, or ask for it: vmbalancer rebalance, and "
                        "its name",
                        brought->bytes >> 20, where, stay / NS_PER_S);
    }
}

static void
explain_wide(const VbBalance *balance, const VbParty *party)
{
    g_autofree char *allowed = vb_nodeset_format(party->guest->boundary);
    if (party->end - party->first > 1)
        vb_plan_decline(balance->plan, party->guest, "wide",
                        "its %u NUMA cells fit on no nodes of \"%s\" together, each on the fewest that "
                        "hold it and a CPU for each vCPU: use cells that are no wider than a node, or "
                        "allow more nodes",
                        party->end - party->first, allowed);
    else
        vb_plan_decline(balance->plan, party->guest, "wide",
                        "its %u vCPUs fit on no single node of \"%s\", and %s",
                        party->guest->vcpus->len, allowed,
                        !party->cell->residency_known
                            ? "where its RAM is is not known yet: once it is, it is spread over several"
                            : "not on all together: allow more nodes, or use fewer vCPUs");
}

/* It has no seat: for want of room, if it would have a way, else for want of CPUs. */
static void
explain_out(const VbBalance *balance, const VbParty *party)
{
    gboolean stranded = vb_balance_is_stranded(balance, vb_balance_party(balance, party->first));
    for (guint i = party->first; stranded && i < party->end; i++) {
        const VbParty *kin = vb_balance_party(balance, i);
        int want = vb_balance_want(balance, kin);
        if (want != VB_BALANCE_UP)
            explain_room(balance, kin, want);
    }
    explain_wide(balance, party);
}

void
vb_balance_explain(VbBalance *balance)
{
    g_autoptr(GHashTable) acting = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < balance->plan->actions->len; i++)
        g_hash_table_add(acting, ((VbAction *)g_ptr_array_index(balance->plan->actions, i))->uuid);
    for (guint i = 0; i < balance->parties->len; i++) {
        VbParty *party = vb_balance_party(balance, i);
        if (party->out)
            explain_out(balance, party);
        else if (!g_hash_table_contains(acting, party->guest->uuid))
            explain_party(balance, party);
    }
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "balance_search.h"
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

static void
explain_room(const VbBalance *balance, const VbParty *party, int wish)
{
    const VbBench *there = &balance->bench[vb_way_node(wish)];
    const VbNode *host = &balance->snapshot->topology.node[there->id];
    guint64 page_size = party->cell->page_size;
    const VbHugePool *pool = page_size > 4096 ? vb_node_pool(host, page_size) : NULL;
    if (pool != NULL) {
        vb_place_decline_pool(balance->plan, party->guest, there->id, pool,
                              (guint64)MAX(there->pool[pool - host->pools], 0),
                              party->ways[wish].bytes / page_size);
        return;
    }
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
        vb_plan_decline(balance->plan, party->guest, "not-worth",
                        "%" G_GUINT64_FORMAT " MiB of its RAM lie away from node %d, where it runs: "
                        "for what it asks of a CPU, moving them does not pay within %" G_GINT64_FORMAT
                        " s; raise stay=, lower move-cost=, or ask for it: vmbalancer rebalance, and "
                        "its name",
                        brought->bytes >> 20, here->id, stay / NS_PER_S);
    }
}

static void
explain_wide(const VbBalance *balance, const VbParty *party)
{
    g_autofree char *allowed = vb_nodeset_format(party->guest->boundary);
    vb_plan_decline(balance->plan, party->guest, "wide",
                    "its %u vCPUs, or those of one of its cells, fit on no single node of \"%s\": use "
                    "guest NUMA cells that fit, or fewer vCPUs",
                    party->guest->vcpus->len, allowed);
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

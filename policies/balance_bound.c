/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "balance_search.h"

/*
 * Branch and bound (Land and Doig, "An automatic method of solving discrete programming problems",
 * 1960) for small hosts. Prices only rise as others sit down, for the costs of load are convex: so what
 * each who is up would cost now, alone, adds up to less than they will cost together.
 */

typedef struct {
    VbBalance *balance;
    gint64 least; /* cost of the best seats so far */
    int *seats;   /* they */
    guint left;   /* branches that may still be looked at */
} Tree;

/* Whom to seat next: the one who loses most if it does not get its best way. */
typedef struct {
    VbParty *party;
    gint64 regret, price;
} Choice;

typedef struct {
    int way;
    gint64 price;
} Offer;

static int
compare_offers(gconstpointer a, gconstpointer b)
{
    const Offer *left = a, *right = b;
    if (left->price != right->price)
        return left->price < right->price ? -1 : 1;
    return left->way - right->way;
}

/* The ways that a party has, CPUs considered but not memory: others may yet leave. Returns: how many. */
static guint
collect(const Tree *tree, const VbParty *party, Offer *offers)
{
    guint count = 0;
    for (guint way = 0; way < 2 * tree->balance->nodes; way++) {
        if (!party->ways[way].open || party->ways[way].shut ||
            !vb_balance_has_cpus(tree->balance, party, way))
            continue;
        offers[count++] = (Offer){(int)way, vb_balance_price(tree->balance, party, (int)way)};
    }
    return count;
}

/*
 * Adds what those who are up cost at least to @bound. Returns: FALSE if one of them has no way left.
 */
static gboolean
look_ahead(const Tree *tree, gint64 *bound, Choice *choice)
{
    Offer offers[2 * VB_NODES_MAX];
    for (guint i = 0; i < tree->balance->parties->len; i++) {
        VbParty *party = vb_balance_party(tree->balance, i);
        if (party->way != VB_BALANCE_UP || party->out)
            continue;
        guint count = collect(tree, party, offers);
        if (count == 0)
            return FALSE;
        gint64 first = G_MAXINT64, second = G_MAXINT64;
        for (guint k = 0; k < count; k++) {
            second = MIN(second, MAX(first, offers[k].price));
            first = MIN(first, offers[k].price);
        }
        *bound += first;
        if (choice->party == NULL || second - first > choice->regret)
            *choice = (Choice){party, second - first, first};
    }
    return TRUE;
}

static void
keep(Tree *tree, gint64 cost)
{
    if (vb_balance_shortage(tree->balance) > 0)
        return;
    tree->least = cost;
    for (guint i = 0; i < tree->balance->parties->len; i++)
        tree->seats[i] = vb_balance_party(tree->balance, i)->way;
}

static void
branch(Tree *tree, gint64 cost)
{
    Choice choice = {0};
    gint64 bound = cost;
    if (tree->left == 0 || !look_ahead(tree, &bound, &choice) || bound >= tree->least)
        return;
    tree->left--;
    if (choice.party == NULL) {
        keep(tree, cost);
        return;
    }
    g_autofree Offer *offers = g_new(Offer, 2 * tree->balance->nodes);
    guint count = collect(tree, choice.party, offers);
    qsort(offers, count, sizeof *offers, compare_offers);
    for (guint i = 0; i < count && bound - choice.price + offers[i].price < tree->least; i++) {
        vb_balance_sit(tree->balance, choice.party, offers[i].way);
        branch(tree, cost + offers[i].price);
        vb_balance_rise(tree->balance, choice.party);
    }
}

void
vb_balance_bound(VbBalance *balance, guint branches)
{
    g_autofree int *seats = g_new0(int, balance->parties->len + 1);
    Tree tree = {balance, vb_balance_cost(balance), seats, branches};
    for (guint i = 0; i < balance->parties->len; i++) {
        VbParty *party = vb_balance_party(balance, i);
        seats[i] = party->way;
        if (party->way != VB_BALANCE_UP)
            vb_balance_rise(balance, party);
    }
    branch(&tree, vb_balance_cost(balance));
    for (guint i = 0; i < balance->parties->len; i++)
        if (seats[i] != VB_BALANCE_UP)
            vb_balance_sit(balance, vb_balance_party(balance, i), seats[i]);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sim/hand.h"
#include "sim/hand_board.h"
#include <string.h>

/* So much is counted at most, in loads of a node at a moment: below a second. */
#define BUDGET 4000000
/* Beyond so many guests pairs are too many. */
#define PAIRS_MAX 200
/* Guests that are thrown elsewhere to begin anew. */
#define KICK 3

typedef struct {
    VbHandBoard *board;
    gint64 best;
    guint64 dice;
    gint64 budget;
} Search;

static guint
roll(Search *search, guint sides)
{
    /* Knuth's MMIX generator: all that is asked of it is that it is the same each time. */
    search->dice = search->dice * G_GUINT64_CONSTANT(6364136223846793005) +
                   G_GUINT64_CONSTANT(1442695040888963407);
    return (guint)((search->dice >> 33) % sides);
}

static gint64
count(Search *search)
{
    const VbHandBoard *board = search->board;
    search->budget -= VB_HAND_MOMENTS * board->scenario->n_nodes + board->n_guests;
    return vb_hand_board_count(search->board);
}

/* Gives a cell of a guest that is off the board the set with which it costs the least there. */
static gint64
choose(Search *search, guint g, guint cell)
{
    VbHandGuest *guest = &search->board->guest[g];
    VbNodeSet best_set = guest->set[cell];
    gint64 best = G_MAXINT64;
    for (guint i = 0; i < guest->choices->len; i++) {
        VbNodeSet set = g_array_index(guest->choices, VbNodeSet, i);
        guest->set[cell] = set;
        vb_hand_board_put(search->board, g);
        gint64 cost = count(search);
        vb_hand_board_lift(search->board, g);
        /* Where it is already it stays, if nothing is better. */
        if (cost < best || (cost == best && set == best_set)) {
            best = cost;
            best_set = set;
        }
    }
    guest->set[cell] = best_set;
    return best;
}

static gboolean
improve_guest(Search *search, guint g)
{
    guint cells = search->board->guest[g].plot->cells;
    gint64 before = search->best;
    for (guint cell = 0; cell < cells; cell++) {
        vb_hand_board_lift(search->board, g);
        search->best = choose(search, g, cell);
        vb_hand_board_put(search->board, g);
    }
    return search->best < before;
}

static void
exchange(VbHandBoard *board, guint a, guint b)
{
    vb_hand_board_lift(board, a);
    vb_hand_board_lift(board, b);
    for (guint cell = 0; cell < board->guest[a].plot->cells; cell++) {
        VbNodeSet set = board->guest[a].set[cell];
        board->guest[a].set[cell] = board->guest[b].set[cell];
        board->guest[b].set[cell] = set;
    }
    vb_hand_board_put(board, a);
    vb_hand_board_put(board, b);
}

static gboolean
improve_pair(Search *search, guint a, guint b)
{
    VbHandBoard *board = search->board;
    guint cells = board->guest[a].plot->cells;
    if (cells != board->guest[b].plot->cells ||
        memcmp(board->guest[a].set, board->guest[b].set, cells * sizeof(VbNodeSet)) == 0)
        return FALSE;
    exchange(board, a, b);
    gint64 cost = count(search);
    if (cost < search->best) {
        search->best = cost;
        return TRUE;
    }
    exchange(board, a, b);
    return FALSE;
}

/* Down, until no guest and no pair is better elsewhere. */
static void
descend(Search *search)
{
    guint n = search->board->n_guests;
    gboolean better = TRUE;
    search->best = count(search);
    while (better && search->budget > 0) {
        better = FALSE;
        for (guint g = 0; g < n; g++)
            better |= improve_guest(search, g);
        for (guint a = 0; !better && n <= PAIRS_MAX && a < n; a++)
            for (guint b = a + 1; b < n; b++)
                better |= improve_pair(search, a, b);
    }
}

static int
compare_sizes(gconstpointer a, gconstpointer b, gpointer data)
{
    const VbHandBoard *board = data;
    guint x = *(const guint *)a, y = *(const guint *)b;
    const VbScenarioGuest *one = board->guest[x].plot, *other = board->guest[y].plot;
    if (one->memory_bytes != other->memory_bytes)
        return one->memory_bytes > other->memory_bytes ? -1 : 1;
    return one->vcpus != other->vcpus ? (int)other->vcpus - (int)one->vcpus : (int)x - (int)y;
}

/* The largest first, each where it costs the least. */
static void
begin(Search *search)
{
    VbHandBoard *board = search->board;
    g_autofree guint *order = g_new0(guint, board->n_guests + 1);
    for (guint g = 0; g < board->n_guests; g++)
        order[g] = g;
    g_qsort_with_data(order, (gint)board->n_guests, sizeof *order, compare_sizes, board);
    for (guint i = 0; i < board->n_guests; i++) {
        VbHandGuest *guest = &board->guest[order[i]];
        for (guint cell = 0; cell < guest->plot->cells; cell++)
            guest->set[cell] = g_array_index(guest->choices, VbNodeSet, cell % guest->choices->len);
        for (guint cell = 0; cell < guest->plot->cells; cell++)
            choose(search, order[i], cell);
        vb_hand_board_put(board, order[i]);
    }
}

static void
set_guest(VbHandBoard *board, guint g, const VbNodeSet *sets)
{
    vb_hand_board_lift(board, g);
    memcpy(board->guest[g].set, sets, board->guest[g].plot->cells * sizeof *sets);
    vb_hand_board_put(board, g);
}

/* All sets, VB_SCENARIO_CELLS_MAX a guest. */
static void
save(const VbHandBoard *board, VbNodeSet *sets)
{
    for (guint g = 0; g < board->n_guests; g++)
        memcpy(sets + g * VB_SCENARIO_CELLS_MAX, board->guest[g].set,
               board->guest[g].plot->cells * sizeof *sets);
}

static void
restore(VbHandBoard *board, const VbNodeSet *sets)
{
    for (guint g = 0; g < board->n_guests; g++)
        set_guest(board, g, sets + g * VB_SCENARIO_CELLS_MAX);
}

static void
kick(Search *search)
{
    for (guint i = 0; i < KICK; i++) {
        guint g = roll(search, search->board->n_guests);
        const VbHandGuest *guest = &search->board->guest[g];
        VbNodeSet sets[VB_SCENARIO_CELLS_MAX];
        for (guint cell = 0; cell < guest->plot->cells; cell++)
            sets[cell] = g_array_index(guest->choices, VbNodeSet, roll(search, guest->choices->len));
        set_guest(search->board, g, sets);
    }
}

static void
search_all(Search *search)
{
    VbHandBoard *board = search->board;
    g_autofree VbNodeSet *kept = g_new0(VbNodeSet, board->n_guests * VB_SCENARIO_CELLS_MAX);
    begin(search);
    descend(search);
    gint64 best = search->best;
    save(board, kept);
    while (search->budget > 0) {
        kick(search);
        descend(search);
        if (search->best < best) {
            best = search->best;
            save(board, kept);
        } else {
            restore(board, kept);
        }
    }
}

static void
seat_free(gpointer data)
{
    VbHandSeat *seat = data;
    g_free(seat->vcpu);
    g_free(seat->cell);
    g_free(seat);
}

/* The n-th node of a set, round and round. */
static int
nth(VbNodeSet set, guint n)
{
    for (n %= vb_nodeset_count(set); n > 0; n--)
        set &= set - 1;
    return vb_nodeset_first(set);
}

static VbHandSeat *
seat_new(const VbHandGuest *guest)
{
    VbHandSeat *seat = g_new0(VbHandSeat, 1);
    seat->vcpus = guest->plot->vcpus;
    seat->cells = guest->plot->cells;
    seat->vcpu = g_new0(int, seat->vcpus);
    seat->cell = g_memdup2(guest->set, seat->cells * sizeof *guest->set);
    for (guint i = 0; i < seat->vcpus; i++)
        seat->vcpu[i] = nth(guest->set[i * seat->cells / seat->vcpus], i);
    return seat;
}

GPtrArray *
vb_hand_search(const VbScenario *scenario)
{
    g_autoptr(VbHandBoard) board = vb_hand_board_new(scenario);
    Search search = {.board = board, .dice = 1, .budget = BUDGET};
    GPtrArray *seats = g_ptr_array_new_with_free_func(seat_free);
    if (board->n_guests > 0)
        search_all(&search);
    for (guint g = 0; g < board->n_guests; g++)
        g_ptr_array_add(seats, seat_new(&board->guest[g]));
    return seats;
}

void
vb_hand_seat(const VbScenario *scenario, VbWorld *world)
{
    g_autoptr(GPtrArray) seats = vb_hand_search(scenario);
    for (guint g = 0; g < seats->len; g++) {
        const VbHandSeat *seat = g_ptr_array_index(seats, g);
        vb_world_seat(world, g, seat->vcpu, seat->cell);
    }
}

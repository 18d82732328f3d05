/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sim/world_parts.h"
#include <string.h>
#include <vmbalancer/error.h>

#define SECOND G_GINT64_CONSTANT(1000000000)
/* As the daemon has it: what is left is less than what a policy would move again. */
#define TOLERATED_PERCENT 1

void
vb_world_trip_free(gpointer data)
{
    VbWorldTrip *trip = data;
    vb_plan_free(trip->plan);
    g_clear_pointer(&trip->outcomes, g_ptr_array_unref);
    g_free(trip);
}

void
vb_world_depart(VbWorld *world, const char *uuid, const VbPlan *plan, guint64 rate_bytes_per_s,
                const guint64 *reserve_bytes)
{
    VbWorldTrip *trip = g_new0(VbWorldTrip, 1);
    for (guint i = 0; i < world->guests->len; i++)
        if (g_str_equal(vb_world_guest(world, i)->uuid, uuid))
            trip->guest = vb_world_guest(world, i);
    trip->plan = vb_plan_copy(plan);
    trip->rate_bytes_per_s = MIN(rate_bytes_per_s, world->scenario->mover_bytes_per_s);
    memcpy(trip->reserve_bytes, reserve_bytes, sizeof trip->reserve_bytes);
    trip->outcomes = g_ptr_array_new_with_free_func((GDestroyNotify)vb_outcome_free);
    g_ptr_array_add(world->trips, trip);
}

static const VbAction *
action_of(const VbWorldTrip *trip)
{
    return g_ptr_array_index(trip->plan->actions, trip->action);
}

static VbOutcome *
note(VbWorld *world, VbWorldTrip *trip, VbResult result, guint64 bytes, const char *error)
{
    VbOutcome *outcome =
        vb_outcome_new(trip->action, result, bytes, world->now_ns - trip->since_ns, error);
    g_ptr_array_add(trip->outcomes, outcome);
    trip->action++;
    trip->begun = FALSE;
    return outcome;
}

/* All that was not done yet ends like this. */
static void
give_up(VbWorld *world, VbWorldTrip *trip, VbResult result, const char *reason)
{
    while (trip->action < trip->plan->actions->len) {
        note(world, trip, result, trip->begun ? trip->moved_bytes : 0, reason);
        trip->moved_bytes = 0;
    }
}

static void
check_return(VbWorld *world, VbWorldTrip *trip, gint64 *left_ns, int from, int to)
{
    if (left_ns[to] != 0 && world->now_ns - left_ns[to] < VB_WORLD_PING_PONG_NS)
        trip->ping_pong = TRUE;
    if (from != VB_NO_NODE && from != to)
        left_ns[from] = world->now_ns;
}

/* Returns: FALSE if it must wait for the next step. */
static gboolean
pin(VbWorld *world, VbWorldTrip *trip, const VbAction *action)
{
    if (trip->credit_ns < world->scenario->pin_ns)
        return FALSE;
    trip->credit_ns -= world->scenario->pin_ns;
    VbWorldGuest *guest = trip->guest;
    trip->pinned = guest->ours = TRUE;
    for (guint i = 0; i < guest->vcpus->len; i++) {
        g_autofree char *name = g_strdup_printf("vcpu%u", i);
        VbWorldVcpu *vcpu = vb_world_vcpu(guest, i);
        if (!g_str_equal(name, action->thread))
            continue;
        if (vcpu->node != action->to)
            check_return(world, trip, vcpu->left_ns, vcpu->node, action->to);
        vb_world_bind(world, guest, i, &action->cpus);
    }
    if (g_str_equal(action->thread, "emulator"))
        guest->emulator = action->cpus;
    note(world, trip, VB_RESULT_DONE, 0, NULL);
    trip->since_ns = world->now_ns;
    return TRUE;
}

/* The room that the trip's moves need, as the daemon asks for it, is there beside what others bring. */
static gboolean
has_room(const VbWorld *world, const VbWorldTrip *trip)
{
    gint64 own[VB_NODES_MAX] = {0};
    for (guint i = 0; i < trip->plan->actions->len; i++) {
        const VbAction *action = g_ptr_array_index(trip->plan->actions, i);
        if (action->kind != VB_ACTION_MOVE)
            continue;
        own[action->to] += (gint64)action->bytes;
        own[action->from] -= (gint64)action->bytes;
    }
    for (guint i = 0; i < world->trips->len; i++) {
        const VbWorldTrip *other = g_ptr_array_index(world->trips, i);
        if (other != trip && other->begun && action_of(other)->kind == VB_ACTION_MOVE)
            own[action_of(other)->to] += (gint64)other->left_bytes;
    }
    gboolean huge = trip->guest->plot->page_size > 4096;
    for (guint node = 0; node < world->scenario->n_nodes; node++) {
        gint64 reserve = huge ? 0 : (gint64)trip->reserve_bytes[node];
        gint64 room = (gint64)vb_world_room(world, (int)node, trip->guest->plot->page_size);
        if (own[node] > 0 && own[node] > room + (huge ? 0 : (gint64)VB_WORLD_FREE_BYTES) - reserve)
            return FALSE;
    }
    return TRUE;
}

/* Takes @bytes of a part to another node. */
static void
carry(VbWorld *world, VbPart *part, guint64 page_size, const VbAction *action, guint64 bytes)
{
    part->by_node[action->from] -= bytes;
    part->by_node[action->to] += bytes;
    vb_world_take(world, action->from, page_size, -(gint64)bytes);
    vb_world_take(world, action->to, page_size, (gint64)bytes);
}

static guint64
movable(const VbPart *part, int node)
{
    return part->by_node[node] - part->stuck[node];
}

/* Each part gives in proportion to what of it could go; what rounding leaves, the first that has it. */
static void
carry_cell(VbWorld *world, VbWorldTrip *trip, const VbAction *action, guint64 bytes)
{
    VbWorldGuest *guest = trip->guest;
    VbWorldCell *cell = vb_world_cell(guest, action->cell);
    g_autoptr(GPtrArray) parts = g_ptr_array_new();
    guint64 all = 0, left = bytes, page = cell->page_size;
    g_ptr_array_add(parts, &cell->shared);
    for (guint i = 0; i < guest->vcpus->len; i++)
        if (vb_world_vcpu(guest, i)->cell == action->cell)
            g_ptr_array_add(parts, &vb_world_vcpu(guest, i)->own);
    for (guint i = 0; i < parts->len; i++)
        all += movable(g_ptr_array_index(parts, i), action->from);
    for (guint i = 0; i < parts->len && all > 0; i++) {
        VbPart *part = g_ptr_array_index(parts, i);
        guint64 some = (guint64)((unsigned __int128)bytes * movable(part, action->from) / all);
        some = some / page * page;
        left -= some;
        carry(world, part, page, action, some);
    }
    for (guint i = 0; i < parts->len; i++) {
        VbPart *part = g_ptr_array_index(parts, i);
        guint64 some = MIN(left, movable(part, action->from));
        left -= some;
        carry(world, part, page, action, some);
    }
}

static void
begin_move(VbWorld *world, VbWorldTrip *trip, const VbAction *action)
{
    guint64 there = vb_world_on(trip->guest, action->cell, action->from, FALSE);
    guint64 stuck = vb_world_on(trip->guest, action->cell, action->from, TRUE);
    guint64 page = trip->guest->plot->page_size;
    guint64 asked = action->all ? there : MIN(action->bytes, there) / page * page;
    trip->begun = TRUE;
    trip->since_ns = world->now_ns - VB_WORLD_STEP_NS;
    trip->moved_bytes = 0;
    trip->left_bytes = MIN(asked, there - stuck);
    trip->stuck_bytes = asked - trip->left_bytes;
}

static void
end_move(VbWorld *world, VbWorldTrip *trip, const VbAction *action, gboolean full)
{
    guint64 moved = trip->moved_bytes, stuck = trip->stuck_bytes;
    VbOutcome *outcome;
    VbWorldCell *cell = vb_world_cell(trip->guest, action->cell);
    if (moved > 0)
        check_return(world, trip, cell->left_ns, action->from, action->to);
    if (stuck * 100 <= (moved + stuck) * TOLERATED_PERCENT)
        outcome = note(world, trip, VB_RESULT_DONE, moved, NULL);
    else
        outcome = note(world, trip, moved > 0 ? VB_RESULT_PARTIAL : VB_RESULT_FAILED, moved,
                       "some pages do not move");
    outcome->bytes_stuck = full ? 0 : stuck;
    trip->moved_bytes = 0;
}

/* Returns: FALSE if it must wait for the next step. */
static gboolean
move(VbWorld *world, VbWorldTrip *trip, const VbAction *action)
{
    guint64 page = trip->guest->plot->page_size;
    if (!trip->begun)
        begin_move(world, trip, action);
    trip->credit_bytes += (guint64)((unsigned __int128)trip->rate_bytes_per_s *
                                    (guint64)trip->credit_ns / (guint64)SECOND);
    trip->credit_ns = 0;
    guint64 tried = MIN(trip->credit_bytes, trip->left_bytes) / page * page;
    guint64 chance = vb_dice_below(world->seed, VB_DICE_MOVE, trip->guest->number, world->step, VB_BP);
    guint64 busy = tried / VB_BP * MIN(2 * world->scenario->busy_pages_bp * chance / VB_BP, VB_BP);
    busy = busy / page * page;
    guint64 bytes = MIN(tried - busy, vb_world_room(world, action->to, page));
    carry_cell(world, trip, action, bytes);
    trip->credit_bytes -= tried;
    trip->left_bytes -= tried;
    trip->moved_bytes += bytes;
    trip->moved |= bytes > 0;
    trip->stuck_bytes += tried - bytes;
    world->sums.moved_bytes += bytes;
    if (bytes < tried - busy) {
        end_move(world, trip, action, TRUE);
        give_up(world, trip, VB_RESULT_FAILED, "the target node is full");
    } else if (trip->left_bytes < page) {
        end_move(world, trip, action, FALSE);
    }
    return !trip->begun;
}

/* What was decided on may have changed since the look. */
static void
set_out(VbWorld *world, VbWorldTrip *trip)
{
    trip->since_ns = world->now_ns;
    if (!trip->guest->here || trip->guest->busy)
        give_up(world, trip, VB_RESULT_CANCELLED, "the guest is gone, or about to go");
    else if (!has_room(world, trip))
        give_up(world, trip, VB_RESULT_FAILED, "the target node has too little memory free");
}

static void
advance(VbWorld *world, VbWorldTrip *trip)
{
    gboolean going = TRUE;
    trip->credit_ns += VB_WORLD_STEP_NS;
    if (trip->since_ns == 0)
        set_out(world, trip);
    while (going && trip->action < trip->plan->actions->len) {
        const VbAction *action = action_of(trip);
        going = action->kind == VB_ACTION_PIN ? pin(world, trip, action)
                                              : move(world, trip, action);
    }
}

static void
land(VbWorld *world, VbWorldTrip *trip, gboolean called_off)
{
    VbNews news = {.kind = VB_NEWS_LANDED, .guest = trip->guest->number};
    for (guint i = 0; i < trip->outcomes->len && !called_off; i++) {
        const VbOutcome *outcome = g_ptr_array_index(trip->outcomes, i);
        news.failed |= outcome->result == VB_RESULT_FAILED || outcome->result == VB_RESULT_PARTIAL;
    }
    news.outcomes = g_steal_pointer(&trip->outcomes);
    g_ptr_array_add(world->outcomes, news.outcomes);
    g_array_append_val(world->news, news);
    world->sums.moves += trip->moved;
    world->sums.pins += trip->pinned;
    world->sums.ping_pongs += trip->ping_pong;
    g_ptr_array_remove(world->trips, trip);
}

void
vb_world_travel(VbWorld *world)
{
    for (guint i = 0; i < world->trips->len;) {
        VbWorldTrip *trip = g_ptr_array_index(world->trips, i);
        advance(world, trip);
        if (trip->action == trip->plan->actions->len)
            land(world, trip, FALSE);
        else
            i++;
    }
}

void
vb_world_call_off(VbWorld *world, const VbWorldGuest *guest, const char *reason)
{
    for (guint i = 0; i < world->trips->len; i++) {
        VbWorldTrip *trip = g_ptr_array_index(world->trips, i);
        if (trip->guest != guest)
            continue;
        give_up(world, trip, VB_RESULT_CANCELLED, reason);
        land(world, trip, TRUE);
        return;
    }
}

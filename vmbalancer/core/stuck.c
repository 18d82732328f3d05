/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/stuck.h"
#include <string.h>

/* Four tries a day cost nothing; devices and other processes let go at times. */
#define STUCK_NS (6 * G_GINT64_CONSTANT(3600000000000))
/* The least noise of a residency. */
#define NOISE_BP 100

/* What a trip says of a node that pages of a cell were to leave. */
typedef struct {
    guint64 stayed;
    gboolean tried;
} Trial;

/* A trip that was called off, or found no room, may not have come to it. */
static void
take_outcome(Trial *trial, const VbAction *action, const VbOutcome *outcome)
{
    guint64 rest = action->bytes - MIN(action->bytes, outcome->bytes_moved);
    trial->tried |= outcome->result == VB_RESULT_DONE || outcome->bytes_stuck > 0;
    trial->stayed += MIN(rest, outcome->bytes_stuck);
}

/* By which a look may be off. */
static guint64
noise_of(const VbCell *cell)
{
    return (guint64)((unsigned __int128)cell->present_bytes * MAX(cell->error_bp, NOISE_BP) / VB_BP);
}

/* As far as two looks can tell, which may be off in opposite directions. */
static gboolean
is_about(guint64 a, guint64 b, guint64 noise)
{
    return MAX(a, b) - MIN(a, b) <= 2 * noise;
}

static void
judge(VbCell *cell, guint node, const Trial *trial, gint64 now_ns)
{
    guint64 *left = &cell->left_bytes[node], *stuck = &cell->stuck_bytes[node];
    guint64 noise = noise_of(cell);
    if (!trial->tried)
        return;
    gboolean again =
        trial->stayed > 0 && *left > 0 && is_about(trial->stayed, *left, noise);
    *left = again ? 0 : trial->stayed;
    if (!again)
        return;
    /* With what a look may find more than that: it would be tried for nothing, too. */
    guint64 more = MIN(trial->stayed, cell->by_node[node]) + noise;
    if (__builtin_add_overflow(*stuck, more, stuck))
        *stuck = G_MAXUINT64;
    cell->stuck_ns = now_ns;
}

void
vb_stuck_note(VbCell *cell, VbNodeSet nodes, const char *uuid, const VbPlan *plan,
              const GPtrArray *outcomes, gint64 now_ns)
{
    Trial trials[VB_NODES_MAX] = {0};
    for (guint i = 0; i < outcomes->len; i++) {
        const VbOutcome *outcome = g_ptr_array_index(outcomes, i);
        if (outcome->action >= plan->actions->len)
            continue;
        const VbAction *action = g_ptr_array_index(plan->actions, outcome->action);
        if (action->kind == VB_ACTION_MOVE && action->cell == cell->id && action->from >= 0 &&
            action->from < VB_NODES_MAX && g_str_equal(action->uuid, uuid))
            take_outcome(&trials[action->from], action, outcome);
    }
    int node;
    VB_NODESET_FOREACH(node, cell->residency_known ? nodes : 0)
    judge(cell, (guint)node, &trials[node], now_ns);
}

/* Of what stayed there some has left. */
static gboolean
is_less(const VbCell *cell, guint node, guint64 stuck)
{
    return cell->residency_known && stuck > 2 * noise_of(cell) &&
           cell->by_node[node] < stuck - 2 * noise_of(cell);
}

void
vb_stuck_carry(VbCell *cell, const VbCell *old, gint64 now_ns)
{
    memset(cell->left_bytes, 0, sizeof cell->left_bytes);
    memset(cell->stuck_bytes, 0, sizeof cell->stuck_bytes);
    cell->stuck_ns = 0;
    if (old == NULL)
        return;
    gint64 age_ns = (gint64)((guint64)now_ns - (guint64)old->stuck_ns);
    gboolean expired = age_ns >= STUCK_NS;
    for (guint node = 0; node < VB_NODES_MAX; node++) {
        gboolean left = is_less(cell, node, old->stuck_bytes[node]);
        cell->left_bytes[node] = left ? 0 : old->left_bytes[node];
        cell->stuck_bytes[node] = expired || left ? 0 : old->stuck_bytes[node];
    }
    cell->stuck_ns = old->stuck_ns;
}

void
vb_stuck_show(VbCell *cell)
{
    guint64 bytes = cell->unmovable_bytes;
    for (guint node = 0; node < VB_NODES_MAX; node++)
        bytes = bytes > G_MAXUINT64 - cell->stuck_bytes[node] ? G_MAXUINT64
                                                              : bytes + cell->stuck_bytes[node];
    if (bytes > cell->unmovable_bytes)
        cell->unmovable_bytes = MAX(cell->unmovable_bytes, MIN(bytes, cell->present_bytes));
}

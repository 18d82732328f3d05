/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/statistics.h"

const char *
vb_cause_name(VbCause cause)
{
    static const char *const names[] = {
        [VB_CAUSE_NONE] = "none",         [VB_CAUSE_BALANCE] = "balance",
        [VB_CAUSE_LOAD] = "load",         [VB_CAUSE_LOCALITY] = "locality",
        [VB_CAUSE_MANUAL] = "manual",     [VB_CAUSE_INITIAL] = "initial",
    };
    return names[cause];
}

guint64
vb_statistics_move_rate(const VbStatistics *statistics)
{
    if (statistics->moving_ns <= 0)
        return 0;
    unsigned __int128 rate = (unsigned __int128)statistics->moved_bytes * 1000000000 /
                             (guint64)statistics->moving_ns;
    return (guint64)MIN(rate, G_MAXUINT64);
}

gboolean
vb_guest_home_bytes(const VbGuest *guest, guint64 *ret_local, guint64 *ret_remote)
{
    guint64 local = 0, remote = 0;
    if (guest->cells->len == 0)
        return FALSE;
    for (guint i = 0; i < guest->cells->len; i++) {
        const VbCell *cell = g_ptr_array_index(guest->cells, i);
        if (!cell->residency_known || cell->home == 0)
            return FALSE;
        for (guint node = 0; node < VB_NODES_MAX; node++)
            *((cell->home & VB_NODE_BIT(node)) != 0 ? &local : &remote) += cell->by_node[node];
    }
    *ret_local = local;
    *ret_remote = remote;
    return TRUE;
}

gboolean
vb_guest_cumulative_locality(const VbGuest *guest, guint *ret_locality_bp)
{
    const VbStatistics *statistics = &guest->statistics;
    if (statistics->watched_us == 0)
        return vb_guest_locality(guest, ret_locality_bp, NULL);
    guint64 mean = (statistics->local_bp_us + statistics->watched_us / 2) / statistics->watched_us;
    *ret_locality_bp = (guint)MIN(mean, VB_BP);
    return TRUE;
}

void
vb_statistics_watch(VbStatistics *statistics, const VbGuest *guest, gint64 elapsed_ns)
{
    guint locality;
    if (elapsed_ns <= 0 || !vb_guest_locality(guest, &locality, NULL))
        return;
    /* Microseconds: 64 bits of basis points times these last for 58 years. */
    guint64 elapsed_us = (guint64)elapsed_ns / 1000;
    statistics->watched_us += elapsed_us;
    statistics->local_bp_us += locality * elapsed_us;
}

void
vb_statistics_note(VbStatistics *statistics, const VbPlan *plan, const GPtrArray *outcomes,
                   const char *uuid)
{
    gboolean counted = FALSE;
    for (guint i = 0; i < outcomes->len; i++) {
        const VbOutcome *outcome = g_ptr_array_index(outcomes, i);
        if (outcome->action >= plan->actions->len || !vb_outcome_acted(outcome))
            continue;
        const VbAction *action = g_ptr_array_index(plan->actions, outcome->action);
        if (g_strcmp0(action->uuid, uuid) != 0)
            continue;
        if (!counted)
            statistics->placed[action->cause]++;
        counted = TRUE;
        statistics->moved_bytes += outcome->bytes_moved;
        if (action->kind == VB_ACTION_MOVE)
            statistics->moving_ns += MAX(outcome->duration_ns, 0);
    }
}

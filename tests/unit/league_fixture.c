/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "league_fixture.h"

#define NODES 4

VbTrace *
fixture_trace(const char *scenario, const char *policy)
{
    return vb_trace_new(scenario, policy, 1, NODES);
}

VbMoment *
fixture_pass(VbTrace *trace, gint64 duration_ns, guint64 accesses, guint64 local)
{
    VbMoment now = {0};
    if (vb_trace_last(trace) != NULL)
        now = *vb_trace_last(trace);
    now.time_ns += duration_ns;
    now.accesses += accesses;
    now.local += local;
    now.worst_bp = vb_score_share_bp(local, accesses);
    g_array_append_val(trace->moments, now);
    return &g_array_index(trace->moments, VbMoment, trace->moments->len - 1);
}

static void
add_guests(VbTrace *trace, guint count, gboolean home)
{
    for (guint i = 0; i < count; i++) {
        g_autofree char *name = i == 0 ? g_strdup(FIXTURE_HOSTILE) : g_strdup_printf("web%u", i);
        g_autofree char *uuid = g_strdup_printf("00000000-0000-0000-0000-%012u", i);
        VbTraceGuest *guest = vb_trace_add_guest(trace, name, uuid, 0, VB_TRACE_MOMENTS);
        for (guint n = 0; n < NODES; n++) {
            guest->begin[n] = FIXTURE_GIB / 4 * (1 + (n + i) % NODES);
            guest->end[n] = home ? 0 : guest->begin[n];
        }
        if (home)
            guest->end[i % NODES] = FIXTURE_GIB / 4 * 10;
    }
}

/* Its locality climbs from a quarter to @top_bp within @ramp looks. */
static VbTrace *
climb(const char *scenario, const char *policy, guint top_bp, guint ramp, guint64 bytes)
{
    VbTrace *trace = fixture_trace(scenario, policy);
    for (guint i = 0; i < 120; i++) {
        guint share_bp = i >= ramp ? top_bp : 2500 + (top_bp - 2500) * i / ramp;
        share_bp -= i * 7919 % 97;
        VbMoment *now = fixture_pass(trace, 5 * FIXTURE_SECOND, VB_BP, share_bp);
        now->moved_bytes = bytes * MIN(i, ramp) / MAX(ramp, 1);
        now->moves = bytes > 0 ? MIN(i, ramp) : 0;
        now->wanted_ns = (guint64)now->time_ns * 8;
        now->given_ns = now->wanted_ns / 100 * 98;
        now->work_ns = now->given_ns / 20000 * (10000 + share_bp);
    }
    add_guests(trace, 12, bytes > 0);
    return trace;
}

static void
add_table(VbLeague *league, const char *scenario, const char *why)
{
    VbLeagueTable *table = vb_league_add(league, scenario, why);
    vb_league_table_add(table, climb(scenario, "none", 2600, 0, 0));
    vb_league_table_add(table, climb(scenario, VB_LEAGUE_HAND, 9950, 0, 0));
    vb_league_table_add(table, climb(scenario, "moron", 7100, 30, 90 * FIXTURE_GIB));
    vb_league_table_add(table, climb(scenario, "balance", 9900, 22, 24 * FIXTURE_GIB));
    vb_league_table_rank(table);
}

VbLeague *
fixture_league(void)
{
    VbLeague *league = vb_league_new(1);
    add_table(league, FIXTURE_HOSTILE, FIXTURE_HOSTILE);
    add_table(league, "square-wave", "Guests that are busy and idle by turns.");
    return league;
}

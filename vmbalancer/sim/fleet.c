/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sim/fleet.h"
#include "sim/dice.h"
#include "sim/generate.h"

/* What the threads share. */
typedef struct {
    const VbFleetPlan *plan;
    GMutex lock;       /* guards what follows */
    guint next;
    VbFleet sums;
    GError *error;
    guint error_host;
} Crew;

static guint
local_bp(const VbMoment *last)
{
    return last->accesses > 0
               ? (guint)((unsigned __int128)last->local * VB_BP / last->accesses)
               : VB_BP;
}

static void
add_host(VbFleet *sums, const VbTrace *trace)
{
    const VbMoment *last = vb_trace_last(trace);
    guint bp = local_bp(last);
    sums->hosts++;
    sums->guests += trace->guests->len;
    sums->ticks += trace->ticks;
    sums->accesses += last->accesses;
    sums->local += last->local;
    sums->wanted_us += last->wanted_ns / 1000;
    sums->given_us += last->given_ns / 1000;
    sums->work_us += last->work_ns / 1000;
    sums->moved_bytes += last->moved_bytes;
    sums->moves += last->moves;
    sums->pins += last->pins;
    sums->ping_pongs += last->ping_pongs;
    sums->by_local[MIN(bp * 10 / VB_BP, 9)]++;
    if (bp < sums->worst_bp || (bp == sums->worst_bp && trace->seed < sums->worst_seed)) {
        sums->worst_bp = bp;
        sums->worst_seed = trace->seed;
    }
}

static VbTrace *
run_host(const VbFleetPlan *plan, guint host, GError **error)
{
    guint64 seed = vb_dice_throw(plan->seed, VB_DICE_HOST, host, 0) >> 1;
    if (plan->scenario != NULL)
        return vb_sim_run(plan->scenario, plan->policy, seed, VB_TRACE_MOMENTS, error);
    g_autoptr(VbScenario) scenario = vb_generate(plan->kind, seed, error);
    return scenario != NULL ? vb_sim_run(scenario, plan->policy, seed, VB_TRACE_MOMENTS, error)
                            : NULL;
}

static void
note(Crew *crew, guint host, const VbTrace *trace, GError *error)
{
    if (trace != NULL) {
        add_host(&crew->sums, trace);
    } else if (crew->error == NULL || host < crew->error_host) {
        g_clear_error(&crew->error);
        crew->error = error;
        crew->error_host = host;
    } else {
        g_error_free(error);
    }
}

static gpointer
work(gpointer data)
{
    Crew *crew = data;
    g_mutex_lock(&crew->lock);
    while (crew->next < crew->plan->hosts && crew->error == NULL) {
        guint host = crew->next++;
        GError *error = NULL;
        g_mutex_unlock(&crew->lock);
        g_autoptr(VbTrace) trace = run_host(crew->plan, host, &error);
        g_mutex_lock(&crew->lock);
        note(crew, host, trace, error);
    }
    g_mutex_unlock(&crew->lock);
    return NULL;
}

gboolean
vb_fleet_run(const VbFleetPlan *plan, VbFleet *ret, GError **error)
{
    Crew crew = {.plan = plan, .sums = {.worst_bp = VB_BP, .worst_seed = G_MAXUINT64}};
    g_autoptr(GPtrArray) threads = g_ptr_array_new();
    g_mutex_init(&crew.lock);
    for (guint i = 1; i < plan->threads; i++)
        g_ptr_array_add(threads, g_thread_new("fleet", work, &crew));
    work(&crew);
    for (guint i = 0; i < threads->len; i++)
        g_thread_join(g_ptr_array_index(threads, i));
    g_mutex_clear(&crew.lock);
    if (crew.error != NULL) {
        g_propagate_error(error, crew.error);
        return FALSE;
    }
    *ret = crew.sums;
    return TRUE;
}

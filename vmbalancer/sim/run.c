/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sim/run.h"
#include "core/pace.h"
#include "core/tick.h"
#include <vmbalancer/error.h>

#define MS G_GINT64_CONSTANT(1000000)
/* The daemon's own: threads are looked at so often between looks, what befalls guests waits so long. */
#define BEAT_NS (1000 * MS)
#define COALESCE_NS (200 * MS)

typedef struct {
    const VbScenario *scenario;
    VbWorld *world;
    VbTick *tick;
    VbConfig *config;
    VbPace pace;
    guint64 ticks;    /* looks at all, each with a decision */
    gint64 look_ns;   /* when the next look is due */
    VbObservation *seen; /* by a full look that is under way */
    gint64 seen_ns;      /* when that is over */
    gint64 beat_ns;
    gint64 moment_ns;
    guint64 reserve_bytes[VB_NODES_MAX];
} Run;

static gboolean
is_known(const char *policy, GError **error)
{
    if (vb_policy_find(policy) != NULL || vb_baseline_find(policy) != NULL)
        return TRUE;
    g_autoptr(GString) known = g_string_new(NULL);
    for (const VbPolicy *const *p = vb_policy_all(); *p != NULL; p++)
        g_string_append_printf(known, "%s%s", known->len > 0 ? ", " : "", (*p)->name);
    for (const VbBaseline *b = vb_baseline_all(); b->name != NULL; b++)
        g_string_append_printf(known, ", %s", b->name);
    g_set_error(error, VB_ERROR, VB_ERROR_INVALID, "there is no policy \"%s\"; there are: %s", policy,
                known->str);
    return FALSE;
}

static VbConfig *
config_of(const VbScenario *scenario, const char *policy, GError **error)
{
    g_autoptr(VbConfig) config = vb_config_new();
    g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);
    GHashTableIter iter;
    gpointer name, value;
    config->default_policy = g_strdup(vb_policy_find(policy) != NULL ? policy : "none");
    config->interval_ns = scenario->interval_ns;
    config->guest_rate_bytes_per_s = scenario->rate_bytes_per_s;
    config->reserve_set = scenario->reserve_set;
    config->reserve_bytes = scenario->reserve_bytes;
    if (scenario->settings != NULL)
        g_hash_table_iter_init(&iter, scenario->settings);
    while (scenario->settings != NULL && g_hash_table_iter_next(&iter, &name, &value))
        g_hash_table_insert(config->settings, g_strdup(name), g_memdup2(value, sizeof(gint64)));
    if (!vb_config_check(config, vb_policy_all(), warnings, error))
        return NULL;
    if (warnings->len > 0) {
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID, "scenario %s: settings: %s", scenario->name,
                    (const char *)g_ptr_array_index(warnings, 0));
        return NULL;
    }
    return g_steal_pointer(&config);
}

static void
depart(Run *run, const VbVerdict *verdict)
{
    for (guint i = 0; verdict != NULL && i < verdict->departing->len; i++) {
        const VbTrip *trip = g_ptr_array_index(verdict->departing, i);
        vb_world_depart(run->world, trip->uuid, trip->plan, run->config->guest_rate_bytes_per_s,
                        run->reserve_bytes);
    }
}

static VbObservation *
look(Run *run, VbLookDepth depth, const char *uuid)
{
    VbObservation *seen = vb_world_look(run->world, depth, uuid);
    vb_config_apply_host(run->config, seen);
    for (guint i = 0; depth == VB_LOOK_FULL && i < VB_NODES_MAX; i++)
        run->reserve_bytes[i] = seen->reserve_bytes[i];
    return seen;
}

/* Its first home. */
static gboolean
place(Run *run, const char *uuid, GError **error)
{
    g_autoptr(GError) failed = NULL;
    vb_tick_hold(run->tick, uuid, VB_HOLD_STARTING, TRUE);
    g_autoptr(VbObservation) alone = look(run, VB_LOOK_FULL, uuid);
    vb_tick_hold(run->tick, uuid, VB_HOLD_STARTING, FALSE);
    g_autoptr(VbVerdict) verdict = vb_tick_place(run->tick, alone, &failed);
    depart(run, verdict);
    if (failed == NULL)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&failed));
    return FALSE;
}

static gboolean
hear(Run *run, const VbNews *news, GError **error)
{
    gint64 now_ns = vb_world_now_ns(run->world);
    const char *uuid = vb_world_uuid(run->world, news->guest);
    gboolean good = TRUE;
    vb_pace_hurry(&run->pace);
    run->look_ns = MIN(run->look_ns, now_ns + COALESCE_NS);
    if (news->kind == VB_NEWS_LANDED) {
        vb_tick_land(run->tick, uuid, news->outcomes, news->failed, now_ns);
        run->look_ns = now_ns;
    } else if (news->kind == VB_NEWS_STARTED || news->kind == VB_NEWS_MIGRATED_IN) {
        good = place(run, uuid, error);
    }
    return good;
}

/* What it sees is what is there as it begins. */
static void
begin_look(Run *run, gint64 now_ns)
{
    vb_tick_look(run->tick);
    run->seen = look(run, VB_LOOK_FULL, NULL);
    run->seen_ns = now_ns + run->scenario->look_ns;
    run->look_ns = G_MAXINT64;
}

static gboolean
end_look(Run *run, gint64 now_ns, GError **error)
{
    g_autoptr(GError) failed = NULL;
    g_autoptr(VbObservation) seen = g_steal_pointer(&run->seen);
    vb_tick_fold(run->tick, seen);
    run->beat_ns = now_ns + BEAT_NS;
    g_autoptr(VbVerdict) verdict = vb_tick_decide(run->tick, now_ns, &failed);
    depart(run, verdict);
    gint64 next_ns = now_ns + vb_pace_next(&run->pace) * MS;
    /* What happened meanwhile may ask for one sooner. */
    run->look_ns = MIN(run->look_ns, next_ns);
    run->ticks++;
    if (failed == NULL)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&failed));
    return FALSE;
}

static gboolean
look_around(Run *run, GError **error)
{
    gint64 now_ns = vb_world_now_ns(run->world);
    if (run->seen == NULL && now_ns >= run->look_ns)
        begin_look(run, now_ns);
    if (run->seen != NULL)
        return now_ns < run->seen_ns || end_look(run, now_ns, error);
    if (now_ns >= run->beat_ns) {
        g_autoptr(VbObservation) seen = look(run, VB_LOOK_THREADS, NULL);
        vb_tick_fold(run->tick, seen);
        run->beat_ns = now_ns + BEAT_NS;
    }
    return TRUE;
}

static gboolean
live(Run *run, gboolean watched, GError **error)
{
    gint64 end_ns = VB_WORLD_BEGIN_NS + run->scenario->duration_ns;
    vb_world_begin(run->world);
    run->look_ns = vb_world_now_ns(run->world);
    run->moment_ns = run->look_ns + VB_SIM_MOMENT_NS;
    if (watched && !look_around(run, error))
        return FALSE;
    while (vb_world_now_ns(run->world) < end_ns) {
        const GArray *news = vb_world_step(run->world);
        for (guint i = 0; watched && i < news->len; i++)
            if (!hear(run, &g_array_index(news, VbNews, i), error))
                return FALSE;
        if (watched && !look_around(run, error))
            return FALSE;
        gint64 now_ns = vb_world_now_ns(run->world);
        if (now_ns >= run->moment_ns || now_ns >= end_ns) {
            vb_world_note(run->world);
            run->moment_ns += VB_SIM_MOMENT_NS;
        }
    }
    vb_world_end(run->world);
    return TRUE;
}

VbTrace *
vb_sim_run(const VbScenario *scenario, const char *policy, guint64 seed, VbTraceDetail detail,
           GError **error)
{
    g_autoptr(VbConfig) config = is_known(policy, error) ? config_of(scenario, policy, error) : NULL;
    if (config == NULL)
        return NULL;
    const VbBaseline *baseline = vb_baseline_find(policy);
    g_autoptr(VbTrace) trace = vb_trace_new(scenario->name, policy, seed, scenario->n_nodes);
    g_autoptr(VbWorld) world = vb_world_new(scenario, seed, trace, detail);
    g_autoptr(VbTick) tick = vb_tick_new(config);
    Run run = {.scenario = scenario, .world = world, .tick = tick, .config = config};
    vb_pace_set(&run.pace, config->interval_ns);
    if (baseline != NULL && baseline->seat != NULL)
        baseline->seat(scenario, world);
    /* Nobody decides where guests are placed once and for all. */
    gboolean lived = live(&run, baseline == NULL, error);
    g_clear_pointer(&run.seen, vb_observation_free);
    if (!lived)
        return NULL;
    trace->ticks = run.ticks;
    return g_steal_pointer(&trace);
}

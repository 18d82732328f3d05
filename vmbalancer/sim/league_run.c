/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sim/league_run.h"
#include "sim/run.h"
#include <vmbalancer/error.h>
#include <vmbalancer/policy.h>

/* A run to be made, and what came of it. Whoever makes it is the only one to touch it until it is told. */
typedef struct {
    const VbScenario *scenario;
    const char *policy;
    guint64 seed;
    VbTrace *trace;
    GError *error;
} Job;

static void
job_free(gpointer data)
{
    Job *job = data;
    vb_trace_free(job->trace);
    g_clear_error(&job->error);
    g_free(job);
}

static void
make_run(gpointer data, gpointer done)
{
    Job *job = data;
    job->trace = vb_sim_run(job->scenario, job->policy, job->seed, VB_TRACE_MOMENTS, &job->error);
    g_async_queue_push(done, job);
}

static gboolean
make_runs(GPtrArray *jobs, VbLeagueProgress progress, gpointer user_data, GError **error)
{
    g_autoptr(GAsyncQueue) done = g_async_queue_new();
    GThreadPool *pool =
        g_thread_pool_new(make_run, done, (gint)g_get_num_processors(), FALSE, error);
    if (pool == NULL)
        return FALSE;
    for (guint i = 0; i < jobs->len; i++)
        g_thread_pool_push(pool, g_ptr_array_index(jobs, i), NULL);
    for (guint i = 0; i < jobs->len; i++) {
        g_async_queue_pop(done);
        if (progress != NULL)
            progress(i + 1, jobs->len, user_data);
    }
    g_thread_pool_free(pool, FALSE, TRUE);
    for (guint i = 0; i < jobs->len; i++) {
        Job *job = g_ptr_array_index(jobs, i);
        if (job->trace == NULL) {
            g_propagate_error(error, g_steal_pointer(&job->error));
            return FALSE;
        }
    }
    return TRUE;
}

VbLeague *
vb_league_run(const GPtrArray *scenarios, const char *const *policies, guint64 seed,
              VbLeagueProgress progress, gpointer user_data, GError **error)
{
    g_autoptr(GPtrArray) jobs = g_ptr_array_new_with_free_func(job_free);
    for (guint s = 0; s < scenarios->len; s++)
        for (guint p = 0; policies[p] != NULL; p++) {
            Job *job = g_new0(Job, 1);
            *job = (Job){g_ptr_array_index(scenarios, s), policies[p], seed, NULL, NULL};
            g_ptr_array_add(jobs, job);
        }
    if (!make_runs(jobs, progress, user_data, error))
        return NULL;
    VbLeague *league = vb_league_new(seed);
    VbLeagueTable *table = NULL;
    for (guint i = 0; i < jobs->len; i++) {
        Job *job = g_ptr_array_index(jobs, i);
        if (i % g_strv_length((char **)policies) == 0)
            table = vb_league_add(league, job->scenario->name, job->scenario->about);
        vb_league_table_add(table, g_steal_pointer(&job->trace));
    }
    for (guint i = 0; i < league->tables->len; i++)
        vb_league_table_rank(g_ptr_array_index(league->tables, i));
    return league;
}

static char **
all_policies(void)
{
    GPtrArray *names = g_ptr_array_new();
    for (const VbPolicy *const *p = vb_policy_all(); *p != NULL; p++)
        g_ptr_array_add(names, g_strdup((*p)->name));
    for (const VbBaseline *b = vb_baseline_all(); b->name != NULL; b++)
        g_ptr_array_add(names, g_strdup(b->name));
    g_ptr_array_add(names, NULL);
    return (char **)g_ptr_array_free(names, FALSE);
}

static gboolean
refuse(const char *name, GError **error)
{
    g_auto(GStrv) names = all_policies();
    g_autofree char *known = g_strjoinv(", ", names);
    g_set_error(error, VB_ERROR, VB_ERROR_INVALID, "there is no policy \"%s\"; there are: %s", name,
                known);
    return FALSE;
}

static gboolean
is_known(const char *name, GError **error)
{
    return vb_policy_find(name) != NULL || vb_baseline_find(name) != NULL || refuse(name, error);
}

char **
vb_league_policies(const char *text, GError **error)
{
    if (g_str_equal(text, "all"))
        return all_policies();
    g_auto(GStrv) words = g_strsplit(text, ",", -1);
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; words[i] != NULL; i++) {
        if (!is_known(words[i], error))
            return NULL;
        if (!g_ptr_array_find_with_equal_func(names, words[i], g_str_equal, NULL))
            g_ptr_array_add(names, g_strdup(words[i]));
    }
    if (names->len == 0) {
        refuse(text, error);
        return NULL;
    }
    g_ptr_array_add(names, NULL);
    return (char **)g_ptr_array_steal(names, NULL);
}

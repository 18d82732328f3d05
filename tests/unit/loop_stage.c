/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loop_stage.h"
#include <string.h>

#define PATIENCE_MS 20000
#define WHILE_MS 400

static void
on_acted(const VbFlight *flight, const VbAction *action, const VbOutcome *outcome, gpointer data)
{
    LoopStage *stage = data;
    stage->acted++;
    stage->placed_at_start += strstr(action->reason, "as it started") != NULL;
}

static void
on_declined(const char *uuid, const char *name, const VbDecline *decline, gpointer data)
{
    LoopStage *stage = data;
    stage->declined++;
    g_free(stage->last_decline);
    stage->last_decline = g_strdup(decline != NULL ? decline->code : NULL);
}

static void
on_given_up(const char *uuid, const char *name, const VbDecline *decline, gpointer data)
{
    ((LoopStage *)data)->given_up++;
    on_declined(uuid, name, decline, data);
}

static void
on_released(const char *uuid, const char *name, const VbRelease *release, const GError *error,
            gpointer data)
{
    ((LoopStage *)data)->released++;
}

static void
on_trouble(const GError *error, gpointer data)
{
    ((LoopStage *)data)->troubles += error != NULL;
}

static void
on_turned(const VbLoopState *state, gpointer data)
{
    LoopStage *stage = data;
    stage->state = *state;
    if (stage->turned != NULL)
        stage->turned(state, stage->turned_data);
}

static void
on_stopped(gpointer data)
{
    ((LoopStage *)data)->stopped = TRUE;
}

static void
on_noted(const char *uuid, const char *name, const char *notes, gpointer data)
{
    LoopStage *stage = data;
    stage->noted++;
    g_free(stage->last_note);
    stage->last_note = g_strdup(notes);
}

static const VbLoopWatcher watcher = {
    .acted = on_acted,
    .declined = on_declined,
    .given_up = on_given_up,
    .released = on_released,
    .trouble = on_trouble,
    .turned = on_turned,
    .stopped = on_stopped,
    .noted = on_noted,
};

void
loop_stage_set_up(LoopStage *stage)
{
    memset(stage, 0, sizeof *stage);
    stage->reach = fake_reach_new();
    stage->config = vb_config_new();
    stage->config->interval_ns = SECOND / 50;
    stage->loop = vb_loop_new(fake_reach_base(stage->reach), stage->config, &watcher, stage);
}

static gboolean
on_late(gpointer late)
{
    *(gboolean *)late = TRUE;
    return G_SOURCE_CONTINUE;
}

guint
loop_stage_begin_patience(gboolean *late)
{
    return g_timeout_add(PATIENCE_MS, on_late, late);
}

void
loop_stage_wait(void)
{
    gboolean late = FALSE;
    guint timer = g_timeout_add(WHILE_MS, on_late, &late);
    while (!late)
        g_main_context_iteration(NULL, TRUE);
    g_source_remove(timer);
}

void
loop_stage_stop(LoopStage *stage)
{
    vb_loop_stop(stage->loop);
    LOOP_STAGE_UNTIL(stage->stopped);
}

void
loop_stage_tear_down(LoopStage *stage)
{
    if (!stage->stopped)
        loop_stage_stop(stage);
    vb_loop_free(stage->loop);
    fake_reach_free(stage->reach);
    vb_config_free(stage->config);
    g_free(stage->last_decline);
    g_free(stage->last_note);
}

void
loop_stage_tell(LoopStage *stage, VbEventKind kind, guint n)
{
    g_autofree char *uuid = n > 0 ? world_uuid(n) : NULL;
    g_autofree char *name = g_strdup_printf("guest%u", n);
    VbEvent event = {.kind = kind, .uuid = uuid, .name = name};
    vb_loop_event(stage->loop, &event);
}

gboolean
loop_stage_is_home(LoopStage *stage, guint n, guint mib)
{
    int node = fake_reach_pinned(stage->reach, n);
    return node != VB_NO_NODE && fake_reach_mib(stage->reach, n, node) == mib;
}

void
loop_stage_calm(LoopStage *stage)
{
    stage->config->interval_ns = 3600 * SECOND;
    vb_loop_configure(stage->loop, stage->config);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/loop.h"
#include "fake_reach.h"

G_BEGIN_DECLS

/* The daemon's loop on a fake host, and what it told. */
typedef struct {
    FakeReach *reach;
    VbConfig *config;
    VbLoop *loop;
    guint acted, released, troubles, declined, given_up;
    guint placed_at_start;
    char *last_decline;
    guint noted;
    char *last_note;
    VbLoopState state;
    gboolean stopped;
    void (*turned)(const VbLoopState *state, gpointer user_data); /* (nullable): hears of it, too */
    gpointer turned_data;
} LoopStage;

/** It looks every 20 ms. */
void loop_stage_set_up(LoopStage *stage);
/** Stops the loop, if that was not done yet. */
void loop_stage_tear_down(LoopStage *stage);
void loop_stage_stop(LoopStage *stage);
/** An event; of guest @n unless that is 0. */
void loop_stage_tell(LoopStage *stage, VbEventKind kind, guint n);
/** Pinned to one node with @mib MiB there. */
gboolean loop_stage_is_home(LoopStage *stage, guint n, guint mib);
/** Looks no more by itself, but upon events. */
void loop_stage_calm(LoopStage *stage);
/** Lets 0.4 s go by. */
void loop_stage_wait(void);

/** A timer for LOOP_STAGE_UNTIL(). */
guint loop_stage_begin_patience(gboolean *late);

/** Runs the main context until @condition holds; that failing for 20 s fails the test. */
#define LOOP_STAGE_UNTIL(condition)                                                                \
    do {                                                                                           \
        gboolean late_ = FALSE;                                                                    \
        guint timer_ = loop_stage_begin_patience(&late_);                                          \
        while (!(condition) && !late_)                                                             \
            g_main_context_iteration(NULL, TRUE);                                                  \
        if (late_)                                                                                 \
            g_error("still not so: %s", #condition);                                               \
        g_source_remove(timer_);                                                                   \
    } while (0)

G_END_DECLS

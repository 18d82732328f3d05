/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "act/run.h"
#include "fake_hypervisor.h"
#include "world.h"

G_BEGIN_DECLS

/*
 * A stage to run plans on: the hypervisor and the mover are the test's own, and what happens is
 * written down in one log.
 */

#define RUN_STAGE_GUESTS 4
#define RUN_STAGE_STEP (4 * MIB)

typedef struct RunStage RunStage;

struct RunStage {
    char *dir;
    FakeHypervisor *fake;
    VbTopology *topology;
    VbPlacement placement;
    VbMoves moves;
    VbRunner runner;
    VbPlan *plan;
    GCancellable *cancellable;
    const char *uuids[RUN_STAGE_GUESTS];
    GMutex lock;               /* guards what follows */
    GString *log;
    gint64 free[VB_NODES_MAX]; /* bytes; moves change it */
    gint64 lowest[VB_NODES_MAX];
    gboolean huge[RUN_STAGE_GUESTS]; /* its pages are of a pool */
    guint64 rates[RUN_STAGE_GUESTS]; /* asked for, by guest */
    guint64 common_rate;       /* asked for last with the bucket of the runner */
    VbRunProgress last;
    guint n_progress;
    gint64 promised_most;      /* the most that has_room() was told is coming */
    guint room_asked;          /* how often has_room() was asked */
    /* What shall happen. */
    VbMoveEnd end;             /* of each move, after half of it if it is not COMPLETE */
    guint slow_ms;             /* a step of a move takes so long */
    const char *refuse_mid;    /* may_go_on() says no from the n-th question on, with this word */
    VbError refuse_code;
    guint refuse_from;         /* question number, 0 = never */
    guint refuse_times;
    guint asked;               /* questions so far */
    gboolean no_mover, mover_dies;
    guint hold_until_asked;    /* moves stand still until has_room() was asked so often */
    guint cancel_after_steps;  /* steps of moves; 0 = never */
    guint steps;
};

/** A host of two nodes of 1 GiB with guests "guest0"... of 1 vCPU. For g_test_add(). */
void run_stage_set_up(RunStage *f, gconstpointer unused);
/** For g_test_add(). */
void run_stage_tear_down(RunStage *f, gconstpointer unused);
/** The answer of the stage's runner to where a guest's RAM is. */
gboolean run_stage_find_ram(const VbAction *action, VbMoveSource *ret, gpointer user_data,
                            GError **error);
/** Adds a pin of guest @n's vCPU to the plan. */
void run_stage_plan_pin(RunStage *f, guint n, int to);
/** Adds a move to the plan. Returns: (transfer none). */
VbAction *run_stage_plan_move(RunStage *f, guint n, int from, int to, guint64 bytes);
/** Runs the plan. Returns: (transfer full): its outcomes. */
GPtrArray *run_stage_run_plan(RunStage *f);
/** "done 8 | failed 0 node 1 is full": result, MiB and error of each action. (transfer full) */
char *run_stage_run(RunStage *f);
/** Runs the plan and compares what run_stage_run() says. */
void run_stage_assert_run(RunStage *f, const char *expected);
/** Compares the CPUs that guest @n's vCPU is pinned to now. */
void run_stage_assert_pinned(const RunStage *f, guint n, const char *cpus);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "act/room.h"

G_BEGIN_DECLS

/** What the guests of a running plan share. */
typedef struct {
    const VbRunner *runner;
    const VbPlan *plan;
    GCancellable *cancellable;
    GPtrArray *outcomes; /**< by action; each is written by one job only */
    VbRoom room;
    guint workers; /**< that work at the same time */
    GMutex lock;   /**< guards what follows */
    VbRunProgress progress;
    guint unbegun; /**< jobs that no worker has taken yet */
    guint busy;    /**< jobs that are at work, not waiting for room */
    guint waiting; /**< jobs that wait for room */
} VbRunState;

/** A guest's part of a running plan. */
typedef struct VbRunJob VbRunJob;

/** @uuid: the guest's, not copied */
VbRunJob *vb_run_job_new(VbRunState *run, const char *uuid);
void vb_run_job_free(VbRunJob *job);
/** Adds the action of that index. */
void vb_run_job_add(VbRunJob *job, guint index);
/**
 * Does it all and sets the outcome of each of its actions: takes the guest's lock, asks whether the
 * guest may be touched, waits for room, opens a mover, pins, moves. Nothing is changed unless all
 * that can be known before is in order. Blocks; one thread a job.
 */
void vb_run_job_do(VbRunJob *job);

G_END_DECLS

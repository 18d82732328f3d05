/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/replay.h"
#include "sim/scenario.h"
#include "sim/trace.h"

G_BEGIN_DECLS

/*
 * A recorded host as a scenario: a model of what would have been, not what was. Taken from the recording
 * are nodes, guests, their comings and goings, the nodes that they ran and lay on at first, what of their
 * RAM was touched and does not move, and the CPU time that they took, in at most VB_SCENARIO_PHASES_MAX
 * phases. Not in it, and so supposed: what memory their threads use (all RAM of a cell alike), how much
 * they wait for it (the scenario's default), and that they would take the same CPU time elsewhere. RAM of a
 * guest lies evenly on its first nodes. Guests that others place or that have a boundary stay where
 * they are, under every policy.
 */
typedef struct VbRecorded VbRecorded;

/** The pseudo policy of vb_recorded_trace(). */
#define VB_RECORDED_POLICY "recorded"

/** Listens to @replay, which has seen no line yet and must live as long as this. */
VbRecorded *vb_recorded_new(VbReplay *replay);
void vb_recorded_free(VbRecorded *recorded);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbRecorded, vb_recorded_free)

/**
 * The scenario, after the last line. @name: of it
 * Returns: (transfer full); NULL with VB_ERROR_INVALID if the recording has too little of a host:
 * two full looks a second apart, with a guest, and no more than a scenario may have
 */
VbScenario *vb_recorded_scenario(const VbRecorded *recorded, const char *name, GError **error);
/**
 * What the recorded daemon itself came to, as far as its looks tell: each guest's locality, with its CPU time as
 * the weight, and the work that it would have done by the scenario's measure. Not known is the CPU time that
 * was wanted and not had: none, here.
 * Returns: (transfer full)
 */
VbTrace *vb_recorded_trace(const VbRecorded *recorded, const char *name);

G_END_DECLS

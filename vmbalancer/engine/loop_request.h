/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/chore.h"
#include "engine/loop.h"

G_BEGIN_DECLS

/*
 * What may be asked of the loop beside its events. Nothing here blocks; answers come in its context,
 * maybe before the call returns. What is under way when the loop stops ends with
 * VB_ERROR_CANCELLED, when the hypervisor is gone with VB_ERROR_UNREACHABLE.
 */

/** The host as last looked at, nothing presumed. Returns: (transfer full): NULL before the first look. */
VbSnapshot *vb_loop_seen(VbLoop *loop);
/** Returns: (transfer none): as it is now. */
const VbConfig *vb_loop_config(VbLoop *loop);
/** TRUE if it keeps the guest at home by itself: it opted in and was not released. */
gboolean vb_loop_keeps(VbLoop *loop, const VbGuest *guest);
/** TRUE if the guest is being placed now. */
gboolean vb_loop_flies(VbLoop *loop, const char *uuid);
/** Returns: (transfer none): where blocking work for others is done. */
VbChores *vb_loop_chores(VbLoop *loop);

/** @error: (nullable): why there is no such look */
typedef void (*VbLoopLooked)(const GError *error, gpointer user_data);
/**
 * Takes a full look; one look answers all who asked before it began. Two looks that were asked
 * for are a second apart, and take half of the time at most.
 */
void vb_loop_look_anew(VbLoop *loop, VbLoopLooked looked, gpointer user_data);

/** @decision: (transfer full) (nullable): NULL with @error */
typedef void (*VbLoopPlanned)(VbDecision *decision, const GError *error, gpointer user_data);
/**
 * Looks, and decides on the host as it will be once all flights have landed; looks again where the
 * policy wants to see something twice. Guests that were released are left out unless named.
 * @request: copied
 */
void vb_loop_plan(VbLoop *loop, const VbPlanRequest *request, VbLoopPlanned planned,
                  gpointer user_data);

/** @release: what was given back, NULL with @error */
typedef void (*VbLoopReleased)(const VbRelease *release, const GError *error, gpointer user_data);
/**
 * Gives a guest's pins back as they were, once its flight has been called off. From then on it is
 * left alone until its metadata asks for a policy anew, or another policy than now counts for it,
 * it starts anew, or is rebalanced by name.
 * @guest: name or UUID
 * Errors: VB_ERROR_NO_GUEST, those of vb_engine_release(): it is then not left alone.
 */
void vb_loop_release(VbLoop *loop, const char *guest, VbLoopReleased released, gpointer user_data);

/** While it is paused it looks on, but begins nothing by itself. What is under way ends. */
void vb_loop_pause(VbLoop *loop, gboolean paused);

G_END_DECLS

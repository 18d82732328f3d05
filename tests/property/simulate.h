/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/model.h"
#include "world.h"
#include <vmbalancer/policy.h>

G_BEGIN_DECLS

/*
 * A host that lives: guests run, the host's scheduler puts unpinned vCPUs where it likes, looks are
 * noisy, plans are carried out, not always whole. Model, policy, guard and prediction are the real ones.
 */

/** How long a tick and a guest's rest after a move are. */
#define SIMULATE_TICK_NS (5 * SECOND)
#define SIMULATE_COOLDOWN_NS (60 * SECOND)

typedef enum {
    SIMULATE_STEADY, /**< each vCPU wants the same all the time, give or take some */
    SIMULATE_SQUARE, /**< most guests are busy and idle by turns, each in its own rhythm */
} SimulateLoad;

typedef struct {
    GRand *rand;
    VbSnapshot *truth;
    VbModel *model;
    SimulateLoad load;
    gboolean wander;        /**< unpinned vCPUs are away from their node now and then */
    gint64 now_ns;
    guint tick;
    GHashTable *runners;    /**< VbVcpu of the truth -> how it runs */
    GHashTable *stuck;      /**< VbCell of the truth -> bytes by node that do not move */
    GHashTable *period;     /**< VbGuest of the truth -> ticks of its rhythm; 0 = none */
} Simulate;

Simulate *simulate_new(guint32 seed, SimulateLoad load, gboolean wander);
void simulate_free(Simulate *host);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Simulate, simulate_free)

/** Lets a tick pass and looks. Returns: (transfer full): what the model knows now. */
VbSnapshot *simulate_look(Simulate *host);
/** Carries out a guarded plan and tells the model how it went. */
void simulate_act(Simulate *host, const VbPlan *plan);

G_END_DECLS

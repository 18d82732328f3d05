/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "world.h"

G_BEGIN_DECLS

/** How wild a made-up host may be. */
typedef enum {
    GENERATE_ANY,  /**< all of it: unknown facts, foreign owners, odd nodes, guests on the move */
    GENERATE_CALM, /**< all is known, confirmed and rested: what a policy decides is its last word */
} GenerateMood;

/**
 * A host with guests, the same one for the same @seed: 1 to 8 nodes, sparse ids, nodes without CPUs or
 * memory, pools, any distances, up to 12 guests in every state, twins among them.
 */
VbSnapshot *generate_snapshot(guint32 seed, GenerateMood mood);
/** Brings guests, vCPUs, helpers and cells into another order. What it says stays the same. */
void generate_shuffle(VbSnapshot *snapshot, guint32 seed);

G_END_DECLS

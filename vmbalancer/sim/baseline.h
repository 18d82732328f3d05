/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sim/world.h"

G_BEGIN_DECLS

/** What no policy does, but what policies are measured by: placed once, by who knows the truth; then nothing moves. */
typedef struct {
    const char *name;
    const char *question; /**< as a policy's */
    /** Seats guests by vb_world_seat(), before the world begins. */
    void (*seat)(const VbScenario *scenario, VbWorld *world);
} VbBaseline;

/** Ends with a NULL name. */
const VbBaseline *vb_baseline_all(void);
/** Returns: NULL if there is none of that name. */
const VbBaseline *vb_baseline_find(const char *name);

G_END_DECLS

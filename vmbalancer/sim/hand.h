/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sim/world.h"

G_BEGIN_DECLS

/*
 * The hand-placed optimum: what an administrator who knew the whole run before would pin and bind, once
 * and for all. It is found by search (each guest, then each pair, from several beginnings) for the
 * least work lost to distance, busy CPUs and busy memory over moments of the whole run, so it is a good
 * placement, not provably the best; and what moves with the load may beat what stands still.
 */

/** Where a guest sits. */
typedef struct {
    guint vcpus;
    int *vcpu;        /**< node of each vCPU */
    guint cells;
    VbNodeSet *cell;  /**< nodes that each cell's RAM lies on, evenly; never empty */
} VbHandSeat;

/** Returns: (transfer full) (element-type VbHandSeat): a seat for each guest of the scenario, in its order. */
GPtrArray *vb_hand_search(const VbScenario *scenario);

/** Seats the guests of a world that has not begun. */
void vb_hand_seat(const VbScenario *scenario, VbWorld *world);

G_END_DECLS

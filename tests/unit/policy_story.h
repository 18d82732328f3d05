/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "world.h"
#include <vmbalancer/policy.h>

G_BEGIN_DECLS

/* What a policy makes of a small world, as its stories tell it. */

/**
 * Asserts what @policy does to @guest.
 * @actions: as world_describe() has them
 * @declined: (nullable): the code that it is declined with; NULL: it is not
 */
void story_plan(const VbPolicy *policy, const VbSnapshot *host, const VbGuest *guest,
                const char *actions, const char *declined);
/** The decision before agreed with what this one leans to. */
void story_agree(const VbPolicy *policy, VbSnapshot *host);
/** Sets a parameter in the host's or a guest's settings. */
void story_set(GHashTable **settings, const char *name, gint64 value);
/** All vCPUs of @guest may run on @node only. */
void story_hold(const VbSnapshot *host, VbGuest *guest, int node);

G_END_DECLS

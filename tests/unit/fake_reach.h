/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/reach.h"
#include "world.h"

G_BEGIN_DECLS

/*
 * A host of a test's own under the daemon's loop: guests of one vCPU and one cell on four nodes of two
 * CPUs and 8 GiB; what is done to them shows in the next look. Its clock goes one second on with
 * each look. Safe to use from several threads.
 */
typedef struct FakeReach FakeReach;

FakeReach *fake_reach_new(void);
void fake_reach_free(FakeReach *fake);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FakeReach, fake_reach_free)
/** Returns: (transfer none): what the code under test gets. */
VbReach *fake_reach_base(FakeReach *fake);

/**
 * Adds guest @n ("guestN", world_uuid(n)) with @mib MiB, all on @node, its vCPU running on node 0.
 * @policy: (nullable)
 */
void fake_reach_add(FakeReach *fake, guint n, const char *policy, guint mib, int node);
/** The guest has @mib MiB, of which hardly any is touched. */
void fake_reach_add_untouched(FakeReach *fake, guint n, const char *policy, guint mib);
/** It ends. No run of it may be under way. */
void fake_reach_remove(FakeReach *fake, guint n);
void fake_reach_rename(FakeReach *fake, guint n, const char *name);
void fake_reach_set_policy(FakeReach *fake, guint n, const char *policy);
/** What of its wishes does not count. @notes: (nullable) */
void fake_reach_set_notes(FakeReach *fake, guint n, const char *notes);
void fake_reach_set_state(FakeReach *fake, guint n, VbGuestState state);
/** As if an operator pinned it: hands off. */
void fake_reach_take_away(FakeReach *fake, guint n);
/** As if an earlier daemon had pinned it to @node, and was killed. */
void fake_reach_pinned_before(FakeReach *fake, guint n, int node);
/** Puts all of its RAM on @node. */
void fake_reach_stray(FakeReach *fake, guint n, int node);
/** Its runs wait until they are let go, or cancelled. */
void fake_reach_hold(FakeReach *fake, guint n, gboolean hold);
/** Its runs fail. */
void fake_reach_fail(FakeReach *fake, guint n, gboolean fail);
/** Its runs fail with that error. */
void fake_reach_fail_with(FakeReach *fake, guint n, gboolean fail, int code);
/** Looks at all fail with VB_ERROR_UNREACHABLE. */
void fake_reach_blind(FakeReach *fake, gboolean blind);

/** Runs of that guest that began so far. */
guint fake_reach_runs(FakeReach *fake, guint n);
/** libvirt is too busy with that guest for its next @releases. */
void fake_reach_busy(FakeReach *fake, guint n, guint releases);
/** Releases of that guest so far. */
guint fake_reach_releases(FakeReach *fake, guint n);
/** The rate that its last run was told. */
guint64 fake_reach_rate(FakeReach *fake, guint n);
/** What that run shared its rate by, to compare with another's. */
gconstpointer fake_reach_common(FakeReach *fake, guint n);
/** How many runs there were at the same time, at most. */
guint fake_reach_running_most(FakeReach *fake);
/** Full looks at all so far. */
guint fake_reach_looks(FakeReach *fake);
/** The node that its vCPU is pinned to, VB_NO_NODE if it is not. */
int fake_reach_pinned(FakeReach *fake, guint n);
/** MiB that it has on @node. */
guint fake_reach_mib(FakeReach *fake, guint n, int node);

G_END_DECLS

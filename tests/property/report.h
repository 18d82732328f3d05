/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <vmbalancer/policy.h>

G_BEGIN_DECLS

/** How many cases to run: VB_PROPERTY_CASES, else @fallback. */
guint report_cases(guint fallback);
/** The first seed: VB_PROPERTY_SEED, else 1. With VB_PROPERTY_CASES=1 that case alone is run again. */
guint32 report_first_seed(void);
/** FALSE if VB_PROPERTY_POLICY names another policy: that one alone is looked at. */
gboolean report_wants(const VbPolicy *policy);
/** Everything that a plan says, action by action, in its order. Returns: (transfer full). */
char *report_plan(const VbPlan *plan);
/**
 * The same with its lines sorted, so that order does not count, and without the words of declines: they
 * name the first of several causes. Returns: (transfer full).
 */
char *report_plan_sorted(const VbPlan *plan);
/**
 * Writes the host to VB_PROPERTY_KEEP/NAME-POLICY-SEED.json, for tests/property/kept; nothing without that.
 * @name: of the law
 */
void report_keep(const char *name, const VbPolicy *policy, guint32 seed, const VbSnapshot *host);
/** Fails the test: prints the broken law, the seed, the plan and the snapshot as JSON. */
void report_broken(const char *law, const VbPolicy *policy, guint32 seed,
                   const VbSnapshot *snapshot, const VbPlan *plan);

G_END_DECLS

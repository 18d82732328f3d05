/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <vmbalancer/policy.h>

/* The baseline of every comparison: nothing is ever moved. */
static void
decide(const VbPolicy *policy, const VbSnapshot *snapshot, VbPlan *plan)
{
}

const VbPolicy vb_policy_none = {
    .name = "none",
    .question = "what happens if nobody does anything?",
    .needs = VB_NEEDS_NOTHING,
    .decide = decide,
};

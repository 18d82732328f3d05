/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Modules for test_modules.c: a good one, and by macro all that may be wrong with one. */
#include <vmbalancer/module.h>

#ifndef NAME
#define NAME "other"
#endif
#ifndef ABI
#define ABI VB_POLICY_ABI
#endif
#ifndef SIZE
#define SIZE sizeof(VbPolicyModule)
#endif
#ifndef GUEST_SIZE
#define GUEST_SIZE sizeof(VbGuest)
#endif
#ifndef FALLBACK
#define FALLBACK 1
#endif
#ifndef POLICIES
#define POLICIES &other
#endif

#ifdef UNRESOLVED
void nobody_has_this(void);
#else
static void
nobody_has_this(void)
{
}
#endif

static void
decide(const VbPolicy *policy, const VbSnapshot *snapshot, VbPlan *plan)
{
    nobody_has_this();
}

static const VbParameter parameters[] = {{"patience", 0, 10, FALLBACK, "", "a test's"}, {NULL}};

extern const VbPolicy other;
const VbPolicy other = {
    .name = NAME, .question = "what else?", .parameters = parameters, .decide = decide};

#ifndef WITHOUT_SYMBOL
static const VbPolicy *const policies[] = {POLICIES, NULL};

extern const VbPolicyModule vb_policy_module;
const VbPolicyModule vb_policy_module = {
    .abi = ABI,
    .size = SIZE,
    .sizes = {sizeof(VbPolicyModule), sizeof(VbPolicy), sizeof(VbParameter), sizeof(VbSnapshot),
              GUEST_SIZE, sizeof(VbVcpu), sizeof(VbHelperThread), sizeof(VbCell),
              sizeof(VbTopology), sizeof(VbNode), sizeof(VbPlan), sizeof(VbAction)},
    .policies = policies,
};
#endif

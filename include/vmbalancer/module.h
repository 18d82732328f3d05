/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <vmbalancer/policy.h>

G_BEGIN_DECLS

/*
 * A policy module: a shared object with policies that are not part of vmbalancer, which the
 * administrator names in policy-modules= of vmbalancer.conf(5). Its source has one line
 *
 *     VB_POLICY_MODULE(&policy_mine, &policy_yours)
 *
 * for its policies. It calls what these headers declare, and GLib; it is loaded once and stays.
 * What holds for the policies of vmbalancer itself holds for its own (vmbalancer/policy.h).
 */

/** Number of the interface that these headers are. A module of another is not loaded. */
#define VB_POLICY_ABI 5

/** What a module was built with; a module whose sizes are others' is not loaded. */
typedef struct {
    gsize module, policy, parameter, snapshot, guest, vcpu, helper, cell, topology, node, plan,
        action;
} VbModuleSizes;

/** The symbol "vb_policy_module" of a module. The first two members never change their place. */
typedef struct {
    guint32 abi;  /**< VB_POLICY_ABI */
    guint32 size; /**< of this */
    VbModuleSizes sizes;
    const VbPolicy *const *policies; /**< ends with NULL; names that nobody else has */
} VbPolicyModule;

#define VB_MODULE_SIZES                                                                            \
    {                                                                                              \
        sizeof(VbPolicyModule), sizeof(VbPolicy), sizeof(VbParameter), sizeof(VbSnapshot),         \
            sizeof(VbGuest), sizeof(VbVcpu), sizeof(VbHelperThread), sizeof(VbCell),               \
            sizeof(VbTopology), sizeof(VbNode), sizeof(VbPlan), sizeof(VbAction)                   \
    }

/** Makes a module of the policies whose addresses it is given. */
#define VB_POLICY_MODULE(...)                                                                      \
    static const VbPolicy *const vb_module_policies[] = {__VA_ARGS__, NULL};                       \
    extern const VbPolicyModule vb_policy_module;                                                  \
    __attribute__((visibility("default"))) const VbPolicyModule vb_policy_module = {               \
        VB_POLICY_ABI, sizeof(VbPolicyModule), VB_MODULE_SIZES, vb_module_policies}

G_END_DECLS

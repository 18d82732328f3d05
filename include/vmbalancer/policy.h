/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <vmbalancer/plan.h>

G_BEGIN_DECLS

/*
 * A placement policy: a pure function of the snapshot, in integers, without memory of its own;
 * homes, cooldowns and decayed statistics are the model's and reach it in the snapshot. Deciding
 * again on the predicted snapshot must give an empty plan; the order of the guests must not matter.
 */

/** The signals that a policy rests on; a guest that lacks one is declined for it. */
typedef enum {
    VB_NEEDS_NOTHING = 0,
    VB_NEEDS_RESIDENCY = 1 << 0, /**< pages by node, each cell */
    VB_NEEDS_SHARE = 1 << 1,     /**< where each vCPU ran */
    VB_NEEDS_DEMAND = 1 << 2,    /**< how busy each vCPU is */
} VbPolicyNeeds;

/** A parameter that metadata and config may set. All values are integers. */
typedef struct {
    const char *name;
    gint64 minimum;
    gint64 maximum;
    gint64 fallback;     /**< the default */
    const char *unit;    /**< "bp", "bytes", "ns", "" */
    const char *meaning; /**< a sentence */
} VbParameter;

typedef struct VbPolicy VbPolicy;
struct VbPolicy {
    const char *name;
    const char *question;          /**< what it asks of the host, for the table in the manual */
    VbPolicyNeeds needs;
    const VbParameter *parameters; /**< ends with a NULL name; or NULL */
    /**
     * Adds actions and declines for the guests of @snapshot that are `selected`; every other guest
     * is load that stays where it is. Each selected guest that a want of its own exists for
     * but that gets no action is declined with a reason.
     */
    void (*decide)(const VbPolicy *policy, const VbSnapshot *snapshot, VbPlan *plan);
};

extern const VbPolicy vb_policy_none;
extern const VbPolicy vb_policy_moron;
extern const VbPolicy vb_policy_home_node;
extern const VbPolicy vb_policy_cpu_follows_memory;
extern const VbPolicy vb_policy_autonuma;
extern const VbPolicy vb_policy_numa_core;
extern const VbPolicy vb_policy_adaptive_affinity;
extern const VbPolicy vb_policy_balance;

/** All policies: those of this build, then those of modules; ends with NULL. (transfer none) */
const VbPolicy *const *vb_policy_all(void);
/** The policy of that name, NULL if there is none. */
const VbPolicy *vb_policy_find(const char *name);

/**
 * The value of a declared parameter: the guest's own, else the host's, else the default,
 * clamped to its range.
 * @guest: (nullable): for host-wide parameters
 */
gint64 vb_policy_parameter(const VbPolicy *policy, const VbSnapshot *snapshot,
                           const VbGuest *guest, const char *name);

/**
 * Runs @policy: declines guests that lack a signal that it needs, then lets it decide.
 * Returns: (transfer full): a plan, not yet guarded.
 */
VbPlan *vb_policy_decide(const VbPolicy *policy, const VbSnapshot *snapshot);

G_END_DECLS

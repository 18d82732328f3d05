/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <vmbalancer/policy.h>

G_BEGIN_DECLS

/*
 * The policies that vb_policy_all() and vb_policy_find() know: those of this build, and those that
 * were added. Not for modules: whoever loads them adds theirs.
 */

/**
 * Adds policies; they and what they point to must stay for good. All of them or none. May be called
 * on any thread; what vb_policy_all() gave before stays as it is, and valid.
 * @policies: ends with NULL
 * Returns: (transfer none): NULL; or the name of one that another policy has, and nothing is added
 */
const char *vb_registry_add(const VbPolicy *const *policies);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>
#include <vmbalancer/policy.h>

G_BEGIN_DECLS

/** A line each for the policy and its parameters. */
void vb_render_descriptor_brief(const VbPolicy *policy, GString *into);
/** All that a policy declares, with ranges. */
void vb_render_descriptor(const VbPolicy *policy, GString *into);
/**
 * "vmbalancer.policies/1" of @policies, which end with NULL.
 * Returns: (transfer full)
 */
JsonNode *vb_render_descriptor_json(const VbPolicy *const *policies);

G_END_DECLS

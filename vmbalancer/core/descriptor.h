/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <vmbalancer/policy.h>

G_BEGIN_DECLS

/* What a policy declares of itself: whether it makes sense, and how it is told to people. */

/** Parameters that one policy may have. */
#define VB_DESCRIPTOR_PARAMETERS_MAX 64

/**
 * Checks what the rest of the program takes for granted of a policy: a name and parameters' names of
 * a-z, 0-9 and "-" with a letter first, a question, known signals, a decision, units that exist, and
 * defaults within their ranges.
 * Errors: VB_ERROR_INVALID naming what is wrong.
 */
gboolean vb_descriptor_check(const VbPolicy *policy, GError **error);

/** Returns: (transfer none): the declared parameter, NULL if it has none of that name. */
const VbParameter *vb_descriptor_parameter(const VbPolicy *policy, const char *name);
/** What it declares: "has only \"a\", \"b\"" or "has no parameters". Returns: (transfer full). */
char *vb_descriptor_names(const VbPolicy *policy);

/** A value as it is written, with what it comes to: "500 bp (5 %)". Returns: (transfer full). */
char *vb_descriptor_value(const VbParameter *parameter, gint64 value);
/** "0 to 10000 bp (100 %)"; "at least 0" without a bound above. Returns: (transfer full). */
char *vb_descriptor_range(const VbParameter *parameter);
/** "residency, run time by node, CPU demand"; "-" for none. Returns: (transfer full). */
char *vb_descriptor_signals(VbPolicyNeeds needs);

G_END_DECLS

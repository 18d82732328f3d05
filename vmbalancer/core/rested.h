/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <vmbalancer/plan.h>

G_BEGIN_DECLS

/**
 * How long a move of @duration_ns stood still, and what for: "rested 2.0 s of 9.0 s, as the guest waited for CPUs".
 * Returns: (transfer full) (nullable): NULL for less than a second, which nobody need explain
 */
char *vb_rested_text(const VbRested *rested, gint64 duration_ns);

G_END_DECLS

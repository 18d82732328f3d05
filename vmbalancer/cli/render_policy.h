/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli/style.h"
#include "cli/text.h"
#include "engine/guest_policy.h"

G_BEGIN_DECLS

/** A guest's policy for people: what decides on it, what is asked by whom, what was limited. */
void vb_render_policy(const VbGuestPolicy *policy, const VbStyle *style, GString *into);

G_END_DECLS

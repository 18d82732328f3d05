/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli/style.h"
#include "sim/league.h"

G_BEGIN_DECLS

/** A table for each scenario under its name, the best policy first. Appends whole lines to @into. */
void vb_render_league(const VbLeague *league, const VbStyle *style, GString *into);

G_END_DECLS

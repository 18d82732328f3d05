/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli/style.h"
#include "engine/advise.h"

G_BEGIN_DECLS

/** The line for scripts: the list of nodes. */
void vb_render_advice(const VbAdvice *advice, GString *into);
/** Why, and a line for each node, most wanted first. */
void vb_render_advice_ranking(const VbAdvice *advice, const VbStyle *style, GString *into);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli/top_view.h"

G_BEGIN_DECLS

/* The live screen, drawn on the open terminal (terminal.h). */

/** Draws all. */
void vb_top_screen_draw(VbTopView *view);
/** Rows of the list that fit. */
guint vb_top_screen_rows(const VbTopView *view);

G_END_DECLS

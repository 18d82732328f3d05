/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sim/league.h"

G_BEGIN_DECLS

/**
 * A league as a page that a browser shows by itself: it loads nothing from anywhere, and its content
 * security policy lets it run no script but its own. Names are data in it, never markup.
 * Returns: (transfer full): HTML in UTF-8
 */
char *vb_report_html(const VbLeague *league);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli/style.h"

G_BEGIN_DECLS

/* The terminal in curses' hands: there is one a process. */

/** Errors: VB_ERROR_UNSUPPORTED for a terminal that cannot show a screen. */
gboolean vb_terminal_open(const VbStyle *style, GError **error);
/** Gives the terminal back as it was; does nothing if it is not open. */
void vb_terminal_close(void);
/** Takes the terminal's new size over. */
void vb_terminal_resize(void);
/** Next key of curses without waiting, or ERR. */
int vb_terminal_key(void);
/** As given to vb_terminal_open(). */
const VbStyle *vb_terminal_style(void);
/** Curses' attribute for @tint. */
guint vb_terminal_tint(VbTint tint);

G_END_DECLS

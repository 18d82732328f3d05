/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * Numbers as the kernel writes them: digits only, no sign, no blanks; too large is an error, not a
 * wrap.
 */

/**
 * Takes the digits at @cursor (lower or upper case for @base 16, without "0x") and moves it behind.
 * Returns: FALSE if there is no digit or the value does not fit; then nothing is changed.
 */
gboolean vb_number_take(const char **cursor, guint base, guint64 *ret);
/** The whole of @text is one decimal number. */
gboolean vb_number_parse(const char *text, guint64 *ret);

/** Sets VB_ERROR_INVALID: "@what: \"@text\" is not @expected", with @text escaped and shortened. */
void vb_number_invalid(GError **error, const char *what, const char *text, const char *expected);

G_END_DECLS

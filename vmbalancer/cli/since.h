/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * Parses a point in the past: a time ago ("90s", "30min", "2h", "7d"), or a local date with or without a
 * time ("2026-01-31", "2026-01-31 18:30", with a "T" and seconds, too).
 * @now_us: microseconds since 1970, as @ret is
 * Errors: VB_ERROR_INVALID naming @text and what is expected.
 */
gboolean vb_since_parse(const char *text, gint64 now_us, gint64 *ret, GError **error);

G_END_DECLS

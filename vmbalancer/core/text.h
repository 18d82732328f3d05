/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** Bytes for people: "512 MiB", "3.1 GiB". Returns: (transfer full). */
char *vb_bytes_format(guint64 bytes);

/**
 * Parses a size as people write it: "4096", "512MiB", "1.5 GiB", "2G" (powers of 1024). With @rate
 * a trailing "/s" is taken as well.
 * Errors: VB_ERROR_INVALID naming @text.
 */
gboolean vb_bytes_parse(const char *text, gboolean rate, guint64 *ret, GError **error);

G_END_DECLS

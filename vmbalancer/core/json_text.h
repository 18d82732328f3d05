/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/*
 * Text on its way in and out of json-glib. json-glib 1.6 is lenient and breakable: it follows
 * nesting until the stack ends, lets 2^63 wrap to a negative number, cuts a string at \u0000, makes
 * bad UTF-8 of a lone surrogate, and takes comments, hex and several documents in a row. So a
 * text is held to JSON's own tokens (RFC 8259) first; the grammar is json-glib's to check.
 */

/**
 * Parses a text that must be one JSON object.
 * @schema: names the document in errors
 * @length: in bytes, -1 if NUL-terminated
 * Returns: (transfer full); NULL with VB_ERROR_INVALID naming @schema, the byte and the reason: over
 * @depth_max or @size_max, not UTF-8, an integer beyond +-(2^63 - 1), not JSON, not an object.
 */
JsonNode *vb_json_text_parse(const char *text, gssize length, const char *schema, guint depth_max,
                             gsize size_max, GError **error);

/**
 * Generates the text, with a final newline; fractions in the fewest digits that read back as the
 * same number ("0.97", where json-glib writes 0.96999999999999997).
 * Returns: (transfer full)
 */
char *vb_json_text_write(JsonNode *node, gboolean pretty);

G_END_DECLS

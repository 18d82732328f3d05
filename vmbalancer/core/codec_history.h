/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/entry.h"
#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/** An entry's longest line; what is longer is none. */
#define VB_ENTRY_LINE_MAX (256 * 1024)

/** Returns: (transfer full): the entry as one line of JSON with its newline, as it is kept on disk. */
char *vb_codec_entry(const VbEntry *entry);
/** Reads such a line. Returns: (transfer full), NULL with VB_ERROR_INVALID. */
VbEntry *vb_codec_entry_parse(const char *line, gssize length, GError **error);

/**
 * Returns: (transfer full): "vmbalancer.history/1": entries, and statistics of each guest that @entries
 * or @snapshot know: from the snapshot where it has the guest, else counted from all @entries.
 * @entries: (element-type VbEntry): oldest first
 * @first: index of the first that is shown
 * @snapshot: (nullable)
 * @guests: (nullable): names or UUIDs, ends with NULL: whose statistics; NULL or none: all
 */
JsonNode *vb_codec_history(const GPtrArray *entries, guint first,
                           const VbSnapshot *snapshot, const char *const *guests);
/** The entries of such a document. Returns: (transfer full) (element-type VbEntry), NULL with
 * VB_ERROR_INVALID. */
GPtrArray *vb_codec_history_parse(const char *text, gssize length, GError **error);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/codec_history.h"

G_BEGIN_DECLS

/* What was done to guests on this host and why, by the daemon and by the command, as it is kept on disk. */

/** What is asked of the history. All zero: everything. */
typedef struct {
    const char *const *guests; /**< (nullable): names or UUIDs, ends with NULL; none is all */
    gint64 since_us;           /**< since 1970 */
    guint limit;               /**< the newest so many entries; 0 = all */
} VbHistoryQuery;

/**
 * Reads the history from disk; blocks. A guest need not run any more.
 * @snapshot: (nullable): the guests that run, for their statistics and their names
 * @ret_first: index of the first that @query wants; those before it are older, or too many
 * Returns: (transfer full) (element-type VbEntry): the guests' entries of all times, oldest first
 * Errors: VB_ERROR_NO_GUEST where a guest that is named has neither entries nor runs; VB_ERROR_DENIED
 * where the caller may not read it; VB_ERROR_FAILED.
 */
GPtrArray *vb_history_ask(const VbHistoryQuery *query, const VbSnapshot *snapshot,
                          guint *ret_first, GError **error);
/**
 * The same as "vmbalancer.history/1".
 * Returns: (transfer full). Errors: those of vb_history_ask()
 */
JsonNode *vb_history_document(const VbHistoryQuery *query, const VbSnapshot *snapshot,
                              GError **error);
/**
 * Notes that the daemon does not place a guest for another reason than before; on a thread, and
 * without a word if it cannot be written.
 * @gave_up: it had placed the guest, and leaves it to somebody else now
 */
void vb_history_decline(const VbDecline *decline, gboolean gave_up);

G_END_DECLS

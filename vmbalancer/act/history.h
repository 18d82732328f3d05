/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/codec_history.h"

G_BEGIN_DECLS

/*
 * What was done to guests and why, for people: lines of JSON in history.jsonl of the state folder, and
 * in history.jsonl.1 those before. It is no journal: nothing that acts ever reads it, and where it
 * cannot be written that harms nobody. Several processes may write at the same time, and be killed
 * while they do; a line that was torn by that, or by a full disk, is left out when it is read.
 */

/** At this size the file becomes the old one, and the old one goes. */
#define VB_HISTORY_MAX_BYTES (2 * 1024 * 1024)

/**
 * Appends entries, all of them in one write. Root writes as the folder's owner. Waits a second at most
 * for another writer.
 * @dir: made if it is not there
 * @entries: (element-type VbEntry)
 * Errors: VB_ERROR_DENIED, VB_ERROR_FAILED with the path and the mend; nothing of them is then in
 * the file.
 */
gboolean vb_history_append(const char *dir, const GPtrArray *entries, GError **error);
/**
 * Reads what there is, oldest first; no file is an empty history.
 * Returns: (transfer full) (element-type VbEntry), NULL with VB_ERROR_DENIED where the caller may not
 * read it, else VB_ERROR_FAILED.
 */
GPtrArray *vb_history_read(const char *dir, GError **error);

G_END_DECLS

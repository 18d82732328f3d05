/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** Whose files are trusted. Tests, which own no root's files, have their own. */
typedef struct {
    guint owner;      /**< id of the user who is trusted as root is: 0 */
    const char *from; /**< the folder from which on a way is looked at: "/" */
} VbTrust;

/**
 * Opens a file for reading that nobody else can have written or put there: it and each folder on
 * the way belong to root and are writable for their owner alone, and no part is a symbolic link.
 * What was looked at is what is opened, whatever is renamed meanwhile.
 * @path: absolute, without ".", ".." and doubled slashes
 * Returns: a descriptor that programs which are started do not get, -1 on error
 * Errors: VB_ERROR_DENIED and VB_ERROR_FAILED naming the part of the way, the reason and the mend.
 */
int vb_trusted_open(const char *path, const VbTrust *trust, GError **error);

G_END_DECLS

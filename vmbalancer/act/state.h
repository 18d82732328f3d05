/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The folder that outlives the program: undo records and the lock. */

/** VMBALANCER_STATE_DIR, else /var/lib/vmbalancer. Returns: (transfer none). */
const char *vb_state_default_dir(void);
/** Makes @dir, for its owner alone. Errors: those of vb_state_set_error(). */
gboolean vb_state_make_folder(const char *dir, GError **error);
/**
 * VB_ERROR_DENIED where the caller lacks the right, else VB_ERROR_FAILED: "PATH: WHAT: REASON",
 * with the mend.
 */
void vb_state_set_error(GError **error, int code, const char *path, const char *what);

G_END_DECLS

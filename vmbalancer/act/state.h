/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <sys/types.h>

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

/** What vb_state_enter() changed. */
typedef struct {
    gboolean entered;
    uid_t uid; /**< as which this thread reached for files before */
    gid_t gid;
} VbStateVisit;

/**
 * From here on this thread reaches for files as the owner of @dir, if root runs it and @dir is another's
 * (that of the service's own user): so what the command leaves there the service can use, and what that user
 * puts there, links included, gets no power over root's files.
 * Returns: to be left at the end of the scope, by g_auto()
 */
VbStateVisit vb_state_enter(const char *dir);
void vb_state_leave(VbStateVisit *visit);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VbStateVisit, vb_state_leave)

G_END_DECLS

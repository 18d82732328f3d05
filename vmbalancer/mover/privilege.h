/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * Gives up every capability but CAP_SYS_PTRACE and CAP_SYS_NICE (of those, what the process has), also
 * for programs that it might start, and the ways to gain any (no_new_privs).
 * Errors: VB_ERROR_FAILED; the process must not go on then.
 */
gboolean vb_privilege_drop(GError **error);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * Makes this process the only vmbalancerd of the host, until it ends, however it ends. The lock is
 * in RUNTIME_DIRECTORY, which a service manager sets, else in /run/vmbalancer.
 * Errors: VB_ERROR_FAILED if there is another one or the folder cannot be written, with the mend.
 */
gboolean vb_instance_claim(GError **error);

G_END_DECLS

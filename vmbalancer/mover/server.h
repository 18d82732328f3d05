/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sys/kernel.h"

G_BEGIN_DECLS

/**
 * Serves the client at the other end of @socket until it goes away or breaks the protocol.
 * Returns: TRUE if it went away in order.
 */
gboolean vb_server_run(VbKernel *kernel, int socket);

G_END_DECLS

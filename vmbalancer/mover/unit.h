/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "mover/spawn.h"

G_BEGIN_DECLS

/* Who connects to the socket of vmbalancer-mover.socket gets a mover of one's own from the service manager. */

typedef enum {
    VB_UNIT_CONNECTED,
    VB_UNIT_ABSENT, /**< no such socket, nobody listens there, or it is not for this user */
    VB_UNIT_FAILED,
} VbUnitResult;

/**
 * Connects to the socket unit at @path, and believes it only if root made it: a service manager does,
 * and nobody else can fake a mover then.
 * @ret: set if connected; its pid is 0, as the mover is no child of ours
 * Errors: VB_ERROR_UNREACHABLE, VB_ERROR_DENIED (not made by root); none if it is absent
 */
VbUnitResult vb_unit_connect(const char *path, VbSpawned *ret, GError **error);

G_END_DECLS

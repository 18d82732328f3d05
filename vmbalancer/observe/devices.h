/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/domain.h"
#include "sys/kernel.h"
#include <vmbalancer/snapshot.h>

G_BEGIN_DECLS

/**
 * Counts the host devices that serve a guest by node, as their numa_node in /sys has it. One that is gone, or of
 * which the firmware does not tell (-1), is not counted.
 */
void vb_devices_read(VbKernel *kernel, const VbDomain *live, const VbTopology *topology,
                     VbGuest *guest);

G_END_DECLS

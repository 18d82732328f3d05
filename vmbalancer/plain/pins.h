/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/domain.h"
#include "sys/kernel.h"

G_BEGIN_DECLS

/**
 * Reads the affinities of @live's threads as its pins. One that is all that the process's cpuset
 * leaves it is none; where that is less than the host's CPUs it becomes @live's vcpu_cpuset.
 * Returns: FALSE if the host does not tell its CPUs
 */
gboolean vb_plain_pins(VbKernel *kernel, VbDomain *live);

G_END_DECLS

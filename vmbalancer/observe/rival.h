/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/observation.h"
#include "sys/kernel.h"

G_BEGIN_DECLS

/**
 * Another balancer that runs on this host: a process called "numad", by its pid file or by name.
 * @before: (nullable): the last look; the processes of its guests are not asked
 * Returns: (transfer full): its name, NULL if none runs.
 */
char *vb_rival_find(VbKernel *kernel, const VbObservation *before);

G_END_DECLS

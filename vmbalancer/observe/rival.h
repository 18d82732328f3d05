/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sys/kernel.h"

G_BEGIN_DECLS

/**
 * Another balancer that runs on this host: a process called "numad", by its pid file or by name.
 * Returns: (transfer full): its name, NULL if none runs.
 */
char *vb_rival_find(VbKernel *kernel);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sys/kernel.h"

G_BEGIN_DECLS

/** Percent of the last ten seconds in which some task of the host waited for memory: from here on it is short of it. */
#define VB_PRESSURE_HIGH 10

/**
 * Whether the host is short of memory, as the kernel tells (PSI, Linux Documentation/accounting/psi.rst): then
 * programs wait for what pages that move take from them, too. Zeroed is one that was never asked.
 */
typedef struct {
    gboolean asked;
    gint64 asked_ns; /**< when it was read last */
    gboolean high;
} VbPressure;

/**
 * Looks, once a second at most. A kernel that does not tell (CONFIG_PSI, psi=1), or a text that is no
 * such, is not short.
 */
gboolean vb_pressure_is_high(VbPressure *pressure, VbKernel *kernel, gint64 now_ns);

G_END_DECLS

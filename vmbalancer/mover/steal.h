/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sys/kernel.h"

G_BEGIN_DECLS

/**
 * Basis points of the time that a guest wanted CPUs in which it waited for them, above what it waited before the move:
 * from here on the move may be what takes them. As much as guests are warned of by their monitors (steal of 10 %).
 */
#define VB_STEAL_HIGH_BP 1000

/**
 * Whether a guest waits for CPUs while its RAM moves: its threads' time on CPUs and in run queues
 * (/proc/PID/task/TID/schedstat, Linux Documentation/scheduler/sched-stats.rst), which it sees as steal. Its life till
 * then is the measure, so that a guest on a crowded host is not moved more slowly for that. Zeroed is one that was
 * never asked.
 */
typedef struct {
    gboolean asked;
    gint64 asked_ns;           /**< when it was read last */
    guint64 run_ns, wait_ns;   /**< then, of all threads */
    guint before_bp;           /**< share of waiting before the move */
    gboolean high;
} VbSteal;

/**
 * Looks, once a second at most; the first look is the measure for those that follow. A kernel that does not tell
 * (CONFIG_SCHED_INFO), or a thread that ended in between, is no steal.
 */
gboolean vb_steal_is_high(VbSteal *steal, VbKernel *kernel, int pid, gint64 now_ns);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "mover/client.h"

/* One move of a process that stands in for a guest, from node 0 to node 1, and what came of it. */

#define NODE_FROM 0
#define NODE_TO 1

/** How the process is before. */
typedef struct {
    const char *kind;      /**< "4k", "thp", "memfd" */
    const char *nodes;     /**< where its RAM lies */
    guint pin;             /**< one in so many pages is pinned; 0: none */
    guint count;           /**< processes at the same time, 0: one */
    gboolean full;         /**< the target has room for half of it only */
    gboolean wrong_cpuset; /**< the process may not use the target */
} RunSetup;

typedef struct {
    guint64 rate_bytes_per_s; /**< in: of the mover */
    guint64 bytes;            /**< that were off the target */
    guint64 arrived;          /**< of these: on the target afterwards */
    gint64 duration_ns;
    gint64 write_ns;          /**< the longest time that a write of the process took */
    gint64 slow_ns;           /**< that those of more than a millisecond took together */
    gint64 map_ns;            /**< that mapping a page and unmapping it took */
    guint64 huge_bytes;       /**< of transparent hugepages, before */
    const char *end;          /**< of the mover's report, or what failed */
} Run;

/** A process that stands in for a guest. */
typedef struct {
    VbProcess process;
    GSubprocess *child;
    GDataInputStream *from;
    VbRange range;
    VbMover *mover; /**< opened before the clock starts */
    Run *run;
} RunTarget;

/** Moves it; FALSE with run->end saying why it could not. */
typedef gboolean (*RunFunc)(RunTarget *target);

gboolean run_mover(RunTarget *target);
/** migrate_pages(2) of the whole process, as numad and migratepages do. */
gboolean run_migrate_pages(RunTarget *target);
/** cpuset.mems of its cgroup, as a numatune does. */
gboolean run_cpuset(RunTarget *target);
/** One move_pages call with all its pages, as they come. */
gboolean run_naive(RunTarget *target);
/** Waits as long as a move takes: what stalls without one. */
gboolean run_nothing(RunTarget *target);

/** Starts such processes, moves them, measures, and ends them. */
gboolean run_one(const char *writer, guint64 bytes, const RunSetup *setup, RunFunc move, Run *run);
/** Copies between buffers on both nodes by one thread: the faster of memcpy and the kernel's own way. */
void run_copy_limit(guint64 bytes, Run *run);

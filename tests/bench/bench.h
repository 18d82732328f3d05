/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the benchmarks of this folder share: rounds in random order, and what they came to. */
#include <glib.h>

G_BEGIN_DECLS

/** Rounds of each measurement. */
#define BENCH_ROUNDS 7

/** CLOCK_MONOTONIC. */
gint64 bench_now_ns(void);
/** CPU time of this process and of its children that ended, so that a busy machine does not count. */
gint64 bench_cpu_ns(void);
/** CPU time of another process that runs; 0 if it does not. */
gint64 bench_process_ns(int pid);
/** Sorts. Returns: the value below which @percent of them are. */
gint64 bench_percentile(gint64 *values, guint n, guint percent);
/** 0 .. n - 1 in random order. */
void bench_shuffle(GRand *rand, guint *order, guint n);
/** Runs a program and waits. Returns: FALSE if it is not there or failed. */
gboolean bench_run(const char *const *argv);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bench.h"
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

static gint64
read_clock(clockid_t clock)
{
    struct timespec now = {0};
    clock_gettime(clock, &now);
    return (gint64)now.tv_sec * G_GINT64_CONSTANT(1000000000) + now.tv_nsec;
}

gint64
bench_now_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

gint64
bench_cpu_ns(void)
{
    struct rusage usage = {0};
    getrusage(RUSAGE_CHILDREN, &usage);
    gint64 children_us = (gint64)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * G_USEC_PER_SEC +
                         usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
    return read_clock(CLOCK_PROCESS_CPUTIME_ID) + children_us * 1000;
}

gint64
bench_process_ns(int pid)
{
    clockid_t clock;
    return clock_getcpuclockid(pid, &clock) == 0 ? read_clock(clock) : 0;
}

static int
compare(const void *a, const void *b)
{
    gint64 left = *(const gint64 *)a, right = *(const gint64 *)b;
    return (left > right) - (left < right);
}

gint64
bench_percentile(gint64 *values, guint n, guint percent)
{
    qsort(values, n, sizeof *values, compare);
    return values[MIN(n - 1, n * percent / 100)];
}

void
bench_shuffle(GRand *rand, guint *order, guint n)
{
    for (guint i = 0; i < n; i++) {
        guint j = (guint)g_rand_int_range(rand, 0, (gint32)i + 1);
        order[i] = order[j];
        order[j] = i;
    }
}

gboolean
bench_run(const char *const *argv)
{
    gint status = 0;
    return g_spawn_sync(NULL, (char **)argv, NULL,
                        G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL |
                            G_SPAWN_STDERR_TO_DEV_NULL,
                        NULL, NULL, NULL, NULL, &status, NULL) &&
           status == 0;
}

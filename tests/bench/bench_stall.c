/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * B2: how long a guest waits for its own memory map while somebody looks at its RAM again and again: mmap and munmap
 * by one of its threads, and reading its memory from outside (process_vm_readv: pins pages as vhost and
 * VFIO do) while those go on. Scans follow each other at once, which nobody does: the worst case.
 */
#include "bench.h"
#include "mover/sample.h"
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define RAM (G_GUINT64_CONSTANT(2) << 30)
#define PAGE 4096
#define ROUND_NS G_GINT64_CONSTANT(1500000000)
#define CALLS_MAX 20000

typedef enum { NONE, OURS, NUMA_MAPS, WAYS } Way;
static const char *const way_names[] = {"no scan", "sample 11000", "numa_maps"};

/* How long each call took in a round; in memory that all processes share. */
typedef struct {
    gint running;  /* atomic */
    guint n_maps, n_reads;
    gint64 maps[CALLS_MAX];
    gint64 reads[CALLS_MAX];
} Calls;

static Calls *calls;

static void *
map_again_and_again(void *data)
{
    while (TRUE) {
        g_usleep(500);
        if (!g_atomic_int_get(&calls->running) || calls->n_maps == CALLS_MAX)
            continue;
        gint64 begin = bench_now_ns();
        char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        munmap(page, PAGE);
        calls->maps[calls->n_maps++] = bench_now_ns() - begin;
    }
    return NULL;
}

static pid_t
start(char *ram)
{
    int ready[2];
    char got;
    g_assert_cmpint(pipe(ready), ==, 0);
    pid_t pid = fork();
    if (pid == 0) {
        pthread_t thread;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (guint64 i = 0; i < RAM; i += PAGE)
            ram[i] = 1;
        pthread_create(&thread, NULL, map_again_and_again, NULL);
        if (write(ready[1], "x", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    g_assert_cmpint(read(ready[0], &got, 1), ==, 1);
    return pid;
}

/* A process that looks at RAM until it is ended. */
static pid_t
start_scan(Way way, pid_t target, const VbRange *range)
{
    pid_t pid = way != NONE ? fork() : 0;
    if (way == NONE || pid > 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    g_autofree char *path = g_strdup_printf("/proc/%d/numa_maps", target);
    for (guint64 seed = 0;; seed++) {
        g_autofree char *text = NULL;
        VbSample sample;
        if (way == NUMA_MAPS ? !g_file_get_contents(path, &text, NULL, NULL)
                             : !vb_sample_run(vb_kernel_real(), target, range, 1, 11000, seed, NULL,
                                              NULL, &sample, NULL))
            _exit(1);
    }
}

static void
read_again_and_again(pid_t target, const VbRange *range)
{
    char page[PAGE];
    gint64 until = bench_now_ns() + ROUND_NS;
    for (guint64 i = 0; bench_now_ns() < until && calls->n_reads < CALLS_MAX; i++) {
        guint64 address = range->start + i * 7919 * PAGE % RAM;
        struct iovec here = {page, PAGE}, there = {GSIZE_TO_POINTER(address), PAGE};
        gint64 begin = bench_now_ns();
        g_assert_cmpint(process_vm_readv(target, &here, 1, &there, 1, 0), ==, PAGE);
        calls->reads[calls->n_reads++] = bench_now_ns() - begin;
        g_usleep(300);
    }
}

/* What percentiles came to in each round. */
typedef struct {
    gint64 map50[BENCH_ROUNDS], map99[BENCH_ROUNDS], read50[BENCH_ROUNDS], read99[BENCH_ROUNDS];
} Rounds;

static void
measure(Way way, pid_t target, const VbRange *range, guint round, Rounds *rounds)
{
    pid_t scan = start_scan(way, target, range);
    calls->n_maps = calls->n_reads = 0;
    g_atomic_int_set(&calls->running, 1);
    read_again_and_again(target, range);
    g_atomic_int_set(&calls->running, 0);
    if (scan > 0) {
        kill(scan, SIGKILL);
        waitpid(scan, NULL, 0);
    }
    g_usleep(100000); /* for the call that is on its way */
    g_assert_cmpuint(calls->n_maps, >, 0);
    rounds->map50[round] = bench_percentile(calls->maps, calls->n_maps, 50);
    rounds->map99[round] = bench_percentile(calls->maps, calls->n_maps, 99);
    rounds->read50[round] = bench_percentile(calls->reads, calls->n_reads, 50);
    rounds->read99[round] = bench_percentile(calls->reads, calls->n_reads, 99);
}

static void
tell(Way way, const char *what, gint64 *p50, gint64 *p99)
{
    gint64 median = bench_percentile(p50, BENCH_ROUNDS, 50);
    gint64 worst = bench_percentile(p99, BENCH_ROUNDS, 50);
    g_print("# %-12s %-16s p50 %9.3f ms (%.3f to %.3f), p99 %9.3f ms (%.3f to %.3f)\n",
            way_names[way], what, (double)median / 1e6, (double)p50[0] / 1e6,
            (double)p50[BENCH_ROUNDS - 1] / 1e6, (double)worst / 1e6, (double)p99[0] / 1e6,
            (double)p99[BENCH_ROUNDS - 1] / 1e6);
}

int
main(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed((guint32)bench_now_ns());
    calls = mmap(NULL, sizeof *calls, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    char *ram = mmap(NULL, RAM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    g_assert_true(calls != MAP_FAILED && ram != MAP_FAILED);
    madvise(ram, RAM, MADV_NOHUGEPAGE);
    VbRange range = {(gsize)ram, (gsize)ram + RAM, PAGE};
    Rounds rounds[WAYS];
    g_print("1..1\n");
    pid_t target = start(ram);
    for (guint round = 0; round < BENCH_ROUNDS; round++) {
        guint order[WAYS];
        bench_shuffle(rand, order, WAYS);
        for (guint i = 0; i < WAYS; i++)
            measure(order[i], target, &range, round, &rounds[order[i]]);
    }
    kill(target, SIGKILL);
    waitpid(target, NULL, 0);
    for (guint way = 0; way < WAYS; way++) {
        tell(way, "mmap+munmap", rounds[way].map50, rounds[way].map99);
        tell(way, "process_vm_readv", rounds[way].read50, rounds[way].read99);
    }
    g_print("# p99 of numa_maps: mmap x%.1f, process_vm_readv x%.1f of ours\n",
            (double)rounds[NUMA_MAPS].map99[BENCH_ROUNDS / 2] / (double)rounds[OURS].map99[BENCH_ROUNDS / 2],
            (double)rounds[NUMA_MAPS].read99[BENCH_ROUNDS / 2] / (double)rounds[OURS].read99[BENCH_ROUNDS / 2]);
    g_print("ok 1 - measured\n");
    return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * B1: the CPU time that it takes to learn where a guest's RAM is, by how it is backed and how much it is: samples
 * of 9604 and of 1024 pages, numa_maps, and numastat -p. How far samples are off is counted by the unit
 * test "observe-sampling", on layouts over many nodes.
 */
#include "bench.h"
#include "mover/sample.h"
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB (G_GUINT64_CONSTANT(1) << 20)
#define HUGE (2 * MIB)
#define PAGE 4096

typedef enum { SMALL, THP, MEMFD, BACKINGS } Backing;
static const char *const backing_names[] = {"4K", "THP", "memfd"};

typedef enum { SAMPLE, FIRST, NUMA_MAPS, NUMASTAT, WAYS } Way;
static const char *const way_names[] = {"sample 9604", "sample 1024", "numa_maps", "numastat -p"};

/* A process with RAM, as a guest has it. */
typedef struct {
    pid_t pid;
    VbRange range;
} Target;

static void *
map(Backing backing, guint64 size)
{
    int fd = backing == MEMFD ? memfd_create("bench", MFD_CLOEXEC) : -1;
    if (fd >= 0 && ftruncate(fd, (off_t)size) < 0)
        g_error("memfd");
    char *ram = mmap(NULL, size + HUGE, PROT_READ | PROT_WRITE,
                     fd >= 0 ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS, fd, 0);
    g_assert_true(ram != MAP_FAILED);
    ram = (char *)(((gsize)ram + HUGE - 1) & ~(gsize)(HUGE - 1));
    return fd >= 0 ? mmap(ram, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) : ram;
}

static Target
start(Backing backing, guint64 size)
{
    int ready[2];
    Target target = {0};
    g_assert_cmpint(pipe(ready), ==, 0);
    char *ram = map(backing, size);
    madvise(ram, size, backing == THP ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    target.range = (VbRange){(gsize)ram, (gsize)ram + size, PAGE};
    target.pid = fork();
    if (target.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (guint64 i = 0; i < size; i += PAGE)
            ram[i] = 1;
        if (write(ready[1], "x", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    char got;
    g_assert_cmpint(read(ready[0], &got, 1), ==, 1);
    close(ready[0]);
    close(ready[1]);
    munmap(ram, size);
    return target;
}

static void
end(const Target *target)
{
    kill(target->pid, SIGKILL);
    waitpid(target->pid, NULL, 0);
}

static gboolean
look(const Target *target, Way way, guint64 seed)
{
    g_autofree char *pid = g_strdup_printf("%d", target->pid);
    g_autofree char *path = g_strdup_printf("/proc/%d/numa_maps", target->pid), *text = NULL;
    VbSample sample;
    switch (way) {
    case NUMA_MAPS:
        return g_file_get_contents(path, &text, NULL, NULL);
    case NUMASTAT:
        return bench_run((const char *const[]){"numastat", "-p", pid, NULL});
    default:
        return vb_sample_run(vb_kernel_real(), target->pid, &target->range, 1,
                             way == SAMPLE ? 9604 : 1024, seed, NULL, NULL, &sample, NULL) &&
               sample.by_node[0] > 0;
    }
}

static void
measure(GRand *rand, Backing backing, guint64 mib, gint64 medians[WAYS])
{
    gint64 took[WAYS][BENCH_ROUNDS];
    gboolean works[WAYS] = {TRUE, TRUE, TRUE, TRUE};
    guint order[WAYS];
    Target target = start(backing, mib * MIB);
    for (guint round = 0; round < BENCH_ROUNDS; round++) {
        bench_shuffle(rand, order, WAYS);
        for (guint i = 0; i < WAYS; i++) {
            gint64 begin = bench_cpu_ns();
            works[order[i]] &= look(&target, order[i], g_rand_int(rand));
            took[order[i]][round] = bench_cpu_ns() - begin;
        }
    }
    end(&target);
    for (guint way = 0; way < WAYS; way++) {
        medians[way] = bench_percentile(took[way], BENCH_ROUNDS, 50);
        if (!works[way])
            g_print("# %-5s %5" G_GUINT64_FORMAT " MiB  %-12s does not work here\n",
                    backing_names[backing], mib, way_names[way]);
        else
            g_print("# %-5s %5" G_GUINT64_FORMAT " MiB  %-12s %9.3f ms (%.3f to %.3f), x%.1f of sample 9604\n",
                    backing_names[backing], mib, way_names[way], (double)medians[way] / 1e6,
                    (double)took[way][0] / 1e6, (double)took[way][BENCH_ROUNDS - 1] / 1e6,
                    (double)medians[way] / (double)medians[SAMPLE]);
    }
}

/* [MiB of the largest] */
int
main(int argc, char **argv)
{
    guint64 largest = 4096;
    if (argc > 1 && !g_ascii_string_to_unsigned(argv[1], 10, 16, G_MAXUINT32, &largest, NULL)) {
        g_printerr("bench-estimate: \"%s\" is no size of 16 MiB or more, in MiB as in 8192\n", argv[1]);
        return 2;
    }
    guint64 sizes[] = {largest / 16, largest / 4, largest};
    g_autoptr(GRand) rand = g_rand_new_with_seed((guint32)bench_now_ns());
    gint64 medians[BACKINGS][G_N_ELEMENTS(sizes)][WAYS];
    guint order[BACKINGS * G_N_ELEMENTS(sizes)];
    g_print("1..1\n");
    bench_shuffle(rand, order, G_N_ELEMENTS(order));
    for (guint i = 0; i < G_N_ELEMENTS(order); i++) {
        guint backing = order[i] % BACKINGS, size = order[i] / BACKINGS;
        measure(rand, backing, sizes[size], medians[backing][size]);
    }
    for (guint backing = 0; backing < BACKINGS; backing++)
        for (guint way = 0; way < WAYS; way++)
            g_print("# %-5s %-12s at 16 times the RAM: x%.2f\n", backing_names[backing], way_names[way],
                    (double)medians[backing][2][way] / (double)medians[backing][0][way]);
    g_print("ok 1 - measured\n");
    return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * B3: CPU time and memory of looking at many guests of two vCPUs each, as vmbalancerd does it every ten
 * seconds: the observer, its mover, and the looks at threads between; libvirt's part is not in it. Beside it the
 * same without what is kept between looks, numastat -p, and on a host of several nodes numad: on one it looks at nothing.
 * Without cgroup v2 a guest's numa_stat costs reading the host's v1 one, and says that nothing changed.
 */
#include "bench.h"
#include "core/pace.h"
#include "observe/observe.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB (G_GUINT64_CONSTANT(1) << 20)
#define INTERVAL_NS 10e9
/* Each guest's pages are asked for at least that often (vmbalancer/observe/recall.c). */
#define AGE_NS 300e9
#define NUMAD_PID "/run/numad.pid"
#define NUMAD_INTERVAL "10:10"
#define V1_STAT "/sys/fs/cgroup/memory/memory.numa_stat"

typedef struct {
    VbKernel kernel;
    VbKernelOps ops;
    VbKernel *below;
} BenchKernel;

static gboolean
bench_read(VbKernel *kernel, const char *path, gsize limit, char **ret_text, gsize *ret_length,
           GError **error)
{
    VbKernel *below = ((BenchKernel *)kernel)->below;
    gboolean stat = g_str_has_suffix(path, "/memory.numa_stat");
    gboolean cgroup = g_str_has_prefix(path, "/proc/") && g_str_has_suffix(path, "/cgroup");
    g_autofree char *text = NULL;
    if (!stat && !cgroup)
        return below->ops->read(below, path, limit, ret_text, ret_length, error);
    below->ops->read(below, stat ? V1_STAT : path, limit, &text, NULL, NULL);
    *ret_text = stat ? g_strdup("anon N0=8388608\nfile N0=0\n")
                     : g_strdup("0::/machine.slice/machine-qemu-1.scope/libvirt/emulator\n");
    if (ret_length != NULL)
        *ret_length = strlen(*ret_text);
    return TRUE;
}

/* A hypervisor with so many guests. */
typedef struct {
    VbHypervisor hypervisor;
    guint n;
    GPid *pids;
} BenchHypervisor;

static char *
uuid_of(guint guest)
{
    return g_strdup_printf("c7a5fdbd-edaf-9455-926a-%012u", guest);
}

static GPtrArray *
list(VbHypervisor *hypervisor, guint deadline_ms, GError **error)
{
    GPtrArray *looks = g_ptr_array_new_with_free_func((GDestroyNotify)vb_domain_look_free);
    for (guint i = 0; i < ((BenchHypervisor *)hypervisor)->n; i++) {
        VbDomainLook *look = g_new0(VbDomainLook, 1);
        VbDomainCell *cell = g_new0(VbDomainCell, 1);
        look->state = VB_GUEST_RUNNING;
        look->live = vb_domain_new();
        look->inactive = vb_domain_new();
        look->live->name = g_strdup_printf("guest%u", i);
        look->live->uuid = uuid_of(i);
        look->live->n_vcpus = 2;
        *cell = (VbDomainCell){.size_bytes = 8 * MIB, .page_size = 4096};
        vb_cpuset_add(&cell->vcpus, 0);
        vb_cpuset_add(&cell->vcpus, 1);
        g_ptr_array_add(look->live->cells, cell);
        g_ptr_array_add(looks, look);
    }
    return looks;
}

static const VbHypervisorOps hypervisor_ops = {.list = list};

static void
start(BenchHypervisor *guests, const char *program)
{
    for (guint i = 0; i < guests->n; i++) {
        g_autofree char *uuid = uuid_of(i);
        const char *argv[] = {program, "-machine", "bench", "-uuid", uuid, NULL};
        g_autoptr(GError) error = NULL;
        g_spawn_async(NULL, (char **)argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL,
                      &guests->pids[i], &error);
        g_assert_no_error(error);
    }
    g_usleep(5 * G_USEC_PER_SEC);
}

static void
end(BenchHypervisor *guests)
{
    for (guint i = 0; i < guests->n; i++) {
        kill(guests->pids[i], SIGKILL);
        waitpid(guests->pids[i], NULL, 0);
    }
}

/* The mover is the only child that is no guest. */
static int
find_mover(const BenchHypervisor *guests)
{
    g_autofree char *text = NULL;
    g_assert_true(g_file_get_contents("/proc/thread-self/children", &text, NULL, NULL));
    g_auto(GStrv) children = g_strsplit(g_strstrip(text), " ", -1);
    for (guint i = 0; children[i] != NULL; i++) {
        gboolean guest = FALSE;
        for (guint j = 0; j < guests->n && !guest; j++)
            guest = guests->pids[j] == atoi(children[i]);
        if (!guest)
            return atoi(children[i]);
    }
    return 0;
}

static guint64
peak_kib(int pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/status", pid), *text = NULL;
    const char *line = NULL;
    if (g_file_get_contents(path, &text, NULL, NULL))
        line = strstr(text, "VmHWM:");
    return line != NULL ? g_ascii_strtoull(line + strlen("VmHWM:"), NULL, 10) : 0;
}

/* What a look took, in CPU time of this process and of the mover. */
typedef struct {
    VbObserver observer;
    int mover_pid;
    gint64 took[3][BENCH_ROUNDS];
} Bench;

enum { KEPT, BEAT, ANEW };
static const char *const look_names[] = {"full look", "look at threads", "full look, nothing kept"};

static VbObservation *
look(Bench *bench, guint what, const VbObservation *before, gint64 *ret_ns)
{
    g_autoptr(GError) error = NULL;
    gint64 begin = bench_cpu_ns() + bench_process_ns(bench->mover_pid);
    bench->observer.before = what == KEPT ? before : NULL;
    VbObservation *seen = what == BEAT ? vb_observe_threads(&bench->observer, before)
                                       : vb_observe_full(&bench->observer, &error);
    g_assert_no_error(error);
    *ret_ns = bench_cpu_ns() + bench_process_ns(bench->mover_pid) - begin;
    return seen;
}

static void
check(const VbObservation *seen, guint guests)
{
    guint known = 0;
    const char *note = NULL;
    for (guint i = 0; i < seen->guests->len; i++) {
        const VbGuestSight *sight = g_ptr_array_index(seen->guests, i);
        const VbCell *cell = g_ptr_array_index(sight->facts->cells, 0);
        const VbVcpuSight *vcpu = g_ptr_array_index(sight->vcpus, 1);
        known += cell->residency_known && vcpu->run_known && vcpu->last_cpu >= 0;
        note = cell->note != NULL ? cell->note : note;
    }
    if (known < guests)
        g_error("%u of %u guests were seen: %s", known, guests, note != NULL ? note : "");
}

static void
measure(Bench *bench, BenchKernel *kernel, guint guests)
{
    VbKernel *real = vb_kernel_real(), *kept = vb_kernel_kept_new(real, 0);
    g_autoptr(GRand) rand = g_rand_new_with_seed((guint32)bench_now_ns());
    gint64 first = 0;
    kernel->below = kept;
    g_autoptr(VbObservation) full = look(bench, KEPT, NULL, &first);
    check(full, guests);
    g_print("# first look, each guest's pages asked for: %.1f ms of CPU\n", (double)first / 1e6);
    for (guint round = 0; round < BENCH_ROUNDS; round++) {
        guint order[3];
        bench_shuffle(rand, order, 3);
        for (guint i = 0; i < 3; i++) {
            kernel->below = order[i] == ANEW ? real : kept;
            VbObservation *seen = look(bench, order[i], full, &bench->took[order[i]][round]);
            if (order[i] != BEAT)
                check(seen, guests);
            if (order[i] == KEPT) {
                vb_observation_free(full);
                full = seen;
            } else {
                vb_observation_free(seen);
            }
        }
        g_usleep(G_USEC_PER_SEC);
    }
    g_print("# %u files kept open\n", vb_kernel_kept_count(kept));
    double median[3];
    for (guint i = 0; i < 3; i++) {
        median[i] = (double)bench_percentile(bench->took[i], BENCH_ROUNDS, 50);
        g_print("# %-24s %8.1f ms of CPU (%.1f to %.1f)\n", look_names[i], median[i] / 1e6,
                (double)bench->took[i][0] / 1e6, (double)bench->took[i][BENCH_ROUNDS - 1] / 1e6);
    }
    VbPace pace;
    vb_pace_set(&pace, INTERVAL_NS);
    guint beat_ms = vb_pace_beat(&pace, guests * 2);
    /* One that falls together with the look at all is not made. */
    guint beats = beat_ms > 0 ? (guint)(INTERVAL_NS / 1e6 - 1) / beat_ms : 0;
    double due = ((double)first - median[KEPT]) * INTERVAL_NS / AGE_NS;
    g_print("# a full look, %u at threads, and 1/30 of the pages in 10 s: %.2f %% of one CPU "
            "(nothing kept: %.2f %%)\n", beats,
            (median[KEPT] + beats * median[BEAT] + due) / INTERVAL_NS * 100,
            (median[ANEW] + beats * median[BEAT]) / INTERVAL_NS * 100);
    g_print("# peak RSS: agent %.1f MiB, mover %.1f MiB\n", (double)peak_kib((int)getpid()) / 1024,
            (double)peak_kib(bench->mover_pid) / 1024);
    vb_kernel_kept_free(kept);
}

static gint64
children_ns(void)
{
    struct rusage usage;
    getrusage(RUSAGE_CHILDREN, &usage);
    return ((gint64)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
            usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000;
}

static void
measure_numastat(void)
{
    gint64 took[BENCH_ROUNDS];
    for (guint round = 0; round < BENCH_ROUNDS; round++) {
        gint64 begin = children_ns();
        if (!bench_run((const char *const[]){"numastat", "-p", "qemu-system-bench", NULL})) {
            g_print("# numastat -p does not work here\n");
            return;
        }
        took[round] = children_ns() - begin;
    }
    double median = (double)bench_percentile(took, BENCH_ROUNDS, 50);
    g_print("# %-24s %8.1f ms of CPU (%.1f to %.1f): %.2f %% of one CPU each 10 s\n", "numastat -p",
            median / 1e6, (double)took[0] / 1e6, (double)took[BENCH_ROUNDS - 1] / 1e6,
            median / INTERVAL_NS * 100);
}

/* numad goes into the background by itself, and takes its orders through a message queue. */
static int
numad_pid(void)
{
    g_autofree char *text = NULL;
    return g_file_get_contents(NUMAD_PID, &text, NULL, NULL) ? atoi(text) : 0;
}

static void
measure_numad(void)
{
    gint64 took[BENCH_ROUNDS];
    gboolean started = numad_pid() == 0 &&
                       bench_run((const char *const[]){"numad", "-i", NUMAD_INTERVAL, NULL});
    g_usleep(2 * G_USEC_PER_SEC);
    if (!started || numad_pid() == 0) {
        g_print("# numad is not there, or runs already\n");
        return;
    }
    int pid = numad_pid();
    for (guint round = 0; round < BENCH_ROUNDS; round++) {
        gint64 begin = bench_process_ns(pid);
        g_usleep((gulong)(INTERVAL_NS / 1e3));
        took[round] = bench_process_ns(pid) - begin;
    }
    bench_run((const char *const[]){"numad", "-i", "0", NULL});
    double median = (double)bench_percentile(took, BENCH_ROUNDS, 50);
    g_print("# %-24s %8.1f ms of CPU (%.1f to %.1f) in 10 s: %.2f %% of one CPU\n",
            "numad -i " NUMAD_INTERVAL, median / 1e6, (double)took[0] / 1e6,
            (double)took[BENCH_ROUNDS - 1] / 1e6, median / INTERVAL_NS * 100);
}

int
main(int argc, char **argv)
{
    guint n = argc > 2 ? (guint)atoi(argv[2]) : 1000;
    struct rlimit files;
    /* As the unit file of the daemon has it. */
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = MIN(files.rlim_max, 65536);
    setrlimit(RLIMIT_NOFILE, &files);
    g_autofree GPid *pids = g_new0(GPid, n);
    BenchHypervisor guests = {{&hypervisor_ops}, n, pids};
    BenchKernel kernel = {.ops = *vb_kernel_real()->ops};
    g_autoptr(GError) error = NULL;
    Bench bench = {0};
    kernel.kernel.ops = &kernel.ops;
    kernel.ops.read = bench_read;
    g_print("1..1\n");
    g_autoptr(VbMover) mover = vb_mover_spawn(NULL, &error);
    g_assert_no_error(error);
    bench.mover_pid = find_mover(&guests);
    start(&guests, argv[1]);
    bench.observer = (VbObserver){.kernel = &kernel.kernel, .hypervisor = &guests.hypervisor,
                                  .mover = mover, .ram = VB_RAM_SAMPLE, .deadline_ms = 1000};
    measure(&bench, &kernel, n);
    measure_numastat();
    if (g_file_test("/sys/devices/system/node/node1", G_FILE_TEST_EXISTS))
        measure_numad();
    end(&guests);
    g_print("ok 1 - measured\n");
    return 0;
}

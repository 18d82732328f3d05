/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "run.h"
#include <errno.h>
#include <numaif.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define PAGE_BYTES G_GUINT64_CONSTANT(4096)
#define MIB G_GUINT64_CONSTANT(1048576)
#define QUERY_PAGES 4096
#define TARGETS_MAX 2
#define CGROUP "/sys/fs/cgroup/bench-move"
/* Writers run there and one on, movers on those before. */
#define WRITER_CPU 2

static gint64
now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (gint64)time.tv_sec * 1000000000 + time.tv_nsec;
}

static gboolean
write_file(const char *path, const char *text)
{
    /* Files of the kernel are written in place. */
    FILE *file = fopen(path, "we");
    gboolean ok = file != NULL && fputs(text, file) >= 0;
    if (file != NULL)
        ok = fclose(file) == 0 && ok;
    if (!ok)
        g_printerr("%s: %s\n", path, g_strerror(errno));
    return ok;
}

/* --- the process that stands in for a guest --------------------------------------------------- */

/* Returns: (transfer full): what it answers. */
static char *
ask(RunTarget *target)
{
    GOutputStream *to = g_subprocess_get_stdin_pipe(target->child);
    return g_output_stream_write_all(to, "\n", 1, NULL, NULL, NULL)
               ? g_data_input_stream_read_line(target->from, NULL, NULL, NULL)
               : NULL;
}

static gboolean
target_begin(RunTarget *target, const char *writer, guint64 bytes, const RunSetup *setup, int cpu)
{
    g_autofree char *mib = g_strdup_printf("%" G_GUINT64_FORMAT, bytes / MIB);
    g_autofree char *on = g_strdup_printf("%d", cpu);
    g_autofree char *pin = g_strdup_printf("%u", setup->pin);
    const char *arguments[] = {writer, "-name", "writer", setup->kind, mib, setup->nodes, on, pin, NULL};
    target->child = g_subprocess_newv(arguments,
                                      G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE, NULL);
    if (target->child == NULL)
        return FALSE;
    target->from = g_data_input_stream_new(g_subprocess_get_stdout_pipe(target->child));
    g_autofree char *ready = g_data_input_stream_read_line(target->from, NULL, NULL, NULL);
    if (ready == NULL || !g_str_has_prefix(ready, "ready "))
        return FALSE;
    guint64 start = g_ascii_strtoull(ready + strlen("ready "), NULL, 16);
    target->range = (VbRange){start, start + bytes, PAGE_BYTES};
    int pid = (int)g_ascii_strtoll(g_subprocess_get_identifier(target->child), NULL, 10);
    target->mover = vb_mover_spawn(NULL, NULL);
    return target->mover != NULL && vb_process_identify(vb_kernel_real(), pid, &target->process, NULL);
}

static void
target_end(RunTarget *target)
{
    if (target->child != NULL) {
        g_subprocess_force_exit(target->child);
        g_subprocess_wait(target->child, NULL, NULL);
    }
    g_clear_object(&target->from);
    g_clear_object(&target->child);
    g_clear_pointer(&target->mover, vb_mover_close);
}

/* Bytes of it on the target. */
static guint64
count_arrived(const RunTarget *target)
{
    void *pages[QUERY_PAGES];
    int nodes[QUERY_PAGES];
    guint64 arrived = 0;
    for (guint64 at = target->range.start; at < target->range.end;) {
        guint count = 0;
        for (; count < QUERY_PAGES && at < target->range.end; at += PAGE_BYTES)
            pages[count++] = GSIZE_TO_POINTER(at);
        if (move_pages(target->process.pid, count, pages, NULL, nodes, 0) < 0)
            return 0;
        for (guint i = 0; i < count; i++)
            arrived += nodes[i] == NODE_TO ? PAGE_BYTES : 0;
    }
    return arrived;
}

/* Of transparent hugepages. */
static guint64
count_huge(const RunTarget *target)
{
    static const char key[] = "AnonHugePages:";
    g_autofree char *path = g_strdup_printf("/proc/%d/smaps_rollup", target->process.pid);
    g_autofree char *text = NULL;
    if (!g_file_get_contents(path, &text, NULL, NULL))
        return 0;
    const char *line = strstr(text, key);
    return line == NULL ? 0 : g_ascii_strtoull(line + strlen(key), NULL, 10) * 1024;
}

static gboolean
enter_cgroup(const RunTarget *target)
{
    g_autofree char *pid = g_strdup_printf("%d", target->process.pid);
    g_autofree char *from = g_strdup_printf("%d", NODE_FROM);
    g_mkdir_with_parents(CGROUP, 0755);
    return write_file(CGROUP "/cpuset.mems", from) && write_file(CGROUP "/cgroup.procs", pid);
}

/* --- ways to move ------------------------------------------------------------------------------ */

/* Forgets the stalls so far. Returns: when the clock starts. */
static gint64
start_clock(RunTarget *target)
{
    g_free(ask(target));
    return now_ns();
}

static gboolean
fail(RunTarget *target, const char *what)
{
    g_printerr("%s: %s\n", what, g_strerror(errno));
    target->run->end = what;
    return FALSE;
}

gboolean
run_mover(RunTarget *target)
{
    g_autoptr(GError) error = NULL;
    VbMoveBudget budget = {.rate_bytes_per_s = target->run->rate_bytes_per_s};
    VbMoveReport report;
    gint64 begun = start_clock(target);
    if (!vb_mover_move(target->mover, &target->process, &target->range, 1, NODE_TO, &budget, NULL, NULL,
                       NULL, &report, &error)) {
        g_printerr("%s\n", error->message);
        return fail(target, "mover");
    }
    target->run->duration_ns = now_ns() - begun;
    target->run->end = vb_move_end_name(report.end);
    return TRUE;
}

gboolean
run_migrate_pages(RunTarget *target)
{
    gulong from = 1ul << NODE_FROM, to = 1ul << NODE_TO;
    gint64 begun = start_clock(target);
    if (migrate_pages(target->process.pid, 64, &from, &to) < 0)
        return fail(target, "migrate_pages");
    target->run->duration_ns = now_ns() - begun;
    return TRUE;
}

gboolean
run_cpuset(RunTarget *target)
{
    g_autofree char *to = g_strdup_printf("%d", NODE_TO);
    if (!enter_cgroup(target))
        return fail(target, "cgroup");
    gint64 begun = start_clock(target);
    if (!write_file(CGROUP "/cpuset.mems", to))
        return fail(target, "cpuset.mems");
    target->run->duration_ns = now_ns() - begun;
    return TRUE;
}

gboolean
run_naive(RunTarget *target)
{
    gsize count = (target->range.end - target->range.start) / PAGE_BYTES;
    g_autofree void **pages = g_new(void *, count);
    g_autofree int *nodes = g_new(int, count);
    g_autofree int *status = g_new(int, count);
    for (gsize i = 0; i < count; i++) {
        pages[i] = GSIZE_TO_POINTER(target->range.start + i * PAGE_BYTES);
        nodes[i] = NODE_TO;
    }
    gint64 begun = start_clock(target);
    if (move_pages(target->process.pid, count, pages, nodes, status, MPOL_MF_MOVE) < 0)
        return fail(target, "move_pages");
    target->run->duration_ns = now_ns() - begun;
    return TRUE;
}

gboolean
run_nothing(RunTarget *target)
{
    gint64 begun = start_clock(target);
    g_usleep(2 * G_USEC_PER_SEC);
    target->run->duration_ns = now_ns() - begun;
    return TRUE;
}

/* --- one run ----------------------------------------------------------------------------------- */

/* Memory on the target node, so that @bytes are left free there. */
static void *
fill_node(guint64 bytes, gsize *ret_length)
{
    long long unused = 0;
    g_autofree char *path = g_strdup_printf("/sys/devices/system/node/node%d/meminfo", NODE_TO);
    g_autofree char *text = NULL;
    gulong mask = 1ul << NODE_TO;
    if (g_file_get_contents(path, &text, NULL, NULL)) {
        const char *line = strstr(text, "MemFree:");
        unused = line == NULL ? 0 : g_ascii_strtoll(line + strlen("MemFree:"), NULL, 10) * 1024;
    }
    *ret_length = (gsize)MAX(unused - (long long)bytes, (long long)PAGE_BYTES);
    void *memory = mmap(NULL, *ret_length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || mbind(memory, *ret_length, MPOL_BIND, &mask, 64, 0) < 0)
        return NULL;
    madvise(memory, *ret_length, MADV_HUGEPAGE);
    memset(memory, 1, *ret_length);
    return memory;
}

typedef struct {
    RunTarget target;
    RunFunc move;
    gboolean ok;
    guint64 there; /* before */
    Run run;       /* its own */
} Lane;

static gpointer
run_lane(gpointer data)
{
    Lane *lane = data;
    lane->ok = lane->move(&lane->target);
    return NULL;
}

/* What all lanes did together: they began at the same time, near enough. */
static gboolean
sum_up(Lane *lanes, guint count, Run *run)
{
    gboolean ok = TRUE;
    for (guint i = 0; i < count; i++) {
        Lane *lane = &lanes[i];
        /* A write that stood still till now has its end noted. */
        g_usleep(G_USEC_PER_SEC / 10);
        g_autofree char *said = ask(&lane->target);
        char *rest = NULL;
        gint64 write_ns = said == NULL ? 0 : g_ascii_strtoll(said, &rest, 10);
        gint64 slow_ns = said == NULL ? 0 : g_ascii_strtoll(rest, &rest, 10);
        gint64 map_ns = said == NULL ? 0 : g_ascii_strtoll(rest, NULL, 10);
        run->write_ns = MAX(run->write_ns, write_ns);
        run->slow_ns = MAX(run->slow_ns, slow_ns);
        run->map_ns = MAX(run->map_ns, map_ns);
        run->huge_bytes += lane->run.huge_bytes;
        run->arrived += count_arrived(&lane->target) - lane->there;
        run->bytes += lane->target.range.end - lane->target.range.start - lane->there;
        run->duration_ns = MAX(run->duration_ns, lane->run.duration_ns);
        run->end = lane->run.end;
        ok = ok && lane->ok;
    }
    return ok;
}

gboolean
run_one(const char *writer, guint64 bytes, const RunSetup *setup, RunFunc move, Run *run)
{
    Lane lanes[TARGETS_MAX] = {0};
    GThread *threads[TARGETS_MAX];
    guint count = MAX(setup->count, 1);
    gboolean ok = TRUE;
    gsize filled_length = 0;
    /* Every run finds the same: no cache in the way, and room in whole hugepages. */
    write_file("/proc/sys/vm/drop_caches", "3");
    write_file("/proc/sys/vm/compact_memory", "1");
    for (guint i = 0; ok && i < count; i++) {
        lanes[i].run = *run;
        lanes[i].target.run = &lanes[i].run;
        lanes[i].move = move;
        ok = target_begin(&lanes[i].target, writer, bytes, setup, WRITER_CPU + (int)i) &&
             (!setup->wrong_cpuset || enter_cgroup(&lanes[i].target));
        lanes[i].there = ok ? count_arrived(&lanes[i].target) : 0;
        lanes[i].run.huge_bytes = ok ? count_huge(&lanes[i].target) : 0;
    }
    void *filled = ok && setup->full ? fill_node(bytes / 2, &filled_length) : NULL;
    if (ok) {
        for (guint i = 0; i < count; i++)
            threads[i] = g_thread_new("lane", run_lane, &lanes[i]);
        for (guint i = 0; i < count; i++)
            g_thread_join(threads[i]);
        ok = sum_up(lanes, count, run);
    } else {
        run->end = "its process did not start";
    }
    for (guint i = 0; i < count; i++)
        target_end(&lanes[i].target);
    if (filled != NULL)
        munmap(filled, filled_length);
    return ok;
}

/* --- the limit --------------------------------------------------------------------------------- */

static void *
map_on(int node, gsize bytes)
{
    gulong mask = 1ul << node;
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    g_assert(memory != MAP_FAILED && mbind(memory, bytes, MPOL_BIND, &mask, 64, 0) == 0);
    memset(memory, 1, bytes);
    return memory;
}

/* As copy_page() of the kernel. */
static void
copy_words(void *to, const void *from, gsize bytes)
{
#ifdef __x86_64__
    gsize words = bytes / 8;
    __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
#else
    memcpy(to, from, bytes);
#endif
}

void
run_copy_limit(guint64 bytes, Run *run)
{
    void *from = map_on(NODE_FROM, bytes), *to = map_on(NODE_TO, bytes);
    gint64 begun = now_ns();
    memcpy(to, from, bytes);
    gint64 between = now_ns();
    copy_words(to, from, bytes);
    gint64 ended = now_ns();
    run->bytes = run->arrived = bytes;
    run->duration_ns = MIN(between - begun, ended - between);
    run->end = between - begun < ended - between ? "memcpy" : "rep movsq";
    munmap(from, bytes);
    munmap(to, bytes);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The meter: a TCG plugin of the emulated host. Counts the loads and stores of user space by CPU
 * and by the node whose memory they reach. README.md here tells the file format and the limits. */
#include "plugin.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define MAXIMUM_CPUS 64
#define MAXIMUM_NODES 16
#define MAXIMUM_RANGES 64
#define USER_END (UINT64_C(1) << 47)
#define INTERVAL_NS 500000000L
/* Only every so-manieth access is looked at: a prime, so that no loop's rhythm hides a part of it. */
#define EVERY 7

struct counters {
    uint32_t left; /* accesses until the next that is looked at */
    uint64_t all[MAXIMUM_NODES + 1]; /* the last: no node's memory, such as a ROM */
    uint64_t ram[MAXIMUM_NODES + 1]; /* those inside the ranges */
} __attribute__((aligned(128)));

struct range {
    uint64_t start, bytes;
};

struct ranges {
    size_t count;
    struct range range[MAXIMUM_RANGES];
};

struct meter {
    FILE *file;
    char ranges_path[4096];
    struct timespec ranges_time;
    unsigned n_cpus, n_nodes;
    uint64_t node_bytes;
    pthread_t writer;
    pthread_mutex_t lock;
    pthread_cond_t stop_signal;
    bool stop;
};

PLUGIN_EXPORT int qemu_plugin_version = PLUGIN_VERSION;

/* The callbacks get no data of ours cheaply; one plugin, one meter. */
static struct meter meter = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .stop_signal = PTHREAD_COND_INITIALIZER,
};
static struct counters counters[MAXIMUM_CPUS];
static struct ranges range_sets[2];
static _Atomic(struct ranges *) ranges_now = &range_sets[0];

/* QEMU 7.2's "physical address" of RAM is the RAM block's offset + the offset in the block + the
 * address of the block's region among the nodes' regions. With nodes of one size, which follow one
 * another in both orders, node i begins at 2 * i * size. tests/lab/test-meter.sh proves it. */
static unsigned node_of(uint64_t address)
{
    uint64_t node = address / (2 * meter.node_bytes);
    if (node >= meter.n_nodes || address % (2 * meter.node_bytes) >= meter.node_bytes)
        return meter.n_nodes;
    return (unsigned)node;
}

static bool in_ranges(uint64_t address)
{
    const struct ranges *ranges = atomic_load_explicit(&ranges_now, memory_order_acquire);
    for (size_t i = 0; i < ranges->count; i++)
        if (address - ranges->range[i].start < ranges->range[i].bytes)
            return true;
    return false;
}

static void count_access(unsigned cpu, qemu_plugin_meminfo_t info, uint64_t address, void *data)
{
    struct counters *mine = &counters[cpu];
    if (mine->left-- > 0)
        return;
    mine->left = EVERY - 1;
    const struct qemu_plugin_hwaddr *hardware = qemu_plugin_get_hwaddr(info, address);
    if (!hardware || qemu_plugin_hwaddr_is_io(hardware))
        return;
    unsigned node = node_of(qemu_plugin_hwaddr_phys_addr(hardware));
    mine->all[node] += EVERY;
    if (in_ranges(address))
        mine->ram[node] += EVERY;
}

/* The kernel's own code runs at full speed. */
static void block_translated(qemu_plugin_id_t id, struct qemu_plugin_tb *block)
{
    if (qemu_plugin_tb_vaddr(block) >= USER_END)
        return;
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(block); i++)
        qemu_plugin_register_vcpu_mem_cb(qemu_plugin_tb_get_insn(block, i), count_access,
            QEMU_PLUGIN_CB_NO_REGS, QEMU_PLUGIN_MEM_RW, NULL);
}

/* Fills the set that is not in use; a callback that still reads it began an interval ago. */
static void ranges_read(void)
{
    struct stat status;
    if (stat(meter.ranges_path, &status) < 0 ||
        (status.st_mtim.tv_sec == meter.ranges_time.tv_sec &&
         status.st_mtim.tv_nsec == meter.ranges_time.tv_nsec))
        return;
    FILE *file = fopen(meter.ranges_path, "re");
    if (!file)
        return;
    struct ranges *next = atomic_load(&ranges_now) == &range_sets[0] ? &range_sets[1] : &range_sets[0];
    size_t count = 0;
    while (count < MAXIMUM_RANGES &&
           fscanf(file, "%" SCNx64 " %" SCNu64, &next->range[count].start,
              &next->range[count].bytes) == 2)
        count++;
    fclose(file);
    next->count = count;
    meter.ranges_time = status.st_mtim;
    atomic_store_explicit(&ranges_now, next, memory_order_release);
}

static void print_line(double now, unsigned cpu, const char *kind, const uint64_t *counts)
{
    fprintf(meter.file, "%.3f %u %s", now, cpu, kind);
    for (unsigned i = 0; i <= meter.n_nodes; i++)
        fprintf(meter.file, " %" PRIu64, counts[i]);
    fputc('\n', meter.file);
}

static void print_counters(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    double seconds = (double)now.tv_sec + (double)now.tv_nsec / 1e9;
    for (unsigned i = 0; i < meter.n_cpus; i++) {
        print_line(seconds, i, "all", counters[i].all);
        print_line(seconds, i, "ram", counters[i].ram);
    }
    fflush(meter.file);
}

static void *write_counters(void *data)
{
    pthread_mutex_lock(&meter.lock);
    while (!meter.stop) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += INTERVAL_NS;
        if (until.tv_nsec >= 1000000000L) {
            until.tv_sec++;
            until.tv_nsec -= 1000000000L;
        }
        pthread_cond_timedwait(&meter.stop_signal, &meter.lock, &until);
        ranges_read();
        print_counters();
    }
    pthread_mutex_unlock(&meter.lock);
    return NULL;
}

static void finish(qemu_plugin_id_t id, void *data)
{
    pthread_mutex_lock(&meter.lock);
    meter.stop = true;
    pthread_cond_signal(&meter.stop_signal);
    pthread_mutex_unlock(&meter.lock);
    pthread_join(meter.writer, NULL);
    fclose(meter.file);
}

static bool option_number(const char *text, unsigned long most, unsigned long *ret_number)
{
    char *end;
    errno = 0;
    unsigned long number = strtoul(text, &end, 10);
    if (errno || *end || end == text || number == 0 || number > most)
        return false;
    *ret_number = number;
    return true;
}

/* out=FILE ranges=FILE nodes=N size=MiB */
static bool parse_option(const char *option)
{
    unsigned long number;
    const char *value = strchr(option, '=');
    if (!value++)
        return false;
    if (strncmp(option, "out=", 4) == 0)
        return (meter.file = fopen(value, "we")) != NULL;
    if (strncmp(option, "ranges=", 7) == 0)
        return snprintf(meter.ranges_path, sizeof(meter.ranges_path), "%s", value) <
            (int)sizeof(meter.ranges_path);
    if (strncmp(option, "nodes=", 6) == 0 && option_number(value, MAXIMUM_NODES, &number)) {
        meter.n_nodes = (unsigned)number;
        return true;
    }
    if (strncmp(option, "size=", 5) == 0 && option_number(value, 1UL << 30, &number)) {
        meter.node_bytes = (uint64_t)number << 20;
        return true;
    }
    return false;
}

int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        if (parse_option(argv[i]))
            continue;
        fprintf(stderr, "meter: cannot use the option '%s': %s\n", argv[i],
            errno ? strerror(errno) : "not out=FILE, ranges=FILE, nodes=N or size=MiB");
        return -1;
    }
    if (!meter.file || meter.n_nodes == 0 || meter.node_bytes == 0) {
        fprintf(stderr, "meter: needs out=FILE, nodes=N and size=MiB\n");
        return -1;
    }
    if (!info->system_emulation || info->system.smp_vcpus > MAXIMUM_CPUS) {
        fprintf(stderr, "meter: needs a machine with at most %d CPUs\n", MAXIMUM_CPUS);
        return -1;
    }
    meter.n_cpus = (unsigned)info->system.smp_vcpus;
    fprintf(meter.file, "# meter 1 nodes %u cpus %u\n", meter.n_nodes, meter.n_cpus);
    if (pthread_create(&meter.writer, NULL, write_counters, NULL) != 0) {
        fprintf(stderr, "meter: cannot start its thread\n");
        return -1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, block_translated);
    qemu_plugin_register_atexit_cb(id, finish, NULL);
    return 0;
}

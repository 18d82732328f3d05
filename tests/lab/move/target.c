/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * qemu-system-writer -name NAME KIND MIB NODES CPU PIN: what stands in for a guest when moves are measured. Its RAM of so
 * many MiB (4k, thp or memfd) lies on the first of NODES ("0"), or page by page in turn on both ("0,1"); one in PIN
 * pages is pinned as a device would (0: none). A thread on CPU writes to random pages of it for ever and notes the
 * longest time that a write took, and how long those that took more than a millisecond did together. It rests in between: the interrupts by which the kernel empties a busy CPU's TLB, one for each
 * page on 6.1, take milliseconds each where CPUs are emulated on a busy machine, and all else would drown in that.
 * Another maps and unmaps a page each millisecond, as QEMU does for itself: that waits for who walks the process's mappings,
 * and pages that are touched for the first time wait behind it. Says "ready START"; answers a line with
 * "WRITE-NS SLOW-NS MAP-NS" since the line before. Its name is a guest's, as the mover touches nothing else.
 */
#include <linux/io_uring.h>
#include <linux/mempolicy.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define PAGE_BYTES 4096UL
#define HUGE_BYTES (2UL << 20)
/* What io_uring takes at most. */
#define PINNED_MAX 16384
#define WRITES_BETWEEN_RESTS 16
#define REST_NS 1000000
#define SLOW_NS 1000000

struct target {
    unsigned char *memory;
    size_t bytes;
    int cpu;
    _Atomic uint64_t write_ns, map_ns;  /* the longest */
    _Atomic uint64_t slow_ns;           /* all slow writes together */
    _Atomic int write_again, map_again; /* begin anew: what came before does not count */
};

static uint64_t now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void stay_on(int cpu)
{
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET((size_t)cpu, &cpus);
    if (sched_setaffinity(0, sizeof cpus, &cpus) < 0)
        die("sched_setaffinity");
}

static void note_write(struct target *target, uint64_t took_ns)
{
    if (atomic_exchange(&target->write_again, 0)) {
        target->write_ns = target->slow_ns = 0;
        return;
    }
    if (took_ns > target->write_ns)
        target->write_ns = took_ns;
    if (took_ns > SLOW_NS)
        target->slow_ns += took_ns;
}

static void note_map(struct target *target, uint64_t took_ns)
{
    if (atomic_exchange(&target->map_again, 0))
        target->map_ns = 0;
    else if (took_ns > target->map_ns)
        target->map_ns = took_ns;
}

static void *write_for_ever(void *data)
{
    struct target *target = data;
    const struct timespec rest = {0, REST_NS};
    uint64_t random = 88172645463325252;
    stay_on(target->cpu);
    for (uint64_t turn = 1;; turn++) {
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        volatile unsigned char *byte = &target->memory[random % (target->bytes / PAGE_BYTES) * PAGE_BYTES + 64];
        uint64_t before = now_ns();
        ++*byte;
        note_write(target, now_ns() - before);
        if (turn % WRITES_BETWEEN_RESTS == 0)
            nanosleep(&rest, NULL);
    }
    return NULL;
}

static void *map_for_ever(void *data)
{
    struct target *target = data;
    const struct timespec rest = {0, REST_NS};
    stay_on(target->cpu);
    for (;;) {
        uint64_t before = now_ns();
        void *page = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (page == MAP_FAILED || munmap(page, PAGE_BYTES) < 0)
            die("mmap");
        note_map(target, now_ns() - before);
        nanosleep(&rest, NULL);
    }
    return NULL;
}

static void map(struct target *target, const char *kind)
{
    int shared = !strcmp(kind, "memfd"), fd = -1;
    if (shared && ((fd = memfd_create("writer", 0)) < 0 || ftruncate(fd, (off_t)target->bytes) < 0))
        die("memfd");
    /* A hugepage more, to begin at the start of one. */
    unsigned char *memory = mmap(NULL, target->bytes + HUGE_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memory += HUGE_BYTES - (uintptr_t)memory % HUGE_BYTES;
    target->memory = mmap(memory, target->bytes, PROT_READ | PROT_WRITE,
        MAP_FIXED | (shared ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS), fd, 0);
    if (target->memory == MAP_FAILED)
        die("mmap");
    madvise(target->memory, target->bytes, strcmp(kind, "thp") ? MADV_NOHUGEPAGE : MADV_HUGEPAGE);
}

static void prefer(int node)
{
    unsigned long mask = node < 0 ? 0 : 1UL << node;
    if (syscall(SYS_set_mempolicy, node < 0 ? MPOL_DEFAULT : MPOL_BIND, node < 0 ? NULL : &mask, node < 0 ? 0 : 64) < 0)
        die("set_mempolicy");
}

/* The policy of now is a thread's own: what is touched later goes where the thread runs. */
static void fill(const struct target *target, const char *nodes)
{
    char *rest;
    int node[2] = {(int)strtol(nodes, &rest, 10), -1};
    node[1] = *rest == ',' ? (int)strtol(rest + 1, NULL, 10) : node[0];
    for (int i = 0; i < 2; i++) {
        prefer(node[i]);
        for (size_t at = i * PAGE_BYTES; at < target->bytes; at += 2 * PAGE_BYTES)
            target->memory[at] = 1;
    }
    prefer(-1);
}

/* Registered buffers are pinned for as long as the ring lives: this process's life. */
static void pin(const struct target *target, size_t one_in)
{
    static struct iovec buffers[PINNED_MAX];
    struct io_uring_params params = {0};
    unsigned int count = 0;
    long ring = syscall(SYS_io_uring_setup, 4, &params);
    for (size_t at = 0; at < target->bytes && count < PINNED_MAX; at += one_in * PAGE_BYTES)
        buffers[count++] = (struct iovec){target->memory + at, PAGE_BYTES};
    if (ring < 0 || syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, buffers, count) < 0)
        die("io_uring");
}

int main(int argc, char **argv)
{
    static struct target target;
    pthread_t threads[2];
    char line[64];
    if (argc != 8) {
        fprintf(stderr, "usage: %s -name NAME KIND MIB NODES CPU PIN\n", argv[0]);
        return 2;
    }
    target.bytes = strtoul(argv[4], NULL, 10) << 20;
    target.cpu = (int)strtol(argv[6], NULL, 10);
    map(&target, argv[3]);
    fill(&target, argv[5]);
    if (strtoul(argv[7], NULL, 10) > 0)
        pin(&target, strtoul(argv[7], NULL, 10));
    if (pthread_create(&threads[0], NULL, write_for_ever, &target) != 0 ||
        pthread_create(&threads[1], NULL, map_for_ever, &target) != 0)
        die("pthread_create");
    printf("ready %lx\n", (unsigned long)(uintptr_t)target.memory);
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        printf("%lu %lu %lu\n", (unsigned long)target.write_ns, (unsigned long)target.slow_ns,
            (unsigned long)target.map_ns);
        fflush(stdout);
        target.write_again = target.map_again = 1;
    }
    return 0;
}

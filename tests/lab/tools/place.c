/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* place PID START LENGTH NODE[,NODE...]: moves the present pages of a range (hexadecimal start,
 * decimal length) to the nodes, 2 MiB block by block in turn. The lab's own hand, so that tests of
 * the balancer do not rest on the balancer. Ends with 1 when pages stayed elsewhere. */
#include <errno.h>
#include <linux/mempolicy.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAXIMUM_NODES 64
#define BLOCK_BYTES (2UL << 20)
#define BATCH 4096
#define TRIES 5

struct batch {
    size_t count;
    void *pages[BATCH];
    int targets[BATCH];
    int status[BATCH];
};

static long move(long pid, struct batch *batch, const int *targets)
{
    return syscall(SYS_move_pages, pid, batch->count, batch->pages, targets, batch->status,
        MPOL_MF_MOVE_ALL);
}

/* Moves what is present and elsewhere; returns how many pages stayed behind, or -1. */
static long place_batch(long pid, struct batch *batch)
{
    if (move(pid, batch, NULL) < 0)
        return -1;
    size_t kept = 0;
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->status[i] < 0 || batch->status[i] == batch->targets[i])
            continue;
        batch->pages[kept] = batch->pages[i];
        batch->targets[kept++] = batch->targets[i];
    }
    batch->count = kept;
    if (kept == 0)
        return 0;
    /* Its answer says little when a page was busy; the next round asks anew. */
    if (move(pid, batch, batch->targets) < 0 && errno != ENOMEM)
        return -1;
    return (long)kept;
}

static long place_range(long pid, uintptr_t start, size_t length, const int *nodes, size_t n_nodes)
{
    static struct batch batch;
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    long left = 0;
    for (size_t offset = 0; offset < length;) {
        batch.count = 0;
        for (; offset < length && batch.count < BATCH; offset += page) {
            batch.pages[batch.count] = (void *)(start + offset);
            batch.targets[batch.count++] = nodes[offset / BLOCK_BYTES % n_nodes];
        }
        long off_target = place_batch(pid, &batch);
        if (off_target < 0)
            return -1;
        left += off_target;
    }
    return left;
}

static size_t parse_nodes(char *list, int *nodes)
{
    size_t count = 0;
    for (char *word = strtok(list, ","); word; word = strtok(NULL, ",")) {
        char *end;
        long node = strtol(word, &end, 10);
        if (*end || end == word || node < 0 || node >= MAXIMUM_NODES || count == MAXIMUM_NODES)
            return 0;
        nodes[count++] = (int)node;
    }
    return count;
}

int main(int argc, char **argv)
{
    int nodes[MAXIMUM_NODES];
    size_t n_nodes = argc == 5 ? parse_nodes(argv[4], nodes) : 0;
    if (n_nodes == 0) {
        fprintf(stderr, "usage: place PID START LENGTH NODE[,NODE...]\n");
        return 2;
    }
    long pid = strtol(argv[1], NULL, 10);
    uintptr_t start = strtoul(argv[2], NULL, 16);
    size_t length = strtoul(argv[3], NULL, 10);
    long left = 1;
    /* A round that found nothing off its target is the proof. */
    for (int i = 0; i < TRIES && left > 0; i++)
        left = place_range(pid, start, length, nodes, n_nodes);
    if (left < 0)
        fprintf(stderr, "place: cannot move pages of process %ld: %s\n", pid, strerror(errno));
    else if (left > 0)
        fprintf(stderr, "place: %ld pages of process %ld stayed where they were\n", left, pid);
    return left != 0;
}

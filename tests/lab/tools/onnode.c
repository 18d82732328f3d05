/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnode PID NODE START LENGTH [START LENGTH]...: how much of each range (hexadecimal start, decimal
 * length) lies on a node, in percent of its pages, rounded down; looked at in the order of the ranges. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BATCH 1024

/* Returns: pages of so many from @start on that are on @node, or -1. */
static long count(long pid, int node, uintptr_t start, size_t pages)
{
    static void *page[BATCH];
    static int status[BATCH];
    const size_t size = (size_t)sysconf(_SC_PAGESIZE);
    long there = 0;
    for (size_t done = 0, batch; done < pages; done += batch) {
        batch = pages - done < BATCH ? pages - done : BATCH;
        for (size_t i = 0; i < batch; i++)
            page[i] = (void *)(start + (done + i) * size);
        if (syscall(SYS_move_pages, pid, batch, page, NULL, status, 0) < 0)
            return -1;
        for (size_t i = 0; i < batch; i++)
            there += status[i] == node;
    }
    return there;
}

int main(int argc, char **argv)
{
    if (argc < 5 || argc % 2 == 0) {
        fprintf(stderr, "usage: onnode PID NODE START LENGTH [START LENGTH]...\n");
        return 2;
    }
    const size_t size = (size_t)sysconf(_SC_PAGESIZE);
    for (int i = 3; i < argc; i += 2) {
        size_t pages = strtoul(argv[i + 1], NULL, 10) / size;
        long there = count(strtol(argv[1], NULL, 10), atoi(argv[2]), strtoul(argv[i], NULL, 16), pages);
        if (there < 0 || pages == 0) {
            fprintf(stderr, "onnode: cannot see the pages of process %s\n", argv[1]);
            return 1;
        }
        printf("%ld%c", there * 100 / (long)pages, i + 2 < argc ? ' ' : '\n');
    }
    return 0;
}

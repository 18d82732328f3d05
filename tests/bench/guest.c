/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What looks like a QEMU guest to an agent: two vCPU threads that wake once a second, 8 MiB of RAM. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#define RAM (8 << 20)

static void *
run_vcpu(void *name)
{
    pthread_setname_np(pthread_self(), name);
    for (;;)
        usleep(1000000);
    return NULL;
}

int
main(void)
{
    static char names[][16] = {"CPU 0/KVM", "CPU 1/KVM"};
    pthread_t thread;
    pthread_attr_t small;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    /* As QEMU maps RAM: between pages that nobody may touch. */
    char *ram = mmap(NULL, RAM + 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (ram == MAP_FAILED || mprotect(ram + 4096, RAM, PROT_READ | PROT_WRITE) < 0)
        return 1;
    memset(ram + 4096, 1, RAM);
    /* A stack must not be as large as the RAM, which is found by its size. */
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 256 << 10);
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (pthread_create(&thread, &small, run_vcpu, names[i]) != 0)
            return 1;
    for (;;)
        pause();
}

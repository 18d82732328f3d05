/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sys/files.h"
#include "sys/kernel.h"
#include <errno.h>
#include <numaif.h>
#include <poll.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Not in the C library of every distribution yet; one number on all architectures. */
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

G_STATIC_ASSERT(sizeof(unsigned long) == sizeof(guint64)); /* VbCpuSet is a kernel CPU mask */

static gboolean
real_read(VbKernel *kernel, const char *path, gsize limit, char **ret_text, gsize *ret_length,
          GError **error)
{
    return vb_files_read(path, limit, ret_text, ret_length, error);
}

static GStrv
real_list(VbKernel *kernel, const char *path, GError **error)
{
    return vb_files_list(path, error);
}

static char *
real_readlink(VbKernel *kernel, const char *path, GError **error)
{
    return vb_files_readlink(path, error);
}

static long
real_move_pages(VbKernel *kernel, int pid, gulong count, void **pages, const int *nodes,
                int *status, int flags)
{
    long result = move_pages(pid, count, pages, nodes, status, flags);
    return result < 0 ? -errno : result;
}

static int
real_get_affinity(VbKernel *kernel, int tid, VbCpuSet *ret)
{
    VbCpuSet set = {0};
    if (sched_getaffinity(tid, sizeof set, (cpu_set_t *)(void *)&set) < 0)
        return -errno;
    *ret = set;
    return 0;
}

static int
real_set_affinity(VbKernel *kernel, int tid, const VbCpuSet *cpus)
{
    return sched_setaffinity(tid, sizeof *cpus, (const cpu_set_t *)(const void *)cpus) < 0 ? -errno
                                                                                           : 0;
}

static gint64
real_now_ns(VbKernel *kernel)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (gint64)now.tv_sec * G_GINT64_CONSTANT(1000000000) + now.tv_nsec;
}

static void
real_sleep_ns(VbKernel *kernel, gint64 duration_ns)
{
    if (duration_ns <= 0)
        return;
    struct timespec left = {
        .tv_sec = duration_ns / G_GINT64_CONSTANT(1000000000),
        .tv_nsec = duration_ns % G_GINT64_CONSTANT(1000000000),
    };
    while (nanosleep(&left, &left) < 0 && errno == EINTR)
        continue;
}

static int
real_open(VbKernel *kernel, const char *path, GError **error)
{
    return vb_files_open(path, error);
}

static gboolean
real_write(VbKernel *kernel, const char *path, const char *text, GError **error)
{
    return vb_files_write(path, text, error);
}

static int
real_open_process(VbKernel *kernel, int pid)
{
    long fd = syscall(SYS_pidfd_open, pid, 0);
    return fd < 0 ? -errno : (int)fd;
}

static int
real_take_file(VbKernel *kernel, int pidfd, int fd)
{
    long own = syscall(SYS_pidfd_getfd, pidfd, fd, 0);
    return own < 0 ? -errno : (int)own;
}

static gboolean
real_process_ended(VbKernel *kernel, int pidfd)
{
    struct pollfd watch = {.fd = pidfd, .events = POLLIN};
    int ready = 0;
    do
        ready = poll(&watch, 1, 0);
    while (ready < 0 && errno == EINTR);
    return ready > 0;
}

static const VbKernelOps real_ops = {
    .read = real_read,
    .list = real_list,
    .readlink = real_readlink,
    .move_pages = real_move_pages,
    .get_affinity = real_get_affinity,
    .set_affinity = real_set_affinity,
    .now_ns = real_now_ns,
    .sleep_ns = real_sleep_ns,
    .open = real_open,
    .write = real_write,
    .open_process = real_open_process,
    .process_ended = real_process_ended,
    .take_file = real_take_file,
};

VbKernel *
vb_kernel_real(void)
{
    static VbKernel kernel = {.ops = &real_ops};
    return &kernel;
}

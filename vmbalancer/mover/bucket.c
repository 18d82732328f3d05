/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mover/bucket.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vmbalancer/error.h>

#define SECOND_NS G_GINT64_CONSTANT(1000000000)
/* The most that a pause may be made up for afterwards. */
#define BURST_NS (SECOND_NS / 10)
/* Further ahead nobody overdraws; who passed the memory may have written anything. */
#define AHEAD_NS (365 * 86400 * SECOND_NS)
#define BYTES 4096

struct VbBucket {
    gint64 *due_ns; /* shared */
    int fd;
    gatomicrefcount users;
};

static VbBucket *
map(int fd, GError **error)
{
    void *memory = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) {
        g_set_error(error, VB_ERROR, VB_ERROR_FAILED, "cannot map a common rate: %s", g_strerror(errno));
        return NULL;
    }
    VbBucket *bucket = g_new0(VbBucket, 1);
    bucket->due_ns = memory;
    bucket->fd = -1;
    g_atomic_ref_count_init(&bucket->users);
    return bucket;
}

VbBucket *
vb_bucket_new(GError **error)
{
    int fd = memfd_create("vmbalancer-rate", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0 || ftruncate(fd, BYTES) < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) < 0) {
        g_set_error(error, VB_ERROR, VB_ERROR_FAILED, "cannot make a common rate: %s", g_strerror(errno));
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    VbBucket *bucket = map(fd, error);
    if (bucket == NULL)
        close(fd);
    else
        bucket->fd = fd;
    return bucket;
}

VbBucket *
vb_bucket_open(int fd, GError **error)
{
    struct stat status;
    int seals = fcntl(fd, F_GET_SEALS);
    /* Just so much: memory of hugepages can be sealed, too, and is lacking when it is touched. */
    if (seals < 0 || !(seals & F_SEAL_SHRINK) || fstat(fd, &status) < 0 || status.st_size != BYTES) {
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID,
                    "the common rate is no sealed memory of %d bytes", BYTES);
        return NULL;
    }
    return map(fd, error);
}

VbBucket *
vb_bucket_ref(VbBucket *bucket)
{
    g_atomic_ref_count_inc(&bucket->users);
    return bucket;
}

void
vb_bucket_free(VbBucket *bucket)
{
    if (bucket == NULL || !g_atomic_ref_count_dec(&bucket->users))
        return;
    munmap(bucket->due_ns, BYTES);
    if (bucket->fd >= 0)
        close(bucket->fd);
    g_free(bucket);
}

int
vb_bucket_fd(const VbBucket *bucket)
{
    return bucket->fd;
}

void
vb_bucket_take(VbBucket *bucket, gint64 begun_ns, gint64 cost_ns)
{
    gint64 due_ns = __atomic_load_n(bucket->due_ns, __ATOMIC_RELAXED);
    gint64 next_ns = 0;
    do
        next_ns = CLAMP(due_ns, begun_ns - BURST_NS, begun_ns + AHEAD_NS) + MIN(cost_ns, AHEAD_NS);
    while (!__atomic_compare_exchange_n(bucket->due_ns, &due_ns, next_ns, FALSE, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED));
}

gint64
vb_bucket_wait_ns(const VbBucket *bucket, gint64 now_ns)
{
    gint64 due_ns = __atomic_load_n(bucket->due_ns, __ATOMIC_RELAXED);
    return CLAMP(due_ns, now_ns, now_ns + AHEAD_NS) - now_ns;
}

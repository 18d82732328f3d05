/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mover/unmapped.h"
#include "sys/page_cache.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <vmbalancer/error.h>

/* A file's is some 60 bytes; an epoll's with many is longer, and none of those that are looked for. */
#define FDINFO_LIMIT 4096

/* The inode that a descriptor's fdinfo tells; 0 if it tells none. */
static guint64
inode_of(VbKernel *kernel, int pid, const char *fd)
{
    static const char key[] = "\nino:\t";
    g_autofree char *path = g_strdup_printf("/proc/%d/fdinfo/%s", pid, fd);
    g_autofree char *text = NULL;
    if (!kernel->ops->read(kernel, path, FDINFO_LIMIT, &text, NULL, NULL))
        return 0;
    const char *line = strstr(text, key);
    return line != NULL ? g_ascii_strtoull(line + strlen(key), NULL, 10) : 0;
}

static void
set_take_error(GError **error, int pid, int code)
{
    gboolean old = code == -ENOSYS;
    g_set_error(error, VB_ERROR, old ? VB_ERROR_UNSUPPORTED : VB_ERROR_DENIED,
                "process %d: its shared memory cannot be looked at: pidfd_getfd: %s%s", pid,
                g_strerror(-code), old ? "; it needs Linux 5.6" : "");
}

static VbPageCache *
take(const VbIdentity *identity, const VbSharedFile *file, int fd, GError **error)
{
    VbKernel *kernel = vb_identity_kernel(identity);
    int taken = kernel->ops->take_file(kernel, vb_identity_pidfd(identity), fd);
    if (taken < 0) {
        set_take_error(error, vb_identity_pid(identity), taken);
        return NULL;
    }
    VbPageCache *cache = vb_page_cache_open(taken, file->device, file->inode, error);
    close(taken);
    return cache;
}

/* The numbers of inodes are their file system's own: another file may have the same. */
static VbPageCache *
find(const VbIdentity *identity, const VbSharedFile *file, GError **error)
{
    VbKernel *kernel = vb_identity_kernel(identity);
    int pid = vb_identity_pid(identity);
    g_autofree char *folder = g_strdup_printf("/proc/%d/fdinfo", pid);
    g_auto(GStrv) names = kernel->ops->list(kernel, folder, error);
    g_autoptr(GError) last = NULL;
    if (names == NULL)
        return NULL;
    for (guint i = 0; names[i] != NULL; i++) {
        if (inode_of(kernel, pid, names[i]) != file->inode)
            continue;
        g_clear_error(&last);
        VbPageCache *cache = take(identity, file, atoi(names[i]), &last);
        if (cache != NULL)
            return cache;
    }
    if (last != NULL)
        g_propagate_error(error, g_steal_pointer(&last));
    else
        g_set_error(error, VB_ERROR, VB_ERROR_UNSUPPORTED,
                    "process %d has the file of its shared memory open no more", pid);
    return NULL;
}

/* Only of a whole file do its blocks tell something of the ranges. */
static gboolean
is_whole(const VbRequest *request, const VbPageCache *cache)
{
    guint64 length = 0;
    for (guint i = 0; i < request->n_ranges; i++) {
        if (request->offset[i] != length)
            return FALSE;
        length += request->range[i].end - request->range[i].start;
    }
    return length == vb_page_cache_length(cache);
}

typedef struct {
    const VbRequest *request;
    VbPageCache *cache;
    VbBackingSample sample;
} Count;

static void
count_page(const VbStratum *drawn, int node, gpointer user_data)
{
    Count *count = user_data;
    const VbRequest *request = count->request;
    if (node >= 0) {
        count->sample.mapped++;
    } else if (node != -ENOENT && node != -EFAULT) {
        count->sample.unknown++;
    } else if (!count->sample.counted) {
        guint64 offset = request->offset[drawn->range - request->range];
        int has = vb_page_cache_has(count->cache, offset + drawn->address - drawn->range->start);
        count->sample.unmapped += has > 0;
        count->sample.unknown += has < 0;
    }
}

gboolean
vb_unmapped_run(const VbIdentity *identity, const VbRequest *request, VbStop stop,
                gpointer user_data, VbBackingSample *ret, GError **error)
{
    g_autoptr(VbPageCache) cache = NULL;
    VbSampleWalk walk = {
        .kernel = vb_identity_kernel(identity),
        .pid = vb_identity_pid(identity),
        .stop = stop,
        .stop_data = user_data,
    };
    if (vb_identity_pidfd(identity) < 0)
        set_take_error(error, walk.pid, -ENOSYS);
    else
        cache = find(identity, &request->backing, error);
    if (cache == NULL)
        return FALSE;
    Count count = {.request = request, .cache = cache};
    count.sample.counted = vb_page_cache_is_counted(cache);
    if (count.sample.counted && !is_whole(request, cache)) {
        g_set_error(error, VB_ERROR, VB_ERROR_UNSUPPORTED,
                    "process %d maps a part of its file of hugepages only", walk.pid);
        return FALSE;
    }
    vb_strata_begin(&walk.strata, request->range, request->n_ranges, request->max_pages,
                    request->seed);
    if (!vb_sample_each(&walk, count_page, &count, error))
        return FALSE;
    *ret = count.sample;
    ret->pages_total = walk.strata.total;
    ret->pages_asked = walk.strata.count;
    ret->census = walk.strata.count == walk.strata.total;
    ret->file_bytes = ret->counted ? vb_page_cache_bytes(cache) : 0;
    return TRUE;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sys/page_cache.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <vmbalancer/error.h>

/* Who asks for neighbours is likely to ask for more of them: so many are looked up at once. */
#define AHEAD 256
/* st_blocks counts so many bytes, whatever the file system's own. */
#define BLOCK 512

struct VbPageCache {
    guint64 page_size; /* of this machine, not of the file */
    guint64 length;
    guint64 bytes;
    gboolean counted;
    void *start;       /* of the mapping; NULL if counted */
    gsize mapped;
    guint64 first; /* page that @seen begins with */
    guint64 n_seen;
    unsigned char seen[AHEAD];
};

static gboolean
fail(GError **error, const char *what)
{
    int code = errno;
    g_set_error(error, VB_ERROR, code == EACCES || code == EPERM ? VB_ERROR_DENIED : VB_ERROR_FAILED,
                "cannot look into the page cache: %s: %s", what, g_strerror(code));
    return FALSE;
}

/* Only files of memory have seals; of others the kernel says EINVAL without asking their file system. */
static gboolean
is_memory(int fd, GError **error)
{
    if (fcntl(fd, F_GET_SEALS) >= 0)
        return TRUE;
    g_set_error(error, VB_ERROR, VB_ERROR_UNSUPPORTED,
                "the shared memory is a file on neither tmpfs nor hugetlbfs");
    return FALSE;
}

static gboolean
examine(VbPageCache *cache, int fd, guint64 device, guint64 inode, GError **error)
{
    struct stat file;
    struct statfs system;
    if (!is_memory(fd, error))
        return FALSE;
    if (fstat(fd, &file) < 0 || fstatfs(fd, &system) < 0)
        return fail(error, "fstat");
    if (!S_ISREG(file.st_mode) || file.st_ino != inode ||
        ((guint64)major(file.st_dev) << 32 | minor(file.st_dev)) != device) {
        g_set_error(error, VB_ERROR, VB_ERROR_CHANGED, "it is another file by now");
        return FALSE;
    }
    cache->counted = system.f_type == HUGETLBFS_MAGIC;
    cache->length = (guint64)file.st_size;
    cache->bytes = (guint64)file.st_blocks * BLOCK;
    cache->page_size = (guint64)sysconf(_SC_PAGESIZE);
    return TRUE;
}

/* A page more than the file has: of that one it is known that it cannot be there. */
static gboolean
map(VbPageCache *cache, int fd, GError **error)
{
    guint64 whole = (cache->length + cache->page_size - 1) / cache->page_size * cache->page_size;
    cache->mapped = whole + cache->page_size;
    void *start = mmap(NULL, cache->mapped, PROT_READ, MAP_SHARED, fd, 0);
    if (start == MAP_FAILED)
        return fail(error, "mmap");
    cache->start = start;
    unsigned char behind = 0;
    if (mincore((char *)start + whole, cache->page_size, &behind) < 0)
        return fail(error, "mincore");
    if ((behind & 1) == 0)
        return TRUE;
    g_set_error(error, VB_ERROR, VB_ERROR_UNSUPPORTED,
                "the kernel hides its page cache from the mover, as the file is another user's");
    return FALSE;
}

static gboolean
map_anew(VbPageCache *cache, int fd, GError **error)
{
    g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);
    int own = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (own < 0)
        return fail(error, "open");
    gboolean ok = map(cache, own, error);
    close(own);
    return ok;
}

VbPageCache *
vb_page_cache_open(int fd, guint64 device, guint64 inode, GError **error)
{
    g_autoptr(VbPageCache) cache = g_new0(VbPageCache, 1);
    if (!examine(cache, fd, device, inode, error) ||
        (!cache->counted && !map_anew(cache, fd, error)))
        return NULL;
    return g_steal_pointer(&cache);
}

void
vb_page_cache_close(VbPageCache *cache)
{
    if (cache == NULL)
        return;
    if (cache->start != NULL)
        munmap(cache->start, cache->mapped);
    g_free(cache);
}

gboolean
vb_page_cache_is_counted(const VbPageCache *cache)
{
    return cache->counted;
}

guint64
vb_page_cache_length(const VbPageCache *cache)
{
    return cache->length;
}

guint64
vb_page_cache_bytes(const VbPageCache *cache)
{
    return cache->bytes;
}

static int
look(VbPageCache *cache, guint64 page)
{
    guint64 all = cache->mapped / cache->page_size;
    gboolean neighbour = cache->n_seen > 0 && page == cache->first + cache->n_seen;
    cache->first = page;
    cache->n_seen = neighbour ? MIN(AHEAD, all - page) : 1;
    if (mincore((char *)cache->start + page * cache->page_size, cache->n_seen * cache->page_size,
                cache->seen) == 0)
        return 0;
    cache->n_seen = 0;
    return -errno;
}

int
vb_page_cache_has(VbPageCache *cache, guint64 offset)
{
    guint64 page = offset / cache->page_size;
    if (cache->counted)
        return -EOPNOTSUPP;
    if (offset >= cache->length)
        return 0;
    int code = page - cache->first >= cache->n_seen ? look(cache, page) : 0;
    return code < 0 ? code : cache->seen[page - cache->first] & 1;
}

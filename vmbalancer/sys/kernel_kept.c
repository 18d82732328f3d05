/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sys/files.h"
#include "sys/kernel.h"
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <vmbalancer/error.h>

/* What has not been read for so long belongs to somebody who ended, or who is no longer looked at. */
#define UNUSED_NS (G_GINT64_CONSTANT(120) * 1000000000)
/* Without a limit of its own a process still has no use for more: 10,000 guests of two vCPUs. */
#define FILES_MAX 65536

/* A file that stays open. */
typedef struct {
    char *path;
    int fd;
    gint64 used_ns;
    GList link; /* in KeptKernel.order */
} Kept;

typedef struct {
    VbKernel kernel;
    VbKernel *below;
    guint most;
    GMutex lock;      /* guards what follows */
    GHashTable *kept; /* path -> Kept */
    GQueue order;     /* of Kept, last used first */
} KeptKernel;

static VbKernel *
below(VbKernel *kernel)
{
    return ((KeptKernel *)kernel)->below;
}

static void
kept_free(gpointer data)
{
    Kept *kept = data;
    close(kept->fd);
    g_free(kept->path);
    g_free(kept);
}

static void
drop(KeptKernel *self, Kept *kept)
{
    g_queue_unlink(&self->order, &kept->link);
    g_hash_table_remove(self->kept, kept->path);
}

/* Those that are read at each look, and can be read again from their start. */
static gboolean
is_worth_keeping(const char *path)
{
    if (!g_str_has_prefix(path, "/proc/") || !g_ascii_isdigit(path[strlen("/proc/")]))
        return g_str_has_suffix(path, ".numa_stat");
    return g_str_has_suffix(path, "stat") || g_str_has_suffix(path, "/cgroup");
}

/* Makes room for one more, and lets go what nobody reads any more. */
static void
trim(KeptKernel *self, gint64 now_ns)
{
    for (;;) {
        Kept *last = g_queue_peek_tail(&self->order);
        if (last == NULL ||
            (self->order.length < self->most && now_ns - last->used_ns < UNUSED_NS))
            return;
        drop(self, last);
    }
}

static Kept *
add(KeptKernel *self, const char *path, int fd)
{
    Kept *kept = g_new0(Kept, 1);
    *kept = (Kept){.path = g_strdup(path), .fd = fd, .link.data = kept};
    kept->used_ns = self->below->ops->now_ns(self->below);
    g_queue_push_head_link(&self->order, &kept->link);
    g_hash_table_insert(self->kept, kept->path, kept);
    return kept;
}

static void
touch(KeptKernel *self, Kept *kept)
{
    kept->used_ns = self->below->ops->now_ns(self->below);
    g_queue_unlink(&self->order, &kept->link);
    g_queue_push_head_link(&self->order, &kept->link);
}

static Kept *
keep(KeptKernel *self, const char *path, GError **error)
{
    trim(self, self->below->ops->now_ns(self->below));
    g_autoptr(GError) failure = NULL;
    int fd = self->below->ops->open(self->below, path, &failure);
    /* Perhaps others opened the files that were left: one of ours is given back for it. */
    if (fd < 0 && !g_queue_is_empty(&self->order) &&
        g_error_matches(failure, VB_ERROR, VB_ERROR_FAILED)) {
        drop(self, g_queue_peek_tail(&self->order));
        g_clear_error(&failure);
        fd = self->below->ops->open(self->below, path, &failure);
    }
    if (fd < 0) {
        g_propagate_error(error, g_steal_pointer(&failure));
        return NULL;
    }
    return add(self, path, fd);
}

static gboolean
read_kept(KeptKernel *self, Kept *kept, gsize limit, char **ret_text, gsize *ret_length,
          GError **error)
{
    if (!vb_files_read_start(kept->fd, kept->path, limit, ret_text, ret_length, error)) {
        drop(self, kept);
        return FALSE;
    }
    touch(self, kept);
    return TRUE;
}

/*
 * The open file of a thread or process that ended answers ESRCH for ever, whoever has the number
 * now: then its path is opened anew, and what is read is what an ordinary read would have found.
 */
static gboolean
kept_read(VbKernel *kernel, const char *path, gsize limit, char **ret_text, gsize *ret_length,
          GError **error)
{
    KeptKernel *self = (KeptKernel *)kernel;
    if (self->most == 0 || !is_worth_keeping(path))
        return self->below->ops->read(self->below, path, limit, ret_text, ret_length, error);
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->lock);
    Kept *kept = g_hash_table_lookup(self->kept, path);
    if (kept != NULL && read_kept(self, kept, limit, ret_text, ret_length, NULL))
        return TRUE;
    kept = keep(self, path, error);
    return kept != NULL && read_kept(self, kept, limit, ret_text, ret_length, error);
}

static GStrv
kept_list(VbKernel *kernel, const char *path, GError **error)
{
    return below(kernel)->ops->list(below(kernel), path, error);
}

static char *
kept_readlink(VbKernel *kernel, const char *path, GError **error)
{
    return below(kernel)->ops->readlink(below(kernel), path, error);
}

static long
kept_move_pages(VbKernel *kernel, int pid, gulong count, void **pages, const int *nodes,
                int *status, int flags)
{
    return below(kernel)->ops->move_pages(below(kernel), pid, count, pages, nodes, status, flags);
}

static int
kept_get_affinity(VbKernel *kernel, int tid, VbCpuSet *ret)
{
    return below(kernel)->ops->get_affinity(below(kernel), tid, ret);
}

static gint64
kept_now_ns(VbKernel *kernel)
{
    return below(kernel)->ops->now_ns(below(kernel));
}

static void
kept_sleep_ns(VbKernel *kernel, gint64 duration_ns)
{
    below(kernel)->ops->sleep_ns(below(kernel), duration_ns);
}

static int
kept_open(VbKernel *kernel, const char *path, GError **error)
{
    return below(kernel)->ops->open(below(kernel), path, error);
}

static gboolean
kept_write(VbKernel *kernel, const char *path, const char *text, GError **error)
{
    return below(kernel)->ops->write(below(kernel), path, text, error);
}

static int
kept_open_process(VbKernel *kernel, int pid)
{
    return below(kernel)->ops->open_process(below(kernel), pid);
}

static gboolean
kept_process_ended(VbKernel *kernel, int pidfd)
{
    return below(kernel)->ops->process_ended(below(kernel), pidfd);
}

/* Its start time, read after it was opened, says that the pidfd is that process's. */
static gboolean
keep_process(KeptKernel *self, const char *name, const VbProcess *process)
{
    VbProcess now;
    trim(self, self->below->ops->now_ns(self->below));
    int pidfd = self->below->ops->open_process(self->below, process->pid);
    gboolean alive = vb_process_identify(self->below, process->pid, &now, NULL) &&
                     now.start_time == process->start_time;
    if (alive && pidfd >= 0)
        add(self, name, pidfd);
    else if (pidfd >= 0)
        close(pidfd);
    return alive;
}

static gboolean
kept_process_alive(VbKernel *kernel, const VbProcess *process)
{
    KeptKernel *self = (KeptKernel *)kernel;
    char name[64];
    /* No path: those begin with a slash. */
    g_snprintf(name, sizeof name, "%d %" G_GUINT64_FORMAT, process->pid, process->start_time);
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->lock);
    Kept *kept = g_hash_table_lookup(self->kept, name);
    if (kept == NULL)
        return keep_process(self, name, process);
    touch(self, kept);
    if (!self->below->ops->process_ended(self->below, kept->fd))
        return TRUE;
    drop(self, kept);
    return FALSE;
}

static const VbKernelOps kept_ops = {
    .read = kept_read,
    .list = kept_list,
    .readlink = kept_readlink,
    .move_pages = kept_move_pages,
    .get_affinity = kept_get_affinity,
    .now_ns = kept_now_ns,
    .sleep_ns = kept_sleep_ns,
    .open = kept_open,
    .write = kept_write,
    .open_process = kept_open_process,
    .process_ended = kept_process_ended,
    .process_alive = kept_process_alive,
};

/* Half of what the process may open: the rest is for everything else. */
static guint
files_allowed(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return 0;
    return (guint)MIN(limit.rlim_cur / 2, FILES_MAX);
}

VbKernel *
vb_kernel_kept_new(VbKernel *kernel, guint most)
{
    KeptKernel *self = g_new0(KeptKernel, 1);
    self->kernel.ops = &kept_ops;
    self->below = kernel;
    self->most = most > 0 ? most : files_allowed();
    self->kept = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, kept_free);
    g_mutex_init(&self->lock);
    return &self->kernel;
}

guint
vb_kernel_kept_count(VbKernel *kernel)
{
    return g_hash_table_size(((KeptKernel *)kernel)->kept);
}

void
vb_kernel_kept_free(VbKernel *kernel)
{
    KeptKernel *self = (KeptKernel *)kernel;
    if (self == NULL)
        return;
    g_hash_table_unref(self->kept);
    g_mutex_clear(&self->lock);
    g_free(self);
}

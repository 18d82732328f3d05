/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake_kernel.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <vmbalancer/error.h>

static FakeKernel *
fake_of(VbKernel *kernel)
{
    return (FakeKernel *)kernel;
}

static gboolean
refuse(FakeKernel *fake, const char *path, GError **error)
{
    if (g_hash_table_contains(fake->denied, path))
        g_set_error(error, VB_ERROR, VB_ERROR_DENIED, "cannot open %s: Permission denied", path);
    else
        g_set_error(error, VB_ERROR, VB_ERROR_NO_GUEST, "cannot open %s: No such file or directory",
                    path);
    return FALSE;
}

static GBytes *
find_file(FakeKernel *fake, const char *path, GError **error)
{
    GBytes *bytes = g_hash_table_lookup(fake->files, path);
    if (bytes != NULL && !g_hash_table_contains(fake->denied, path))
        return bytes;
    refuse(fake, path, error);
    return NULL;
}

static gboolean
fake_read(VbKernel *kernel, const char *path, gsize limit, char **ret_text, gsize *ret_length,
          GError **error)
{
    GBytes *bytes = find_file(fake_of(kernel), path, error);
    if (bytes == NULL)
        return FALSE;
    gsize size = 0;
    const char *data = g_bytes_get_data(bytes, &size);
    if (size > limit) {
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID, "%s is larger than %zu bytes", path, limit);
        return FALSE;
    }
    char *text = g_malloc(size + 1);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    *ret_text = text;
    if (ret_length != NULL)
        *ret_length = size;
    return TRUE;
}

static int
fake_open(VbKernel *kernel, const char *path, GError **error)
{
    GBytes *bytes = find_file(fake_of(kernel), path, error);
    if (bytes == NULL)
        return -1;
    gsize size = 0;
    const char *data = g_bytes_get_data(bytes, &size);
    int fd = memfd_create("fake", MFD_CLOEXEC);
    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(write(fd, data, size), ==, (gssize)size);
    lseek(fd, 0, SEEK_SET);
    return fd;
}

static char *
fake_readlink(VbKernel *kernel, const char *path, GError **error)
{
    FakeKernel *fake = fake_of(kernel);
    const char *target = g_hash_table_lookup(fake->links, path);
    if (target != NULL && !g_hash_table_contains(fake->denied, path))
        return g_strdup(target);
    refuse(fake, path, error);
    return NULL;
}

static void
add_children(GHashTable *names, GHashTable *table, const char *folder)
{
    GHashTableIter iter;
    gpointer path;
    g_hash_table_iter_init(&iter, table);
    while (g_hash_table_iter_next(&iter, &path, NULL))
        if (g_str_has_prefix(path, folder)) {
            const char *rest = (const char *)path + strlen(folder);
            g_autofree char *name = g_strndup(rest, strcspn(rest, "/"));
            if (!g_hash_table_contains(names, name))
                g_hash_table_add(names, g_steal_pointer(&name));
        }
}

static int
compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static GStrv
fake_list(VbKernel *kernel, const char *path, GError **error)
{
    FakeKernel *fake = fake_of(kernel);
    g_autofree char *folder = g_strdup_printf("%s/", path);
    g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
    add_children(names, fake->files, folder);
    add_children(names, fake->links, folder);
    guint count = 0;
    char **keys = (char **)g_hash_table_get_keys_as_array(names, &count);
    if (count == 0) {
        g_free(keys);
        refuse(fake, path, error);
        return NULL;
    }
    qsort(keys, count, sizeof *keys, compare_names);
    return keys;
}

static int
fake_get_affinity(VbKernel *kernel, int tid, VbCpuSet *ret)
{
    VbCpuSet *set = g_hash_table_lookup(fake_of(kernel)->affinities, GINT_TO_POINTER(tid));
    if (set == NULL)
        return -ESRCH;
    *ret = *set;
    return 0;
}

/* A thread runs on what is online, 0-63, of what it is given. */
static int
fake_set_affinity(VbKernel *kernel, int tid, const VbCpuSet *cpus)
{
    FakeKernel *fake = fake_of(kernel);
    if (!g_hash_table_contains(fake->affinities, GINT_TO_POINTER(tid)))
        return -ESRCH;
    VbCpuSet kept = {.word = {cpus->word[0]}};
    if (fake->affinity_error != 0 || kept.word[0] == 0)
        return fake->affinity_error != 0 ? fake->affinity_error : -EINVAL;
    fake_kernel_set_affinity(fake, tid, &kept);
    return 0;
}

static gint64
fake_now_ns(VbKernel *kernel)
{
    return fake_of(kernel)->now_ns;
}

static void
fake_sleep_ns(VbKernel *kernel, gint64 duration_ns)
{
    fake_of(kernel)->now_ns += MAX(duration_ns, 0);
}

static gboolean
fake_write(VbKernel *kernel, const char *path, const char *text, GError **error)
{
    FakeKernel *fake = fake_of(kernel);
    if (find_file(fake, path, error) == NULL)
        return FALSE;
    if (text != NULL && fake->written != NULL)
        return fake->written(fake, path, text, error);
    if (text != NULL)
        fake_kernel_write(fake, path, text, -1);
    return TRUE;
}

static int
fake_open_process(VbKernel *kernel, int pid)
{
    FakeKernel *fake = fake_of(kernel);
    FakeProcess *process = g_hash_table_lookup(fake->processes, GINT_TO_POINTER(pid));
    if (process == NULL)
        return -ESRCH;
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    g_hash_table_insert(fake->pidfds, GINT_TO_POINTER(fd), process);
    return fd;
}

static gboolean
fake_process_ended(VbKernel *kernel, int pidfd)
{
    FakeProcess *process = g_hash_table_lookup(fake_of(kernel)->pidfds, GINT_TO_POINTER(pidfd));
    g_assert_nonnull(process);
    return fake_process_has_ended(process);
}

static const VbKernelOps fake_ops = {
    .read = fake_read,
    .list = fake_list,
    .readlink = fake_readlink,
    .move_pages = fake_kernel_move_pages,
    .get_affinity = fake_get_affinity,
    .set_affinity = fake_set_affinity,
    .now_ns = fake_now_ns,
    .sleep_ns = fake_sleep_ns,
    .open = fake_open,
    .write = fake_write,
    .open_process = fake_open_process,
    .process_ended = fake_process_ended,
};

FakeKernel *
fake_kernel_new(void)
{
    FakeKernel *fake = g_new0(FakeKernel, 1);
    fake->kernel.ops = &fake_ops;
    fake->now_ns = G_GINT64_CONSTANT(1000000000);
    fake->online = 0xf;
    for (guint i = 0; i < VB_NODES_MAX; i++)
        fake->room[i] = G_MAXUINT64;
    fake->files = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                        (GDestroyNotify)g_bytes_unref);
    fake->links = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    fake->denied = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    fake->affinities = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    fake->processes = g_hash_table_new(NULL, NULL);
    fake->pidfds = g_hash_table_new(NULL, NULL);
    fake->all_processes = g_ptr_array_new_with_free_func((GDestroyNotify)fake_process_free);
    return fake;
}

void
fake_kernel_free(FakeKernel *fake)
{
    GHashTable *tables[] = {fake->files,      fake->links,     fake->denied,
                            fake->affinities, fake->processes, fake->pidfds};
    for (guint i = 0; i < G_N_ELEMENTS(tables); i++)
        g_hash_table_unref(tables[i]);
    g_ptr_array_unref(fake->all_processes);
    g_free(fake);
}

void
fake_kernel_write(FakeKernel *fake, const char *path, const char *text, gssize length)
{
    g_hash_table_replace(fake->files, g_strdup(path),
                         g_bytes_new(text, length < 0 ? strlen(text) : (gsize)length));
}

void
fake_kernel_link(FakeKernel *fake, const char *path, const char *target)
{
    g_hash_table_replace(fake->links, g_strdup(path), g_strdup(target));
}

void
fake_kernel_deny(FakeKernel *fake, const char *path)
{
    g_hash_table_add(fake->denied, g_strdup(path));
}

void
fake_kernel_remove(FakeKernel *fake, const char *path)
{
    g_hash_table_remove(fake->files, path);
    g_hash_table_remove(fake->links, path);
}

void
fake_kernel_set_affinity(FakeKernel *fake, int tid, const VbCpuSet *set)
{
    g_hash_table_replace(fake->affinities, GINT_TO_POINTER(tid), g_memdup2(set, sizeof *set));
}

FakeProcess *
fake_kernel_start(FakeKernel *fake, int pid, guint64 start_time, const char *exe,
                  const char *cmdline)
{
    FakeProcess *last = g_hash_table_lookup(fake->processes, GINT_TO_POINTER(pid));
    if (last != NULL)
        fake_process_end(last);
    FakeProcess *process = fake_process_new(fake, pid, start_time);
    g_ptr_array_add(fake->all_processes, process);
    g_hash_table_insert(fake->processes, GINT_TO_POINTER(pid), process);
    g_autofree char *exe_path = g_strdup_printf("/proc/%d/exe", pid);
    g_autofree char *cmdline_path = g_strdup_printf("/proc/%d/cmdline", pid);
    g_autofree char *arguments = g_strdelimit(g_strdup(cmdline), " ", '\0');
    fake_kernel_link(fake, exe_path, exe);
    fake_kernel_write(fake, cmdline_path, arguments,
                      *cmdline == '\0' ? 0 : (gssize)strlen(cmdline) + 1);
    fake_process_set_state(process, 'S');
    return process;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the tests of observe share: captured hosts (tests/hosts), throw-away trees, a kernel on top
 * of either that a test can interrupt, domains, and a hypervisor that lists what it is given.
 */
#include "libvirt/hypervisor.h"
#include "sys/kernel.h"
#include <glib/gstdio.h>
#include <string.h>
#include <vmbalancer/error.h>

/* A captured host; before each read of a path a test may change the world. */
typedef struct {
    VbKernel kernel;
    VbKernelOps ops;
    VbKernel *captured;
    void (*before_read)(const char *path, gpointer user_data);
    gpointer user_data;
    guint n_reads;
} TestHost;

static inline gboolean
test_host_read(VbKernel *kernel, const char *path, gsize limit, char **ret_text,
               gsize *ret_length, GError **error)
{
    TestHost *host = (TestHost *)kernel;
    host->n_reads++;
    if (host->before_read != NULL)
        host->before_read(path, host->user_data);
    return host->captured->ops->read(host->captured, path, limit, ret_text, ret_length, error);
}

static inline GStrv
test_host_list(VbKernel *kernel, const char *path, GError **error)
{
    VbKernel *captured = ((TestHost *)kernel)->captured;
    return captured->ops->list(captured, path, error);
}

/* Thread T may run on CPU T % 64 alone, so that a test can tell whose affinity it got. */
static inline int
test_host_affinity(VbKernel *kernel, int tid, VbCpuSet *ret)
{
    *ret = (VbCpuSet){{0}};
    vb_cpuset_add(ret, (guint)tid % 64);
    return 0;
}

static inline gint64
test_host_now(VbKernel *kernel)
{
    return 123456789;
}

static inline TestHost *
test_host_new_at(const char *root)
{
    TestHost *host = g_new0(TestHost, 1);
    host->captured = vb_kernel_captured_new(root);
    host->ops = *host->captured->ops;
    host->ops.read = test_host_read;
    host->ops.list = test_host_list;
    host->ops.get_affinity = test_host_affinity;
    host->ops.now_ns = test_host_now;
    host->kernel.ops = &host->ops;
    return host;
}

static inline char *
test_host_dir(const char *name)
{
    return g_build_filename(g_getenv("VB_TEST_DATA"), "..", "hosts", name, NULL);
}

static inline TestHost *
test_host_new(const char *name)
{
    g_autofree char *root = test_host_dir(name);
    g_assert_true(g_file_test(root, G_FILE_TEST_IS_DIR));
    return test_host_new_at(root);
}

static inline void
test_host_free(TestHost *host)
{
    vb_kernel_captured_free(host->captured);
    g_free(host);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TestHost, test_host_free)

/* Writes a file of a tree, with its folders; length -1 = as long as the text. */
static inline void
test_tree_write(const char *root, const char *path, const char *text, gssize length)
{
    g_autofree char *file = g_build_filename(root, path, NULL);
    g_autofree char *folder = g_path_get_dirname(file);
    g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
    g_assert_true(g_file_set_contents(file, text, length, NULL));
}

static inline void
test_tree_remove(const char *root)
{
    g_autoptr(GDir) folder = g_dir_open(root, 0, NULL);
    const char *name;
    while (folder != NULL && (name = g_dir_read_name(folder)) != NULL) {
        g_autofree char *path = g_build_filename(root, name, NULL);
        if (g_file_test(path, G_FILE_TEST_IS_DIR) && !g_file_test(path, G_FILE_TEST_IS_SYMLINK))
            test_tree_remove(path);
        else
            g_unlink(path);
    }
    g_rmdir(root);
}

/* A copy of a captured host that a test may spoil. Returns: its root, owned. */
static inline char *
test_tree_copy(const char *name)
{
    g_autofree char *from = test_host_dir(name);
    g_autofree char *root = g_dir_make_tmp("vmbalancer-observe-XXXXXX", NULL);
    g_autofree char *source = g_strconcat(from, "/.", NULL);
    const char *argv[] = {"cp", "-r", source, root, NULL};
    g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL,
                               NULL, NULL, NULL));
    return g_steal_pointer(&root);
}

/* The PID of a captured guest, from its pid file. */
static inline int
test_host_pid(TestHost *host, const char *guest)
{
    g_autofree char *path = g_strdup_printf("/run/libvirt/qemu/%s.pid", guest);
    guint64 pid = 0;
    g_assert_true(vb_kernel_read_number(&host->kernel, path, &pid, NULL));
    return (int)pid;
}

/* A file of a captured guest's process, as "maps". */
static inline char *
test_host_process_file(const char *host_name, const char *guest, const char *file)
{
    g_autoptr(TestHost) host = test_host_new(host_name);
    g_autofree char *path =
        g_strdup_printf("/proc/%d/%s", test_host_pid(host, guest), file);
    char *text = NULL;
    g_assert_true(host->kernel.ops->read(&host->kernel, path, 1 << 24, &text, NULL, NULL));
    return text;
}

/* A guest of so many vCPUs without cells yet. */
static inline VbDomain *
test_domain_new(const char *name, const char *uuid, guint n_vcpus)
{
    VbDomain *domain = vb_domain_new();
    domain->name = g_strdup(name);
    domain->uuid = g_strdup(uuid);
    domain->n_vcpus = n_vcpus;
    return domain;
}

/* Adds the next cell; vCPU i belongs to cell i, all to the only one. */
static inline VbDomainCell *
test_domain_add_cell(VbDomain *domain, guint64 mib, VbBacking backing)
{
    VbDomainCell *cell = g_new0(VbDomainCell, 1);
    cell->id = domain->cells->len;
    cell->size_bytes = mib << 20;
    cell->page_size = 4096;
    cell->backing = backing;
    vb_cpuset_add(&cell->vcpus, cell->id);
    domain->memory_bytes += cell->size_bytes;
    g_ptr_array_add(domain->cells, cell);
    return cell;
}

/* A DIMM of anonymous memory, all of it the guest's: "memdimm0", "memdimm1", ... */
static inline VbDomainCell *
test_domain_add_dimm(VbDomain *domain, guint cell, guint64 mib)
{
    VbDomainCell *device = g_new0(VbDomainCell, 1);
    device->id = cell;
    device->size_bytes = device->given_bytes = mib << 20;
    device->page_size = 4096;
    device->backend = g_strdup_printf("memdimm%u", domain->memory_devices->len);
    g_ptr_array_add(domain->memory_devices, device);
    return device;
}

/* What a hypervisor says of a running guest. @live: (transfer full) */
static inline VbDomainLook *
look_new(VbDomain *live)
{
    VbDomainLook *look = g_new0(VbDomainLook, 1);
    look->live = live;
    look->inactive = vb_domain_new();
    look->inactive->name = g_strdup(live->name);
    look->inactive->uuid = g_strdup(live->uuid);
    look->state = VB_GUEST_RUNNING;
    return look;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sys/files.h"
#include "sys/kernel.h"
#include <errno.h>
#include <vmbalancer/error.h>

typedef struct {
    VbKernel kernel;
    char *root;
    gint64 now_ns; /* a captured host stands still: only sleeping takes time */
} CapturedKernel;

static char *
resolve(VbKernel *kernel, const char *path)
{
    return g_build_filename(((CapturedKernel *)kernel)->root, path, NULL);
}

static gboolean
captured_read(VbKernel *kernel, const char *path, gsize limit, char **ret_text, gsize *ret_length,
              GError **error)
{
    g_autofree char *file = resolve(kernel, path);
    return vb_files_read(file, limit, ret_text, ret_length, error);
}

static GStrv
captured_list(VbKernel *kernel, const char *path, GError **error)
{
    g_autofree char *folder = resolve(kernel, path);
    return vb_files_list(folder, error);
}

static char *
captured_readlink(VbKernel *kernel, const char *path, GError **error)
{
    g_autofree char *link = resolve(kernel, path);
    return vb_files_readlink(link, error);
}

static int
captured_open(VbKernel *kernel, const char *path, GError **error)
{
    g_autofree char *file = resolve(kernel, path);
    return vb_files_open(file, error);
}

static long
captured_move_pages(VbKernel *kernel, int pid, gulong count, void **pages, const int *nodes,
                    int *status, int flags)
{
    return -ENOSYS;
}

static int
captured_get_affinity(VbKernel *kernel, int tid, VbCpuSet *ret)
{
    return -ENOSYS;
}

static gboolean
captured_write(VbKernel *kernel, const char *path, const char *text, GError **error)
{
    g_set_error(error, VB_ERROR, VB_ERROR_DENIED, "cannot write %s: the host is a captured one",
                path);
    return FALSE;
}

static int
captured_open_process(VbKernel *kernel, int pid)
{
    return -ENOSYS;
}

static gboolean
captured_process_ended(VbKernel *kernel, int pidfd)
{
    return FALSE;
}

static gint64
captured_now_ns(VbKernel *kernel)
{
    return ((CapturedKernel *)kernel)->now_ns;
}

static void
captured_sleep_ns(VbKernel *kernel, gint64 duration_ns)
{
    ((CapturedKernel *)kernel)->now_ns += MAX(duration_ns, 0);
}

static const VbKernelOps captured_ops = {
    .read = captured_read,
    .list = captured_list,
    .readlink = captured_readlink,
    .move_pages = captured_move_pages,
    .get_affinity = captured_get_affinity,
    .now_ns = captured_now_ns,
    .sleep_ns = captured_sleep_ns,
    .open = captured_open,
    .write = captured_write,
    .open_process = captured_open_process,
    .process_ended = captured_process_ended,
};

VbKernel *
vb_kernel_captured_new(const char *root)
{
    CapturedKernel *captured = g_new0(CapturedKernel, 1);
    captured->kernel.ops = &captured_ops;
    captured->root = g_strdup(root);
    return &captured->kernel;
}

void
vb_kernel_captured_free(VbKernel *kernel)
{
    if (kernel == NULL)
        return;
    g_free(((CapturedKernel *)kernel)->root);
    g_free(kernel);
}

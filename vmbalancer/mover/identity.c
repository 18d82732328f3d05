/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mover/identity.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <vmbalancer/error.h>

/* A guest with many devices has some 10 KiB of arguments; the kernel allows 2 MiB and more. */
#define CMDLINE_LIMIT (4 * 1024 * 1024)

struct VbIdentity {
    VbKernel *kernel;
    VbProcess process;
    int pidfd; /* -1 where the kernel has none (before 5.3): then the start time alone must do */
};

static gboolean
is_emulator(const char *exe)
{
    g_autofree char *path = g_strdup(exe);
    if (g_str_has_suffix(path, " (deleted)"))
        path[strlen(path) - strlen(" (deleted)")] = '\0';
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    return g_str_has_prefix(name, "qemu-system-") || g_str_equal(name, "qemu-kvm");
}

/* QEMU takes its options with one dash or two. */
static gboolean
is_option(const char *argument, const char *name)
{
    if (*argument++ != '-')
        return FALSE;
    return g_str_equal(argument + (*argument == '-'), name);
}

static gboolean
is_no_machine(const char *value)
{
    g_auto(GStrv) parts = g_strsplit(value, ",", -1);
    for (guint i = 0; parts[i] != NULL; i++)
        if ((i == 0 && g_str_equal(parts[i], "none")) || g_str_equal(parts[i], "type=none"))
            return TRUE;
    return FALSE;
}

gboolean
vb_identity_is_guest(const char *exe, const char *cmdline, gsize length, const char **ret_reason)
{
    const char *reason = NULL;
    gboolean named = FALSE, probe = FALSE, machine_follows = FALSE;
    const char *end = cmdline + length;
    for (const char *at = cmdline; at < end; at += strnlen(at, (gsize)(end - at)) + 1) {
        g_autofree char *argument = g_strndup(at, (gsize)(end - at));
        if (machine_follows)
            probe = probe || is_no_machine(argument);
        machine_follows = is_option(argument, "machine") || is_option(argument, "M");
        named = named || is_option(argument, "name") || is_option(argument, "uuid");
    }
    if (!is_emulator(exe))
        reason = "its program is no QEMU system emulator (qemu-system-*, qemu-kvm)";
    else if (length == 0)
        reason = "it has no command line";
    else if (probe && !named)
        reason = "it is a QEMU without a machine, not a guest";
    if (ret_reason != NULL)
        *ret_reason = reason;
    return reason == NULL;
}

static gboolean
check_guest(VbKernel *kernel, int pid, GError **error)
{
    g_autofree char *exe_path = g_strdup_printf("/proc/%d/exe", pid);
    g_autofree char *exe = kernel->ops->readlink(kernel, exe_path, error);
    if (exe == NULL)
        return FALSE;
    g_autofree char *cmdline_path = g_strdup_printf("/proc/%d/cmdline", pid);
    g_autofree char *cmdline = NULL;
    gsize length = 0;
    if (!kernel->ops->read(kernel, cmdline_path, CMDLINE_LIMIT, &cmdline, &length, error))
        return FALSE;
    const char *reason = NULL;
    if (vb_identity_is_guest(exe, cmdline, length, &reason))
        return TRUE;
    g_set_error(error, VB_ERROR, VB_ERROR_DENIED, "process %d is not a QEMU guest: %s", pid,
                reason);
    return FALSE;
}

VbIdentity *
vb_identity_open(VbKernel *kernel, const VbProcess *process, GError **error)
{
    g_autoptr(VbIdentity) identity = g_new0(VbIdentity, 1);
    identity->kernel = kernel;
    identity->process = *process;
    /* First the descriptor, then the judgement: so the judgement is about what the descriptor holds. */
    identity->pidfd = kernel->ops->open_process(kernel, process->pid);
    if (identity->pidfd == -ESRCH) {
        g_set_error(error, VB_ERROR, VB_ERROR_NO_GUEST, "process %d has ended", process->pid);
        return NULL;
    }
    VbProcess now;
    if (!vb_process_identify(kernel, process->pid, &now, error))
        return NULL;
    if (now.start_time != process->start_time) {
        g_set_error(error, VB_ERROR, VB_ERROR_CHANGED,
                    "process %d is not the guest that was meant: the PID was used again",
                    process->pid);
        return NULL;
    }
    if (!check_guest(kernel, process->pid, error))
        return NULL;
    if (vb_identity_look(identity) == VB_IDENTITY_GONE) {
        g_set_error(error, VB_ERROR, VB_ERROR_NO_GUEST, "process %d has ended", process->pid);
        return NULL;
    }
    return g_steal_pointer(&identity);
}

void
vb_identity_close(VbIdentity *identity)
{
    if (identity == NULL)
        return;
    if (identity->pidfd >= 0)
        close(identity->pidfd);
    g_free(identity);
}

VbKernel *
vb_identity_kernel(const VbIdentity *identity)
{
    return identity->kernel;
}

int
vb_identity_pid(const VbIdentity *identity)
{
    return identity->process.pid;
}

int
vb_identity_pidfd(const VbIdentity *identity)
{
    return MAX(identity->pidfd, -1);
}

VbIdentityState
vb_identity_look(const VbIdentity *identity)
{
    VbKernel *kernel = identity->kernel;
    if (identity->pidfd >= 0 && kernel->ops->process_ended(kernel, identity->pidfd))
        return VB_IDENTITY_GONE;
    VbProcessStat stat;
    if (!vb_process_stat(kernel, identity->process.pid, &stat, NULL) ||
        stat.start_time != identity->process.start_time || strchr("ZXx", stat.state) != NULL)
        return VB_IDENTITY_GONE;
    return stat.state == 'T' || stat.state == 't' ? VB_IDENTITY_STOPPED : VB_IDENTITY_SAME;
}

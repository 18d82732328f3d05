/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sys/kernel.h"

G_BEGIN_DECLS

/*
 * That a process is the one that was meant and a QEMU guest, and that it stays so. A pidfd is held,
 * so that a look after an act tells whether the act can have met another process of the same PID.
 */
typedef struct VbIdentity VbIdentity;

typedef enum {
    VB_IDENTITY_SAME,
    VB_IDENTITY_STOPPED, /**< the same, held by SIGSTOP or a debugger (state T or t) */
    VB_IDENTITY_GONE,    /**< ended, a zombie, or another process */
} VbIdentityState;

/**
 * Opens the process and judges it.
 * Errors: VB_ERROR_NO_GUEST no such process; VB_ERROR_CHANGED its PID is another process's now;
 * VB_ERROR_DENIED it is not a QEMU guest, or the mover may not look at it.
 */
VbIdentity *vb_identity_open(VbKernel *kernel, const VbProcess *process, GError **error);
void vb_identity_close(VbIdentity *identity);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbIdentity, vb_identity_close)

VbKernel *vb_identity_kernel(const VbIdentity *identity);
int vb_identity_pid(const VbIdentity *identity);
/** Borrowed; -1 on kernels that have none (before Linux 5.3). */
int vb_identity_pidfd(const VbIdentity *identity);
/** Looks again. */
VbIdentityState vb_identity_look(const VbIdentity *identity);

/**
 * Is this a QEMU guest? Its program is a system emulator: named qemu-system-* or qemu-kvm (RHEL's
 * /usr/libexec/qemu-kvm), also when an upgrade has deleted the file since (" (deleted)" behind its
 * path). And it runs a guest: it has -uuid or -name, as libvirt and everyone who manages guests
 * gives; without these it must at least have a machine, that is, not be the probe ("-machine none") by which
 * libvirt asks a QEMU what it can do.
 * @exe: where /proc/PID/exe points
 * @cmdline: /proc/PID/cmdline: arguments, each with a NUL behind it
 * @ret_reason: (nullable) (transfer none): why not
 */
gboolean vb_identity_is_guest(const char *exe, const char *cmdline, gsize length,
                              const char **ret_reason);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libvirt/hypervisor.h"
#include "sys/kernel.h"

G_BEGIN_DECLS

/** Connects to libvirt: vb_hypervisor_connect(), or a test's own. */
typedef VbHypervisor *(*VbJoinedConnect)(const char *uri, guint deadline_ms, GError **error);

/**
 * libvirt's guests and those of plain QEMU side by side. A guest that both tell of, as libvirt runs it
 * and it has a second QMP socket, is libvirt's.
 *
 * A host may do without libvirt: as long as it has never been reached there are plain guests only, and
 * it is tried again with a list, every ten seconds at most. Once it was reached its errors are errors, and
 * so is any but VB_ERROR_UNREACHABLE before.
 * A guest that has a process, but that none of both knows, is then VB_ERROR_UNREACHABLE, not gone.
 * @uri: (nullable)
 * @plain: (transfer full)
 */
VbHypervisor *vb_joined_new(VbKernel *kernel, VbJoinedConnect connect, const char *uri,
                            guint deadline_ms, VbHypervisor *plain);

G_END_DECLS

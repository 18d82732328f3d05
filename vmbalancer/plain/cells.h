/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "plain/answer.h"
#include "sys/kernel.h"

G_BEGIN_DECLS

/**
 * Tells which backend is which guest cell's RAM. QMP has no question for that: QEMU's own command line
 * says it ("-numa node,nodeid=0,memdev=ram0", "-machine memory-backend=ram0"), and without either the
 * machine's own RAM is all there is.
 * @kernel: for the host's hugetlbfs mounts
 * @cmdline: of the QEMU process: arguments, each with a NUL behind it
 * @cells: (element-type VbDomainCell): those of the guest are added, by id
 * Errors: VB_ERROR_UNSUPPORTED with the reason and the mend if it cannot be told.
 */
gboolean vb_plain_cells(VbKernel *kernel, const VbPlainAnswer *answer, const char *cmdline,
                        gsize length, GPtrArray *cells, GError **error);

/**
 * Tells which memory devices (DIMMs, virtio-mem) the cells have. @domain: its cells are known already.
 * Errors: VB_ERROR_INVALID if one is of a cell that is not there.
 */
gboolean vb_plain_memory_devices(VbKernel *kernel, const VbPlainAnswer *answer, VbDomain *domain,
                                 GError **error);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "observe/observe.h"

G_BEGIN_DECLS

/**
 * Reads a memory file of the guest's process: through the mover, or directly where the observer has
 * none (then only as root or the guest's own user). Errors: as vb_mover_read().
 */
char *vb_memory_file_read(const VbObserver *observer, const VbProcess *process, VbMoverFile file,
                          gsize *ret_length, GError **error);

/**
 * Where each cell's RAM lies now. Where mappings look alike and the observer may, QEMU is asked.
 * Returns: (transfer full) (element-type VbCellRam): one for each of @live's cells; NULL if the
 * memory map cannot be read.
 */
GPtrArray *vb_ram_resolve(const VbObserver *observer, const VbProcess *process,
                          const VbDomain *live, GError **error);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libvirt/hypervisor.h"

G_BEGIN_DECLS

/**
 * Asks QEMU, through libvirt, where the cells and memory devices lie whose mappings look alike (gpa2hva). This taints
 * the guest. An answer counts only if it names the cell's backend and points into a mapping of
 * the cell's kind and size; whatever else comes leaves the cell unknown, its note says so too.
 * @maps: (element-type VbMapping)
 * @rams: (element-type VbCellRam) (inout): as vb_ram_find() left them
 */
void vb_ram_query(VbHypervisor *hypervisor, guint deadline_ms, const VbDomain *live,
                  const GPtrArray *maps, GPtrArray *rams);

G_END_DECLS

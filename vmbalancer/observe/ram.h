/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/domain.h"
#include "observe/shared.h"

G_BEGIN_DECLS

/** Where the RAM of a cell or of a memory device lies in the QEMU process. */
typedef struct {
    GArray *ranges;  /**< (element-type VbRange) ascending; empty if it is not known */
    GArray *shared;  /**< (element-type VbSharedRange) those of @ranges that others may map too; once resolved */
    char *note;      /**< why it is not known and the mend; NULL if it is known */
    gboolean alike;  /**< not known only because mappings look alike: QEMU could tell */
} VbCellRam;

void vb_cell_ram_free(VbCellRam *ram);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbCellRam, vb_cell_ram_free)

/**
 * Tells which mappings are which cell's RAM, from evidence only:
 *
 * 1. by name: a file or hugetlbfs mapping is called after QEMU's memory backend
 *    ("qemu_back_mem._objects_ram-node1.a1B2c3"), and has the cell's size;
 * 2. by size: exactly one mapping of the right kind (private anonymous, shared anonymous, memfd)
 *    has the cell's size, and no other cell of that kind has it.
 *
 * A RAM block is one mapping with an inaccessible page behind it, so the kernel never joins it
 * with a neighbour; mbind() or madvise() of a part may split it: adjacent pieces that add up count
 * as one. Memory devices of one cell need not be told apart.
 * @maps: (element-type VbMapping)
 * Returns: (transfer full) (element-type VbCellRam): one for each of vb_domain_ram()
 */
GPtrArray *vb_ram_find(const GPtrArray *maps, const VbDomain *live);

/**
 * Gives each cell the RAM of its memory devices. A cell of which one piece is not known, or whose
 * pieces have pages of different sizes, is not known: its note tells which.
 * @rams: (element-type VbCellRam) (inout): one for each of vb_domain_ram(); one for each cell left
 */
void vb_ram_join(const VbDomain *live, GPtrArray *rams);

/**
 * Id of the memory backend that a mapping's path names ("ram-node0").
 * Returns: (transfer full), NULL if none
 */
char *vb_ram_backend_name(const char *path);

/**
 * The mappings of @cell's kind and size, whichever cell they are: what an answer of QEMU is checked
 * against. Returns: (transfer full) (element-type GArray of VbRange).
 */
GPtrArray *vb_ram_candidates(const GPtrArray *maps, const VbDomainCell *cell);

/** TRUE if @name is what QEMU calls the RAM of @cell ("ram-node1", "pc.ram"). */
gboolean vb_ram_name_is(const char *name, const VbDomain *live, const VbDomainCell *cell);

G_END_DECLS

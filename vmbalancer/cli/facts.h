/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <vmbalancer/snapshot.h>

G_BEGIN_DECLS

/** A guest in sums, as it is shown in one line. */
typedef struct {
    gboolean ram_known;              /**< of every cell; else the next two mean nothing */
    guint64 ram[VB_NODES_MAX];       /**< present bytes by node */
    guint64 present_bytes;
    guint64 size_bytes;              /**< as configured */
    guint64 unmapped_bytes;          /**< there, but not mapped by QEMU, of the cells where that is worth a word */
    guint64 unmapped_error_bytes;    /**< half-width of that at 95 % */
    gboolean busy_known;             /**< of every vCPU */
    guint busy_bp;                   /**< sum, in bp of one CPU */
    gboolean run_known;              /**< where each vCPU ran */
    guint64 run[VB_NODES_MAX];       /**< weight by node of where its vCPUs ran */
    gboolean locality_known;
    guint locality_bp;
    guint error_bp;
} VbGuestFacts;

/** What the guests together do to the host; what is not known is left out. */
typedef struct {
    guint64 ram[VB_NODES_MAX];       /**< guests' present bytes by node */
    guint64 demand_bp[VB_NODES_MAX]; /**< guests' CPU demand by node, in bp of one CPU */
} VbHostFacts;

void vb_guest_facts(const VbGuest *guest, VbGuestFacts *ret);
void vb_host_facts(const VbSnapshot *snapshot, VbHostFacts *ret);

/** A short word on why a guest is as it is: an owner's code, or what is not known; "" if nothing. */
const char *vb_guest_remark(const VbGuest *guest, const VbGuestFacts *facts);

G_END_DECLS

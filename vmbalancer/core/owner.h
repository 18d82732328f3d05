/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/settle.h"
#include <vmbalancer/snapshot.h>

G_BEGIN_DECLS

/** What a guest's owner is judged by. */
typedef struct {
    const VbDomain *live;
    const VbDomain *inactive;     /**< NULL for a transient guest: then live pins that are not ours count */
    const char *cgroup;           /**< its cgroup path, NULL if unknown */
    const GHashTable *our_pins;   /**< from the record: thread -> cpuset text that we set, or several with ';' between
                                       them where a pin was being changed; NULL if we hold no record */
    const VbSettled *settled;     /**< what counts of what is asked for it; NULL: @live's metadata */
} VbOwnerEvidence;

/** The judgement. */
typedef struct {
    VbOwner owner;
    char *code;                   /**< stable: hands off "kubevirt" "nova" "vcpupin"
                                       "emulatorpin" "iothreadpin" "memnode" "foreign-pin" "auto"
                                       "no-home"; observe only "ovirt"; "ours"; bounded "auto"
                                       "numatune" "cpuset" "home"; NULL for free */
    char *reason;                 /**< in words: thing, reason, mend; NULL for free */
    VbNodeSet boundary;           /**< never empty unless the guest's own words leave nothing */
    VbCpuSet cpu_boundary;
} VbOwnerVerdict;

/**
 * Judges who places the guest (README, "Who else places guests") and where it may go. Pins in the
 * inactive XML are the operator's; live pins are ours where our record says so, or the note in the
 * guest's live metadata that came with them from another host or a saved image (@live's marks), else
 * foreign; but one to all CPUs is none: it is left over when a pin is undone. A boundary that leaves no home node on this
 * host makes the guest hands-off, with the reason. Hands-off beats observe-only beats ours beats bounded; the
 * boundary is told whatever the verdict, and one that takes nothing away makes no guest bounded.
 */
void vb_owner_judge(const VbOwnerEvidence *evidence, const VbTopology *topology,
                    VbOwnerVerdict *ret);
void vb_owner_verdict_clear(VbOwnerVerdict *verdict);

G_END_DECLS

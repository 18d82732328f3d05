/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/observation.h"
#include "sys/kernel.h"

G_BEGIN_DECLS

/* What on this host helps or hinders, each with its consequence and the mend. */

/** How much a finding matters. */
typedef enum {
    VB_FINDING_GOOD,
    VB_FINDING_NOTE,    /**< worth knowing; nothing is wrong */
    VB_FINDING_HINDERS, /**< something works less well than it could */
    VB_FINDING_BLOCKS,  /**< nothing will be moved */
} VbFindingLevel;

typedef struct {
    VbFindingLevel level;
    char *thing;        /**< "kernel.numa_balancing", "guest web1" */
    char *says;         /**< what is so, and what follows */
    char *mend;         /**< what to do; NULL if there is nothing to do */
} VbFinding;

void vb_finding_free(VbFinding *finding);
/** "good", "note", "hinders", "blocks". */
const char *vb_finding_level_name(VbFindingLevel level);
/** Appends a finding to @findings (element-type VbFinding). @mend: (nullable) */
void vb_doctor_add(GPtrArray *findings, VbFindingLevel level, const char *thing, const char *mend,
                   const char *format, ...) G_GNUC_PRINTF(5, 6);

/** Nodes, pools, reserves, the kernel's balancing, THP, KSM, rivals, the caller's own rights. */
void vb_doctor_host(GPtrArray *findings, VbKernel *kernel, const VbObservation *observation);
/** What is odd in the host's shape: its part of vb_doctor_host() that has a file of its own. */
void vb_doctor_shape(GPtrArray *findings, VbKernel *kernel, const VbTopology *topology);
/**
 * The line of /proc/@process/status that begins with @key, without that. @process: a PID, or "self"
 * Returns: (transfer full) (nullable): NULL if there is none, or it cannot be read
 */
char *vb_doctor_status_line(VbKernel *kernel, const char *process, const char *key);
/** Whether DAMON can be asked with what a move is to begin: where hot-first= wants that. */
void vb_doctor_hot(GPtrArray *findings, VbKernel *kernel);
/**
 * Guests whose RAM cannot be read or moved, is away from their devices, swapped out, in pages that are slow to
 * move, or fits on no node; and those that others place.
 */
void vb_doctor_guests(GPtrArray *findings, VbKernel *kernel, const VbSnapshot *snapshot);

G_END_DECLS

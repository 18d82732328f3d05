/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "act/undo.h"
#include "libvirt/hypervisor.h"
#include <vmbalancer/plan.h>

G_BEGIN_DECLS

/*
 * Pins threads through libvirt (live only; libvirt owns the guest, so its record must stay true) and
 * gives them back. Before anything is changed the undo record is on disk.
 */

/** What placing needs. */
typedef struct {
    VbHypervisor *hypervisor;
    const char *state_dir;      /**< of the undo records */
    VbCpuSet all_cpus;          /**< of the host: what a thread without a pin may use */
    guint deadline_ms;          /**< of each call */
} VbPlacement;

/**
 * Pins the threads of one guest.
 * @actions: (element-type VbAction): pins of one guest
 * Reads the pins anew first and re-reads them after. If one fails, those already done are given
 * back and the error says which one and why. A thread that someone else pinned meanwhile is a
 * VB_ERROR_CHANGED: the other one wins.
 */
gboolean vb_placement_pin(const VbPlacement *placement, const char *uuid,
                          const GPtrArray *actions, GError **error);

/** What a release did. */
typedef struct {
    guint restored;      /**< threads given back */
    guint left;          /**< threads that someone else has re-pinned since: left as they are */
    gboolean recorded;   /**< FALSE: there was nothing of ours */
} VbRelease;

/**
 * Gives every pin back as it was, except where an outsider changed it since; then the record goes.
 * A guest that is not running any more has nothing to give back: its record goes.
 */
gboolean vb_placement_release(const VbPlacement *placement, const char *uuid, VbRelease *ret,
                              GError **error);

G_END_DECLS

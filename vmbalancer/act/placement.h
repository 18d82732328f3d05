/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libvirt/hypervisor.h"
#include <vmbalancer/plan.h>

G_BEGIN_DECLS

/*
 * Pins threads through libvirt (live only; libvirt owns the guest, so its record must stay true)
 * and gives them back. Before anything is changed the undo record is on disk, and a note of it in the
 * guest's live metadata, which goes where the live pins go: to another host, into a saved image. A
 * record is void once its guest does not run. Whoever calls holds the guest's lock (act/lock.h).
 */

/** What placing needs. */
typedef struct {
    VbHypervisor *hypervisor;
    const char *state_dir;      /**< of the undo records */
    const VbTopology *topology; /**< of the host: what a thread without a pin may use */
    guint deadline_ms;          /**< of each call */
} VbPlacement;

/**
 * Pins the threads of one guest.
 * @actions: (element-type VbAction): pins of one guest
 * Reads the pins anew first and re-reads them after. If one fails, or someone else changed one
 * meanwhile (VB_ERROR_CHANGED: the other one wins), all others are as they were before, record
 * included; where that could not be done either the error says so, and the record still holds
 * what `release` needs. A guest that could only half be read is left alone (VB_ERROR_FAILED).
 */
gboolean vb_placement_pin(const VbPlacement *placement, const char *uuid, const GPtrArray *actions,
                          GError **error);

/** What a release did, in threads. */
typedef struct {
    guint restored;    /**< given back */
    guint left;        /**< someone else has re-pinned them since: left as they are */
    guint absent;      /**< unplugged by now, pin and all: their part of the record stays */
    gboolean recorded; /**< FALSE: there was nothing of ours */
} VbRelease;

/**
 * Gives every pin back as it was, except where an outsider changed it since; then the record goes.
 * Threads that are no longer pinned (the guest was started anew) need nothing. If one cannot be
 * given back the others still are; the error tells of the first, and the record holds what is left.
 * Errors: VB_ERROR_NO_GUEST if it does not run; its record stays.
 */
gboolean vb_placement_release(const VbPlacement *placement, const char *uuid, VbRelease *ret,
                              GError **error);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <vmbalancer/snapshot.h>

G_BEGIN_DECLS

/**
 * What a state of libvirt means to moving.
 * @state, @reason: as virDomainGetState() tells
 * @ret_busy: what keeps it busy ("migration", ...), a constant; NULL if the state is not
 * VB_GUEST_BUSY
 */
VbGuestState vb_domain_state_read(int state, int reason, const char **ret_busy);

/**
 * What a job of libvirt's keeps the guest busy with, a constant; NULL for a job that leaves its
 * threads and RAM alone (a backup, a snapshot's deletion).
 * @operation: a virDomainJobOperation
 */
const char *vb_domain_state_job(int operation);

G_END_DECLS

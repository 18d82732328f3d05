/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/settle.h"
#include "libvirt/hypervisor.h"

G_BEGIN_DECLS

/* Reading and writing a guest's policy, whether it runs or not. */

/** What is asked for a guest, and what counts. */
typedef struct {
    VbMetadata *metadata;
    VbSettled *settled;  /**< from the live element while it runs, else from the configuration's */
    const char *policy;  /**< that decides on it: its own, else the host's default; (owned elsewhere) */
    gboolean known;      /**< there is such a policy in this build */
} VbGuestPolicy;

void vb_guest_policy_free(VbGuestPolicy *policy);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbGuestPolicy, vb_guest_policy_free)

/**
 * Reads a guest's policy. @config: must outlive what is returned
 * Errors: VB_ERROR_NO_GUEST, those of the hypervisor.
 */
VbGuestPolicy *vb_guest_policy_read(VbHypervisor *hypervisor, const VbConfig *config,
                                    const char *guest, guint deadline_ms, GError **error);

/** Where to write. Neither is "current", as virsh has it: the running guest, else its configuration. */
typedef struct {
    gboolean live;
    gboolean config;
} VbScope;

/**
 * Lays @wish over what the guest's metadata asks in each scope: what it does not name stays, but for
 * the parameters of another policy; a bad element is replaced whole. The result is checked, also
 * against the policies, before any of it is written.
 * @wish: (nullable): NULL removes the element
 * @scope: in: as asked; out: where it was written
 * Errors: VB_ERROR_NO_GUEST, VB_ERROR_INVALID (a bad wish, a scope that the guest does not have),
 * those of the hypervisor.
 */
gboolean vb_guest_policy_write(VbHypervisor *hypervisor, const char *guest, const VbWish *wish,
                               VbScope *scope, guint deadline_ms, GError **error);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Who may do what over the bus. Actions are those of data/org.vmbalancer1.policy. */

#define VB_RIGHT_READ "org.vmbalancer1.read"
#define VB_RIGHT_REBALANCE "org.vmbalancer1.rebalance"
#define VB_RIGHT_RELEASE "org.vmbalancer1.release"
#define VB_RIGHT_SET_POLICY "org.vmbalancer1.set-policy"
#define VB_RIGHT_PAUSE "org.vmbalancer1.pause"
#define VB_RIGHT_RECORD "org.vmbalancer1.record"

typedef struct VbAuthority VbAuthority;

/** @error: (nullable): why the caller may not: VB_ERROR_DENIED, naming the action and the mend */
typedef void (*VbAuthorityAnswer)(const GError *error, gpointer user_data);

typedef struct {
    /** Does not block; answers in the thread-default context, maybe at once. */
    void (*check)(VbAuthority *authority, GDBusMethodInvocation *invocation, const char *right,
                  VbAuthorityAnswer answer, gpointer user_data);
    /** The bus is gone: nothing of it must be held on to. */
    void (*reset)(VbAuthority *authority);
    void (*free)(VbAuthority *authority);
} VbAuthorityOps;

/** Implementations embed it first; tests have their own. */
struct VbAuthority {
    const VbAuthorityOps *ops;
};

/**
 * Root may do all. Of others polkit is asked, with a dialogue if the caller allows that. Without
 * polkit they may read.
 */
VbAuthority *vb_authority_new(void);
void vb_authority_free(VbAuthority *authority);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbAuthority, vb_authority_free)

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * VB_ERROR: the error domain of vmbalancer.
 *
 * A GError means "could not"; what is expected in a guest's life (it went away, a page was
 * busy) is an enumerated outcome instead. Each message names the thing, the reason and the mend.
 */
#define VB_ERROR (vb_error_quark())
GQuark vb_error_quark(void);

/**
 * VbError:
 * @VB_ERROR_FAILED: anything without a code of its own
 * @VB_ERROR_INVALID: input that does not say what it should (file, option, JSON, XML, message)
 * @VB_ERROR_NO_GUEST: no such guest, or it ended
 * @VB_ERROR_UNREACHABLE: libvirt, the daemon or the mover cannot be reached or went away
 * @VB_ERROR_DENIED: the caller lacks a right or capability
 * @VB_ERROR_CHANGED: the process is not the one that was meant (PID reuse, guest restarted)
 * @VB_ERROR_NO_SPACE: the target node cannot take the memory
 * @VB_ERROR_TIMEOUT: a deadline passed
 * @VB_ERROR_CANCELLED: the user or the service asked to stop
 * @VB_ERROR_UNSUPPORTED: this host, kernel or guest has no such thing
 */
typedef enum {
    VB_ERROR_FAILED,
    VB_ERROR_INVALID,
    VB_ERROR_NO_GUEST,
    VB_ERROR_UNREACHABLE,
    VB_ERROR_DENIED,
    VB_ERROR_CHANGED,
    VB_ERROR_NO_SPACE,
    VB_ERROR_TIMEOUT,
    VB_ERROR_CANCELLED,
    VB_ERROR_UNSUPPORTED,
} VbError;

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <libvirt/libvirt.h>

G_BEGIN_DECLS

/** Keeps libvirt from printing its errors: they reach the user once, as GErrors. Process-wide. */
void vb_failure_silence_libvirt(void);

/**
 * Makes a GError of the last libvirt error of this thread: the guest, what was tried, libvirt's own
 * words, the mend where there is one. Nothing of libvirt may be called between the failure and
 * this, not even virDomainGetName() for an argument: each call forgets the error of the one before.
 * VB_ERROR_UNREACHABLE if the connection is dead, VB_ERROR_NO_GUEST if the guest is gone or not
 * running, VB_ERROR_DENIED, VB_ERROR_UNSUPPORTED, VB_ERROR_TIMEOUT for a guest whose job another
 * call holds, else VB_ERROR_FAILED.
 * @connection: (nullable): NULL = that of @domain
 * @domain: (nullable): the guest it was tried on
 */
void vb_failure_set(GError **error, virConnectPtr connection, virDomainPtr domain,
                    const char *format, ...) G_GNUC_PRINTF(4, 5);

/** As vb_failure_set(), for a connection that could not be opened. */
void vb_failure_set_connect(GError **error, const char *uri);

G_END_DECLS

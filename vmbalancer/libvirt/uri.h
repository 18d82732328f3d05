/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** The URI when nobody names one. */
#define VB_URI_DEFAULT "qemu:///system"

/**
 * @uri: (nullable): as virsh -c; NULL or "" = LIBVIRT_DEFAULT_URI, else VB_URI_DEFAULT
 * Returns: (transfer full): the URI to connect to
 */
char *vb_uri_choose(const char *uri);

/**
 * Whether libvirt is reached on this very host: no host part and no network transport. An alias of
 * libvirt.conf is no URI and passes; check again what libvirt made of it.
 * Errors: VB_ERROR_UNSUPPORTED for a remote URI.
 */
gboolean vb_uri_check_local(const char *uri, GError **error);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libvirt/uri.h"

#include <string.h>
#include <vmbalancer/error.h>

/* The only transport that stays on the host; libvirt takes others for ssh, tls, tcp, ext, libssh.
 */
#define LOCAL_TRANSPORT "unix"

char *
vb_uri_choose(const char *uri)
{
    if (uri == NULL || *uri == '\0')
        uri = g_getenv("LIBVIRT_DEFAULT_URI");
    if (uri == NULL || *uri == '\0')
        uri = VB_URI_DEFAULT;
    return g_strdup(uri);
}

gboolean
vb_uri_check_local(const char *uri, GError **error)
{
    g_autofree char *scheme = NULL;
    g_autofree char *host = NULL;
    if (!g_uri_split(uri, G_URI_FLAGS_PARSE_RELAXED | G_URI_FLAGS_NON_DNS, &scheme, NULL, &host,
                     NULL, NULL, NULL, NULL, NULL))
        return TRUE;
    const char *transport = scheme == NULL ? NULL : strchr(scheme, '+');
    if ((host == NULL || *host == '\0') &&
        (transport == NULL || g_ascii_strcasecmp(transport + 1, LOCAL_TRANSPORT) == 0))
        return TRUE;
    g_set_error(error, VB_ERROR, VB_ERROR_UNSUPPORTED,
                "%s is on another host or goes over the network: run vmbalancer on the guests' "
                "own host, with a local URI as " VB_URI_DEFAULT,
                uri);
    return FALSE;
}

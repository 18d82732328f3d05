/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libvirt/failure.h"

#include <libvirt/virterror.h>
#include <string.h>
#include <vmbalancer/error.h>

static void
discard(void *data, virErrorPtr error)
{
}

void
vb_failure_silence_libvirt(void)
{
    virSetErrorFunc(NULL, discard);
}

/* Codes that say by themselves what is the matter. */
static const struct {
    int libvirt;
    VbError ours;
} codes[] = {
    {VIR_ERR_NO_DOMAIN, VB_ERROR_NO_GUEST},
    {VIR_ERR_NO_CONNECT, VB_ERROR_UNREACHABLE},
    {VIR_ERR_RPC, VB_ERROR_UNREACHABLE},
    {VIR_ERR_AUTH_FAILED, VB_ERROR_DENIED},
    {VIR_ERR_AUTH_CANCELLED, VB_ERROR_DENIED},
    {VIR_ERR_AUTH_UNAVAILABLE, VB_ERROR_DENIED},
    {VIR_ERR_OPERATION_DENIED, VB_ERROR_DENIED},
    {VIR_ERR_ACCESS_DENIED, VB_ERROR_DENIED},
    {VIR_ERR_NO_SUPPORT, VB_ERROR_UNSUPPORTED},
    {VIR_ERR_OPERATION_UNSUPPORTED, VB_ERROR_UNSUPPORTED},
    {VIR_ERR_CONFIG_UNSUPPORTED, VB_ERROR_UNSUPPORTED},
    {VIR_ERR_ARGUMENT_UNSUPPORTED, VB_ERROR_UNSUPPORTED},
    {VIR_ERR_OPERATION_TIMEOUT, VB_ERROR_TIMEOUT},
};

static VbError
code_of(int libvirt_code)
{
    for (guint i = 0; i < G_N_ELEMENTS(codes); i++)
        if (codes[i].libvirt == libvirt_code)
            return codes[i].ours;
    return VB_ERROR_FAILED;
}

/* Copies, as the next libvirt call of this thread overwrites them. */
static VbError
last_error(char **ret_message)
{
    const virError *last = virGetLastError();
    *ret_message = g_utf8_make_valid(
        last != NULL && last->message != NULL ? last->message : "libvirt gives no reason", -1);
    return code_of(last != NULL ? last->code : VIR_ERR_OK);
}

void
vb_failure_set(GError **error, virConnectPtr connection, virDomainPtr domain, const char *format,
               ...)
{
    g_autofree char *message = NULL;
    VbError code = last_error(&message);
    va_list args;
    va_start(args, format);
    g_autofree char *what = g_strdup_vprintf(format, args);
    va_end(args);
    if (connection == NULL && domain != NULL)
        connection = virDomainGetConnect(domain);
    if (virConnectIsAlive(connection) == 0)
        code = VB_ERROR_UNREACHABLE;
    /* "Not running" has no code of its own: it is an invalid operation like many. */
    else if (code == VB_ERROR_FAILED && domain != NULL && virDomainIsActive(domain) == 0)
        code = VB_ERROR_NO_GUEST;
    g_autofree char *guest =
        domain == NULL ? NULL : g_utf8_make_valid(virDomainGetName(domain), -1);
    g_set_error(error, VB_ERROR, code, "%s%s%s%s: %s%s", guest != NULL ? "guest " : "",
                guest != NULL ? guest : "", guest != NULL ? ": " : "", what, message,
                code == VB_ERROR_UNREACHABLE
                    ? "; the connection to libvirt is lost, look at: systemctl status libvirtd"
                    : "");
}

void
vb_failure_set_connect(GError **error, const char *uri)
{
    g_autofree char *message = NULL;
    VbError code = last_error(&message);
    if (code == VB_ERROR_DENIED) {
        g_set_error(error, VB_ERROR, code,
                    "libvirt at %s: %s; run as root or join the group libvirt", uri, message);
        return;
    }
    g_set_error(error, VB_ERROR, VB_ERROR_UNREACHABLE,
                "libvirt at %s: %s; start libvirtd: systemctl start libvirtd", uri, message);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/failure.h"

static const GDBusErrorEntry entries[] = {
    {VB_ERROR_FAILED, "org.vmbalancer1.Error.Failed"},
    {VB_ERROR_INVALID, "org.vmbalancer1.Error.Invalid"},
    {VB_ERROR_NO_GUEST, "org.vmbalancer1.Error.NoGuest"},
    {VB_ERROR_UNREACHABLE, "org.vmbalancer1.Error.Unreachable"},
    {VB_ERROR_DENIED, "org.vmbalancer1.Error.Denied"},
    {VB_ERROR_CHANGED, "org.vmbalancer1.Error.Changed"},
    {VB_ERROR_NO_SPACE, "org.vmbalancer1.Error.NoSpace"},
    {VB_ERROR_TIMEOUT, "org.vmbalancer1.Error.Timeout"},
    {VB_ERROR_CANCELLED, "org.vmbalancer1.Error.Cancelled"},
    {VB_ERROR_UNSUPPORTED, "org.vmbalancer1.Error.Unsupported"},
};

void
vb_bus_errors_register(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(entries); i++)
        g_dbus_error_register_error(VB_ERROR, entries[i].error_code, entries[i].dbus_error_name);
}

const char *
vb_bus_error_name(const GError *error)
{
    for (guint i = 0; error->domain == VB_ERROR && i < G_N_ELEMENTS(entries); i++)
        if (entries[i].error_code == error->code)
            return entries[i].dbus_error_name;
    return entries[0].dbus_error_name;
}

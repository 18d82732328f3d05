/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libvirt/qmp_passthrough.h"
#include "qmp/passthrough.h"

typedef struct {
    VbHypervisor *hypervisor;
    char *uuid;
    guint deadline_ms;
} Guest;

static void
guest_free(gpointer data)
{
    Guest *guest = data;
    g_free(guest->uuid);
    g_free(guest);
}

static char *
ask(const char *command, gpointer data, GError **error)
{
    const Guest *guest = data;
    return guest->hypervisor->ops->monitor(guest->hypervisor, guest->uuid, command,
                                           guest->deadline_ms, error);
}

QmpTransport *
vb_qmp_passthrough_new(VbHypervisor *hypervisor, const char *uuid, guint deadline_ms)
{
    Guest *guest = g_new0(Guest, 1);
    guest->hypervisor = hypervisor;
    guest->uuid = g_strdup(uuid);
    guest->deadline_ms = deadline_ms;
    return qmp_passthrough_new(ask, guest, guest_free);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/notify.h"
#include <systemd/sd-daemon.h>

static gboolean
pat_watchdog(gpointer data)
{
    sd_notify(0, "WATCHDOG=1");
    return G_SOURCE_CONTINUE;
}

void
vb_notify_ready(void)
{
    guint64 interval_us = 0;
    sd_notify(0, "READY=1");
    if (sd_watchdog_enabled(0, &interval_us) > 0)
        g_timeout_add((guint)MAX(interval_us / 2000, 1), pat_watchdog, NULL);
}

void
vb_notify_state(const VbLoopState *state)
{
    if (!state->connected) {
        sd_notify(0, "STATUS=waiting for libvirtd");
        return;
    }
    sd_notifyf(0, "STATUS=%s%u guests, %u kept at home, %u on their way%s",
               state->paused ? "paused; " : "", state->guests, state->opted_in, state->in_flight,
               state->stopping ? "; stopping" : "");
}

void
vb_notify_reloading(void)
{
    sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" G_GINT64_FORMAT, g_get_monotonic_time());
}

void
vb_notify_reloaded(void)
{
    sd_notify(0, "READY=1");
}

void
vb_notify_stopping(void)
{
    sd_notify(0, "STOPPING=1");
}

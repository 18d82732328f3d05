/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <vmbalancer/error.h>

G_BEGIN_DECLS

#define VB_BUS_NAME "org.vmbalancer1"
#define VB_BUS_PATH "/org/vmbalancer1"

/**
 * Lets errors of VB_ERROR cross D-Bus by name, "org.vmbalancer1.Error.NoGuest" and so on: GIO then
 * turns one into the other on both sides. To be called once by each side before its first call.
 */
void vb_bus_errors_register(void);

/** The D-Bus name of an error of VB_ERROR; of any other, that of VB_ERROR_FAILED. */
const char *vb_bus_error_name(const GError *error);

G_END_DECLS

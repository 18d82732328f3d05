/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli/command.h"
#include <bus_generated.h>

G_BEGIN_DECLS

/*
 * vmbalancerd, asked over the system bus. A verb does so on the thread of vb_job_run():
 *
 *     g_autoptr(VbBusHost) host = NULL;
 *     if (!vb_service_find(cli, cancellable, &host, error))
 *         return FALSE;
 *     if (host == NULL)
 *         return in_process(...);
 *     if (vb_bus_host_call_history_sync(host, guests, options, VB_SERVICE_FLAGS,
 * VB_SERVICE_READ_MS, &text, cancellable, error)) return TRUE; return vb_service_explain(error);
 *
 * A verb that cannot be without the daemon begins with vb_service_open() instead.
 */

/** Of each call: the user may be asked for a password where an agent is at hand. */
#define VB_SERVICE_FLAGS                                                                           \
    (G_DBUS_CALL_FLAGS_NO_AUTO_START | G_DBUS_CALL_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION)
/** Deadline of a call that reads: the daemon may take a look at the host first. */
#define VB_SERVICE_READ_MS 30000
/** Deadline of a call that changes something: the user may have to type a password first. */
#define VB_SERVICE_WRITE_MS 120000

/**
 * Finds the daemon that is to do what the command line asks. It is never started by this.
 * @ret: (transfer full): its properties are loaded; NULL: none runs (or there is no system bus), it
 * is for another libvirt connection, or the options ask for what only this process can do.
 * Returns: FALSE if that cannot be told: VB_ERROR_TIMEOUT where the bus or the daemon does not
 * answer, VB_ERROR_CANCELLED.
 */
gboolean vb_service_find(const VbCli *cli, GCancellable *cancellable, VbBusHost **ret,
                         GError **error);
/**
 * The same for verbs that need it. Returns: (transfer full)
 * Errors: those of vb_service_find(); VB_ERROR_UNREACHABLE where none runs or it serves another
 * connection, VB_ERROR_INVALID for options that it cannot follow.
 */
VbBusHost *vb_service_open(const VbCli *cli, GCancellable *cancellable, GError **error);

/**
 * Turns what a call failed with into an error of VB_ERROR that names the mend, so that the exit
 * status is right: VB_ERROR_UNREACHABLE where the daemon went away, VB_ERROR_TIMEOUT where it did
 * not answer, VB_ERROR_DENIED, VB_ERROR_CANCELLED; what the daemon itself said stays.
 * @error: (nullable). Returns: FALSE
 */
gboolean vb_service_explain(GError **error);
/**
 * The same for an answer that could not be read: that is the daemon's fault, not wrong use.
 * Returns: FALSE
 */
gboolean vb_service_garbled(GError **error);

/** Loads all properties of @proxy anew. Errors: explained ones. */
gboolean vb_service_load(GDBusProxy *proxy, GCancellable *cancellable, GError **error);

/** Writes a document of the daemon to standard output. Returns: FALSE with an error if it is none.
 */
gboolean vb_service_print_json(const char *text, const char *schema, GError **error);

G_END_DECLS

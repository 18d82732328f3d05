/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/** Work that blocks. Returns: FALSE with an error. */
typedef gboolean (*VbJobFunction)(gpointer data, GCancellable *cancellable, GError **error);

/**
 * Runs @work on a thread while this one listens for SIGINT, SIGTERM and SIGHUP, which cancel it (a
 * second one ends the program at once: what is half done is on disk for release), and calls @tick (nullable) every @tick_ms.
 */
gboolean vb_job_run(VbJobFunction work, gpointer data, guint tick_ms, void (*tick)(gpointer data),
                    GError **error);

G_END_DECLS

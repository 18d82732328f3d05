/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli/service.h"

G_BEGIN_DECLS

/** What "vmbalancer record" was asked for. */
typedef struct {
    const char *path;
    guint64 seconds;     /**< 0: until it is interrupted */
    guint64 limit_bytes; /**< of the file; 0: VB_RECORDER_LIMIT */
    gboolean force;      /**< also in place of a file that is there */
} VbRecordOrder;

/** What came of it. */
typedef struct {
    guint64 bytes;
    gint64 elapsed_us;
    char *reason; /**< why it ended by itself; NULL if it did not. To be freed */
} VbRecorded;

/**
 * Has the daemon record what it sees and does, on the thread of vb_job_run(); cancelling ends the
 * recording, and is no error. What was recorded stays in the file whatever happens then.
 * Errors: VB_ERROR_INVALID if the file is there; those of vb_service_explain(), and the daemon's
 * own if it records already.
 */
gboolean vb_record_daemon(VbBusHost *host, const VbRecordOrder *order, VbRecorded *ret,
                          GCancellable *cancellable, GError **error);
/**
 * Watches the host as the daemon would, does nothing, and records that; until SIGINT, SIGTERM,
 * SIGHUP or the order's end. To be called once in a process. Errors: those of the configuration, of
 * opening the file and of reaching libvirt
 */
gboolean vb_record_here(const VbCli *cli, const VbRecordOrder *order, VbRecorded *ret,
                        GError **error);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef QMP_QUERIES_H
#define QMP_QUERIES_H

#include "qmp/replies.h"
#include "qmp/transport.h"

G_BEGIN_DECLS

/*
 * Typed queries over any transport. None changes the guest. Each comes three times:
 *
 *     qmp_query_X_async(transport, timeout_ms, cancellable, callback, user_data)
 *     qmp_query_X_finish(result, error)     in the callback
 *     qmp_query_X(transport, timeout_ms, cancellable, error)     blocks; for worker threads
 *
 * Deadline, contexts and blocking are those of qmp_transport_execute_async() and
 * qmp_transport_execute().
 *
 * The answer is owned by the caller. A list is a GPtrArray that frees its elements, in QEMU's order
 * (which for objects is arbitrary), and may be empty. NULL with an error: those of the transport,
 * QMP_ERROR_COMMAND_NOT_FOUND when QEMU is too old, or QMP_ERROR_BAD_REPLY that names the command,
 * the member and the reason.
 */

/* query-cpus-fast (QEMU >= 2.12): QmpCpu, one a vCPU. */
void qmp_query_cpus_async(QmpTransport *transport, guint timeout_ms, GCancellable *cancellable,
                          GAsyncReadyCallback callback, gpointer user_data);
GPtrArray *qmp_query_cpus_finish(GAsyncResult *result, GError **error);
GPtrArray *qmp_query_cpus(QmpTransport *transport, guint timeout_ms, GCancellable *cancellable,
                          GError **error);

/* query-iothreads (>= 2.0): QmpIothread. */
void qmp_query_iothreads_async(QmpTransport *transport, guint timeout_ms, GCancellable *cancellable,
                               GAsyncReadyCallback callback, gpointer user_data);
GPtrArray *qmp_query_iothreads_finish(GAsyncResult *result, GError **error);
GPtrArray *qmp_query_iothreads(QmpTransport *transport, guint timeout_ms, GCancellable *cancellable,
                               GError **error);

/* query-memdev (>= 2.1): QmpMemdev, one a backend object; the plain RAM of -m alone is one too. */
void qmp_query_memdevs_async(QmpTransport *transport, guint timeout_ms, GCancellable *cancellable,
                             GAsyncReadyCallback callback, gpointer user_data);
GPtrArray *qmp_query_memdevs_finish(GAsyncResult *result, GError **error);
GPtrArray *qmp_query_memdevs(QmpTransport *transport, guint timeout_ms, GCancellable *cancellable,
                             GError **error);

/* query-memory-devices (>= 2.1): QmpMemoryDevice. */
void qmp_query_memory_devices_async(QmpTransport *transport, guint timeout_ms,
                                    GCancellable *cancellable, GAsyncReadyCallback callback,
                                    gpointer user_data);
GPtrArray *qmp_query_memory_devices_finish(GAsyncResult *result, GError **error);
GPtrArray *qmp_query_memory_devices(QmpTransport *transport, guint timeout_ms,
                                    GCancellable *cancellable, GError **error);

/* query-version. */
void qmp_query_version_async(QmpTransport *transport, guint timeout_ms, GCancellable *cancellable,
                             GAsyncReadyCallback callback, gpointer user_data);
QmpVersion *qmp_query_version_finish(GAsyncResult *result, GError **error);
QmpVersion *qmp_query_version(QmpTransport *transport, guint timeout_ms, GCancellable *cancellable,
                              GError **error);

/*
 * The HMP command gpa2hva (>= 2.10): where the guest physical address gpa lies in QEMU's address
 * space. QMP_ERROR_NOT_MAPPED when no RAM is there. The answer holds for a moment only:
 * memory can be unplugged. The address that QEMU echoes is checked against gpa.
 */
void qmp_query_gpa2hva_async(QmpTransport *transport, guint64 gpa, guint timeout_ms,
                             GCancellable *cancellable, GAsyncReadyCallback callback,
                             gpointer user_data);
QmpGpa2hva *qmp_query_gpa2hva_finish(GAsyncResult *result, GError **error);
QmpGpa2hva *qmp_query_gpa2hva(QmpTransport *transport, guint64 gpa, guint timeout_ms,
                              GCancellable *cancellable, GError **error);

G_END_DECLS

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef QMP_ERROR_H
#define QMP_ERROR_H

#include <glib.h>

G_BEGIN_DECLS

/*
 * Errors of libqmp. A cancelled operation fails with G_IO_ERROR_CANCELLED instead.
 * Text that came from the peer is escaped and shortened before it enters a message.
 */
#define QMP_ERROR (qmp_error_quark())
GQuark qmp_error_quark(void);

/*
 * CLOSED: the connection is gone or could not be made; every pending command fails once
 * TIMEOUT: no answer before the deadline; the connection itself stays usable
 * BUSY: QEMU sent no greeting (it serves one client a monitor), or too much is in flight
 * PROTOCOL: the peer sent what is not QMP; the connection is closed
 * TOO_LARGE: a message is longer than QMP_FRAME_MAX_BYTES; the connection is closed
 * TOO_DEEP: a message nests deeper than QMP_FRAME_MAX_DEPTH; the connection is closed
 * COMMAND: QEMU refused the command; the message holds its error class and description
 * COMMAND_NOT_FOUND: the same, because this QEMU does not know the command
 * BAD_REPLY: valid JSON, but a member is missing, of another type or out of range
 * NOT_MAPPED: qmp_query_gpa2hva(): no RAM lies at that guest physical address
 * DENIED: the monitor's socket may not be opened by this user
 * INVALID: the caller asked for what cannot be: no name, a path too long, another thread
 */
typedef enum {
    QMP_ERROR_CLOSED,
    QMP_ERROR_TIMEOUT,
    QMP_ERROR_BUSY,
    QMP_ERROR_PROTOCOL,
    QMP_ERROR_TOO_LARGE,
    QMP_ERROR_TOO_DEEP,
    QMP_ERROR_COMMAND,
    QMP_ERROR_COMMAND_NOT_FOUND,
    QMP_ERROR_BAD_REPLY,
    QMP_ERROR_NOT_MAPPED,
    QMP_ERROR_INVALID,
    QMP_ERROR_DENIED,
} QmpError;

/* The peer's text fit for a message or a log: escaped, at most 200 characters. Owned by caller. */
char *qmp_error_quote(const char *text);

G_END_DECLS

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef QMP_DIAL_H
#define QMP_DIAL_H

#include <gio/gio.h>

G_BEGIN_DECLS

/*
 * Internal: connects to a Unix stream socket without blocking; owned by the caller. NULL with
 * QMP_ERROR_CLOSED (nobody there), _DENIED, _BUSY (its queue of clients is full) or _INVALID (the
 * path).
 */
GSocket *qmp_dial(const char *path, GError **error);

G_END_DECLS

#endif

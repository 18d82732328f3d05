/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef QMP_PASSTHROUGH_H
#define QMP_PASSTHROUGH_H

#include "qmp/transport.h"

G_BEGIN_DECLS

/*
 * Asks QEMU in somebody else's way: the text of a command in, the text of the whole reply out
 * ({"return": ...} or {"error": ...}; owned, freed with g_free). Blocks. Runs in a worker thread,
 * one call at a time. NULL with an error when there was no reply.
 */
typedef char *(*QmpPassthroughFunc)(const char *command_text, gpointer data, GError **error);

/*
 * A transport over a blocking text function; made for virDomainQemuMonitorCommand. The commands
 * carry no id. There is no greeting, no event, no connection to lose.
 *
 * Commands run one after the other, as the monitor would run them anyway, so a guest that hangs
 * holds one thread and no more. A function that outlives its command's deadline or cancellation
 * keeps that thread and a reference of the transport until it returns; its answer is dropped. A
 * command whose deadline passes in the queue is never executed.
 *
 * data is freed with destroy, in whichever thread the last reference goes.
 */
QmpTransport *qmp_passthrough_new(QmpPassthroughFunc func, gpointer data, GDestroyNotify destroy);

G_END_DECLS

#endif

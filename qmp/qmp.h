/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef QMP_QMP_H
#define QMP_QMP_H

/*
 * libqmp: an asynchronous QMP client on GIO and json-glib. This is its public interface.
 * client.h: a monitor socket. passthrough.h: a text function. transport.h: what both are.
 * queries.h, replies.h: typed queries and what they answer. error.h: what can go wrong.
 */
#include "qmp/client.h"
#include "qmp/error.h"
#include "qmp/passthrough.h"
#include "qmp/queries.h"
#include "qmp/replies.h"
#include "qmp/transport.h"

#endif

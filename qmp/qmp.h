/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef QMP_QMP_H
#define QMP_QMP_H

/*
 * queries.h, replies.h: typed queries and what they answer. error.h: what can go wrong.
 */
#include "qmp/error.h"
#include "qmp/passthrough.h"
#include "qmp/queries.h"
#include "qmp/replies.h"
#include "qmp/transport.h"

#endif

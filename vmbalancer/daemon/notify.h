/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/loop.h"

G_BEGIN_DECLS

/* What the service manager is told, if one listens (NOTIFY_SOCKET); see sd_notify(3). */

/** READY=1, and from then on WATCHDOG=1 twice in each WATCHDOG_USEC, by the main loop. */
void vb_notify_ready(void);
/** STATUS=: one line for systemctl status. */
void vb_notify_state(const VbLoopState *state);
/** RELOADING=1, to be followed by vb_notify_reloaded(). */
void vb_notify_reloading(void);
void vb_notify_reloaded(void);
/** STOPPING=1 */
void vb_notify_stopping(void);

G_END_DECLS

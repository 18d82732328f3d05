/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/loop.h"

G_BEGIN_DECLS

/*
 * The daemon's words, through GLib's structured logging: to the journal with the fields
 * VMBALANCER_GUEST, VMBALANCER_UUID and others that vmbalancerd(8) tells of, and a MESSAGE_ID a kind of
 * line, which data/vmbalancer.catalog explains; else as plain lines to standard error, where control characters of guests' names are replaced.
 */

/** @verbose: lines of level debug too */
void vb_log_begin(gboolean verbose);

void vb_log_action(const VbFlight *flight, const VbAction *action, const VbOutcome *outcome);
/**
 * @decline: NULL: what held it back is over. What a next look will settle is level debug.
 * Returns: TRUE if it is more than that
 */
gboolean vb_log_decline(const char *uuid, const char *name, const VbDecline *decline);
/** The guest, which we had placed, is left to somebody else now. */
void vb_log_given_up(const char *name, const VbDecline *decline);
void vb_log_release(const char *uuid, const char *name, const VbRelease *release,
                    const GError *error);
/** @notes: what of its wishes does not count; NULL: all does */
void vb_log_notes(const char *uuid, const char *name, const char *notes);
/** @error: NULL: it is over. The same trouble again is not told again. */
void vb_log_trouble(const GError *error);

G_END_DECLS

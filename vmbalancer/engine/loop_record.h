/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/loop.h"
#include "engine/recorder.h"

G_BEGIN_DECLS

/**
 * Records from now on; the watcher's `recorded` is told when that ends.
 * Errors: those of vb_recorder_begin(), VB_ERROR_FAILED while it records already, or stops. The
 * descriptor is taken over in any case.
 */
gboolean vb_loop_record(VbLoop *loop, const VbRecorderOptions *options, GError **error);
/** Lets the recording end, if there is one. */
void vb_loop_end_recording(VbLoop *loop);
gboolean vb_loop_is_recording(const VbLoop *loop);

/**
 * Lets the loop watch only: it decides, but does nothing, and gives nothing back when it stops. Before
 * the first event.
 */
void vb_loop_watch(VbLoop *loop);

G_END_DECLS

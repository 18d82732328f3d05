/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/recording.h"

G_BEGIN_DECLS

/*
 * Gives a tick the calls of a recording, one line at a time, and compares each verdict with the recorded
 * one. The tick is the very one of the daemon; nothing of the host is needed. Lines are hostile input.
 */
typedef struct VbReplay VbReplay;

/** What was replayed so far. */
typedef struct {
    VbRecordingHead head;
    guint64 lines;
    guint64 looks;          /**< full ones */
    guint64 thread_looks;
    guint64 decisions;      /**< verdicts compared, of newcomers too */
    guint64 trips;          /**< ended ones: guests placed, or tried to */
    guint64 bytes_moved;    /**< by them */
    guint guests;           /**< different ones that were seen */
    gint64 first_ns;        /**< clock of the first and the last look */
    gint64 last_ns;
    char *end;              /**< why the recording ended; NULL: not so far */
} VbReplayReport;

VbReplay *vb_replay_new(void);
void vb_replay_free(VbReplay *replay);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbReplay, vb_replay_free)

/**
 * Replays a line. @length: in bytes, without the end of line
 * Returns: FALSE with VB_ERROR_INVALID naming the line and what is wrong with it, or with
 * VB_ERROR_CHANGED if the verdict is another than the recorded one. Nothing can follow either.
 */
gboolean vb_replay_line(VbReplay *replay, const char *line, gsize length, GError **error);

/** Lets @tap hear of each call of the recording, right after it, as vb_tick_tap() does; set before any line. */
void vb_replay_tap(VbReplay *replay, VbTickTap tap, gpointer user_data);

/** Returns: (transfer none) */
const VbReplayReport *vb_replay_report(const VbReplay *replay);
/** Returns: (transfer none): NULL before the recording's state was read. */
VbTick *vb_replay_tick(VbReplay *replay);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/tick_event.h"

G_BEGIN_DECLS

/*
 * Writes what a tick is told and decides to a file, compressed, as vmbalancer-recording(5) describes.
 * A thread of its own compresses and writes; at most some seconds are lost to a SIGKILL. A disk that
 * is full or too slow ends the recording, nothing else.
 */
typedef struct VbRecorder VbRecorder;

/** The limit of a recording's file when none is given, and the least. In bytes. */
#define VB_RECORDER_LIMIT (64 * 1024 * 1024)
#define VB_RECORDER_LIMIT_MIN (64 * 1024)

/** How to record. */
typedef struct {
    int fd;              /**< taken over, also on failure; written from its position on */
    const char *name;    /**< (nullable): of the file, for messages */
    const char *uri;     /**< (nullable): where the hypervisor was reached */
    guint64 limit_bytes; /**< the file's; 0 = VB_RECORDER_LIMIT */
} VbRecorderOptions;

/**
 * It ended: was told to (neither), has reached its limit (@reason), or could not go on (@error).
 * Called once, in the context of vb_recorder_begin(); the recorder may be freed then.
 */
typedef void (*VbRecorderEnded)(VbRecorder *recorder, const char *reason, const GError *error,
                                gpointer user_data);

/**
 * Begins with all that the tick knows now, and taps it.
 * Errors: VB_ERROR_INVALID if @options->fd is not a regular file open for writing, or the limit is too
 * small.
 */
VbRecorder *vb_recorder_begin(VbTick *tick, const VbRecorderOptions *options,
                              VbRecorderEnded ended, gpointer user_data, GError **error);
/** Lets it end; more than once is harmless. */
void vb_recorder_end(VbRecorder *recorder);
/** What VbRecorderOptions said. Returns: (transfer none) */
const char *vb_recorder_name(const VbRecorder *recorder);
/** Bytes in the file so far. */
guint64 vb_recorder_bytes(VbRecorder *recorder);
/** It must have ended. */
void vb_recorder_free(VbRecorder *recorder);

/**
 * Opens a file to record to: a new one that only its owner may read.
 * @force: in place of one that is there
 * Errors: VB_ERROR_FAILED, VB_ERROR_INVALID if it is there.
 * Returns: its descriptor, -1 with an error
 */
int vb_recorder_open(const char *path, gboolean force, GError **error);
/** The same, but what is there is kept as "PATH.old", in place of an older one. */
int vb_recorder_open_next(const char *path, GError **error);

G_END_DECLS

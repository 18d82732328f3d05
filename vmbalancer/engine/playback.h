/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/replay.h"

G_BEGIN_DECLS

/**
 * Replays the recording in a file, in bounded memory, whatever the file holds.
 * @ret_cut: (nullable): the file ends in the middle, as when who wrote it was killed; all that is
 * whole was replayed
 * Errors: those of vb_replay_line(), VB_ERROR_INVALID if it is no recording or damaged,
 * VB_ERROR_FAILED if it cannot be read. Each names the file.
 */
gboolean vb_playback(const char *path, VbReplay *replay, gboolean *ret_cut, GError **error);

G_END_DECLS

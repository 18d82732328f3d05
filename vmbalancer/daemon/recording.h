/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/loop_record.h"

G_BEGIN_DECLS

/** Begins the recording that the configuration asks for, if any; that it cannot is only warned of. */
void vb_recording_begin(VbLoop *loop, const VbConfig *config, const char *uri);
/** Logs how a recording ended. As VbRecorderEnded. */
void vb_recording_log(VbRecorder *recorder, const char *reason, const GError *error);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/recording.h"
#include "core/text.h"

void
vb_recording_begin(VbLoop *loop, const VbConfig *config, const char *uri)
{
    g_autoptr(GError) error = NULL;
    if (config->record_file == NULL)
        return;
    VbRecorderOptions options = {
        .fd = vb_recorder_open_next(config->record_file, &error),
        .name = config->record_file,
        .uri = uri,
        .limit_bytes = config->record_limit_bytes,
    };
    if (options.fd < 0 || !vb_loop_record(loop, &options, &error))
        g_warning("nothing is recorded: %s", error->message);
    else
        g_message("recording to %s", config->record_file);
}

void
vb_recording_log(VbRecorder *recorder, const char *reason, const GError *error)
{
    g_autofree char *size = vb_bytes_format(vb_recorder_bytes(recorder));
    if (error != NULL)
        g_warning("the recording to %s ended after %s: %s", vb_recorder_name(recorder), size,
                  error->message);
    else
        g_message("the recording to %s ended after %s: %s", vb_recorder_name(recorder), size,
                  reason != NULL ? reason : "it was stopped");
}

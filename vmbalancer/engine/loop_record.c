/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/loop_record.h"
#include "engine/loop_private.h"
#include <unistd.h>
#include <vmbalancer/error.h>

static void
on_ended(VbRecorder *recorder, const char *reason, const GError *error, gpointer data)
{
    VbLoop *loop = data;
    loop->recorder = NULL;
    if (loop->watcher->recorded != NULL)
        loop->watcher->recorded(recorder, reason, error, loop->user_data);
    vb_recorder_free(recorder);
    vb_loop_check_stopped(loop);
}

gboolean
vb_loop_record(VbLoop *loop, const VbRecorderOptions *options, GError **error)
{
    if (loop->recorder != NULL || loop->stopping) {
        close(options->fd);
        g_set_error_literal(error, VB_ERROR, VB_ERROR_FAILED,
                            loop->stopping
                                ? "vmbalancerd stops"
                                : "vmbalancerd records already: end that one first, or watch "
                                  "beside it by --no-daemon");
        return FALSE;
    }
    loop->recorder = vb_recorder_begin(loop->tick, options, on_ended, loop, error);
    return loop->recorder != NULL;
}

void
vb_loop_end_recording(VbLoop *loop)
{
    if (loop->recorder != NULL)
        vb_recorder_end(loop->recorder);
}

gboolean
vb_loop_is_recording(const VbLoop *loop)
{
    return loop->recorder != NULL;
}

void
vb_loop_watch(VbLoop *loop)
{
    loop->watching = TRUE;
    vb_tick_watch(loop->tick, TRUE);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/record_file.h"
#include "engine/recorder.h"
#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include <vmbalancer/error.h>

/* What is to be replaced stays until there is something in its place. */
int
vb_record_file_open(VbRecordFile *file, const char *path, gboolean force, GError **error)
{
    file->path = path;
    file->at = force ? g_strconcat(path, ".new", NULL) : g_strdup(path);
    return vb_recorder_open(file->at, force, error);
}

gboolean
vb_record_file_keep(const VbRecordFile *file, GError **error)
{
    if (g_str_equal(file->at, file->path) || rename(file->at, file->path) == 0)
        return TRUE;
    g_set_error(error, VB_ERROR, VB_ERROR_FAILED, "cannot rename %s to %s: %s", file->at,
                file->path, g_strerror(errno));
    return FALSE;
}

void
vb_record_file_drop(const VbRecordFile *file)
{
    unlink(file->at);
}

void
vb_record_file_clear(VbRecordFile *file)
{
    g_clear_pointer(&file->at, g_free);
}

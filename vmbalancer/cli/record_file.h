/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** The file of a recording that may not come to be: one that it is to replace is not lost for that.
 */
typedef struct {
    const char *path; /**< what it is to be; borrowed */
    char *at;         /**< where it is written: the same, or beside what it is to replace */
} VbRecordFile;

/**
 * @force: also in place of a file that is there
 * Returns: a descriptor, to be closed; -1 with the errors of vb_recorder_open()
 */
int vb_record_file_open(VbRecordFile *file, const char *path, gboolean force, GError **error);
/** The recording began: it takes its place. Errors: VB_ERROR_FAILED; it then stays at @at. */
gboolean vb_record_file_keep(const VbRecordFile *file, GError **error);
/** It did not begin: of nothing there is no file. */
void vb_record_file_drop(const VbRecordFile *file);
void vb_record_file_clear(VbRecordFile *file);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VbRecordFile, vb_record_file_clear)

G_END_DECLS

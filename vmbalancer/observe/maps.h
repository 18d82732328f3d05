/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** A line of /proc/PID/maps. */
typedef struct {
    guint64 start;
    guint64 end;
    char perms[5];   /**< "rw-p" */
    guint64 offset;
    guint64 device;  /**< major << 32 | minor */
    guint64 inode;   /**< 0 for anonymous memory */
    char *path;      /**< as written, "" if none; may end in " (deleted)" */
} VbMapping;

void vb_mapping_free(VbMapping *mapping);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbMapping, vb_mapping_free)

/**
 * Parses the whole text of a maps file: ascending, not overlapping, each line complete.
 * Returns: (transfer full) (element-type VbMapping), NULL with VB_ERROR_INVALID naming the line.
 */
GPtrArray *vb_maps_parse(const char *text, gsize length, GError **error);

G_END_DECLS

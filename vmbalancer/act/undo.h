/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * What we changed of a guest and how it was before: one small JSON file a guest, written to disk before the
 * change is made, so that a kill at any moment leaves a state that the next start recognises and that
 * `release` can give back.
 */

/** A thread that we pinned. */
typedef struct {
    char *thread;  /**< "vcpuN", "emulator", "iothreadN" */
    char *before;  /**< CPU list that it was pinned to; NULL if it had no pin */
    char *ours;    /**< CPU list that we pinned it to */
} VbUndoPin;

/** The record of a guest. */
typedef struct {
    char *uuid;
    char *name;
    GPtrArray *pins; /**< (element-type VbUndoPin) */
} VbUndo;

/** Where records are kept: VMBALANCER_STATE_DIR, else /var/lib/vmbalancer. Returns: (transfer none). */
const char *vb_undo_default_dir(void);

VbUndo *vb_undo_new(const char *uuid, const char *name);
void vb_undo_free(VbUndo *undo);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbUndo, vb_undo_free)

/**
 * Reads the record of a guest.
 * Returns: (transfer full): NULL without an error if there is none; NULL with VB_ERROR_INVALID
 * naming the file if it is damaged.
 */
VbUndo *vb_undo_load(const char *dir, const char *uuid, GError **error);
/** Writes the record, durable when it returns. Errors: VB_ERROR_DENIED, VB_ERROR_FAILED with the path. */
gboolean vb_undo_save(const char *dir, const VbUndo *undo, GError **error);
/** Removes the record; none is fine. */
gboolean vb_undo_remove(const char *dir, const char *uuid, GError **error);

/** The pin of @thread, NULL if the record has none. */
VbUndoPin *vb_undo_find(const VbUndo *undo, const char *thread);
/** Notes a pin; a thread noted before gets the new values. */
void vb_undo_note(VbUndo *undo, const char *thread, const char *before, const char *ours);
/** Returns: (transfer full): thread -> CPU list that we set; what core/owner.h asks for. */
GHashTable *vb_undo_pins(const VbUndo *undo);

G_END_DECLS

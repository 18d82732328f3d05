/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * What we changed of a guest and how it was before: one small JSON file a guest, written to disk
 * before the change is made, so that a kill at any moment leaves a state that the next start
 * recognises and that `release` can give back.
 */

/** A thread that we pinned. */
typedef struct {
    char *thread; /**< "vcpuN", "emulator", "iothreadN" */
    char *before; /**< CPU list that it was pinned to; NULL if it had no pin */
    char *ours;   /**< CPU list that we pinned it to */
    char *meant;  /**< CPU list that we were about to pin it to instead; NULL if that is settled */
} VbUndoPin;

/** The record of a guest. */
typedef struct {
    char *uuid;
    char *name;
    GPtrArray *pins; /**< (element-type VbUndoPin) */
} VbUndo;

VbUndo *vb_undo_new(const char *uuid, const char *name);
void vb_undo_free(VbUndo *undo);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbUndo, vb_undo_free)

/**
 * Reads the record of a guest.
 * Returns: (transfer full): NULL without an error if there is none; NULL with VB_ERROR_FAILED
 * naming the file and the mend if it is damaged, VB_ERROR_DENIED if it may not be read.
 */
VbUndo *vb_undo_load(const char *dir, const char *uuid, GError **error);
/** Writes the record, durable when it returns. Errors: VB_ERROR_DENIED, VB_ERROR_FAILED with the
 * path. */
gboolean vb_undo_save(const char *dir, const VbUndo *undo, GError **error);
/** Removes the record; none is fine. */
gboolean vb_undo_remove(const char *dir, const char *uuid, GError **error);

/** The pin of @thread, NULL if the record has none. */
VbUndoPin *vb_undo_find(const VbUndo *undo, const char *thread);
/** Notes a pin; a thread noted before gets the new values. @before, @meant: (nullable) */
void vb_undo_note(VbUndo *undo, const char *thread, const char *before, const char *ours,
                  const char *meant);
/** Forgets the pin of @thread. */
void vb_undo_forget(VbUndo *undo, const char *thread);
/** What was meant has been done. */
void vb_undo_settle(VbUndo *undo);
/**
 * Returns: (transfer full): thread -> CPU list that we set, or two with a ';' between them where
 * the second may or may not have been set yet; what core/owner.h asks for.
 */
GHashTable *vb_undo_pins(const VbUndo *undo);

G_END_DECLS

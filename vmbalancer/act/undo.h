/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/mark.h"

G_BEGIN_DECLS

/*
 * What we changed of a guest and how it was before: one small JSON file a guest, written to disk
 * before the change is made, so that a kill at any moment leaves a state that the next start
 * recognises and that `release` can give back.
 */

/** The record of a guest. */
typedef struct {
    char *uuid;
    char *name;
    GPtrArray *pins; /**< (element-type VbMark) */
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
/** Removes the record, and what a kill left half-written of it; none is fine. */
gboolean vb_undo_remove(const char *dir, const char *uuid, GError **error);
/**
 * The guests that have a record, or a part of one that a kill left.
 * Returns: (transfer full) (element-type utf8): UUIDs in order; NULL with VB_ERROR_DENIED or
 * VB_ERROR_FAILED if the folder cannot be read. No folder is fine.
 */
GPtrArray *vb_undo_list(const char *dir, GError **error);

/** The pin of @thread, NULL if the record has none. */
VbMark *vb_undo_find(const VbUndo *undo, const char *thread);
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

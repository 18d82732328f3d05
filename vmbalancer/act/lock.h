/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * One vmbalancer at a time acts on a guest: a lock that ends with whoever holds it, however that
 * ends, and leaves no file behind for each guest. Locks of different guests do not touch each
 * other.
 */
typedef struct VbLock VbLock;

/**
 * Takes the lock of a guest; does not wait.
 * @dir: of the undo records; made if it is not there
 * @name: the guest's, for the message
 * Errors: VB_ERROR_FAILED if another process or thread holds it; VB_ERROR_DENIED, VB_ERROR_FAILED
 * with the path if the folder cannot be written; VB_ERROR_INVALID for a bad UUID.
 */
VbLock *vb_lock_take(const char *dir, const char *uuid, const char *name, GError **error);
/** The same, but waits for it, for two minutes at most. */
VbLock *vb_lock_wait(const char *dir, const char *uuid, const char *name, GError **error);
/** Gives the lock back. */
void vb_lock_free(VbLock *lock);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbLock, vb_lock_free)

G_END_DECLS

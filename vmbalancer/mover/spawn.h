/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** A mover that was started, by us or by a service manager, and the socket to it. */
typedef struct {
    char *program; /**< or the path of the service manager's socket */
    GPid pid;      /**< 0 once it has been waited for, or if it is no child of ours */
    int socket;    /**< -1 once closed */
} VbSpawned;

/**
 * The mover program: $VMBALANCER_MOVER if set; else the first that exists of: beside the running
 * program, in the folder mover beside its folder (the build tree), the installed one.
 * Returns: (transfer full)
 */
char *vb_spawn_find_program(void);

/**
 * Starts @program with a connected SOCK_SEQPACKET socket as its file descriptor 3.
 * Errors: VB_ERROR_UNREACHABLE
 */
gboolean vb_spawn_start(const char *program, VbSpawned *ret, GError **error);

/**
 * Closes the socket, waits for the program to end (up to two seconds, then kills it) and frees.
 * Returns: (transfer full): how it ended, in words, such as "exited with status 1".
 */
char *vb_spawn_end(VbSpawned *spawned);

G_END_DECLS

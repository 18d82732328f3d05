/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* One message in, one message out of a SOCK_SEQPACKET socket; both ends use it. */

typedef enum {
    VB_CHANNEL_MESSAGE,
    VB_CHANNEL_CLOSED, /**< the other end is gone; an empty message counts as that too */
    VB_CHANNEL_EMPTY,  /**< nothing there (only where not waiting) */
    VB_CHANNEL_FAILED, /**< a socket error, or no room to send (only where not waiting) */
} VbChannelResult;

/**
 * Sends one message whole, with @pass_fd as SCM_RIGHTS unless it is -1.
 * @wait: FALSE: give up if there is no room
 */
VbChannelResult vb_channel_send(int fd, gconstpointer message, gsize size, int pass_fd,
                                gboolean wait);

/**
 * Receives one message of at most @size bytes.
 * @ret_length: its true length, more than @size if it was cut
 * @ret_fd: (nullable): a descriptor that came with it, to close, or -1; where NULL, such are dropped
 */
VbChannelResult vb_channel_receive(int fd, gpointer buffer, gsize size, gboolean wait,
                                   gsize *ret_length, int *ret_fd);

G_END_DECLS

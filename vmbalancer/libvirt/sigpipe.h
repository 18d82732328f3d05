/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <signal.h>

G_BEGIN_DECLS

/**
 * libvirt's client writes to its socket without MSG_NOSIGNAL: the first call after libvirtd died
 * would kill the process by SIGPIPE. Between hold and release this thread gets EPIPE instead. What
 * other threads and the process do with the signal stays as it is.
 */
typedef struct {
    sigset_t before;
} VbSigpipe;

VbSigpipe vb_sigpipe_hold(void);
void vb_sigpipe_release(const VbSigpipe *held);

G_END_DECLS

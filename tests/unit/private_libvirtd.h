/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * A libvirtd of a test's own: unprivileged, with its sockets, settings and guests in a folder of
 * its own, so that it can be stopped, killed and thrown away. Touches nothing of the host's
 * libvirt.
 */
typedef struct {
    char *folder;
    GPid pid;
    char *test_uri; /**< the test driver inside of it */
    char *qemu_uri; /**< real guests */
} PrivateLibvirtd;

/** Returns: NULL if this machine has no libvirtd that starts; the test is then marked as skipped.
 */
PrivateLibvirtd *private_libvirtd_start(void);
/** Kills it and its guests, also when it is stopped. */
void private_libvirtd_free(PrivateLibvirtd *libvirtd);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PrivateLibvirtd, private_libvirtd_free)

/** Kills libvirtd alone and waits until it is gone. */
void private_libvirtd_kill(PrivateLibvirtd *libvirtd);
/** Starts it again in the same place. */
void private_libvirtd_restart(PrivateLibvirtd *libvirtd);
/** PID of the QEMU of a guest of that name. */
GPid private_libvirtd_guest_pid(const PrivateLibvirtd *libvirtd, const char *name);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <libvirt/libvirt.h>

G_BEGIN_DECLS

/*
 * Open connections to one libvirtd, each for one call at a time: two threads in one connection can
 * miss each other's wake-up in libvirt's client (seen with 9.0: a call hangs for as long as another
 * one waits for its guest). A link that broke is dropped, and the next call opens a new one: so
 * libvirtd may restart. Refcounted and safe to use from any thread.
 */
typedef struct VbLinks VbLinks;

VbLinks *vb_links_new(const char *uri);
VbLinks *vb_links_ref(VbLinks *links);
/** The last one closes what is open, which speaks to libvirtd. */
void vb_links_unref(VbLinks *links);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbLinks, vb_links_unref)

/**
 * Takes an idle link or opens one; blocks. Errors: as vb_hypervisor_connect().
 * Returns: (transfer full): for vb_links_give()
 */
virConnectPtr vb_links_take(VbLinks *links, GError **error);
/** Gives a link back; it is closed if it broke or the links are closed. */
void vb_links_give(VbLinks *links, virConnectPtr link);
/** Closes the idle links, and from now on each that is given back. Blocks. */
void vb_links_close(VbLinks *links);

G_END_DECLS

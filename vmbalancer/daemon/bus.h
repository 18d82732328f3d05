/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "daemon/authority.h"
#include "engine/loop.h"

G_BEGIN_DECLS

/*
 * The daemon on the system bus, as org.vmbalancer1.xml describes it. Lives in the loop's context and
 * never blocks. There need not be a bus: it is taken up when it appears, and again after it went
 * away. DBUS_SYSTEM_BUS_ADDRESS names another than the host's.
 */
typedef struct VbBus VbBus;

/** @loop, @reach, @authority: (transfer none): must outlive it. @uri: libvirt's, for show */
VbBus *vb_bus_new(VbLoop *loop, VbReach *reach, VbAuthority *authority, const char *uri);
/** The loop turned: properties and guest objects follow. */
void vb_bus_turned(VbBus *bus, const VbLoopState *state);
/** A recording began or ended. */
void vb_bus_recorded(VbBus *bus);
/** Leaves the bus. The loop must have stopped. */
void vb_bus_free(VbBus *bus);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbBus, vb_bus_free)

G_END_DECLS

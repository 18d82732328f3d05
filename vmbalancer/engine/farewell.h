/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/reach.h"

G_BEGIN_DECLS

/**
 * All is told.
 * @all: (element-type VbReleased) (nullable): what became of each guest that was pinned, or of which it
 * could not be told; NULL with @error if nothing could be tried
 */
typedef void (*VbFarewellFunc)(const GPtrArray *all, const GError *error, gpointer user_data);

/**
 * Gives all pins back, also those that the one-shot command or an earlier, killed service has made:
 * who stops the service wants the host as it was. Guests that libvirt is busy with are tried again for
 * 15 s. Returns at once; @done is called in the thread-default context.
 */
void vb_farewell_say(VbReach *reach, VbFarewellFunc done, gpointer user_data);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/advise.h"

G_BEGIN_DECLS

/**
 * The fewest nodes of @ranking that hold the guest together; of those the closest to each other,
 * then those with the most room. Returns: 0 if not even all of them do.
 */
VbNodeSet vb_advise_spread(const VbTopology *topology, const VbAdviceRequest *request,
                           const GArray *ranking);
/** What of @room a guest in pages of @page_size can have: whole pages, none below 0. */
guint64 vb_advise_usable(gint64 room, guint64 page_size);

G_END_DECLS

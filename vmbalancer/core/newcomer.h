/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/decide.h"

G_BEGIN_DECLS

/*
 * Initial placement: a home for a guest that just started, before it has touched most of its RAM, so
 * that what it touches first lies there already. Its own policy decides, on presumed facts where
 * there are none yet: each vCPU counts as fully busy, for its demand is not known; where it ran, if that is not known, counts for nothing; of a cell that is
 * touched to less than a quarter nothing counts as present. If nodes have a CPU for each of its vCPUs, and room for
 * all that it may still touch beside what guests at home there may, only these are open to it. If none
 * has, all are, and the policy may spread it; then each has to have room for its part, which goes by
 * vCPUs: nodes that have not are left out, and the policy is asked again.
 */

/**
 * Decides and guards. Pure. Only threads are pinned; RAM that lies elsewhere already is the
 * business of the looks that follow.
 * @snapshot: the host with all guests, the newcomer included
 * Returns: (transfer full): its plan has no action if the guest is placed already or cannot be;
 * the latter is in its declines. NULL with VB_ERROR_NO_GUEST.
 */
VbDecision *vb_newcomer_decide(const VbSnapshot *snapshot, const VbConfig *config,
                               const char *uuid, GError **error);

/** What a node has for a newcomer, in bytes of small pages or of a pool's. */
typedef struct {
    guint64 free_bytes;
    guint64 reserve_bytes;  /**< of it, that must stay free; 0 of a pool */
    guint64 promised_bytes; /**< of it, that guests at home there may still touch */
    gint64 bytes;           /**< what is left; below 0 where more is kept or promised than is free */
} VbNewcomerRoom;

/** @page_size: 4096, or that of a pool, which need not exist */
VbNewcomerRoom vb_newcomer_room(const VbSnapshot *snapshot, const VbGuest *newcomer, int node,
                                guint64 page_size);

G_END_DECLS

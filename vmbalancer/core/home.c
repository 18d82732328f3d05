/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/home.h"

VbHomeVote *
vb_home_votes_new(const VbGuest *guest)
{
    return g_new0(VbHomeVote, guest->cells->len + 1);
}

void
vb_home_vote(VbHomeVote *votes, const VbGuest *guest, int cell, int node)
{
    if (cell < 0 || (guint)cell >= guest->cells->len)
        return;
    votes[cell].inhabited = TRUE;
    if (node >= 0 && node < VB_NODES_MAX)
        votes[cell].pinned |= VB_NODE_BIT(node);
}

void
vb_home_settle(VbGuest *guest, const VbHomeVote *votes)
{
    VbNodeSet inhabited = 0;
    gboolean pinned = FALSE;
    for (guint i = 0; i < guest->cells->len; i++) {
        VbCell *cell = g_ptr_array_index(guest->cells, i);
        if (votes[i].pinned != 0)
            cell->home = votes[i].pinned;
        pinned |= votes[i].pinned != 0;
        inhabited |= votes[i].inhabited ? cell->home : 0;
    }
    for (guint i = 0; pinned && i < guest->cells->len; i++)
        if (!votes[i].inhabited)
            ((VbCell *)g_ptr_array_index(guest->cells, i))->home = inhabited;
}

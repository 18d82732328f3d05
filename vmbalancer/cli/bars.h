/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <vmbalancer/topology.h>

G_BEGIN_DECLS

/* Shares as pictures: Unicode blocks, ASCII without @utf8. All results are (transfer full). */

/** A bar of @width columns, filled by @bp of 10,000: "██████▌░░░", in ASCII "######----". */
char *vb_bar(guint bp, guint width, gboolean utf8);
/** A bar for a share that is not known: "??????????". */
char *vb_bar_unknown(guint width);
/**
 * A map: one column for each of @nodes, as high as its share: "█▁··"; "·" is nothing. In ASCII "#1..",
 * tenths with "#" for all of it. Weights are relative to their sum; without any all is "·".
 * @weight: by node id; NULL if not known, then "????"
 */
char *vb_node_map(const guint64 *weight, VbNodeSet nodes, gboolean utf8);

G_END_DECLS

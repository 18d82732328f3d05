/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <vmbalancer/snapshot.h>

G_BEGIN_DECLS

/** TRUE if @host still shows what is looked for. */
typedef gboolean (*ShrinkTest)(const VbSnapshot *host, gpointer data);

/**
 * Leaves out of @host what it can do without: guests, then vCPUs, other threads and settings, again
 * and again, until nothing more can go (after "delta debugging", Zeller and Hildebrandt, 2002, one
 * at a time).
 * @shows: TRUE for @host itself
 * Returns: (transfer full)
 */
VbSnapshot *shrink(const VbSnapshot *host, ShrinkTest shows, gpointer data);

G_END_DECLS

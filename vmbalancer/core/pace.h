/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** How often the daemon looks: fast after a change, ever slower while all is well. In ms. */
typedef struct {
    guint fast_ms;
    guint slow_ms;
    guint now_ms;
} VbPace;

/** @interval_ns: the slowest; the fastest is 2 s, or that if it is less. Begins fast. */
void vb_pace_set(VbPace *pace, gint64 interval_ns);
/** Something changed: fast again. */
void vb_pace_hurry(VbPace *pace);
/** Returns: ms until the next look; after it the pace is half as fast, down to the slowest. */
guint vb_pace_next(VbPace *pace);
/**
 * Returns: ms from a look to the look at threads alone that shows between two looks at all where a vCPU wandered; a
 * second, and one more for each 256 vCPUs, so that looking costs no more on a large host. 0 for none, where the slowest
 * pace has no room for two such: looks at all tell it then
 */
guint vb_pace_beat(const VbPace *pace, guint vcpus);

G_END_DECLS

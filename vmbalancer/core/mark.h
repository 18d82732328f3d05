/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** A thread that vmbalancer pinned: what was before, and what it may be pinned to by us. */
typedef struct {
    char *thread; /**< "vcpuN", "emulator", "iothreadN" */
    char *before; /**< CPU list that it was pinned to; NULL if it had no pin */
    char *ours;   /**< CPU list that we pinned it to */
    char *meant;  /**< CPU list that we were about to pin it to instead; NULL if that is settled */
} VbMark;

/** @before, @meant: (nullable). All are copied. */
VbMark *vb_mark_new(const char *thread, const char *before, const char *ours, const char *meant);
void vb_mark_free(VbMark *mark);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbMark, vb_mark_free)

/** TRUE if the words make a mark: a thread's name and CPU lists that name a CPU. */
gboolean vb_mark_is_valid(const char *thread, const char *before, const char *ours,
                          const char *meant);
/** TRUE if the CPU list @now is one that we set, or were about to. @mark, @now: (nullable) */
gboolean vb_mark_covers(const VbMark *mark, const char *now);
/** The mark of @thread, NULL if there is none. @marks: (element-type VbMark) */
VbMark *vb_mark_find(const GPtrArray *marks, const char *thread);

G_END_DECLS

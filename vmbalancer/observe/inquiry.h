/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "observe/sampling.h"

G_BEGIN_DECLS

/** The most pages that are asked for of a cell by default: +-1 point, the worst of four nodes. */
#define VB_INQUIRY_PAGES 11000
/** Pages of so much or more are all asked for, */
#define VB_CENSUS_BLOCK (G_GUINT64_CONSTANT(2) << 20)
/** if there are at most so many: 64 GiB of 2 MiB pages, some 5 ms, as 11,000 small pages. */
#define VB_CENSUS_MAX 32768

/** What a look wants to know of where a cell's RAM lies. */
typedef struct {
    VbNodeSet near;    /**< where the cell's vCPUs may run; 0 or all nodes: anywhere */
    guint target_bp;   /**< so much of the RAM is to be near */
    gboolean may_act;  /**< somebody may move it, and wants to know closely what is not near */
    guint n_nodes;     /**< nodes that may hold pages */
    VbNodeSet nodes;   /**< those */
    guint most;        /**< pages to ask for at most; 0 = VB_INQUIRY_PAGES */
    guint64 seed;
} VbInquiry;

/** Asks for so many pages, as vb_mover_sample(). */
typedef gboolean (*VbInquirySample)(const VbRange *ranges, guint n_ranges, guint max_pages,
                                    guint64 seed, VbSample *ret, gpointer user_data,
                                    GError **error);

/**
 * Samples until the question is answered: first some 1,000 pages, then 4,000, then @most. It is answered early
 * once the RAM is surely near, or, where nobody would act on it, roughly known (+-2.5 points). With a
 * single node to be near no place is better than another, and with all the question is whether one node holds it.
 * Where a page is 2 MiB or more each is asked for, as long as that costs no more than a sample does.
 *
 * @ret_sureness: what vb_sampling_fill() is to know
 * Errors: those of @ask
 */
gboolean vb_inquiry_run(const VbInquiry *inquiry, const VbRange *ranges, guint n_ranges,
                        VbInquirySample ask, gpointer user_data, VbSample *ret,
                        VbSureness *ret_sureness, GError **error);

/** TRUE if @sample answers the question, looked at with @sureness. */
gboolean vb_inquiry_is_answered(const VbInquiry *inquiry, const VbSample *sample,
                                VbSureness sureness);

G_END_DECLS

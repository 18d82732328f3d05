/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** An answer that may be missing. */
typedef enum {
    VB_ANSWER_UNSET,
    VB_ANSWER_NO,
    VB_ANSWER_YES,
} VbAnswer;

/**
 * What is asked for a guest beside its policy and home, by its metadata or the host's files, as far
 * as the administrator's limits allow it. All zero: nothing is asked, the host's ways hold.
 */
typedef struct {
    VbAnswer pins;                /**< may its threads be pinned? unset is yes */
    VbAnswer moves;               /**< may its pages be moved? unset is yes */
    gboolean locality_min_known;
    guint locality_min_bp;        /**< left alone while its locality is at least this */
    gboolean locality_target_known;
    guint locality_target_bp;     /**< good enough: what is away beyond it need not be moved */
    gboolean rate_known;
    guint64 rate_bytes_per_s;     /**< of its moves, in place of the host's guest-rate; > 0 */
    gboolean cooldown_known;
    gint64 cooldown_ns;           /**< rest after a move, >= 0 */
} VbTerms;

G_END_DECLS

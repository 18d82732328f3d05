/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/config.h"
#include <vmbalancer/plan.h>

G_BEGIN_DECLS

/** What the loop remembers of a guest beside the model's facts. */
typedef struct {
    char *name;
    gboolean asked;          /**< a look at it alone is under way */
    gboolean ask_again;      /**< something happened to it since that began */
    gboolean newcomer;       /**< it started, and has not been placed since */
    guint tries;             /**< looks at the newcomer that found it busy */
    gboolean due;            /**< it is to be looked at again in a moment */
    char *declined;          /**< code of the decline that was told last, NULL if none holds */
    guint failures;          /**< flights in a row that failed */
    gint64 held_until_ns;    /**< it is left alone until then */
} VbWard;

VbWard *vb_ward_new(const char *name);
void vb_ward_free(VbWard *ward);

/**
 * A flight of it ended. After a failure it is left alone: 30 s, then twice as long each time, up to
 * 8 min.
 */
void vb_ward_landed(VbWard *ward, gboolean failed, gint64 now_ns);
/** Keeps what a decision says of it. @decline: (nullable). Returns: TRUE if that is news. */
gboolean vb_ward_decline(VbWard *ward, const VbDecline *decline);

/** TRUE if the guest's own policy, or else the host's default-policy, wants it kept at home. */
gboolean vb_ward_opted_in(const VbGuest *guest, const VbConfig *config);

G_END_DECLS
